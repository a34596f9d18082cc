/** Batches of magic 2 that are written again: in another codec, or with the offsets that they should have. */
import type { Steps } from '../common/index.js';
import { BatchBuilder } from './batch-builder.js';
import type { BatchView, TimestampType } from './batch-view.js';
import type { Compression } from './compression.js';
import { addInt64 } from './int64.js';
import type { RecordFacts } from './record-checks.js';
import { RecordCursor } from './record.js';

export interface RewrittenHeader {
  /** The first offset. */
  readonly nextOffset: number;
  readonly timestampType: TimestampType;
  readonly nowMs: number;
  readonly partitionLeaderEpoch: number;
}

export type TargetCompression = Compression | 'producer' | 'uncompressed';

/** Records between two places where others may run. */
const RECORDS_A_STEP = 1000;

/** What `compression.type` makes of what came. */
export function targetCompressionOf(target: TargetCompression, source: Compression): Compression {
  if (target === 'producer') return source;
  return target === 'uncompressed' ? 'none' : target;
}

/** True when what came may stay in its codec. Control records are not compressed unless they came so. */
export function keepsCodec(batch: BatchView, target: Compression): boolean {
  return batch.compression === target || (!batch.isCompressed && batch.isControl);
}

/**
 * True when the records have to be written again: in another codec, or with the offset deltas that they should have. A batch that comes and
 * stays uncompressed keeps wrong ones (`LogValidator.assignOffsetsNonCompressed` does not look at them).
 */
export function mustRewrite(batch: BatchView, target: Compression, { offsetsAreConsecutive }: RecordFacts): boolean {
  if (!keepsCodec(batch, target)) return true;
  return !offsetsAreConsecutive && (batch.isCompressed || target !== 'none');
}

/** A builder for a batch that takes over what `batch` says of its producer. */
export function newBuilder(
  batch: BatchView,
  compression: Compression,
  { nextOffset, timestampType, nowMs, partitionLeaderEpoch }: RewrittenHeader,
  initialCapacity = Math.max(1024, 2 * batch.sizeInBytes),
): BatchBuilder {
  return new BatchBuilder({
    baseOffset: nextOffset,
    compression,
    timestampType,
    logAppendTimeMs: nowMs,
    producerId: batch.producerIdExact,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    isTransactional: batch.isTransactional,
    isControl: batch.isControl,
    partitionLeaderEpoch,
    initialCapacity,
  });
}

/** Writes all records of `content` again, at consecutive offsets. Keys, values and encoded headers are copied, not taken apart. */
export function* rewriteRecords(batch: BatchView, content: Buffer, builder: BatchBuilder): Steps<void> {
  const { baseTimestamp, count } = batch;
  const logAppendTime = batch.timestampType === 'LogAppendTime' ? batch.maxTimestamp : null;
  const cursor = new RecordCursor(content, 0, content.length);
  for (let index = 0; index < count; index++) {
    cursor.next();
    const key = cursor.keySize < 0 ? null : content.subarray(cursor.keyStart, cursor.keyStart + cursor.keySize);
    const value =
      cursor.valueSize < 0 ? null : content.subarray(cursor.valueStart, cursor.valueStart + cursor.valueSize);
    const headers = content.subarray(cursor.headersStart, cursor.position);
    builder.appendRaw(index, logAppendTime ?? addInt64(baseTimestamp, cursor.timestampDelta), key, value, headers);
    if (index % RECORDS_A_STEP === RECORDS_A_STEP - 1) yield;
  }
}
