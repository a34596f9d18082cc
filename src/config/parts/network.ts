import type { ConfigReader } from '../broker-config.js';
import {
  parseCsvMap,
  parseListeners,
  parseSecurityProtocol,
  parseSecurityProtocolMap,
  type ListenerEndPoint,
  type ListenerSecurityProtocol,
  type SecurityProtocolMap,
} from '../listeners.js';
import { ConfigError, parseValue } from '../value.js';

/** Listeners and what bounds clients, taken apart once for each configuration (the network's part of `KafkaConfig`). */
export interface NetworkConfig {
  readonly securityProtocolMap: SecurityProtocolMap;
  readonly listeners: readonly ListenerEndPoint[];
  /** Where clients are told to connect: `advertised.listeners`, else `listeners`. A null host means this machine's own name. */
  readonly advertisedListeners: readonly ListenerEndPoint[];
  readonly interBrokerListenerName: string;
  readonly interBrokerSecurityProtocol: ListenerSecurityProtocol;
  /** The listener for the controller's requests alone (KIP-291); null when they share the inter-broker one. */
  readonly controlPlaneListenerName: string | null;
  /** `socket.request.max.bytes` */
  readonly maxRequestBytes: number;
  /** `queued.max.request.bytes`; not positive: no bound. */
  readonly queuedMaxRequestBytes: number;
  /** `connections.max.idle.ms`; negative: forever. */
  readonly maxIdleMs: number;
  /** `socket.listen.backlog.size` */
  readonly backlog: number;
  readonly connections: ConnectionLimits;
  /** Over how many windows of what length rates of connections are taken (`quota.window.num`, `quota.window.size.seconds`). */
  readonly rateWindows: number;
  readonly rateWindowMs: number;
}

/** How many connections there may be (KIP-402), and how many may be made a second (KIP-612). */
export interface ConnectionLimits extends ListenerConnectionLimits {
  /** By the listener's name in upper case: its own values, else the broker's. */
  readonly listeners: ReadonlyMap<string, ListenerConnectionLimits>;
  readonly maxConnectionsPerIp: number;
  /** By host name or address, as written; names are not resolved yet. */
  readonly maxConnectionsPerIpOverrides: ReadonlyMap<string, number>;
}

export interface ListenerConnectionLimits {
  readonly maxConnections: number;
  /** New connections a second. */
  readonly maxConnectionCreationRate: number;
}

/** Throws `ConfigError` for what cannot be taken apart. */
export function networkConfigOf(config: ConfigReader): NetworkConfig {
  const securityProtocolMap = parseSecurityProtocolMap(config.get('listener.security.protocol.map'));
  const listeners = parseListeners(config.get('listeners'), securityProtocolMap);
  const advertised = config.get('advertised.listeners');
  const interBroker = interBrokerListener(config, securityProtocolMap);
  return Object.freeze({
    securityProtocolMap,
    listeners,
    advertisedListeners:
      advertised === null ? listeners : parseListeners(advertised, securityProtocolMap, { distinctPorts: false }),
    interBrokerListenerName: interBroker.name,
    interBrokerSecurityProtocol: interBroker.protocol,
    controlPlaneListenerName: controlPlaneListener(config, securityProtocolMap),
    maxRequestBytes: config.get('socket.request.max.bytes'),
    queuedMaxRequestBytes: config.get('queued.max.request.bytes'),
    maxIdleMs: config.get('connections.max.idle.ms'),
    backlog: config.get('socket.listen.backlog.size'),
    connections: connectionLimitsOf(config, listeners),
    rateWindows: config.get('quota.window.num'),
    rateWindowMs: config.get('quota.window.size.seconds') * 1000,
  });
}

function connectionLimitsOf(config: ConfigReader, listeners: readonly ListenerEndPoint[]): ConnectionLimits {
  const limitsOf = (listenerName: string): ListenerConnectionLimits =>
    Object.freeze({
      maxConnections: config.getForListener(listenerName, 'max.connections'),
      maxConnectionCreationRate: config.getForListener(listenerName, 'max.connection.creation.rate'),
    });
  const name = 'max.connections.per.ip.overrides';
  const countOf = (text: string): number => {
    try {
      return Number(parseValue(name, text, 'int'));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      throw new ConfigError(error.message, `For input string: "${text}"`);
    }
  };
  const overrides = [...parseCsvMap(name, config.get(name))].map(([host, count]) => [host, countOf(count)] as const);
  return Object.freeze({
    maxConnections: config.get('max.connections'),
    maxConnectionCreationRate: config.get('max.connection.creation.rate'),
    listeners: new Map(listeners.map(({ listenerName }) => [listenerName, limitsOf(listenerName)])),
    maxConnectionsPerIp: config.get('max.connections.per.ip'),
    maxConnectionsPerIpOverrides: new Map(overrides),
  });
}

function interBrokerListener(
  config: ConfigReader,
  protocols: SecurityProtocolMap,
): { readonly name: string; readonly protocol: ListenerSecurityProtocol } {
  const configured = config.get('inter.broker.listener.name');
  if (configured === null) {
    const protocolName = 'security.inter.broker.protocol';
    const protocol = parseSecurityProtocol(config.get(protocolName), protocolName);
    return { name: protocol, protocol };
  }
  if (config.isSet('security.inter.broker.protocol')) {
    throw new ConfigError('Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.');
  }
  const name = configured.toUpperCase();
  const protocol = protocols.get(name);
  if (protocol !== undefined) return { name, protocol };
  throw new ConfigError(
    `Listener with name ${name} defined in inter.broker.listener.name not found in listener.security.protocol.map.`,
  );
}

function controlPlaneListener(config: ConfigReader, protocols: SecurityProtocolMap): string | null {
  const name = config.get('control.plane.listener.name')?.toUpperCase() ?? null;
  if (name !== null && !protocols.has(name)) {
    throw new ConfigError(
      `Listener with ${name} defined in control.plane.listener.name not found in listener.security.protocol.map.`,
    );
  }
  return name;
}
