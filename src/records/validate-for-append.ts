/**
 * What a leader does to a producer's records before they enter the log: `LogValidator` behind `UnifiedLog.analyzeAndValidateRecords`.
 * Nearly always the received bytes are kept and only the header is written: offsets, leader epoch, timestamps.
 */
import { analyzeRecords, type AnalyzeOptions, type RecordsAnalysis } from './analyze.js';
import { AppendAllowance } from './append-allowance.js';
import { runAtOnce } from '../common/index.js';
import type { BatchBuilder } from './batch-builder.js';
import { RECORD_BATCH_OVERHEAD } from './batch-header.js';
import { BatchView, ensureNoneRemaining, type TimestampType } from './batch-view.js';
import { decompress, type Compression } from './compression.js';
import { CorruptRecordError, InvalidRecordError, RecordTooLargeError } from './errors.js';
import type { Int64 } from './int64.js';
import { forEachBatch } from './iterate.js';
import { legacyRecords, type LegacyRecord } from './legacy.js';
import { RecordCursor } from './record.js';
import { isOutOfRange, RecordChecks, type RecordFacts } from './record-checks.js';
import { RecordErrors } from './record-errors.js';
import {
  keepsCodec,
  mustRewrite,
  newBuilder,
  rewriteRecords,
  targetCompressionOf,
  type TargetCompression,
} from './rewriting.js';
import type { StepWork } from './step-work.js';

export interface AppendValidationOptions extends AnalyzeOptions {
  /** The first offset to assign: the log's end offset. */
  readonly nextOffset: number;
  /** Written into the batch. */
  readonly partitionLeaderEpoch: number;
  readonly nowMs: number;
  /** `compression.type` of the topic: 'producer' keeps what came, 'uncompressed' is Kafka's word for 'none'. */
  readonly targetCompression: TargetCompression;
  /** `message.timestamp.type`. */
  readonly timestampType: TimestampType;
  /** How far timestamps may lie before and after `nowMs`. Kafka's defaults are unlimited (int64 max). */
  readonly timestampBeforeMaxMs: Int64;
  readonly timestampAfterMaxMs: Int64;
  /** `cleanup.policy` contains compact: records must have keys. */
  readonly compactedTopic: boolean;
  /** See `decompress`. */
  readonly maxDecompressedBytes?: number;
  /** What the step under way may still do. Without it everything is done, however long it takes. */
  readonly work?: StepWork | undefined;
  /** What the other batches of the request have left. Without it there are no others. */
  readonly allowance?: AppendAllowance | undefined;
  /** What was found before; looked at if it is about these bytes, under these conditions. */
  readonly prepared?: PreparedAppend | undefined;
}

/** What `AppendPreparation` found. */
export interface PreparedAppend {
  /** False when it was about other bytes, or under other conditions: the topic is configured otherwise by now. */
  isFor(buffer: Buffer, options: AppendValidationOptions): boolean;
  /** Throws what is wrong with the records. */
  outcome(): RecordFacts;
  /** The batch written again, where it has to be: at offset 0, of leader epoch -1. */
  readonly rebuilt: Buffer | null;
}

