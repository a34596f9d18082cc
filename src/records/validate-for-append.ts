/**
 * What a leader does to a producer's records before they enter the log: `LogValidator` behind `UnifiedLog.analyzeAndValidateRecords`.
 * Nearly always the received bytes are kept and only the header is written: offsets, leader epoch, timestamps.
 */
import { analyzeRecords, type AnalyzeOptions, type RecordsAnalysis } from './analyze.js';
import { BatchBuilder } from './batch-builder.js';
import { RECORD_BATCH_OVERHEAD } from './batch-header.js';
import { BatchView, ensureNoneRemaining, type TimestampType } from './batch-view.js';
import { decompress, type Compression } from './compression.js';
import { CorruptRecordError, InvalidRecordError, RecordTooLargeError } from './errors.js';
import { forEachBatch } from './iterate.js';
import { legacyRecords, type LegacyRecord } from './legacy.js';
import { RecordCursor } from './record.js';
import { RecordErrors } from './record-errors.js';

export interface AppendValidationOptions extends AnalyzeOptions {
  /** The first offset to assign: the log's end offset. */
  readonly nextOffset: number;
  /** Written into the batch. */
  readonly partitionLeaderEpoch: number;
  readonly nowMs: number;
  /** `compression.type` of the topic: 'producer' keeps what came, 'uncompressed' is Kafka's word for 'none'. */
  readonly targetCompression: Compression | 'producer' | 'uncompressed';
  /** `message.timestamp.type`. */
  readonly timestampType: TimestampType;
  /** How far timestamps may lie before and after `nowMs`. Kafka's defaults are unlimited (int64 max). */
  readonly timestampBeforeMaxMs: number;
  readonly timestampAfterMaxMs: number;
  /** `cleanup.policy` contains compact: records must have keys. */
  readonly compactedTopic: boolean;
  /** See `decompress`. */
  readonly maxDecompressedBytes?: number;
}

export interface AppendValidation {
  /** What to append: the received bytes, changed in place and cut after the last whole batch, or new ones. */
  readonly buffer: Buffer;
  /** 0 when nothing whole was sent: then nothing is to be appended, and offsets mean nothing. */
  readonly batchCount: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** -1 for none; `nowMs` with LogAppendTime. */
  readonly maxTimestamp: number;
  /** An offset not before that of the first record with `maxTimestamp`, as the time index needs it. */
  readonly offsetOfMaxTimestamp: number;
  /** `nowMs` with LogAppendTime, else -1: what the producer is told. */
  readonly logAppendTimeMs: number;
  readonly sourceCompression: Compression;
  readonly targetCompression: Compression;
  /** Bytes of the request that were whole batches. */
  readonly validBytes: number;
  /** Records that had to be written anew; 0 when the bytes were kept. */
  readonly convertedRecords: number;
}

/**
 * Checks `buffer` as a leader must, assigns offsets from `nextOffset` on, and writes the leader epoch and the timestamps that the topic
 * asks for. On an error the bytes may have been read but are not changed. Throws `CorruptRecordError`, `InvalidRecordError`,
 * `RecordTooLargeError`, `RecordValidationError` (single records, with their indexes) or `UndecodableRecordsError`.
 */
export function validateForAppend(buffer: Buffer, options: AppendValidationOptions): AppendValidation {
  const analysis = analyzeRecords(buffer, options);
  const target = targetCompressionOf(options.targetCompression, analysis.sourceCompression);
  if (analysis.batchCount === 0) return nothingToAppend(buffer, analysis, target);
  const batch = new BatchView(buffer, 0);
  if (analysis.batchCount > 1 && (batch.magic >= 2 || analysis.sourceCompression !== 'none')) {
    throw new InvalidRecordError('Compressed outer record has more than one batch');
  }
  if (batch.magic < 2) return convertLegacy(buffer, analysis, target, options);
  validateBatch(batch, options);
  const isUncompressed = analysis.sourceCompression === 'none';
  // Control records are not compressed unless they came so.
  const keepsCodec = analysis.sourceCompression === target || (isUncompressed && batch.isControl);
  const walk = new BatchWalk(batch, options);
  if (keepsCodec && walk.offsetsAreConsecutive) return assignInPlace(batch, walk, analysis, target, options);
  const builder = newBuilder(batch, target, options);
  walk.rewriteInto(builder);
  return finishRebuilt(builder, analysis, target, options);
}

function targetCompressionOf(target: AppendValidationOptions['targetCompression'], source: Compression): Compression {
  if (target === 'producer') return source;
  return target === 'uncompressed' ? 'none' : target;
}

function nothingToAppend(buffer: Buffer, analysis: RecordsAnalysis, target: Compression): AppendValidation {
  return {
    buffer: buffer.subarray(0, 0),
    batchCount: 0,
    firstOffset: -1,
    lastOffset: -1,
    maxTimestamp: -1,
    offsetOfMaxTimestamp: -1,
    logAppendTimeMs: -1,
    sourceCompression: analysis.sourceCompression,
    targetCompression: target,
    validBytes: 0,
    convertedRecords: 0,
  };
}

