/** One record batch where it lies in a buffer: header fields read and written in place, records on demand. */
import { assert } from '../common/index.js';
import {
  ATTRIBUTES_POSITION,
  BASE_SEQUENCE_POSITION,
  BASE_TIMESTAMP_POSITION,
  COUNT_POSITION,
  CRC_POSITION,
  LAST_OFFSET_DELTA_POSITION,
  LEGACY_ATTRIBUTES_POSITION,
  LENGTH_POSITION,
  LOG_OVERHEAD,
  magicAt,
  maxTimestampAt,
  MAX_TIMESTAMP_POSITION,
  PARTITION_LEADER_EPOCH_POSITION,
  PRODUCER_EPOCH_POSITION,
  PRODUCER_ID_POSITION,
  RECORD_BATCH_OVERHEAD,
} from './batch-header.js';
import { compressionTypeOf, decompress, type Compression } from './compression.js';
import { crc32c } from './crc.js';
import { CorruptRecordError, InvalidRecordError } from './errors.js';
import { readInt64, readInt64Exact, writeInt64, type Int64 } from './int64.js';
import { LegacyRecord, legacyBaseOffset, legacyCrc, legacyRecords, type LegacyTimestampType } from './legacy.js';
import type { StepWork } from './step-work.js';
import { DefaultRecord, incrementSequence, RecordCursor, type Record, type RecordContext } from './record.js';

export type TimestampType = 'CreateTime' | 'LogAppendTime';

const COMPRESSION_MASK = 0x07;
const TIMESTAMP_TYPE_FLAG = 0x08;
const TRANSACTIONAL_FLAG = 0x10;
const CONTROL_FLAG = 0x20;
const DELETE_HORIZON_FLAG = 0x40;

export interface RecordsLimits {
  /** The most bytes decompression may produce; see `decompress`. */
  readonly maxBytes?: number;
  /** What the step under way may still do: `PreparationNeededError` is thrown for more. */
  readonly work?: StepWork;
}

/**
 * A batch of magic 2 at `offset` in `buffer` (`DefaultRecordBatch`), whole or at least with its header. It owns nothing: the caller
 * keeps the buffer and may move on. For entries of magic 0 and 1 the same fields say what Kafka's `AbstractLegacyRecordBatch` says.
 * Offsets are rounded beyond ±(2^53 - 1), which no log gets to; the `…Exact` fields are not. Times and producer ids are exact (`Int64`).
 */
export class BatchView {
  constructor(
    readonly buffer: Buffer,
    readonly offset = 0,
  ) {}

  get magic(): number {
    return magicAt(this.buffer, this.offset);
  }

  /** Offset of the first record that the batch ever held. For a compressed entry of magic 0 or 1 this decompresses. */
  get baseOffset(): number {
    if (this.magic < 2) return legacyBaseOffset(this.buffer, this.offset);
    return readInt64(this.buffer, this.offset);
  }

  /** Assigns offsets to all records at once. Outside the CRC. */
  set baseOffset(value: number) {
    writeInt64(this.buffer, value, this.offset);
  }

  get baseOffsetExact(): bigint {
    return this.buffer.readBigInt64BE(this.offset);
  }

  get lastOffset(): number {
    const first = readInt64(this.buffer, this.offset);
    return this.magic < 2 ? first : first + this.lastOffsetDelta;
  }

  get nextOffset(): number {
    return this.lastOffset + 1;
  }

  /** Whole, header included. */
  get sizeInBytes(): number {
    return LOG_OVERHEAD + this.buffer.readInt32BE(this.offset + LENGTH_POSITION);
  }

  get bytes(): Buffer {
    return this.buffer.subarray(this.offset, this.offset + this.sizeInBytes);
  }

  /** -1 before magic 2. */
  get partitionLeaderEpoch(): number {
    return this.magic < 2 ? -1 : this.buffer.readInt32BE(this.offset + PARTITION_LEADER_EPOCH_POSITION);
  }

  /** Outside the CRC. */
  set partitionLeaderEpoch(value: number) {
    assert(this.magic >= 2, 'only batches of magic 2 have a leader epoch');
    this.buffer.writeInt32BE(value, this.offset + PARTITION_LEADER_EPOCH_POSITION);
  }

  /** As stored, unsigned. */
  get crc(): number {
    return this.buffer.readUInt32BE(this.offset + (this.magic < 2 ? LOG_OVERHEAD : CRC_POSITION));
  }

