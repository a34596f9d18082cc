import { lookup } from 'node:dns/promises';
import { hostname, totalmem } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import type { BrokerEndPoint } from '../cluster/index.js';
import { reasonOfRefusal, type Logger } from '../common/index.js';
import { ConfigError, type BrokerConfig, type ListenerEndPoint } from '../config/index.js';
import {
  AddressOverrides,
  type ConnectionRateLimits,
  type SocketServer,
  type SocketServerLimits,
} from '../network/index.js';

/** Memory for requests that are being read, when `queued.max.request.bytes` sets no bound: an eighth of the machine's or the container's, within these. */
const LEAST_REQUEST_MEMORY_BYTES = 64 * 1024 * 1024;
const MOST_REQUEST_MEMORY_BYTES = 1024 * 1024 * 1024;

/** What clients of this broker are bound by; `config` gives the configuration of the moment. */
export function socketServerLimits(config: () => BrokerConfig, logger: Logger): Required<SocketServerLimits> {
  const { maxRequestBytes, queuedMaxRequestBytes, maxIdleMs, backlog } = config().network;
  const connections = (): BrokerConfig['network']['connections'] => config().network.connections;
  const overrides = new AddressOverrides(resolveHost, logger);
  overrides.update(connections().maxConnectionsPerIpOverrides);
  return {
    maxRequestBytes,
    requestMemoryBytes: queuedMaxRequestBytes > 0 ? queuedMaxRequestBytes : requestMemoryOf(machineBytes()),
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

/** Resident only as bytes come, and as slowly as the links of those who send: it has to hold the requests of all that are slow. */
export function requestMemoryOf(memoryBytes: number): number {
  return Math.max(LEAST_REQUEST_MEMORY_BYTES, Math.min(MOST_REQUEST_MEMORY_BYTES, Math.floor(memoryBytes / 8)));
}

function machineBytes(): number {
  // Nothing, or more than there is, where no one has set a bound.
  return Math.min(totalmem(), process.constrainedMemory() || Infinity);
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

class BindError extends Error {
  override readonly name = 'BindError';
}

/**
 * Has a broker listen where its configuration says at the moment, and clients told where it does. Made and started by the broker; its changes
 * come one after the other.
 */
export class BrokerListeners {
  private readonly bound = new Set<string>();
  private registered: readonly BrokerEndPoint[] = [];
  /** What clients are told where no host is configured; looked up when that is so for the first time. */
  private localHost: string | null = null;

  constructor(
    private readonly server: SocketServer,
    private readonly config: () => BrokerConfig,
    private readonly logger: Logger,
    private readonly lookUpLocalHost: () => Promise<string>,
  ) {}

  /** Where clients are told to connect: ports that were left to the kernel are known once the listeners are bound, and others have none. */
  advertisedEndPoints(): BrokerEndPoint[] {
    return this.config()
      .advertisedListeners.filter(({ listenerName }) => this.bound.has(listenerName))
      .map(({ host, port, listenerName, securityProtocol }) => ({
        host: host || (this.localHost ?? hostname()),
        port: port === 0 ? this.server.boundPort(listenerName)! : port,
        listenerName,
        securityProtocol,
      }));
  }

  /**
   * Binds every listener. Throws ConfigError for a security protocol that is not served; rejects with a sentence for a port in use.
   */
  async bindAll(): Promise<void> {
    for (const endPoint of this.config().listeners) await this.bind(endPoint);
    await this.knowLocalHost();
    this.registered = this.advertisedEndPoints();
  }

  /**
   * Stops those that are configured no more, and binds those that are not bound. Another address of one that stays has no effect, as in Kafka.
   * One that cannot be bound, as its port is taken, is tried again with the next change. `register` is called when clients are to be told of
   * other end points.
   */
  async update(register: () => Promise<void>): Promise<void> {
    const { listeners } = this.config();
    for (const name of [...this.bound]) {
      if (listeners.some(({ listenerName }) => listenerName === name)) continue;
      await this.server.unbind(name);
      this.bound.delete(name);
    }
    for (const endPoint of listeners) {
      const { listenerName } = endPoint;
      if (this.bound.has(listenerName)) continue;
      try {
        await this.bind(endPoint);
      } catch (error) {
        this.logger.error('A listener could not be added', { listener: listenerName, error });
      }
    }
    await this.knowLocalHost();
    const endPoints = this.advertisedEndPoints();
    if (isDeepStrictEqual(endPoints, this.registered)) return;
    await register();
    this.registered = endPoints;
  }

  private async knowLocalHost(): Promise<void> {
    if (this.localHost === null && this.config().advertisedListeners.some(({ host }) => !host)) {
      this.localHost = await this.lookUpLocalHost();
    }
  }

  private async bind({ listenerName, host, port, securityProtocol }: ListenerEndPoint): Promise<void> {
    if (securityProtocol !== 'PLAINTEXT') {
      throw new ConfigError(
        `Listener ${listenerName} has the security protocol ${securityProtocol}; only PLAINTEXT is served`,
      );
    }
    try {
      await this.server.bind({ listenerName, host: host ?? '', port });
    } catch (error) {
      // In the words of Kafka's `SocketServer`, with more of a reason.
      throw new BindError(`Socket server failed to bind to ${host || '*'}:${port}: ${reasonOfRefusal(error)}`, {
        cause: error,
      });
    }
    this.bound.add(listenerName);
  }
}
