/** The records inside batches: how they are shown to readers, and the cursor that walks their bytes in place. */
import { InvalidRecordError } from './errors.js';
import { addInt64, toInt64, type Int64 } from './int64.js';
import { readVarlongExact } from './varint.js';

export interface RecordHeader {
  readonly key: string;
  readonly value: Buffer | null;
}

/** One record. Keys and values are slices of the batch's (decompressed) bytes, made when they are asked for. */
export interface Record {
  readonly offset: number;
  /** Milliseconds; -1 for none (magic 0). In a LogAppendTime batch, the batch's maxTimestamp. Rounded where `timestampInt64` is a bigint. */
  readonly timestamp: number;
  readonly timestampInt64: Int64;
  /** -1 without an idempotent producer. */
  readonly sequence: number;
  /** With its length field, uncompressed; for magic 0 and 1 without offset and size. */
  readonly sizeInBytes: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** -1 for null. */
  readonly keySize: number;
  /** -1 for null. */
  readonly valueSize: number;
  readonly headers: readonly RecordHeader[];
  readonly offsetExact: bigint;
  readonly timestampExact: bigint;
}

/** Sequences of a producer wrap from 2^31 - 1 to 0 (`DefaultRecordBatch.incrementSequence`). */
export function incrementSequence(sequence: number, increment: number): number {
  return sequence > 0x7fffffff - increment ? increment - (0x7fffffff - sequence) - 1 : sequence + increment;
}

/** The sequence `decrement` before, wrapping from 0 to 2^31 - 1 (`DefaultRecordBatch.decrementSequence`). */
export function decrementSequence(sequence: number, decrement: number): number {
  return sequence < decrement ? 0x7fffffff - (decrement - sequence) + 1 : sequence - decrement;
}

const NO_HEADERS: readonly RecordHeader[] = [];

/**
 * Walks records of magic 2 in `buffer[position, end)` without making an object per record: after `next()` the fields describe the
 * record it passed. It refuses what `DefaultRecord.readFrom` refuses.
 */
export class RecordCursor {
  /** Length field and body. */
  sizeInBytes = 0;
  timestampDelta: Int64 = 0;
  offsetDelta = 0;
  keyStart = 0;
  /** Negative for null. */
  keySize = 0;
  valueStart = 0;
  /** Negative for null. */
  valueSize = 0;
  headersStart = 0;
  headerCount = 0;

  constructor(
    readonly buffer: Buffer,
    public position: number,
    readonly end: number,
  ) {}

  /** False when the next record goes on beyond the end, or not even its length is all there. What is malformed counts as there. */
  get isNextWhole(): boolean {
    let size = 0;
    for (let at = this.position, shift = 0; at < this.end; at++, shift += 7) {
      const byte = this.buffer[at]!;
      size |= (byte & 0x7f) << shift;
      if (byte < 0x80) return at + 1 + ((size >>> 1) ^ -(size & 1)) <= this.end;
      if (shift === 28) return true;
    }
    return false;
  }

  /** Passes one record. Throws `InvalidRecordError` if there is no whole, well-formed one. */
  next(): void {
    const { buffer, end } = this;
    const start = this.position;
    if (start >= end) throw new InvalidRecordError('Incorrect declared batch size, premature EOF reached');
    const bodySize = this.varint(end);
    const bodyStart = this.position;
    const bodyEnd = bodyStart + bodySize;
    if (bodyEnd > end) {
      throw new InvalidRecordError(
        `Invalid record size: expected ${bodySize} bytes in record payload, but instead the buffer has only ${end - bodyStart} remaining bytes.`,
      );
    }
    if (bodySize < 6) throw new InvalidRecordError(`Invalid record size: ${bodySize} bytes cannot hold a record`);
    this.position = bodyStart + 1;
    const first = buffer[bodyStart + 1]!;
    if (first < 0x80) {
      this.timestampDelta = (first >>> 1) ^ -(first & 1);
      this.position++;
    } else {
      this.timestampDelta = this.varlong(bodyEnd);
    }
    this.offsetDelta = this.varint(bodyEnd);
    const keySize = this.varint(bodyEnd);
    this.keySize = keySize;
    this.keyStart = this.position;
    if (keySize > 0) this.position += keySize;
    if (this.position >= bodyEnd) throw structureError();
    const valueSize = this.varint(bodyEnd);
    this.valueSize = valueSize;
    this.valueStart = this.position;
    if (valueSize > 0) this.position += valueSize;
    if (this.position >= bodyEnd) throw structureError();
    this.headersStart = this.position;
    const headerCount = this.varint(bodyEnd);
    this.headerCount = headerCount;
    if (headerCount !== 0) this.skipHeaders(headerCount, bodyEnd);
    if (this.position !== bodyEnd) {
      throw new InvalidRecordError(
        `Invalid record size: expected to read ${bodySize} bytes in record payload, but instead read ${this.position - bodyStart}`,
      );
    }
    this.sizeInBytes = bodyEnd - start;
  }

  private skipHeaders(count: number, bodyEnd: number): void {
    if (count < 0) throw new InvalidRecordError(`Found invalid number of record headers ${count}`);
    if (count > bodyEnd - this.position) {
      throw new InvalidRecordError(
        `Found invalid number of record headers. ${count} is larger than the remaining size of the buffer`,
      );
    }
    for (let i = 0; i < count; i++) {
      const keySize = this.varint(bodyEnd);
      if (keySize < 0) throw new InvalidRecordError(`Invalid negative header key size ${keySize}`);
      this.position += keySize;
      if (this.position >= bodyEnd) throw structureError();
      const valueSize = this.varint(bodyEnd);
      if (valueSize > 0) this.position += valueSize;
      if (this.position > bodyEnd) throw structureError();
    }
  }

