import type { Logger } from '../common/index.js';
import { RecordsError } from '../records/index.js';
import { scanBatches } from './batch-scan.js';
import type { ProducerStateManager } from './core/producer-state-manager.js';
import type { LeaderEpochFileCache } from './leader-epoch-file-cache.js';
import type { LogSegment } from './log-segment.js';
import { replayBatch } from './producer-append.js';

/** A segment whose offsets do not fit its indexes: brokers before 1.0 could compact so much into one. */
export class SegmentOverflowError extends Error {
  override readonly name = 'SegmentOverflowError';
}

/**
 * Rebuilds a segment's indexes from its batches and cuts it after the last whole, valid one (`LogSegment.recover`). Leader epochs and the
 * producers' state, which must be that at the segment's base offset, are carried on. Gives the bytes cut.
 */
export function recoverSegment(
  segment: LogSegment,
  producers: ProducerStateManager,
  epochs: LeaderEpochFileCache,
  logger: Logger,
): number {
  segment.offsetIndex.reset();
  segment.timeIndex.reset();
  segment.txnIndex.reset();
  segment.resetMaxTimestamp();
  let validBytes = 0;
  let lastIndexEntryAt = 0;
  let lastOffset = segment.baseOffset - 1;
  try {
    scanBatches(segment.file, 0, segment.sizeInBytes, (batch, position) => {
      batch.ensureValid();
      if (!segment.canConvertToRelativeOffset(batch.lastOffset)) {
        // Either a batch of a later time that a compaction put here, or no batch at all.
        if (batch.lastOffset > lastOffset && batch.baseOffset > segment.baseOffset) {
          throw new SegmentOverflowError(
            `${segment.file.path}: offset ${batch.lastOffset} is too far from the base offset for the indexes`,
          );
        }
        return false;
      }
      // Offsets only grow; a batch that was left over from before a truncation is no part of the log.
      if (batch.lastOffset <= lastOffset) return false;
      lastOffset = batch.lastOffset;
      segment.noteTimestamp(batch.maxTimestamp, batch.lastOffset);
      if (position - lastIndexEntryAt > segment.indexIntervalBytes) {
        segment.addIndexEntry(batch.lastOffset, position);
        lastIndexEntryAt = position;
      }
      validBytes = position + batch.sizeInBytes;
      const { partitionLeaderEpoch } = batch;
      if (partitionLeaderEpoch >= 0 && partitionLeaderEpoch > (epochs.latestEntry?.epoch ?? -1)) {
        epochs.assign(partitionLeaderEpoch, batch.baseOffset);
      }
      replayBatch(producers, batch, (txn, lastStableOffset) => segment.txnIndex.append({ ...txn, lastStableOffset }));
      producers.mapEndOffset = batch.lastOffset + 1;
      return true;
    });
  } catch (error) {
    if (!(error instanceof RecordsError)) throw error;
    logger.warn('Found invalid records in a log segment', {
      path: segment.file.path,
      position: validBytes,
      error: error.message,
    });
  }
  const truncated = segment.sizeInBytes - validBytes;
  segment.file.truncate(validBytes);
  segment.onBecomeInactive();
  return truncated;
}
