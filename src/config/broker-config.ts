import { BROKER_CONFIGS } from './definitions/broker.js';
import { OTTLA_CONFIGS } from './definitions/ottla.js';
import { DYNAMIC_ONLY_BROKER_CONFIGS } from './definitions/entities.js';
import type { ConfigDefinition, ConfigValue, ValuesOf } from './definition.js';
import { validateBrokerConfig } from './broker-validation.js';
import {
  parseCsvList,
  parseCsvMap,
  parseListeners,
  parseSecurityProtocol,
  parseSecurityProtocolMap,
  type ListenerEndPoint,
  type ListenerSecurityProtocol,
  type SecurityProtocolMap,
} from './listeners.js';
import { compareMetadataVersions, resolveMetadataVersion } from './metadata-version.js';
import { checkValue, ConfigError, parseValue, valueToText } from './value.js';

const TABLE = { ...BROKER_CONFIGS, ...DYNAMIC_ONLY_BROKER_CONFIGS, ...OTTLA_CONFIGS } as const;
const DEFINITIONS: Readonly<Record<string, ConfigDefinition>> = TABLE;

/** The names that `BrokerConfig.get` knows. */
export type BrokerConfigName = keyof typeof TABLE;
export type BrokerConfigValues = ValuesOf<typeof TABLE>;

export interface ParsedBrokerConfig {
  readonly config: BrokerConfig;
  /** One sentence for each name that nobody knows. */
  readonly warnings: readonly string[];
}

/** Where ZooKeeper is: `zookeeper.connect` taken apart. */
export interface ZooKeeperConnect {
  readonly servers: readonly { readonly host: string; readonly port: number }[];
  /** Empty, or a path without a slash at its end. */
  readonly chroot: string;
}

type Texts = ReadonlyMap<string, string>;

/**
 * The configuration of a broker: what `server.properties` and `--override` say over the defaults, checked, with the values that Kafka
 * derives from several names (`KafkaConfig`). It never changes; a dynamic change makes another one (`withDynamic`).
 */
export class BrokerConfig {
  private readonly values = new Map<string, ConfigValue>();

  private constructor(
    /** As written in the file, with `broker.id` and `node.id` standing in for each other. */
    readonly staticTexts: Texts,
    /** Dynamic defaults of all brokers, from `/config/brokers/<default>`. */
    readonly dynamicDefaultTexts: Texts,
    /** Dynamic values of this broker, from `/config/brokers/ID`. */
    readonly dynamicBrokerTexts: Texts,
    private readonly generatedBrokerId: number | null,
  ) {
    for (const texts of [staticTexts, dynamicDefaultTexts, dynamicBrokerTexts]) {
      for (const [name, text] of texts) {
        const definition = definitionOf(name);
        if (definition) this.values.set(name, parseChecked(name, text, definition));
      }
    }
    validateBrokerConfig(this);
  }

  /** Reads properties, with `overrides` winning over them. Throws `ConfigError` for the first value that cannot be. */
  static parse(properties: Texts, overrides: Texts = new Map()): ParsedBrokerConfig {
    const texts = new Map([...properties, ...overrides]);
    const [brokerId, nodeId] = [texts.get('broker.id'), texts.get('node.id')];
    if (brokerId === undefined && nodeId !== undefined) texts.set('broker.id', nodeId);
    if (nodeId === undefined && brokerId !== undefined) texts.set('node.id', brokerId);
    const config = new BrokerConfig(texts, new Map(), new Map(), null);
    const warnings = [...texts.keys()]
      .filter((name) => !isKnown(name))
      .map((name) => `The configuration '${name}' was supplied but isn't a known config.`);
    return { config, warnings };
  }

  /** The value, in the type of its definition. A long beyond ±(2^53 - 1), as `Long.MAX_VALUE`, is cut to that. */
  get<K extends BrokerConfigName>(name: K): BrokerConfigValues[K] {
    const value = this.exactValue(name);
    return (typeof value === 'bigint' ? clamp(value) : value) as BrokerConfigValues[K];
  }

