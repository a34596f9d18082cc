import type { TopicPartition } from '../../cluster/index.js';
import type { Uuid } from '../../common/index.js';

/** Where a follower is to begin fetching a partition (Kafka's `InitialFetchState`). */
export interface InitialFetchState {
  readonly tp: TopicPartition;
  readonly topicId: Uuid | null;
  /** The broker to fetch from. */
  readonly leaderId: number;
  readonly currentLeaderEpoch: number;
  readonly fetchOffset: number;
}

/** Where a follower is with a partition (Kafka's `PartitionFetchState`). Replaced whole on every step. */
export interface PartitionFetchState {
  readonly tp: TopicPartition;
  readonly key: string;
  readonly topicId: Uuid | null;
  readonly fetchOffset: number;
  readonly currentLeaderEpoch: number;
  /** The epoch of the last record in our log, by which the leader recognises divergence; -1 for none. */
  readonly lastFetchedEpoch: number;
  /** Truncating: where the logs part has to be found before anything is fetched. */
  readonly phase: 'Truncating' | 'Fetching';
  /** It failed, and is left alone until then (monotonic ms); null when it is not. */
  readonly delayedUntilMs: number | null;
  /** The leader refused this offset though its log has it; undefined when it has not refused any. */
  readonly refusedInRangeAt?: number;
  /** Records behind the leader's high watermark; null before the first answer. */
  readonly lag: number | null;
}

/** Fetched by the next request. */
export function isReadyForFetch(state: PartitionFetchState): boolean {
  return state.phase === 'Fetching' && state.delayedUntilMs === null;
}
