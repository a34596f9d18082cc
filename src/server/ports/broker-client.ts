import type { BrokerEndPoint } from '../../cluster/index.js';
import type { Clock, Endpoint, Logger, Random, Transport } from '../../common/index.js';
import type { BrokerConfig } from '../../config/index.js';
import { NetworkClient } from '../../network/index.js';

/** What connections to other brokers are made of. */
export interface BrokerClientOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly config: BrokerConfig;
}

/** Kafka's brokers use these for their own connections, whatever clients are configured to. */
const RECONNECT_BACKOFF_MS = 50;

/** A client of one broker at one of its listeners. */
export function brokerClient(
  { transport, clock, random, logger, config }: BrokerClientOptions,
  endpoint: Endpoint,
  clientId: string,
  requestTimeoutMs: number,
): NetworkClient {
  return new NetworkClient({
    transport,
    clock,
    random,
    logger,
    endpoint,
    clientId,
    requestTimeoutMs,
    reconnectBackoffMs: RECONNECT_BACKOFF_MS,
    // Kafka's brokers do not back off further: a broker that comes back shall be found at once.
    reconnectBackoffMaxMs: RECONNECT_BACKOFF_MS,
    connectTimeoutMs: config.get('socket.connection.setup.timeout.ms'),
  });
}

/** The listener by which controllers reach brokers, and brokers the controller. */
export function controlListenerName(config: BrokerConfig): string {
  return config.controlPlaneListenerName ?? config.interBrokerListenerName;
}

export function endPointOf(endPoints: readonly BrokerEndPoint[], listenerName: string): BrokerEndPoint | undefined {
  return endPoints.find((endPoint) => endPoint.listenerName === listenerName);
}
