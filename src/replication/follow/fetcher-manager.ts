import type { TopicPartition } from '../../cluster/index.js';
import { partitionKey } from '../../cluster/index.js';
import type { Clock, Counter, Logger, SliceLimits, Uuid } from '../../common/index.js';
import { ReplicaFetcher } from './fetcher.js';
import type { FetcherSettings } from './fetcher-options.js';
import type { InitialFetchState, PartitionFetchState } from './fetcher-state.js';
import type { Partition } from '../partition.js';
import type { LeaderEndpointFactory, ReplicaQuota } from '../ports.js';

export interface FetcherManagerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly leaderEndpoints: LeaderEndpointFactory;
  readonly settings: () => FetcherSettings;
  readonly partitionOf: (tp: TopicPartition) => Partition | undefined;
  readonly quota: ReplicaQuota | null;
  readonly onHighWatermark: (partition: Partition) => void;
  readonly onFatal: (error: unknown) => void;
  readonly bytesIn: Counter;
  readonly slices?: SliceLimits | undefined;
}

/** The fetchers of a broker, one for each broker it follows (Kafka's `ReplicaFetcherManager` with one thread a source). */
export class ReplicaFetcherManager {
  private readonly fetchers = new Map<number, ReplicaFetcher>();
  private readonly leaderOf = new Map<string, number>();
  /** Given up until the next LeaderAndIsr (`FailedPartitions`). */
  readonly failedPartitions = new Set<string>();

  constructor(private readonly options: FetcherManagerOptions) {}

  /** The greatest number of records that any followed partition is behind. */
  get maxLag(): number {
    let max = 0;
    for (const fetcher of this.fetchers.values()) max = Math.max(max, fetcher.maxLag);
    return max;
  }

  stateOf(tp: TopicPartition): PartitionFetchState | undefined {
    const key = partitionKey(tp);
    return this.fetcherOf(key)?.stateOf(key);
  }

  addPartitions(initial: readonly InitialFetchState[]): void {
    const byLeader = new Map<number, InitialFetchState[]>();
    for (const state of initial) {
      const key = partitionKey(state.tp);
      const before = this.leaderOf.get(key);
      if (before !== undefined && before !== state.leaderId) this.fetchers.get(before)?.removePartitions([key]);
      this.failedPartitions.delete(key);
      this.leaderOf.set(key, state.leaderId);
      const states = byLeader.get(state.leaderId);
      if (states) states.push(state);
      else byLeader.set(state.leaderId, [state]);
    }
    for (const [leaderId, states] of byLeader) this.fetcherFor(leaderId).addPartitions(states);
  }

  removePartitions(keys: readonly string[]): void {
    const byLeader = new Map<number, string[]>();
    for (const key of keys) {
      this.failedPartitions.delete(key);
      const leaderId = this.leaderOf.get(key);
      if (leaderId === undefined) continue;
      this.leaderOf.delete(key);
      const removed = byLeader.get(leaderId);
      if (removed) removed.push(key);
      else byLeader.set(leaderId, [key]);
    }
    for (const [leaderId, removed] of byLeader) this.fetchers.get(leaderId)?.removePartitions(removed);
  }

  updateTopicId(tp: TopicPartition, topicId: Uuid | null): void {
    const key = partitionKey(tp);
    this.fetcherOf(key)?.updateTopicId(key, topicId);
  }

  /** The log start of a followed partition moved: its leader is told. */
  markChanged(key: string): void {
    this.fetcherOf(key)?.markChanged(key);
  }

  /** Ends fetchers that have no partitions. */
  closeIdle(): void {
    for (const [leaderId, fetcher] of this.fetchers) {
      if (fetcher.partitionCount > 0) continue;
      fetcher.close();
      this.fetchers.delete(leaderId);
    }
  }

  close(): void {
    for (const fetcher of this.fetchers.values()) fetcher.close();
    this.fetchers.clear();
    this.leaderOf.clear();
  }

  private fetcherOf(key: string): ReplicaFetcher | undefined {
    const leaderId = this.leaderOf.get(key);
    return leaderId === undefined ? undefined : this.fetchers.get(leaderId);
  }

  private fetcherFor(leaderId: number): ReplicaFetcher {
    let fetcher = this.fetchers.get(leaderId);
    if (fetcher) return fetcher;
    const { clock, logger, settings, partitionOf, quota, onHighWatermark, onFatal, bytesIn, slices } = this.options;
    fetcher = new ReplicaFetcher({
      leader: this.options.leaderEndpoints(leaderId),
      clock,
      logger,
      settings,
      partitionOf,
      quota,
      onHighWatermark,
      onFailed: (key) => {
        this.leaderOf.delete(key);
        this.failedPartitions.add(key);
        logger.debug('Fetching a partition has failed', { partition: key });
      },
      onBytes: (bytes) => bytesIn.add(bytes),
      onFatal,
      slices,
    });
    this.fetchers.set(leaderId, fetcher);
    return fetcher;
  }
}
