import type { Logger } from '../../common/index.js';
import { type BatchView, RecordsError } from '../../records/index.js';
import { scanBatchesInSlices } from './batch-scan.js';
import type { ProducerStateManager } from '../core/producer-state-manager.js';
import type { RecoveredEpochs } from '../core/recovered-epochs.js';
import type { LogSegment } from './log-segment.js';
import { replayBatch } from '../producer/producer-append.js';

/** What the recovery of a segment has found. */
export interface SegmentRecovery {
  /** Up to the end of the last whole, valid batch of the log; what lies behind is to be cut. */
  readonly validBytes: number;
  /** Offsets are missing between its batches, or in one: the cleaner has removed records. */
  readonly hasGaps: boolean;
  /**
   * Where a valid batch begins whose offset is too far from the segment's for the indexes, and its base offset. Brokers before 1.0 could
   * compact so much into one segment; or the base offset is wrong, which no CRC covers. It has to begin another segment.
   */
  readonly overflow: { readonly position: number; readonly baseOffset: number } | null;
}

/**
 * Rebuilds a segment's indexes from its batches, up to the last whole, valid one (`LogSegment.recover`). What lies behind stays: whoever loads
 * the log removes the segments after it first. The producers' state, which must be that at the segment's base offset, is carried on, and the
 * epochs, unless the file's are believed (null). In slices.
 */
export function* recoverSegment(
  segment: LogSegment,
  producers: ProducerStateManager,
  epochs: RecoveredEpochs | null,
  logger: Logger,
): Generator<void, SegmentRecovery, void> {
  segment.offsetIndex.reset();
  segment.timeIndex.reset();
  segment.txnIndex.reset();
  segment.resetMaxTimestamp();
  let validBytes = 0;
  let lastIndexEntryAt = 0;
  let lastOffset = segment.baseOffset - 1;
  let hasGaps = false;
  let overflow: SegmentRecovery['overflow'] = null;
  try {
    yield* scanBatchesInSlices(segment.file, 0, segment.sizeInBytes, (batch, position) => {
      batch.ensureValid();
      // Offsets only grow; a batch that was left over from before a truncation is no part of the log.
      if (batch.lastOffset <= lastOffset) return false;
      if (!segment.canConvertToRelativeOffset(batch.lastOffset)) {
        // A first batch beyond its own segment's indexes is none: another segment would begin with the same.
        const canBeginAnother = batch.baseOffset > segment.baseOffset && Number.isSafeInteger(batch.lastOffset);
        if (canBeginAnother) overflow = { position, baseOffset: batch.baseOffset };
        return false;
      }
      if (epochs && !epochs.take(batch.partitionLeaderEpoch, batch.baseOffset, batch.lastOffset)) return false;
      hasGaps ||= batch.baseOffset > lastOffset + 1 || isSparse(batch);
      lastOffset = batch.lastOffset;
      segment.noteTimestamp(batch.maxTimestamp, batch.lastOffset);
      if (position - lastIndexEntryAt > segment.indexIntervalBytes) {
        segment.addIndexEntry(batch.lastOffset, position);
        lastIndexEntryAt = position;
      }
      validBytes = position + batch.sizeInBytes;
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
  segment.txnIndex.release();
  return { validBytes, hasGaps, overflow };
}

/** A batch keeps its offsets when the cleaner removes records from it. */
function isSparse(batch: BatchView): boolean {
  return batch.magic >= 2 && batch.count < batch.lastOffset - batch.baseOffset + 1;
}