  /** The value with a long as `bigint`: what clients are shown. Null for a name that is neither known nor set. */
  exactValue(name: string): ConfigValue {
    if (this.generatedBrokerId !== null && (name === 'broker.id' || name === 'node.id')) return this.generatedBrokerId;
    const value = this.values.get(name);
    return value !== undefined ? value : (definitionOf(name)?.default ?? null);
  }

  /** The value as text; null when there is none. */
  text(name: string): string | null {
    return valueToText(this.exactValue(name), definitionOf(name)?.type);
  }

  /** True when it stands in the file, an override or a dynamic configuration, whatever its value. */
  isSet(name: string): boolean {
    return this.staticTexts.has(name) || this.dynamicDefaultTexts.has(name) || this.dynamicBrokerTexts.has(name);
  }

  /** What a listener has of its own (`listener.name.NAME.KEY`, also `listener.name.NAME.MECHANISM.KEY`), else the general value. */
  getForListener<K extends BrokerConfigName>(
    listenerName: string,
    name: K,
    saslMechanism?: string,
  ): BrokerConfigValues[K] {
    const prefix = `listener.name.${listenerName.toLowerCase()}.`;
    const keys = saslMechanism ? [`${prefix}${saslMechanism.toLowerCase()}.${name}`, prefix + name] : [prefix + name];
    for (const key of keys) {
      const text = this.dynamicBrokerTexts.get(key) ?? this.dynamicDefaultTexts.get(key) ?? this.staticTexts.get(key);
      if (text !== undefined) {
        const value = parseChecked(key, text, definitionOf(name)!);
        return (typeof value === 'bigint' ? clamp(value) : value) as BrokerConfigValues[K];
      }
    }
    return this.get(name);
  }

  /** The same broker under other dynamic configurations. Throws `ConfigError` when they cannot be. */
  withDynamic(dynamicDefaultTexts: Texts, dynamicBrokerTexts: Texts): BrokerConfig {
    return new BrokerConfig(this.staticTexts, dynamicDefaultTexts, dynamicBrokerTexts, this.generatedBrokerId);
  }

  /** The same configuration with the id that ZooKeeper gave (or `meta.properties` remembered) in place of -1. */
  withBrokerId(brokerId: number): BrokerConfig {
    return new BrokerConfig(this.staticTexts, this.dynamicDefaultTexts, this.dynamicBrokerTexts, brokerId);
  }

  /** -1 when it is to be generated. */
  get brokerId(): number {
    return this.get('broker.id');
  }

  get rack(): string | null {
    return this.get('broker.rack');
  }

  get logDirs(): readonly string[] {
    return parseCsvList(this.get('log.dirs') ?? this.get('log.dir'));
  }

  get zookeeperConnect(): ZooKeeperConnect {
    return parseZooKeeperConnect(this.get('zookeeper.connect') ?? '');
  }

  get zookeeperConnectionTimeoutMs(): number {
    return this.get('zookeeper.connection.timeout.ms') ?? this.get('zookeeper.session.timeout.ms');
  }

  get securityProtocolMap(): SecurityProtocolMap {
    return parseSecurityProtocolMap(this.get('listener.security.protocol.map'));
  }

  get listeners(): readonly ListenerEndPoint[] {
    return parseListeners(this.get('listeners'), this.securityProtocolMap);
  }

  /** Where clients are told to connect: `advertised.listeners`, else `listeners`. A null host means this machine's own name. */
  get advertisedListeners(): readonly ListenerEndPoint[] {
    const text = this.get('advertised.listeners');
    if (text === null) return this.listeners;
    return parseListeners(text, this.securityProtocolMap, { distinctPorts: false });
  }

  get interBrokerListenerName(): string {
    const name = this.get('inter.broker.listener.name');
    if (name === null) {
      return parseSecurityProtocol(this.get('security.inter.broker.protocol'), 'security.inter.broker.protocol');
    }
    if (this.staticTexts.has('security.inter.broker.protocol')) {
      throw new ConfigError('Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.');
    }
    return name.toUpperCase();
  }