  get attributes(): number {
    if (this.magic < 2) return this.buffer[this.offset + LEGACY_ATTRIBUTES_POSITION]!;
    return this.buffer.readUInt16BE(this.offset + ATTRIBUTES_POSITION);
  }

  /** Throws `UndecodableRecordsError` for an id that no codec has. */
  get compression(): Compression {
    return compressionTypeOf(this.attributes & COMPRESSION_MASK);
  }

  get isCompressed(): boolean {
    return (this.attributes & COMPRESSION_MASK) !== 0;
  }

  get timestampType(): TimestampType {
    return (this.attributes & TIMESTAMP_TYPE_FLAG) === 0 || this.magic === 0 ? 'CreateTime' : 'LogAppendTime';
  }

  /** As tools print it: magic 0 has no timestamps. */
  get timestampTypeName(): LegacyTimestampType {
    return this.magic === 0 ? 'NoTimestampType' : this.timestampType;
  }

  get isTransactional(): boolean {
    return this.magic >= 2 && (this.attributes & TRANSACTIONAL_FLAG) !== 0;
  }

  get isControl(): boolean {
    return this.magic >= 2 && (this.attributes & CONTROL_FLAG) !== 0;
  }

  get hasDeleteHorizon(): boolean {
    return this.magic >= 2 && (this.attributes & DELETE_HORIZON_FLAG) !== 0;
  }

  /** When the cleaner may drop the tombstones and markers of this batch (KIP-534); null until it has seen them once. */
  get deleteHorizonMs(): Int64 | null {
    return this.hasDeleteHorizon ? this.baseTimestamp : null;
  }

  get lastOffsetDelta(): number {
    return this.magic < 2 ? 0 : this.buffer.readInt32BE(this.offset + LAST_OFFSET_DELTA_POSITION);
  }

  /** What the records' timestamp deltas count from. */
  get baseTimestamp(): Int64 {
    return this.magic < 2 ? this.maxTimestamp : readInt64Exact(this.buffer, this.offset + BASE_TIMESTAMP_POSITION);
  }

  get baseTimestampExact(): bigint {
    return BigInt(this.baseTimestamp);
  }

  /** -1 when no record has a timestamp. */
  get maxTimestamp(): Int64 {
    return maxTimestampAt(this.buffer, this.offset);
  }

  get maxTimestampExact(): bigint {
    return BigInt(this.maxTimestamp);
  }

  get producerId(): Int64 {
    return this.magic < 2 ? -1 : readInt64Exact(this.buffer, this.offset + PRODUCER_ID_POSITION);
  }

  get producerIdExact(): bigint {
    return BigInt(this.producerId);
  }

  get hasProducerId(): boolean {
    return this.producerId > -1;
  }

  get producerEpoch(): number {
    return this.magic < 2 ? -1 : this.buffer.readInt16BE(this.offset + PRODUCER_EPOCH_POSITION);
  }

  get baseSequence(): number {
    return this.magic < 2 ? -1 : this.buffer.readInt32BE(this.offset + BASE_SEQUENCE_POSITION);
  }

  get lastSequence(): number {
    const { baseSequence } = this;
    return baseSequence === -1 ? -1 : incrementSequence(baseSequence, this.lastOffsetDelta);
  }

  /** Records in the batch, as it says itself. -1 before magic 2, where nothing says so. */
  get count(): number {
    return this.magic < 2 ? -1 : this.buffer.readInt32BE(this.offset + COUNT_POSITION);
  }

  /** The CRC that the bytes should have, unsigned. */
  computeCrc(): number {
    if (this.magic < 2) return legacyCrc(this.buffer, this.offset);
    return crc32c(this.buffer, this.offset + ATTRIBUTES_POSITION, this.offset + this.sizeInBytes);
  }

  isValidCrc(): boolean {
    if (this.magic >= 2 && this.sizeInBytes < RECORD_BATCH_OVERHEAD) return false;
    return this.crc === this.computeCrc();
  }