export interface AppendValidation {
  /** What to append: the received bytes, changed in place and cut after the last whole batch, or new ones. */
  readonly buffer: Buffer;
  /** 0 when nothing whole was sent: then nothing is to be appended, and offsets mean nothing. */
  readonly batchCount: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** -1 for none; `nowMs` with LogAppendTime. */
  readonly maxTimestamp: Int64;
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
 * `RecordTooLargeError`, `RecordValidationError` (single records, with their indexes) or `UndecodableRecordsError`; and `PreparationNeededError`
 * where it would take more work than the step has left: then `AppendPreparation` does it piece by piece, and this is called again with what
 * that has found.
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
  const mayStay = keepsCodec(batch, target);
  const prepared = options.prepared?.isFor(buffer, options) === true ? options.prepared : null;
  if (prepared) {
    const facts = prepared.outcome();
    if (prepared.rebuilt === null) return assignInPlace(batch, facts, analysis, target, options);
    return finishPrepared(prepared.rebuilt, facts, analysis, target, options);
  }
  const checks = walkAtOnce(batch, mayStay ? null : target, options);
  if (!mustRewrite(batch, target, checks)) return assignInPlace(batch, checks, analysis, target, options);
  const { bytes, start, end } = checks.content!;
  if (mayStay) options.work?.rewrite(end - start, batch.count, target);
  const builder = newBuilder(batch, target, options);
  runAtOnce(rewriteRecords(batch, bytes.subarray(start, end), builder));
  return finishRebuilt(builder, analysis, target, options);
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

/** Checks the records of a batch within the call. */
function walkAtOnce(batch: BatchView, target: Compression | null, options: AppendValidationOptions): RecordChecks {
  const { count, compression, offset, sizeInBytes } = batch;
  const { work } = options;
  let bytes = batch.buffer;
  // Walked where they lie, without even a slice.
  let start = offset + RECORD_BATCH_OVERHEAD;
  let end = offset + sizeInBytes;
  if (compression === 'none') {
    work?.walk(sizeInBytes, count, target);
  } else if (count !== 0) {
    const raw = bytes.subarray(start, end);
    const { maxDecompressedBytes: maxBytes } = options;
    bytes = work
      ? work.decompress(compression, raw, count, target)
      : decompress(compression, raw, maxBytes === undefined ? {} : { maxBytes });
    start = 0;
    end = bytes.length;
  }
  const checks = new RecordChecks(batch, options);
  if (count > 0) {
    const cursor = new RecordCursor(bytes, start, end);
    checks.addAll(cursor, count, work);
    ensureNoneRemaining(cursor);
  }
  checks.finish();
  checks.content = { bytes, start, end };
  return checks;
}

function assignInPlace(
  batch: BatchView,
  checks: RecordFacts,
  analysis: RecordsAnalysis,
  target: Compression,
  options: AppendValidationOptions,
): AppendValidation {
  const { nextOffset, timestampType, nowMs, partitionLeaderEpoch } = options;
  const isLogAppendTime = timestampType === 'LogAppendTime';
  const count = Math.max(0, batch.count);
  const lastOffset = nextOffset + count - 1;
  const maxTimestamp = isLogAppendTime ? nowMs : checks.maxTimestamp;
  batch.baseOffset = lastOffset - batch.lastOffsetDelta;
  batch.partitionLeaderEpoch = partitionLeaderEpoch;
  batch.setMaxTimestamp(timestampType, maxTimestamp);
  const isUncompressed = analysis.sourceCompression === 'none';
  const exactOffset = checks.indexOfMaxTimestamp < 0 ? -1 : nextOffset + checks.indexOfMaxTimestamp;
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

function finishRebuilt(
  builder: BatchBuilder,
  analysis: RecordsAnalysis,
  target: Compression,
  options: AppendValidationOptions,
): AppendValidation {
  const { count, maxTimestamp } = builder;
  return rebuiltBatch(builder.build(), count, maxTimestamp, analysis, target, options);
}

/** Was built before the append: what was not known then is written now. */
function finishPrepared(
  buffer: Buffer,
  checks: RecordFacts,
  analysis: RecordsAnalysis,
  target: Compression,
  options: AppendValidationOptions,
): AppendValidation {
  const batch = new BatchView(buffer);
  batch.baseOffset = options.nextOffset;
  batch.partitionLeaderEpoch = options.partitionLeaderEpoch;
  if (options.timestampType === 'LogAppendTime') batch.setLogAppendTime(options.nowMs);
  return rebuiltBatch(buffer, batch.count, checks.maxTimestamp, analysis, target, options);
}

function rebuiltBatch(
  buffer: Buffer,
  count: number,
  maxTimestamp: Int64,
  analysis: RecordsAnalysis,
  target: Compression,
  options: AppendValidationOptions,
): AppendValidation {
  const { nextOffset, timestampType, nowMs, maxMessageBytes, topicPartition } = options;
  const isLogAppendTime = timestampType === 'LogAppendTime';
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
  forEachBatch(buffer, (batch) => {
    if (batch.magic !== first.magic) {
      throw new InvalidRecordError(
        `Batch magic ${batch.magic} is not the same as the first batch's magic byte ${first.magic} in topic partition ${options.topicPartition}`,
      );
    }
    const errors = new RecordErrors(options.topicPartition, options.allowance ?? new AppendAllowance());
    const records = legacyRecords(buffer, batch.offset, options.maxDecompressedBytes);
    for (const [index, record] of records.entries()) {
      if (batch.isCompressed) ensureInnerValid(record, options.topicPartition);
      const timestamp = record.timestampInt64;
      if (record.magic !== batch.magic) errors.wrongMagic(index, batch.magic);
      else if (options.compactedTopic && record.keySize < 0) errors.noKey(index);
      else if (options.timestampType === 'CreateTime' && timestamp !== -1) {
        if (isOutOfRange(timestamp, options)) {
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
