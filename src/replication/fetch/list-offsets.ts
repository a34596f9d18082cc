import type { Steps } from '../../common/index.js';
import {
  EARLIEST_LOCAL_TIMESTAMP,
  EARLIEST_TIMESTAMP,
  LATEST_TIMESTAMP,
  legacyOffsetsBefore,
  type Searcher,
} from '../../log/index.js';
import { ErrorCode } from '../../protocol/index.js';
import type { Int64 } from '../../records/index.js';
import { ReplicationError } from '../errors.js';
import type { Partition } from '../partition.js';

const NO_EPOCH = -1;

/** How the ListOffsets request of a client or a replica is to be read. */
export interface OffsetQuery {
  /** Null when a replica asks, who may see all. */
  readonly isolation: 'READ_UNCOMMITTED' | 'READ_COMMITTED' | null;
  /** -1 when not given. */
  readonly currentLeaderEpoch: number;
  readonly fetchOnlyFromLeader: boolean;
  /** Who asks, when it is a client, who may go before he is answered. */
  readonly searcher?: Searcher;
}

/** The same of version 0. */
export interface LegacyQuery {
  readonly isFromConsumer: boolean;
  readonly fetchOnlyFromLeader: boolean;
  readonly nowMs: number;
}

/** A record found by its time. The leader epoch is null when the log does not know it. */
export interface OffsetFound {
  readonly timestamp: Int64;
  readonly offset: number;
  readonly leaderEpoch: number | null;
}

/**
 * ListOffsets of one partition: -1 the latest, -2 the earliest, -3 that of the greatest timestamp, else the first record of that time or
 * later; null when there is none (Kafka's `Partition.fetchOffsetForTimestamp`).
 *
 * Until the high watermark has reached the start of this leader's epoch, the end that clients know of could go back: they are answered
 * OFFSET_NOT_AVAILABLE then (KIP-207). Throws `ReplicationError` and what the log refuses.
 */
export function fetchOffsetForTimestamp(
  partition: Partition,
  timestamp: Int64,
  query: OffsetQuery,
): OffsetFound | null | Promise<OffsetFound | null> {
  const { isolation, currentLeaderEpoch, fetchOnlyFromLeader, searcher } = query;
  // Asked again, after a move say.
  if (searcher?.interest?.isOver === true) return null;
  const log = partition.localLog(currentLeaderEpoch, fetchOnlyFromLeader);
  if (typeof log === 'number') throw new ReplicationError(log);
  const isStart = timestamp === EARLIEST_TIMESTAMP || timestamp === EARLIEST_LOCAL_TIMESTAMP;
  // After a truncation, which transactions are decided and what the greatest timestamps are is found again first.
  const dependsOnRebuilt = !isStart && (timestamp !== LATEST_TIMESTAMP || isolation === 'READ_COMMITTED');
  const truncated = dependsOnRebuilt ? log.whenTruncatedUnlessOverdue() : null;
  if (truncated) return truncated.then((isSettled) => afterTruncation(isSettled, partition, timestamp, query));
  const { leaderEpochStartOffset, leaderEpoch } = partition;
  // Asked when the answer is given: a search may take long, and the latest record that it finds may be one that came meanwhile.
  const visibleEnd = (): number =>
    isolation === null ? log.logEndOffset : isolation === 'READ_COMMITTED' ? log.lastStableOffset : log.highWatermark;
  const mayGoBack = (): boolean =>
    isolation !== null && leaderEpochStartOffset !== null && leaderEpochStartOffset > log.highWatermark;
  const notAvailable = (): never => {
    throw new ReplicationError(
      ErrorCode.OFFSET_NOT_AVAILABLE,
      `Failed to fetch offsets for partition ${partition.key} as its high watermark (${log.highWatermark}) is lagging behind ` +
        `the start offset from the beginning of this epoch (${leaderEpochStartOffset}).`,
    );
  };
  if (timestamp === LATEST_TIMESTAMP) {
    return mayGoBack() ? notAvailable() : { timestamp: -1, offset: visibleEnd(), leaderEpoch };
  }
  const bounded = (found: OffsetFound | null): OffsetFound | null => {
    if (isStart) return found;
    if (found && found.offset < visibleEnd()) return found;
    return mayGoBack() ? notAvailable() : null;
  };
  const found = log.fetchOffsetByTimestamp(timestamp, searcher);
  if (!(found instanceof Promise)) return bounded(found);
  // A move may have put another log in the place of the one that was searched, and closed it; another epoch may have cut it.
  const isStillAsked = (): boolean => partition.log === log && partition.leaderEpoch === leaderEpoch;
  const askAgain = (): ReturnType<typeof fetchOffsetForTimestamp> =>
    fetchOffsetForTimestamp(partition, timestamp, query);
  return found.then(
    (one) => (isStillAsked() ? bounded(one) : askAgain()),
    (error: unknown) => {
      if (isStillAsked()) throw error;
      return askAgain();
    },
  );
}

/**
 * ListOffsets 0 of one partition: offsets of segments by the time of their files, and the end, the newest first. A consumer is told of the high
 * watermark in place of what is beyond (Kafka's `Partition.legacyFetchOffsetsForTimestamp`); or an error code.
 */
export function* legacyOffsetsForTimestamp(
  partition: Partition,
  timestamp: Int64,
  maxNumOffsets: number,
  query: LegacyQuery,
): Steps<number[] | number> {
  const { isFromConsumer, fetchOnlyFromLeader, nowMs } = query;
  const log = partition.localLog(NO_EPOCH, fetchOnlyFromLeader);
  if (typeof log === 'number') return log;
  // Kafka makes an array of so many.
  if (maxNumOffsets < 0) return ErrorCode.UNKNOWN_SERVER_ERROR;
  const offsets = yield* legacyOffsetsBefore(log, timestamp, maxNumOffsets, nowMs);
  // Led by another meanwhile, or in another directory.
  if (partition.localLog(NO_EPOCH, fetchOnlyFromLeader) !== log) {
    return yield* legacyOffsetsForTimestamp(partition, timestamp, maxNumOffsets, query);
  }
  const { highWatermark } = log;
  if (!isFromConsumer || !offsets.some((offset) => offset > highWatermark)) return offsets;
  return [highWatermark, ...offsets.filter((offset) => offset <= highWatermark)];
}

/** The other partitions of the request do not wait for a disk that hangs. */
function afterTruncation(
  isSettled: boolean,
  partition: Partition,
  timestamp: Int64,
  query: OffsetQuery,
): ReturnType<typeof fetchOffsetForTimestamp> {
  if (isSettled) return fetchOffsetForTimestamp(partition, timestamp, query);
  throw new ReplicationError(
    ErrorCode.OFFSET_NOT_AVAILABLE,
    `Failed to fetch offsets for partition ${partition.key} as its truncation waits for a disk that hangs.`,
  );
}