/** What the header must say (`LogValidator.validateBatch`). */
function validateBatch(batch: BatchView, { origin, topicPartition }: AppendValidationOptions): void {
  if (origin !== 'client') return;
  const { baseOffset, lastOffset, count } = batch;
  const countFromOffsets = batch.lastOffsetDelta + 1;
  if (countFromOffsets <= 0) {
    throw new InvalidRecordError(
      `Batch has an invalid offset range: [${baseOffset}, ${lastOffset}] in topic partition ${topicPartition}`,
    );
  }
  if (count <= 0) {
    throw new InvalidRecordError(
      `Invalid reported count for record batch: ${count} in topic partition ${topicPartition}`,
    );
  }
  if (countFromOffsets !== count) {
    throw new InvalidRecordError(
      `Inconsistent batch offset range [${baseOffset}, ${lastOffset}] and count of records ${count} in topic partition ${topicPartition}`,
    );
  }
  if (batch.isControl) {
    throw new InvalidRecordError(
      `Clients are not allowed to write control records in topic partition ${topicPartition}`,
    );
  }
  if (batch.hasProducerId && batch.baseSequence < 0) {
    throw new InvalidRecordError(
      `Invalid sequence number ${batch.baseSequence} in record batch with producerId ${batch.producerId} in topic partition ${topicPartition}`,
    );
  }
}

/** One pass over the records of a batch of magic 2 that checks each and remembers what the header needs. */
class BatchWalk {
  maxTimestamp = -1;
  /** Index of the first record with `maxTimestamp`, -1 for none. */
  indexOfMaxTimestamp = -1;
  /** False when the offset deltas are not 0, 1, 2 …: some clients leave them wrong, and the batch is written anew. */
  offsetsAreConsecutive = true;
  private readonly bytes: Buffer;
  private readonly start: number;
  private readonly end: number;

  constructor(
    private readonly batch: BatchView,
    options: AppendValidationOptions,
  ) {
    const { maxDecompressedBytes: maxBytes } = options;
    const { compression, count, offset, sizeInBytes } = batch;
    if (compression === 'none') {
      // Walked where they lie, without even a slice.
      this.bytes = batch.buffer;
      this.start = offset + RECORD_BATCH_OVERHEAD;
      this.end = offset + sizeInBytes;
    } else {
      const raw = batch.buffer.subarray(offset + RECORD_BATCH_OVERHEAD, offset + sizeInBytes);
      this.bytes = count === 0 ? raw : decompress(compression, raw, maxBytes === undefined ? {} : { maxBytes });
      this.start = 0;
      this.end = this.bytes.length;
    }
    if (count < 0) throw new InvalidRecordError(`Found invalid record count ${count} in magic v2 batch`);
    if (count > 0) this.check(count, options);
  }

  private check(count: number, options: AppendValidationOptions): void {
    const { batch } = this;
    const { timestampType, nowMs, compactedTopic } = options;
    const { baseTimestamp } = batch;
    const logAppendTime = batch.timestampType === 'LogAppendTime' ? batch.maxTimestamp : null;
    const checksRange = timestampType === 'CreateTime';
    const earliest = nowMs - options.timestampBeforeMaxMs;
    const latest = nowMs + options.timestampAfterMaxMs;
    const errors = new RecordErrors(options.topicPartition);
    const cursor = new RecordCursor(this.bytes, this.start, this.end);
    let maxTimestamp = -1;
    for (let index = 0; index < count; index++) {
      cursor.next();
      const timestamp = logAppendTime ?? baseTimestamp + cursor.timestampDelta;
      if (cursor.offsetDelta !== index) this.offsetsAreConsecutive = false;
      if (compactedTopic && cursor.keySize < 0) errors.noKey(index);
      else if (checksRange && timestamp !== -1) {
        if (timestamp < earliest || timestamp > latest) {
          errors.timestampOutOfRange(index, timestamp, batch.baseOffset + cursor.offsetDelta, options);
        }
      } else if (logAppendTime !== null)
        errors.timestampType(index, timestamp, batch.baseOffset + cursor.offsetDelta, cursor);
      if (timestamp > maxTimestamp) {
        maxTimestamp = timestamp;
        this.indexOfMaxTimestamp = index;
      }
    }
    ensureNoneRemaining(cursor);
    errors.throwIfAny();
    this.maxTimestamp = maxTimestamp;
  }

  /** Writes all records again, at consecutive offsets. Keys, values and encoded headers are copied, not taken apart. */
  rewriteInto(builder: BatchBuilder): void {
    const { bytes, batch } = this;
    const { baseTimestamp, count } = batch;
    const logAppendTime = batch.timestampType === 'LogAppendTime' ? batch.maxTimestamp : null;
    const cursor = new RecordCursor(bytes, this.start, this.end);
    for (let index = 0; index < count; index++) {
      cursor.next();
      const key = cursor.keySize < 0 ? null : bytes.subarray(cursor.keyStart, cursor.keyStart + cursor.keySize);
      const value =
        cursor.valueSize < 0 ? null : bytes.subarray(cursor.valueStart, cursor.valueStart + cursor.valueSize);
      const headers = bytes.subarray(cursor.headersStart, cursor.position);
      builder.appendRaw(index, logAppendTime ?? baseTimestamp + cursor.timestampDelta, key, value, headers);
    }
  }
}

