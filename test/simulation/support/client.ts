import { seededRandom, type Clock, type Random } from '../../../src/common/index.js';
import { SimulatedFileSystem, type SimulatedClock, type SimulatedNetwork } from '../../../src/testing/index.js';
import { NetworkClient, NetworkError } from '../../../src/network/index.js';
import { ApiKey, apiOf, ErrorCode, type MetadataResponse } from '../../../src/protocol/index.js';
import { BROKER_PORT, hostOf } from './simulated-broker.js';
import { SimulatedProcess } from './simulated-process.js';
import type { Trace } from './trace.js';

const REQUEST_TIMEOUT_MS = 5_000;
/** On top of what a request allows the broker to take. */
const DEADLINE_SLACK_MS = 3_000;
/** Fetch in version 13 and later names topics by id. */
const MAX_VERSIONS: Readonly<Record<number, number>> = { [ApiKey.Fetch]: 12 };

export interface ClientSettings {
  readonly host: string;
  readonly seed: number;
  readonly brokerIds: readonly number[];
  readonly clock: SimulatedClock;
  readonly network: SimulatedNetwork;
  readonly trace: Trace;
  /** A request that was sent at `sentMs` was not answered in time though `brokerId` was asked nothing that could take so long. */
  readonly onLateAnswer: (host: string, brokerId: number, sentMs: number, what: string) => void;
  /** By API: the version in which it asks, for clients of other times than ours. */
  readonly versions?: Readonly<Record<number, number>>;
}

/** The errors with which a client tries again, after it has looked who leads. */
const RETRIABLE: ReadonlySet<number> = new Set([
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.REPLICA_NOT_AVAILABLE,
  ErrorCode.NETWORK_EXCEPTION,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  ErrorCode.NOT_CONTROLLER,
  ErrorCode.KAFKA_STORAGE_ERROR,
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.UNKNOWN_LEADER_EPOCH,
  ErrorCode.OFFSET_NOT_AVAILABLE,
  ErrorCode.UNKNOWN_TOPIC_ID,
  ErrorCode.INCONSISTENT_TOPIC_ID,
]);

export function isRetriableForClient(errorCode: number): boolean {
  return RETRIABLE.has(errorCode);
}

/** By API and error: the version since which clients know the error. An older one would not know what to do. */
const KNOWN_SINCE: Readonly<Record<number, Readonly<Record<number, number>>>> = {
  [ApiKey.Fetch]: {
    [ErrorCode.KAFKA_STORAGE_ERROR]: 6,
    [ErrorCode.FENCED_LEADER_EPOCH]: 9,
    [ErrorCode.UNKNOWN_LEADER_EPOCH]: 9,
    [ErrorCode.UNKNOWN_TOPIC_ID]: 13,
  },
  [ApiKey.ListOffsets]: {
    [ErrorCode.FENCED_LEADER_EPOCH]: 4,
    [ErrorCode.UNKNOWN_LEADER_EPOCH]: 4,
    [ErrorCode.OFFSET_NOT_AVAILABLE]: 5,
  },
};

/**
 * What the simulated clients share: a host of its own, a connection to each broker, and what Metadata told. Requests go out in the
 * highest version we offer, unless the client is of another time.
 */
export class SimulatedClient {
  readonly clock: Clock;
  readonly random: Random;
  private readonly process: SimulatedProcess;
  private readonly connections = new Map<string, NetworkClient>();
  /** Leader by `topic-partition`. */
  private leaders = new Map<string, { leader: number; epoch: number }>();
  private controller = -1;
  private refreshing: Promise<void> | null = null;
  private wallOffsetMs = 0;

  constructor(readonly settings: ClientSettings) {
    const { clock, network, trace, host, seed } = settings;
    this.process = new SimulatedProcess(
      clock,
      network.transportFor(host),
      new SimulatedFileSystem(),
      (count) => trace.mix(count),
      () => this.wallOffsetMs,
    );
    this.clock = this.process.clock;
    this.random = seededRandom(seed);
  }

  get host(): string {
    return this.settings.host;
  }

  get controllerId(): number {
    return this.controller;
  }

  leaderOf(topic: string, partition: number): { leader: number; epoch: number } | undefined {
    return this.leaders.get(`${topic}-${partition}`);
  }

