/**
 * Restoring the earlier batches of a producer from the log. A snapshot holds only a producer's last batch, so after a restart Kafka takes
 * the retry of an earlier one for a gap in the sequence. Here they are looked up in the log when such a retry comes.
 */
import { scanBatches } from '../segment/batch-scan.js';
import {
  BATCHES_TO_RETAIN,
  firstOffsetOf,
  firstSequenceOf,
  type BatchMetadata,
  type ProducerStateEntry,
} from '../core/producer-state-entry.js';
import type { LogSegments } from '../segment/log-segments.js';

/** A walk backwards is done in steps of this size, as batches can only be walked forwards. */
const STEP_BYTES = 1024 * 1024;
/**
 * A producer's last five requests lie close together; beyond this they are given up, and a retry of one is answered as Kafka answers it.
 * The walk is part of an append and holds up everyone: this much is walked in milliseconds.
 */
const MAX_BYTES = 8 * 1024 * 1024;

/** Completes the last batches of `entry` from the log, as far as they lie at `logStartOffset` or later and not too far back. */
export function restoreProducerHistory(segments: LogSegments, entry: ProducerStateEntry, logStartOffset: number): void {
  const oldest = entry.batches[0];
  entry.restoreEarlier(oldest ? findEarlierBatches(segments, entry, firstOffsetOf(oldest), logStartOffset) : []);
}

function findEarlierBatches(
  segments: LogSegments,
  entry: ProducerStateEntry,
  beforeOffset: number,
  logStartOffset: number,
): BatchMetadata[] {
  const wanted = BATCHES_TO_RETAIN - entry.batches.length;
  let found: BatchMetadata[] = [];
  let scannedBytes = 0;
  // Nothing of this producer's epoch comes before sequence 0.
  const isComplete = (): boolean =>
    found.length >= wanted || (found[0] !== undefined && firstSequenceOf(found[0]) === 0);
  let segment = segments.floor(beforeOffset);
  let upTo = segment?.translateOffset(beforeOffset)?.position ?? segment?.sizeInBytes ?? 0;
  while (segment && !isComplete() && scannedBytes < MAX_BYTES) {
    while (upTo > 0 && !isComplete() && scannedBytes < MAX_BYTES) {
      const from = segment.offsetIndex.lookupPosition(Math.max(0, upTo - STEP_BYTES)).position;
      const step: BatchMetadata[] = [];
      let isEpochStart = false;
      scanBatches(segment.file, from, upTo, (batch) => {
        if (batch.producerId !== entry.producerId || batch.isControl || batch.lastOffset < logStartOffset) return;
        if (batch.producerEpoch !== entry.producerEpoch) {
          // What came before belongs to an earlier epoch, and is no retry of this one.
          step.length = 0;
          isEpochStart = true;
          return;
        }
        step.push({
          lastSequence: batch.lastSequence,
          lastOffset: batch.lastOffset,
          offsetDelta: batch.lastOffset - batch.baseOffset,
          timestamp: batch.maxTimestamp,
        });
      });
      found = [...step, ...found];
      if (isEpochStart) return found.slice(-wanted);
      scannedBytes += upTo - from;
      upTo = from;
    }
    segment = segment.baseOffset > logStartOffset ? segments.floor(segment.baseOffset - 1) : undefined;
    upTo = segment?.sizeInBytes ?? 0;
  }
  return found.slice(-wanted);
}
