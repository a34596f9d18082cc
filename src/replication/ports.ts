/**
 * What replication needs from the rest of the broker. `server` joins these to sockets and to the metadata cache; tests and simulations
 * join replica managers to each other.
 */
import type { Int64 } from '../records/index.js';
import type { LeaderAndIsr, TopicPartition } from '../cluster/index.js';
import type { Uuid } from '../common/index.js';
import type {
  AlterPartitionRequestInput,
  AlterPartitionResponse,
  FetchRequestInput,
  FetchResponse,
} from '../protocol/index.js';

/** The answer of a leader to a question on one partition: `errorCode` 0 and the rest, or an error and -1. */
export interface EpochEndOffset {
  readonly errorCode: number;
  /** -1 when the leader knows no such epoch. */
  readonly leaderEpoch: number;
  /** -1 when the leader knows no such epoch. */
  readonly endOffset: number;
}

export interface EpochQuestion {
  readonly tp: TopicPartition;
  /** The epoch that the follower believes to be the current one. */
  readonly currentLeaderEpoch: number;
  /** The epoch whose end is asked for. */
  readonly leaderEpoch: number;
}

/**
 * A leader broker as one of its followers sees it (Kafka's `LeaderEndPoint`). Every call has a deadline; a promise that rejects means
 * that the broker could not be asked (disconnected, timed out), and the fetcher backs off.
 */
export interface LeaderEndpoint {
  readonly brokerId: number;
  /** Sends one fetch; `version` is the highest the inter-broker protocol allows, 12 at most when some partition has no topic id. */
  fetch(request: FetchRequestInput, version: number): Promise<FetchResponse>;
  /** OffsetForLeaderEpoch for several partitions; results in the order of the questions. */
  fetchEpochEndOffsets(questions: readonly EpochQuestion[]): Promise<EpochEndOffset[]>;
  /** ListOffsets with -2 (earliest). */
  fetchEarliestOffset(tp: TopicPartition, currentLeaderEpoch: number): Promise<OffsetAnswer>;
  /** ListOffsets with -1 (latest: the leader's log end, since a replica asks). */
  fetchLatestOffset(tp: TopicPartition, currentLeaderEpoch: number): Promise<OffsetAnswer>;
  /** Ends the connection; what is under way rejects. */
  close(): void;
}

export interface OffsetAnswer {
  readonly errorCode: number;
  readonly offset: number;
  readonly leaderEpoch: number;
}

/** Makes the way to a broker; called once a fetcher. */
export type LeaderEndpointFactory = (brokerId: number) => LeaderEndpoint;

/** What became of an ISR change that was submitted: the state the controller committed, or an error code. */
export type AlterPartitionResult =
  | { readonly errorCode: 0; readonly leaderAndIsr: LeaderAndIsr }
  | { readonly errorCode: number; readonly leaderAndIsr: null };

/** Takes ISR changes to the controller. The result may take long (the controller may be away), but it comes. */
export interface AlterPartitionSender {
  /** `controllerEpoch` is that of the controller that made this broker the leader. */
  submit(
    tp: TopicPartition,
    topicId: Uuid | null,
    leaderAndIsr: LeaderAndIsr,
    controllerEpoch: number,
    onResult: (result: AlterPartitionResult) => void,
  ): void;
}

/** The way to the active controller, wherever it is. */
export interface ControllerChannel {
  /**
   * Sends an AlterPartition request, in the highest version that the controller supports up to `maxVersion`, waiting for a controller
   * to be known as long as it takes. Rejects only when a request that was sent failed (disconnected, timed out, not controller any more); the sender retries.
   */
  alterPartition(
    build: (version: number) => AlterPartitionRequestInput,
    maxVersion: number,
  ): Promise<{ version: number; response: AlterPartitionResponse }>;
}

/** What replication reads of the cluster's metadata (Kafka's `MetadataCache`). All calls are cheap look-ups in memory. */
export interface MetadataSource {
  /** Known alive by the last UpdateMetadata. */
  hasAliveBroker(brokerId: number): boolean;
  /** The partition is known to the cluster, here or elsewhere. */
  contains(tp: TopicPartition): boolean;
  /** The rack of an alive broker with that listener; null without one; undefined when the broker is not alive. */
  rackOf(brokerId: number, listenerName: string): string | null | undefined;
  topicName(topicId: Uuid): string | undefined;
}

/** Bounds replication of throttled replicas (Kafka's `ReplicaQuota`). */
export interface ReplicaQuota {
  isThrottled(tp: TopicPartition): boolean;
  isQuotaExceeded(): boolean;
  record(bytes: number): void;
}

/** Asks the transaction coordinator whether a partition is part of the ongoing transaction (KIP-890 part 1). */
export interface TransactionVerifier {
  /** Calls back with an error code a partition, in the order given. 0: it is. */
  verify(
    transaction: { transactionalId: string; producerId: Int64; producerEpoch: number },
    partitions: readonly TopicPartition[],
    onResult: (errorCodes: number[]) => void,
  ): void;
}