  /**
   * Sends to a broker; rejects with NetworkError. `brokerMayTakeMs` is how long the request, and those before it on its connection, let
   * the broker take; null when it depends on ZooKeeper, so that no time is owed. Brokers answer a connection's requests one after
   * another, so what is not to wait for other things has a `channel` of its own.
   */
  async send<T extends object>(
    brokerId: number,
    apiKey: number,
    body: object,
    brokerMayTakeMs: number | null = 0,
    channel = '',
  ): Promise<T> {
    const version = this.versionOf(apiKey);
    const timeoutMs = (brokerMayTakeMs ?? REQUEST_TIMEOUT_MS) + DEADLINE_SLACK_MS;
    const sentMs = this.clock.monotonicMs();
    const connection = this.connectionTo(brokerId, channel);
    const wasConnected = connection.isConnected;
    try {
      return await connection.send<T>(apiKey, version, body, timeoutMs);
    } catch (error) {
      if (error instanceof NetworkError && error.kind === 'malformed') throw new Error(error.message, { cause: error });
      // An earlier request that is late takes those after it along; they were not.
      const isLate = error instanceof NetworkError && this.clock.monotonicMs() - sentMs >= timeoutMs;
      if (isLate && brokerMayTakeMs !== null && wasConnected) {
        this.settings.onLateAnswer(this.host, brokerId, sentMs, `${apiOf(apiKey)!.name} v${version}`);
      }
      throw error;
    }
  }

  /** The error is one with which it tries again, and is known to clients of its version. */
  understands(apiKey: number, errorCode: number): boolean {
    return isRetriableForClient(errorCode) && this.versionOf(apiKey) >= (KNOWN_SINCE[apiKey]?.[errorCode] ?? 0);
  }

  versionOf(apiKey: number): number {
    return this.settings.versions?.[apiKey] ?? MAX_VERSIONS[apiKey] ?? apiOf(apiKey)!.advertised!.max;
  }

  /** As that of a broker. */
  jumpClock(byMs: number): void {
    this.wallOffsetMs += byMs;
    this.settings.trace.add(this.host, `-- its clock jumps by ${byMs} ms to ${this.wallOffsetMs} off`);
  }

  get clockOffsetMs(): number {
    return this.wallOffsetMs;
  }

  anyBroker(): number {
    const { brokerIds } = this.settings;
    return brokerIds[this.random.nextInt(brokerIds.length)]!;
  }

  /** Asks any broker for metadata of all topics. Never rejects; calls at the same time share one request. */
  refreshMetadata(): Promise<void> {
    this.refreshing ??= this.fetchMetadata().finally(() => (this.refreshing = null));
    return this.refreshing;
  }

  /** Resolves after `ms`. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.setTimer(ms, resolve));
  }

  /** Acts for so long, again and again, with random pauses of `everyMs` on average; resolves when the last act is over. */
  async actFor(ms: number, everyMs: number, act: () => Promise<void>): Promise<void> {
    const endMs = this.clock.monotonicMs() + ms;
    while (this.clock.monotonicMs() < endMs) {
      await this.pause(2 * everyMs * this.random.nextDouble());
      await act();
    }
  }

  close(): void {
    for (const connection of this.connections.values()) connection.close();
    this.process.kill();
  }

  private async fetchMetadata(): Promise<void> {
    try {
      const response = await this.send<MetadataResponse>(
        this.anyBroker(),
        ApiKey.Metadata,
        {
          topics: null,
          allowAutoTopicCreation: false,
        },
        0,
        'metadata',
      );
      this.controller = response.controllerId;
      for (const { name, errorCode, partitions } of response.topics) {
        if (errorCode !== 0 || name === null) continue;
        for (const { partitionIndex, leaderId, leaderEpoch } of partitions) {
          const known = this.leaders.get(`${name}-${partitionIndex}`);
          // As Kafka's clients do: an older epoch is no news.
          if (known && known.epoch > leaderEpoch && leaderEpoch >= 0) continue;
          this.leaders.set(`${name}-${partitionIndex}`, { leader: leaderId, epoch: leaderEpoch });
        }
      }
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
    }
  }

  private connectionTo(brokerId: number, channel: string): NetworkClient {
    const key = `${brokerId} ${channel}`;
    let connection = this.connections.get(key);
    if (!connection) {
      connection = new NetworkClient({
        transport: this.process.transport,
        clock: this.clock,
        random: this.random,
        logger: this.settings.trace.loggers(this.host, 'error')('network'),
        endpoint: { host: hostOf(brokerId), port: BROKER_PORT },
        clientId: this.host,
        requestTimeoutMs: REQUEST_TIMEOUT_MS,
        reconnectBackoffMs: 50,
        reconnectBackoffMaxMs: 500,
        connectTimeoutMs: 2_000,
      });
      this.connections.set(key, connection);
    }
    return connection;
  }
}
