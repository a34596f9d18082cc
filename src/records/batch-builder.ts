/** Writing batches of magic 2. */
import { assert, type Steps } from '../common/index.js';
import { LOG_OVERHEAD, RECORD_BATCH_OVERHEAD } from './batch-header.js';
import type { TimestampType } from './batch-view.js';
import { compress, compressInSteps, compressionIdOf, type Compression } from './compression.js';
import { crc32c } from './crc.js';
import { toInt64, writeInt64, type Int64 } from './int64.js';
import { sizeOfVarint, sizeOfVarlong, writeVarint, writeVarlong } from './varint.js';

export interface RecordInput {
  /** Milliseconds; -1 for none. */
  readonly timestamp: number | bigint;
  readonly key?: Buffer | null;
  readonly value?: Buffer | null;
  readonly headers?: readonly { readonly key: string; readonly value: Buffer | null }[];
}

export interface BatchOptions {
  readonly baseOffset?: number | bigint;
  readonly compression?: Compression;
  readonly timestampType?: TimestampType;
  /** What readers report for every record. Required with LogAppendTime. */
  readonly logAppendTimeMs?: number | bigint;
  readonly producerId?: number | bigint;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly partitionLeaderEpoch?: number;
  readonly isTransactional?: boolean;
  readonly isControl?: boolean;
  /** Set by the cleaner (KIP-534). Takes the place of the base timestamp. */
  readonly deleteHorizonMs?: number | bigint;
  /** What timestamp deltas count from. By default the first record's timestamp. */
  readonly baseTimestamp?: number | bigint;
  /** By default the greatest of the records. A batch that the cleaner emptied keeps the one it had. */
  readonly maxTimestamp?: number | bigint;
  /** By default that of the last record. The cleaner keeps the one that the batch had. */
  readonly lastOffset?: number | bigint;
  /** Bytes to start with; the buffer grows. */
  readonly initialCapacity?: number;
}

const EMPTY = Buffer.alloc(0);
const NO_HEADERS_RAW = Buffer.from([0]);

/** Collects records and writes one batch. A builder is used once: nothing may be appended after `build`. */
export class BatchBuilder {
  private buffer: Buffer;
  private position = RECORD_BATCH_OVERHEAD;
  private recordCount = 0;
  private lastOffsetDelta = -1;
  private baseTimestamp: number | bigint | null;
  private maxTimestampSeen: number | bigint = -1;
  private offsetOfMax: number = -1;
  private readonly baseOffset: number | bigint;
  private built = false;

  constructor(private readonly options: BatchOptions = {}) {
    this.baseOffset = options.baseOffset ?? 0;
    this.baseTimestamp = options.deleteHorizonMs ?? options.baseTimestamp ?? null;
    this.buffer = Buffer.allocUnsafe(Math.max(options.initialCapacity ?? 1024, RECORD_BATCH_OVERHEAD));
  }

  get count(): number {
    return this.recordCount;
  }

  /** What the batch would take if it were built now without compression. */
  get uncompressedSizeInBytes(): number {
    return this.position;
  }

  /** The greatest timestamp appended so far, -1 for none. */
  get maxTimestamp(): Int64 {
    const seen = this.maxTimestampSeen;
    return typeof seen === 'bigint' ? toInt64(seen) : seen;
  }

  /** The offset of the first record that has `maxTimestamp`, -1 for none. */
  get offsetOfMaxTimestamp(): number {
    return this.offsetOfMax;
  }

  /** The offset after the last record: what `append` will assign. */
  get nextOffset(): number {
    return Number(this.baseOffset) + this.lastOffsetDelta + 1;
  }

  /** Appends a record at the next offset and returns the bytes it took before compression. */
  append(record: RecordInput): number {
    return this.appendAtDelta(this.lastOffsetDelta + 1, record);
  }

