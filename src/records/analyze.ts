/** What a log must know of records before it appends them, leader or follower: `UnifiedLog.analyzeAndValidateRecords`. */
import type { BatchView } from './batch-view.js';
import type { Compression } from './compression.js';
import { CorruptRecordError, InvalidRecordError, RecordTooLargeError } from './errors.js';
import type { Int64 } from './int64.js';
import { forEachBatch } from './iterate.js';

/** `AppendOrigin`: clients are trusted least. */
export type AppendOrigin = 'client' | 'coordinator' | 'replication' | 'raft';

export interface AnalyzeOptions {
  /** `topic-partition`, for messages of errors. */
  readonly topicPartition: string;
  readonly origin: AppendOrigin;
  /** `max.message.bytes`. */
  readonly maxMessageBytes: number;
  /** A follower takes what its leader accepted, however large. */
  readonly ignoreRecordSize?: boolean;
}

/** The part of `LogAppendInfo` that the bytes decide. Offsets are those the batches carry, before any are assigned. */
export interface RecordsAnalysis {
  /** Whole, valid batches. With 0, nothing else here means anything. */
  readonly batchCount: number;
  /** Where the last whole batch ends. */
  readonly validBytes: number;
  /** Null when the first batch is of magic 0 or 1, where it would take decompression to know. */
  readonly firstOffset: number | null;
  readonly lastOffset: number;
  readonly lastOffsetOfFirstBatch: number;
  /**
   * True when each batch's last offset is greater than that of the one before, and its offsets are some that a log can hold: not below 0, nor
   * beyond 2^53 - 2, nor in the wrong order. Kafka asks for the first alone.
   */
  readonly offsetsMonotonic: boolean;
  /** -1 for none. */
  readonly lastLeaderEpoch: number;
  /** -1 for none. */
  readonly maxTimestamp: Int64;
  /** The last offset of the first batch that has `maxTimestamp`, -1 for none. */
  readonly offsetOfMaxTimestamp: number;
  /** Of the last compressed batch. */
  readonly sourceCompression: Compression;
}

/**
 * Checks sizes and CRCs of every whole batch and sums up what they say. Throws `InvalidRecordError`, `RecordTooLargeError` or
 * `CorruptRecordError`, in the order in which Kafka looks.
 */
export function analyzeRecords(buffer: Buffer, options: AnalyzeOptions): RecordsAnalysis {
  const analysis = {
    batchCount: 0,
    validBytes: 0,
    firstOffset: null as number | null,
    lastOffset: -1,
    lastOffsetOfFirstBatch: -1,
    offsetsMonotonic: true,
    lastLeaderEpoch: -1,
    maxTimestamp: -1 as Int64,
    offsetOfMaxTimestamp: -1,
    sourceCompression: 'none' as Compression,
  };
  analysis.validBytes = forEachBatch(buffer, (batch) => {
    checkBatch(batch, options);
    const { lastOffset, maxTimestamp, compression } = batch;
    if (analysis.batchCount === 0) {
      if (batch.magic >= 2) analysis.firstOffset = batch.baseOffset;
      analysis.lastOffsetOfFirstBatch = lastOffset;
    }
    const firstOffset = batch.magic >= 2 ? batch.baseOffset : lastOffset;
    const canBeHeld = firstOffset >= 0 && firstOffset <= lastOffset && lastOffset < Number.MAX_SAFE_INTEGER;
    if (analysis.lastOffset >= lastOffset || !canBeHeld) analysis.offsetsMonotonic = false;
    analysis.lastOffset = lastOffset;
    analysis.lastLeaderEpoch = batch.partitionLeaderEpoch;
    if (maxTimestamp > analysis.maxTimestamp) {
      analysis.maxTimestamp = maxTimestamp;
      analysis.offsetOfMaxTimestamp = lastOffset;
    }
    if (compression !== 'none') analysis.sourceCompression = compression;
    analysis.batchCount++;
  });
  return analysis;
}

function checkBatch(
  batch: BatchView,
  { topicPartition, origin, maxMessageBytes, ignoreRecordSize }: AnalyzeOptions,
): void {
  if (batch.magic >= 2 && origin === 'client' && batch.baseOffset !== 0) {
    throw new InvalidRecordError(
      `The baseOffset of the record batch in the append to ${topicPartition} should be 0, but it is ${batch.baseOffset}`,
    );
  }
  const { sizeInBytes } = batch;
  if (ignoreRecordSize !== true && sizeInBytes > maxMessageBytes) {
    throw new RecordTooLargeError(
      `The record batch size in the append to ${topicPartition} is ${sizeInBytes} bytes which exceeds the maximum configured value of ${maxMessageBytes}.`,
    );
  }
  if (!batch.isValidCrc()) {
    throw new CorruptRecordError(`Record is corrupt (stored crc = ${batch.crc}) in topic partition ${topicPartition}.`);
  }
}