  /** A zig-zag int32 of at most five bytes that ends before `limit`. */
  private varint(limit: number): number {
    const { buffer } = this;
    let position = this.position;
    if (position >= limit) throw structureError();
    let byte = buffer[position++]!;
    if (byte < 0x80) {
      this.position = position;
      return (byte >>> 1) ^ -(byte & 1);
    }
    let raw = byte & 0x7f;
    for (let shift = 7; ; shift += 7) {
      if (position >= limit) throw structureError();
      byte = buffer[position++]!;
      raw |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
      if (shift === 28)
        throw new InvalidRecordError('Varint is too long, the most significant bit in the 5th byte is set');
    }
    this.position = position;
    return (raw >>> 1) ^ -(raw & 1);
  }

  /** A zig-zag int64 of at most ten bytes. As a number it is summed as magnitude, so that it is exact to 2^53. */
  private varlong(limit: number): Int64 {
    const { buffer } = this;
    const start = this.position;
    let position = start;
    const first = buffer[position++]!;
    let magnitude = (first & 0x7f) >>> 1;
    let scale = 64;
    for (let length = 2; ; length++) {
      if (position >= limit) throw structureError();
      const byte = buffer[position++]!;
      magnitude += (length === 10 ? byte & 1 : byte & 0x7f) * scale;
      if (byte < 0x80) break;
      if (length === 10)
        throw new InvalidRecordError('Varlong is too long, most significant bit in the 10th byte is set');
      scale *= 128;
    }
    this.position = position;
    if (magnitude >= Number.MAX_SAFE_INTEGER) return toInt64(readVarlongExact(buffer, start));
    return (first & 1) === 0 ? magnitude : -magnitude - 1;
  }
}

function structureError(): InvalidRecordError {
  return new InvalidRecordError('Found invalid record structure');
}

/** What a record needs to know of its batch to tell its own offset, time and sequence. */
export interface RecordContext {
  readonly baseOffset: number;
  readonly baseTimestamp: Int64;
  readonly baseSequence: number;
  /** Null unless the batch's timestamp type is LogAppendTime. */
  readonly logAppendTime: Int64 | null;
  readonly baseOffsetExact: bigint;
}

/** A record of magic 2 that a cursor has passed. It keeps the (decompressed) bytes of its batch alive. */
export class DefaultRecord implements Record {
  readonly offset: number;
  readonly timestampInt64: Int64;
  readonly sequence: number;
  readonly sizeInBytes: number;
  readonly keySize: number;
  readonly valueSize: number;
  private readonly buffer: Buffer;
  private readonly offsetDelta: number;
  private readonly keyStart: number;
  private readonly valueStart: number;
  private readonly headersStart: number;
  private readonly headerCount: number;

  constructor(
    cursor: RecordCursor,
    private readonly context: RecordContext,
  ) {
    this.buffer = cursor.buffer;
    this.offsetDelta = cursor.offsetDelta;
    this.offset = context.baseOffset + cursor.offsetDelta;
    this.timestampInt64 = context.logAppendTime ?? addInt64(context.baseTimestamp, cursor.timestampDelta);
    this.sequence = context.baseSequence >= 0 ? incrementSequence(context.baseSequence, cursor.offsetDelta) : -1;
    this.sizeInBytes = cursor.sizeInBytes;
    this.keyStart = cursor.keyStart;
    this.keySize = cursor.keySize < 0 ? -1 : cursor.keySize;
    this.valueStart = cursor.valueStart;
    this.valueSize = cursor.valueSize < 0 ? -1 : cursor.valueSize;
    this.headersStart = cursor.headersStart;
    this.headerCount = cursor.headerCount;
  }

  get key(): Buffer | null {
    return this.keySize < 0 ? null : this.buffer.subarray(this.keyStart, this.keyStart + this.keySize);
  }

  get value(): Buffer | null {
    return this.valueSize < 0 ? null : this.buffer.subarray(this.valueStart, this.valueStart + this.valueSize);
  }

  get headers(): readonly RecordHeader[] {
    if (this.headerCount === 0) return NO_HEADERS;
    const reader = new HeaderReader(this.buffer, this.headersStart);
    reader.varint(); // The count, which we know.
    return Array.from({ length: this.headerCount }, () => reader.next());
  }

  get timestamp(): number {
    return Number(this.timestampInt64);
  }

  get offsetExact(): bigint {
    return BigInt.asIntN(64, this.context.baseOffsetExact + BigInt(this.offsetDelta));
  }

  get timestampExact(): bigint {
    return BigInt(this.timestampInt64);
  }
}

/** Reads headers that a cursor has already checked. */
class HeaderReader {
  constructor(
    private readonly buffer: Buffer,
    private position: number,
  ) {}

  next(): RecordHeader {
    const key = this.bytes() ?? Buffer.alloc(0);
    return { key: key.toString('utf8'), value: this.bytes() };
  }

  varint(): number {
    let raw = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.buffer[this.position++]!;
      raw |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return (raw >>> 1) ^ -(raw & 1);
  }

  private bytes(): Buffer | null {
    const size = this.varint();
    if (size < 0) return null;
    this.position += size;
    return this.buffer.subarray(this.position - size, this.position);
  }
}
