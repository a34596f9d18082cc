import { hostname } from 'node:os';
import type { BrokerEndPoint } from '../cluster/index.js';
import { ConfigError, type BrokerConfig } from '../config/index.js';
import type { SocketServer, SocketServerLimits } from '../network/index.js';

/** Memory for large requests that are being read, when `queued.max.request.bytes` sets no bound. */
const DEFAULT_REQUEST_MEMORY_BYTES = 64 * 1024 * 1024;

/** What clients of this broker are bound by; `config` gives the configuration of the moment. */
export function socketServerLimits(config: () => BrokerConfig): SocketServerLimits {
  const atStart = config();
  const memory = atStart.get('queued.max.request.bytes');
  return {
    maxRequestBytes: atStart.get('socket.request.max.bytes'),
    requestMemoryBytes: memory > 0 ? memory : DEFAULT_REQUEST_MEMORY_BYTES,
    maxIdleMs: atStart.get('connections.max.idle.ms'),
    backlog: atStart.get('socket.listen.backlog.size'),
    maxConnections: () => config().get('max.connections'),
    maxConnectionsOf: (address) =>
      config().network.connections.maxConnectionsPerIpOverrides.get(address) ??
      config().network.connections.maxConnectionsPerIp,
  };
}

/** Binds every listener. Throws ConfigError for a security protocol that is not served; rejects with Node's error for a port in use. */
export async function bindListeners(server: SocketServer, config: BrokerConfig): Promise<void> {
  for (const { listenerName, host, port, securityProtocol } of config.listeners) {
    if (securityProtocol !== 'PLAINTEXT') {
      throw new ConfigError(
        `Listener ${listenerName} has the security protocol ${securityProtocol}; only PLAINTEXT is served`,
      );
    }
    await server.bind({ listenerName, host: host ?? '', port });
  }
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
