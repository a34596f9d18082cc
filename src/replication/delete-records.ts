import { isInternalTopic, partitionKey, type TopicPartition } from '../cluster/index.js';
import { ErrorCode } from '../protocol/index.js';
import type { DelayedOperation, Purgatory } from './delayed-operations.js';
import { errorCodeOf } from './errors.js';
import type { Partition } from './partition.js';

/** What DeleteRecords answers for a partition. */
export interface DeleteRecordsResult {
  readonly tp: TopicPartition;
  readonly errorCode: number;
  /** The first offset that some live replica still has; -1 on error. */
  readonly lowWatermark: number;
}

interface Progress {
  result: DeleteRecordsResult;
  /** The low watermark that is waited for; null when there is nothing to wait for. */
  requestedOffset: number | null;
}

/**
 * Moves log starts forward and answers when all live replicas have followed, or the time is up (Kafka's `ReplicaManager.deleteRecords`
 * and `DelayedDeleteRecords`).
 */
export function deleteRecords(
  partitionOrError: (tp: TopicPartition) => Partition | number,
  purgatory: Purgatory,
  timeoutMs: number,
  requested: readonly { readonly tp: TopicPartition; readonly offset: number }[],
  onComplete: (results: DeleteRecordsResult[]) => void,
): void {
  const progress = requested.map(({ tp, offset }) => begin(partitionOrError, tp, offset));
  const finish = (): void => onComplete(progress.map(({ result }) => result));
  const operation: DelayedOperation = {
    tryComplete() {
      for (const each of progress) check(partitionOrError, each);
      if (progress.some(({ requestedOffset }) => requestedOffset !== null)) return false;
      finish();
      return true;
    },
    onExpiration() {
      for (const each of progress) {
        if (each.requestedOffset !== null) each.result = { ...each.result, errorCode: ErrorCode.REQUEST_TIMED_OUT };
      }
      finish();
    },
  };
  const keys = requested.map(({ tp }) => partitionKey(tp));
  purgatory.tryCompleteElseWatch(operation, keys, timeoutMs);
}

function begin(
  partitionOrError: (tp: TopicPartition) => Partition | number,
  tp: TopicPartition,
  offset: number,
): Progress {
  const refused = (errorCode: number): Progress => ({
    result: { tp, errorCode, lowWatermark: -1 },
    requestedOffset: null,
  });
  if (isInternalTopic(tp.topic)) return refused(ErrorCode.INVALID_TOPIC_EXCEPTION);
  const partition = partitionOrError(tp);
  if (typeof partition === 'number') return refused(partition);
  try {
    const { requestedOffset, lowWatermark } = partition.deleteRecordsOnLeader(offset);
    return { result: { tp, errorCode: ErrorCode.NONE, lowWatermark }, requestedOffset };
  } catch (error) {
    return refused(errorCodeOf(error));
  }
}

function check(partitionOrError: (tp: TopicPartition) => Partition | number, progress: Progress): void {
  if (progress.requestedOffset === null) return;
  const { tp } = progress.result;
  const partition = partitionOrError(tp);
  if (typeof partition === 'number' || !partition.leaderLog) {
    const errorCode = typeof partition === 'number' ? partition : ErrorCode.NOT_LEADER_OR_FOLLOWER;
    progress.result = { tp, errorCode, lowWatermark: -1 };
    progress.requestedOffset = null;
    return;
  }
  const lowWatermark = partition.lowWatermarkIfLeader();
  progress.result = { tp, errorCode: ErrorCode.NONE, lowWatermark };
  if (lowWatermark >= progress.requestedOffset) progress.requestedOffset = null;
}