  get interBrokerSecurityProtocol(): ListenerSecurityProtocol {
    const name = this.interBrokerListenerName;
    if (this.get('inter.broker.listener.name') === null) return name as ListenerSecurityProtocol;
    const protocol = this.securityProtocolMap.get(name);
    if (protocol !== undefined) return protocol;
    throw new ConfigError(
      `Listener with name ${name} defined in inter.broker.listener.name not found in listener.security.protocol.map.`,
    );
  }

  /** The listener for the controller's requests alone (KIP-291); null when they share the inter-broker one. */
  get controlPlaneListenerName(): string | null {
    const name = this.get('control.plane.listener.name')?.toUpperCase() ?? null;
    if (name !== null && !this.securityProtocolMap.has(name)) {
      throw new ConfigError(
        `Listener with ${name} defined in control.plane.listener.name not found in listener.security.protocol.map.`,
      );
    }
    return name;
  }

  /** `Long.MAX_VALUE` is cut to 2^53 - 1, -1 is for ever. ms wins over minutes over hours. */
  get logRetentionMs(): number {
    const minutes = this.get('log.retention.minutes');
    const fallback = minutes !== null ? minutes * 60_000 : this.get('log.retention.hours') * 3_600_000;
    const ms = this.get('log.retention.ms') ?? fallback;
    return ms < 0 ? -1 : ms;
  }

  get logRollMs(): number {
    return this.get('log.roll.ms') ?? this.get('log.roll.hours') * 3_600_000;
  }

  get logRollJitterMs(): number {
    return this.get('log.roll.jitter.ms') ?? this.get('log.roll.jitter.hours') * 3_600_000;
  }

  /** The most connections by address or host name, where it is not `max.connections.per.ip`. */
  get maxConnectionsPerIpOverrides(): ReadonlyMap<string, number> {
    const name = 'max.connections.per.ip.overrides';
    return new Map(
      [...parseCsvMap(name, this.get(name))].map(([host, count]) => [host, Number(parseValue(name, count, 'int'))]),
    );
  }

  /** The full name, as `3.6-IV2`. */
  get interBrokerProtocolVersion(): string {
    return resolveMetadataVersion(this.get('inter.broker.protocol.version'))!;
  }

  /** Whether the other brokers are all known to speak at least `version` (a full name). */
  interBrokerProtocolAtLeast(version: string): boolean {
    return compareMetadataVersions(this.interBrokerProtocolVersion, version) >= 0;
  }
}

/** The definition of a broker configuration, Ottla's own included; undefined for a name that nobody knows. */
export function definitionOf(name: string): ConfigDefinition | undefined {
  return Object.hasOwn(DEFINITIONS, name) ? DEFINITIONS[name] : undefined;
}

/** Splits `host:port,host:port/chroot`; the port is 2181 where none is given. Throws `ConfigError`. */
export function parseZooKeeperConnect(text: string): ZooKeeperConnect {
  const slash = text.indexOf('/');
  const hosts = slash < 0 ? text : text.slice(0, slash);
  const chroot = slash < 0 ? '' : text.slice(slash).replace(/\/+$/, '');
  const servers = parseCsvList(hosts).map((item) => {
    const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(item);
    const port = Number(match?.[3] ?? 2181);
    if (!match || port > 65_535) {
      throw ConfigError.invalidValue('zookeeper.connect', text, `${item} must be HOST or HOST:PORT`);
    }
    return { host: (match[1] ?? match[2])!, port };
  });
  if (servers.length === 0) {
    throw ConfigError.invalidValue('zookeeper.connect', text, 'it must name one server at least, as HOST:PORT');
  }
  if (chroot !== '' && (chroot.includes('//') || chroot.includes(','))) {
    throw ConfigError.invalidValue('zookeeper.connect', text, 'the chroot must be one path, after the last server');
  }
  return { servers, chroot };
}

function parseChecked(name: string, text: string, definition: ConfigDefinition): ConfigValue {
  const value = parseValue(name, text, definition.type);
  checkValue(name, value, definition);
  return value;
}

function isKnown(name: string): boolean {
  return definitionOf(name) !== undefined || name.startsWith('listener.name.') || name.startsWith('ottla.log.level.');
}

function clamp(value: bigint): number {
  const number = Number(value);
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, number));
}