function assignInPlace(
  batch: BatchView,
  walk: BatchWalk,
  analysis: RecordsAnalysis,
  target: Compression,
  options: AppendValidationOptions,
): AppendValidation {
  const { nextOffset, timestampType, nowMs, partitionLeaderEpoch } = options;
  const isLogAppendTime = timestampType === 'LogAppendTime';
  const count = Math.max(0, batch.count);
  const lastOffset = nextOffset + count - 1;
  const maxTimestamp = isLogAppendTime ? nowMs : walk.maxTimestamp;
  batch.baseOffset = lastOffset - batch.lastOffsetDelta;
  batch.partitionLeaderEpoch = partitionLeaderEpoch;
  batch.setMaxTimestamp(timestampType, maxTimestamp);
  const isUncompressed = analysis.sourceCompression === 'none';
  const exactOffset = walk.indexOfMaxTimestamp < 0 ? -1 : nextOffset + walk.indexOfMaxTimestamp;
  return {
    buffer: batch.buffer.subarray(0, analysis.validBytes),
    batchCount: 1,
    firstOffset: nextOffset,
    lastOffset,
    maxTimestamp,
    offsetOfMaxTimestamp: isUncompressed && target === 'none' && !isLogAppendTime ? exactOffset : lastOffset,
    logAppendTimeMs: isLogAppendTime ? nowMs : -1,
    sourceCompression: analysis.sourceCompression,
    targetCompression: target,
    validBytes: analysis.validBytes,
    convertedRecords: 0,
  };
}

function newBuilder(
  batch: BatchView,
  compression: Compression,
  { nextOffset, timestampType, nowMs, partitionLeaderEpoch }: AppendValidationOptions,
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
    initialCapacity: Math.max(1024, 2 * batch.sizeInBytes),
  });
}

function finishRebuilt(
  builder: BatchBuilder,
  analysis: RecordsAnalysis,
  target: Compression,
  options: AppendValidationOptions,
): AppendValidation {
  const { nextOffset, timestampType, nowMs, maxMessageBytes, topicPartition } = options;
  const isLogAppendTime = timestampType === 'LogAppendTime';
  const { count, maxTimestamp } = builder;
  const buffer = builder.build();
  if (options.ignoreRecordSize !== true && buffer.length > maxMessageBytes) {
    throw new RecordTooLargeError(
      `Message batch size is ${buffer.length} bytes in append to partition ${topicPartition} which exceeds the maximum configured size of ${maxMessageBytes}.`,
    );
  }
  const lastOffset = nextOffset + count - 1;
  return {
    buffer,
    batchCount: 1,
    firstOffset: nextOffset,
    lastOffset,
    maxTimestamp: isLogAppendTime ? nowMs : maxTimestamp,
    offsetOfMaxTimestamp: lastOffset,
    logAppendTimeMs: isLogAppendTime ? nowMs : -1,
    sourceCompression: analysis.sourceCompression,
    targetCompression: target,
    validBytes: analysis.validBytes,
    convertedRecords: count,
  };
}

/** Messages of magic 0 and 1, which producers before 0.11 send, become one batch of magic 2. */
function convertLegacy(
  buffer: Buffer,
  analysis: RecordsAnalysis,
  target: Compression,
  options: AppendValidationOptions,
): AppendValidation {
  const first = new BatchView(buffer, 0);
  const builder = newBuilder(first, target, options);
  const now = options.nowMs;
  forEachBatch(buffer, (batch) => {
    if (batch.magic !== first.magic) {
      throw new InvalidRecordError(
        `Batch magic ${batch.magic} is not the same as the first batch's magic byte ${first.magic} in topic partition ${options.topicPartition}`,
      );
    }
    const errors = new RecordErrors(options.topicPartition);
    const records = legacyRecords(buffer, batch.offset, options.maxDecompressedBytes);
    for (const [index, record] of records.entries()) {
      if (batch.isCompressed) ensureInnerValid(record, options.topicPartition);
      const { timestamp } = record;
      if (record.magic !== batch.magic) errors.wrongMagic(index, batch.magic);
      else if (options.compactedTopic && record.keySize < 0) errors.noKey(index);
      else if (options.timestampType === 'CreateTime' && timestamp !== -1) {
        if (timestamp < now - options.timestampBeforeMaxMs || timestamp > now + options.timestampAfterMaxMs) {
          errors.timestampOutOfRange(index, timestamp, record.offset, options);
        }
      } else if (batch.timestampType === 'LogAppendTime') errors.timestampType(index, timestamp, record.offset, record);
      if (errors.isEmpty) builder.append({ timestamp, key: record.key, value: record.value });
    }
    errors.throwIfAny();
  });
  return finishRebuilt(builder, analysis, target, options);
}

function ensureInnerValid(record: LegacyRecord, topicPartition: string): void {
  if (!record.isValidCrc()) {
    throw new CorruptRecordError(`Record is corrupt (stored crc = ${record.crc}) in topic partition ${topicPartition}`);
  }
}
