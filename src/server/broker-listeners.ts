import { lookup } from 'node:dns/promises';
import { hostname } from 'node:os';
import type { BrokerEndPoint } from '../cluster/index.js';
import type { Logger } from '../common/index.js';
import { ConfigError, type BrokerConfig } from '../config/index.js';
import {
  AddressOverrides,
  type ConnectionRateLimits,
  type SocketServer,
  type SocketServerLimits,
} from '../network/index.js';

/** Memory for requests that are being read, when `queued.max.request.bytes` sets no bound. */
const DEFAULT_REQUEST_MEMORY_BYTES = 64 * 1024 * 1024;

/** What clients of this broker are bound by; `config` gives the configuration of the moment. */
export function socketServerLimits(config: () => BrokerConfig, logger: Logger): Required<SocketServerLimits> {
  const { maxRequestBytes, queuedMaxRequestBytes, maxIdleMs, backlog } = config().network;
  const connections = (): BrokerConfig['network']['connections'] => config().network.connections;
  const overrides = new AddressOverrides(resolveHost, logger);
  overrides.update(connections().maxConnectionsPerIpOverrides);
  return {
    maxRequestBytes,
    requestMemoryBytes: queuedMaxRequestBytes > 0 ? queuedMaxRequestBytes : DEFAULT_REQUEST_MEMORY_BYTES,
    maxIdleMs,
    backlog,
    maxConnections: () => connections().maxConnections,
    // Without one of its own it is the broker's bound, as in Kafka (`valuesWithPrefixOverride`).
    maxConnectionsOfListener: (listenerName) =>
      connections().listeners.get(listenerName)?.maxConnections ?? connections().maxConnections,
    maxConnectionsOf(address) {
      overrides.update(connections().maxConnectionsPerIpOverrides);
      return overrides.limitOf(address) ?? connections().maxConnectionsPerIp;
    },
  };
}

/** How fast connections may be made (KIP-612). */
export function connectionRateLimits(config: () => BrokerConfig): ConnectionRateLimits {
  const { rateWindows, rateWindowMs } = config().network;
  const connections = (): BrokerConfig['network']['connections'] => config().network.connections;
  return {
    windows: rateWindows,
    windowMs: rateWindowMs,
    maxRate: () => connections().maxConnectionCreationRate,
    maxRateOfListener: (listenerName) =>
      connections().listeners.get(listenerName)?.maxConnectionCreationRate ?? connections().maxConnectionCreationRate,
  };
}

async function resolveHost(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

/**
 * Binds every listener, or those in `names`. Throws ConfigError for a security protocol that is not served; rejects with Node's error for a
 * port in use.
 */
export async function bindListeners(
  server: SocketServer,
  config: BrokerConfig,
  names = new Set(config.listeners.map(({ listenerName }) => listenerName)),
): Promise<void> {
  for (const { listenerName, host, port, securityProtocol } of config.listeners) {
    if (!names.has(listenerName)) continue;
    if (securityProtocol !== 'PLAINTEXT') {
      throw new ConfigError(
        `Listener ${listenerName} has the security protocol ${securityProtocol}; only PLAINTEXT is served`,
      );
    }
    await server.bind({ listenerName, host: host ?? '', port });
  }
}

/** Stops those that are configured no more, and binds those that were not. Another address of one that stays has no effect, as in Kafka. */
export async function updateListeners(server: SocketServer, old: BrokerConfig, next: BrokerConfig): Promise<void> {
  const namesOf = (config: BrokerConfig) => config.listeners.map(({ listenerName }) => listenerName);
  const [before, after] = [namesOf(old), namesOf(next)];
  for (const name of before) if (!after.includes(name)) await server.unbind(name);
  await bindListeners(server, next, new Set(after.filter((name) => !before.includes(name))));
}

/** Where clients are told to connect: ports that were left to the kernel are known once the listeners are bound. */
export function advertisedEndPoints(server: SocketServer, config: BrokerConfig): BrokerEndPoint[] {
  return config.advertisedListeners.map(({ host, port, listenerName, securityProtocol }) => ({
    host: host === null || host === '' ? hostname() : host,
    port: port === 0 ? (server.boundPort(listenerName) ?? 0) : port,
    listenerName,
    securityProtocol,
  }));
}