  /** Throws `CorruptRecordError` if the size cannot be right or the CRC is not. */
  ensureValid(): void {
    if (this.magic >= 2 && this.sizeInBytes < RECORD_BATCH_OVERHEAD) {
      throw new CorruptRecordError(
        `Record batch is corrupt (the size ${this.sizeInBytes} is smaller than the minimum allowed overhead ${RECORD_BATCH_OVERHEAD})`,
      );
    }
    const computed = this.computeCrc();
    if (this.crc !== computed) {
      throw new CorruptRecordError(`Record is corrupt (stored crc = ${this.crc}, computed crc = ${computed})`);
    }
  }

  /** Writes the CRC that the bytes should have. */
  recomputeCrc(): void {
    this.buffer.writeUInt32BE(this.computeCrc(), this.offset + (this.magic < 2 ? LOG_OVERHEAD : CRC_POSITION));
  }

  /** Sets timestamp type and maxTimestamp, and the CRC if that changed anything (`DefaultRecordBatch.setMaxTimestamp`). */
  setMaxTimestamp(type: TimestampType, maxTimestamp: Int64): void {
    if (this.timestampType === type && this.maxTimestamp === maxTimestamp) return;
    assert(this.magic >= 2, 'timestamps are set in batches of magic 2 only');
    const attributes = (this.attributes & 0x77) | (type === 'LogAppendTime' ? TIMESTAMP_TYPE_FLAG : 0);
    this.buffer.writeUInt16BE(attributes, this.offset + ATTRIBUTES_POSITION);
    writeInt64(this.buffer, maxTimestamp, this.offset + MAX_TIMESTAMP_POSITION);
    this.recomputeCrc();
  }

  /** The broker's time for all records. Their deltas stay: readers report maxTimestamp for each. */
  setLogAppendTime(ms: number): void {
    this.setMaxTimestamp('LogAppendTime', ms);
  }

  /** The bytes after the header, decompressed. */
  recordsBytes(limits: RecordsLimits = {}): Buffer {
    const raw = this.buffer.subarray(this.offset + RECORD_BATCH_OVERHEAD, this.offset + this.sizeInBytes);
    const { work } = limits;
    if (!work) return decompress(this.compression, raw, limits);
    if (this.isCompressed) return work.decompress(this.compression, raw, this.count, null);
    work.walk(raw.length, this.count, null);
    return raw;
  }

  /**
   * The records, decompressing at the first step. Errors show when they are reached; in a compressed batch, before the first record,
   * as with Kafka's iterator. Throws `InvalidRecordError` for malformed records and `UndecodableRecordsError` from a codec.
   */
  *records(limits: RecordsLimits = {}): Generator<Record, void, undefined> {
    if (this.magic < 2) {
      yield* legacyRecords(this.buffer, this.offset, limits.maxBytes);
      return;
    }
    const { count } = this;
    if (count === 0) return;
    const bytes = this.recordsBytes(limits);
    if (count < 0) throw new InvalidRecordError(`Found invalid record count ${count} in magic v${this.magic} batch`);
    if (this.isCompressed) walkRecords(bytes, count);
    const context = this.recordContext();
    const cursor = new RecordCursor(bytes, 0, bytes.length);
    for (let read = 1; read <= count; read++) {
      cursor.next();
      if (read === count) ensureNoneRemaining(cursor);
      yield new DefaultRecord(cursor, context);
    }
  }

  /** `LegacyRecord` of an entry of magic 0 or 1: the message itself, or the wrapper around several. */
  outerRecord(): LegacyRecord {
    assert(this.magic < 2, 'a batch of magic 2 is not itself a record');
    return new LegacyRecord(this.buffer, this.offset);
  }

  private recordContext(): RecordContext {
    const isLogAppendTime = this.timestampType === 'LogAppendTime';
    return {
      baseOffset: this.baseOffset,
      baseTimestamp: this.baseTimestamp,
      baseSequence: this.baseSequence,
      logAppendTime: isLogAppendTime ? this.maxTimestamp : null,
      baseOffsetExact: this.baseOffsetExact,
    };
  }
}

/** Passes `count` records of magic 2 that must fill `bytes`, without keeping any. Throws `InvalidRecordError` if they do not. */
export function walkRecords(bytes: Buffer, count: number): void {
  const cursor = new RecordCursor(bytes, 0, bytes.length);
  for (let read = 0; read < count; read++) cursor.next();
  ensureNoneRemaining(cursor);
}

export function ensureNoneRemaining(cursor: RecordCursor): void {
  if (cursor.position !== cursor.end) {
    throw new InvalidRecordError('Incorrect declared batch size, records still remaining in file');
  }
}