  /** Appends a record at an offset of its own, which must grow: the cleaner leaves gaps. */
  appendWithOffset(offset: number | bigint, record: RecordInput): number {
    const delta =
      typeof offset === 'number' && typeof this.baseOffset === 'number'
        ? offset - this.baseOffset
        : Number(BigInt(offset) - BigInt(this.baseOffset));
    return this.appendAtDelta(delta, record);
  }

  /** What `record` would take in this batch before compression, so that a producer can keep to its batch size. */
  sizeOf(record: RecordInput): number {
    const body = this.bodySize(this.lastOffsetDelta + 1, this.timestampDelta(record.timestamp), record, null);
    return sizeOfVarint(body) + body;
  }

  /**
   * Appends a record whose headers are already encoded (their count, then each), as a cursor found them: for rewriting batches without
   * taking headers apart.
   */
  appendRaw(
    offsetDelta: number,
    timestamp: number | bigint,
    key: Buffer | null,
    value: Buffer | null,
    headers: Buffer,
  ): number {
    return this.appendAtDelta(offsetDelta, { timestamp, key, value }, headers);
  }

  /** Finishes the batch. Without compression the result is the builder's own buffer, not a copy. */
  build(): Buffer {
    const records = this.takeRecords();
    return this.finish(records, this.isCompressed ? compress(this.options.compression!, records) : null);
  }

  /** The same where compressing takes long. */
  *buildInSteps(): Steps<Buffer | Promise<Buffer>> {
    const records = this.takeRecords();
    if (!this.isCompressed) return this.finish(records, null);
    const compressed = yield* compressInSteps(this.options.compression!, records);
    if (Buffer.isBuffer(compressed)) return this.finish(records, compressed);
    return compressed.then((data) => this.finish(records, data));
  }

  /** A batch without records has nothing to compress, and readers do not look for it (the cleaner's empty batches). */
  private get isCompressed(): boolean {
    return (this.options.compression ?? 'none') !== 'none' && this.recordCount > 0;
  }

  private takeRecords(): Buffer {
    assert(!this.built, 'a batch is built once');
    this.built = true;
    return this.buffer.subarray(RECORD_BATCH_OVERHEAD, this.position);
  }

  private finish(records: Buffer, compressed: Buffer | null): Buffer {
    let batch = this.buffer.subarray(0, RECORD_BATCH_OVERHEAD + records.length);
    if (compressed !== null) {
      batch = Buffer.allocUnsafe(RECORD_BATCH_OVERHEAD + compressed.length);
      compressed.copy(batch, RECORD_BATCH_OVERHEAD);
    }
    this.buffer = EMPTY;
    this.writeHeader(batch, this.isCompressed ? this.options.compression! : 'none');
    return batch;
  }

  private appendAtDelta(offsetDelta: number, record: RecordInput, rawHeaders: Buffer | null = null): number {
    assert(!this.built, 'nothing is appended to a built batch');
    assert(
      offsetDelta > this.lastOffsetDelta && offsetDelta <= 0x7fffffff,
      'offsets grow inside a batch and fit its int32 delta',
    );
    const { timestamp } = record;
    this.baseTimestamp ??= timestamp;
    const timestampDelta = this.timestampDelta(timestamp);
    const bodySize = this.bodySize(offsetDelta, timestampDelta, record, rawHeaders);
    const sizeInBytes = sizeOfVarint(bodySize) + bodySize;
    this.reserve(sizeInBytes);
    const { buffer } = this;
    let position = writeVarint(buffer, bodySize, this.position);
    buffer[position++] = 0; // Attributes: none are defined.
    position = writeVarlong(buffer, timestampDelta, position);
    position = writeVarint(buffer, offsetDelta, position);
    position = writeBytes(buffer, record.key ?? null, position);
    position = writeBytes(buffer, record.value ?? null, position);
    if (rawHeaders !== null) {
      position += rawHeaders.copy(buffer, position);
    } else {
      const headers = record.headers ?? [];
      position = writeVarint(buffer, headers.length, position);
      for (const header of headers) {
        position = writeVarint(buffer, Buffer.byteLength(header.key), position);
        position += buffer.write(header.key, position);
        position = writeBytes(buffer, header.value, position);
      }
    }
    assert(position === this.position + sizeInBytes, 'the size of a record was foreseen');
    this.position = position;
    this.recordCount++;
    this.lastOffsetDelta = offsetDelta;
    if (timestamp > this.maxTimestampSeen) {
      this.maxTimestampSeen = timestamp;
      this.offsetOfMax = Number(this.baseOffset) + offsetDelta;
    }
    return sizeInBytes;
  }

  private timestampDelta(timestamp: number | bigint): number | bigint {
    const base = this.baseTimestamp ?? timestamp;
    if (typeof timestamp === 'number' && typeof base === 'number') return timestamp - base;
    return toInt64(BigInt(timestamp) - BigInt(base));
  }

  private bodySize(
    offsetDelta: number,
    timestampDelta: number | bigint,
    record: RecordInput,
    rawHeaders: Buffer | null,
  ): number {
    let size = 1 + sizeOfVarlong(timestampDelta) + sizeOfVarint(offsetDelta);
    size += sizeOfBytes(record.key ?? null) + sizeOfBytes(record.value ?? null);
    if (rawHeaders !== null) return size + rawHeaders.length;
    const { headers } = record;
    if (headers === undefined || headers.length === 0) return size + NO_HEADERS_RAW.length;
    size += sizeOfVarint(headers.length);
    for (const header of headers) {
      const keySize = Buffer.byteLength(header.key);
      size += sizeOfVarint(keySize) + keySize + sizeOfBytes(header.value);
    }
    return size;
  }

  private reserve(bytes: number): void {
    const needed = this.position + bytes;
    if (needed <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(grown, 0, 0, this.position);
    this.buffer = grown;
  }

  private writeHeader(batch: Buffer, compression: Compression): void {
    const { options } = this;
    const isLogAppendTime = options.timestampType === 'LogAppendTime';
    assert(!isLogAppendTime || options.logAppendTimeMs !== undefined, 'LogAppendTime needs a time');
    let attributes = compressionIdOf(compression);
    if (isLogAppendTime) attributes |= 0x08;
    if (options.isTransactional === true) attributes |= 0x10;
    if (options.isControl === true) attributes |= 0x20;
    if (options.deleteHorizonMs !== undefined) attributes |= 0x40;
    const lastOffsetDelta =
      options.lastOffset === undefined
        ? Math.max(0, this.lastOffsetDelta)
        : Number(BigInt(options.lastOffset) - BigInt(this.baseOffset));
    const maxTimestamp = isLogAppendTime ? options.logAppendTimeMs! : (options.maxTimestamp ?? this.maxTimestampSeen);
    writeInt64(batch, this.baseOffset, 0);
    batch.writeInt32BE(batch.length - LOG_OVERHEAD, 8);
    batch.writeInt32BE(options.partitionLeaderEpoch ?? -1, 12);
    batch.writeInt8(2, 16);
    batch.writeUInt16BE(attributes, 21);
    batch.writeInt32BE(lastOffsetDelta, 23);
    writeInt64(batch, this.baseTimestamp ?? -1, 27);
    writeInt64(batch, maxTimestamp, 35);
    writeInt64(batch, options.producerId ?? -1, 43);
    batch.writeInt16BE(options.producerEpoch ?? -1, 51);
    batch.writeInt32BE(options.baseSequence ?? -1, 53);
    batch.writeInt32BE(this.recordCount, 57);
    batch.writeUInt32BE(crc32c(batch, 21, batch.length), 17);
  }
}

function sizeOfBytes(bytes: Buffer | null): number {
  return bytes === null ? 1 : sizeOfVarint(bytes.length) + bytes.length;
}

function writeBytes(buffer: Buffer, bytes: Buffer | null, position: number): number {
  if (bytes === null) return writeVarint(buffer, -1, position);
  position = writeVarint(buffer, bytes.length, position);
  return position + bytes.copy(buffer, position);
}
