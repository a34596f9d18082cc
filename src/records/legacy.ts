/**
 * Messages of magic 0 and 1, as logs written before Kafka 0.11 hold them: an entry is one message, or a compressed wrapper around
 * several. Read only; nothing here writes them.
 */
import {
  LEGACY_ATTRIBUTES_POSITION as ATTRIBUTES_POSITION,
  LEGACY_TIMESTAMP_POSITION as TIMESTAMP_POSITION,
  LOG_OVERHEAD,
  MAGIC_POSITION,
  sizeAt,
} from './batch-header.js';
import { crc32 } from './crc.js';
import { compressionTypeOf, decompress, type Compression } from './compression.js';
import { CorruptRecordError, InvalidRecordError } from './errors.js';
import { readInt64, toInt64, type Int64 } from './int64.js';
import type { Record, RecordHeader } from './record.js';

export type LegacyTimestampType = 'NoTimestampType' | 'CreateTime' | 'LogAppendTime';

const CRC_POSITION = LOG_OVERHEAD;
const NO_HEADERS: readonly RecordHeader[] = [];

/** One message of magic 0 or 1 at `position` in `buffer`: `LegacyRecord` with its offset and size. */
export class LegacyRecord implements Record {
  readonly headers = NO_HEADERS;
  readonly sequence = -1;
  readonly keySize: number;
  readonly valueSize: number;
  private readonly keyStart: number;
  private readonly valueStart: number;

  /**
   * `overrides` are what a wrapper says about its inner messages. Throws `CorruptRecordError` if the sizes inside do not fit the entry.
   */
  constructor(
    readonly buffer: Buffer,
    readonly position: number,
    private readonly overrides: { offset?: bigint; logAppendTime?: bigint } = {},
  ) {
    const end = position + LOG_OVERHEAD + this.sizeInBytes;
    const keySizePosition = position + (this.magic === 0 ? TIMESTAMP_POSITION : TIMESTAMP_POSITION + 8);
    const sizes = new LegacySizes(buffer, end);
    this.keySize = sizes.read(keySizePosition);
    this.keyStart = keySizePosition + 4;
    const valueSizePosition = this.keyStart + Math.max(0, this.keySize);
    this.valueSize = sizes.read(valueSizePosition);
    this.valueStart = valueSizePosition + 4;
    if (this.valueStart + Math.max(0, this.valueSize) > end) throw sizes.error();
  }

  get offset(): number {
    return Number(this.offsetExact);
  }

  get offsetExact(): bigint {
    return this.overrides.offset ?? this.buffer.readBigInt64BE(this.position);
  }

  /** Without offset and size, as `LegacyRecord.sizeInBytes`. */
  get sizeInBytes(): number {
    return this.buffer.readInt32BE(this.position + 8);
  }

  get crc(): number {
    return this.buffer.readUInt32BE(this.position + CRC_POSITION);
  }

  get magic(): number {
    return this.buffer.readInt8(this.position + MAGIC_POSITION);
  }

  get attributes(): number {
    return this.buffer[this.position + ATTRIBUTES_POSITION]!;
  }

  get compression(): Compression {
    return compressionTypeOf(this.attributes & 7);
  }

  get timestampType(): LegacyTimestampType {
    if (this.magic === 0) return 'NoTimestampType';
    if (this.overrides.logAppendTime !== undefined) return 'LogAppendTime';
    return (this.attributes & 8) === 0 ? 'CreateTime' : 'LogAppendTime';
  }

  get timestamp(): number {
    return Number(this.timestampExact);
  }

  get timestampInt64(): Int64 {
    return toInt64(this.timestampExact);
  }

  get timestampExact(): bigint {
    if (this.magic === 0) return -1n;
    return this.overrides.logAppendTime ?? this.buffer.readBigInt64BE(this.position + TIMESTAMP_POSITION);
  }

  get key(): Buffer | null {
    return this.keySize < 0 ? null : this.buffer.subarray(this.keyStart, this.keyStart + this.keySize);
  }

  get value(): Buffer | null {
    return this.valueSize < 0 ? null : this.buffer.subarray(this.valueStart, this.valueStart + this.valueSize);
  }

  isValidCrc(): boolean {
    return this.crc === legacyCrc(this.buffer, this.position);
  }
}

/** The CRC that a message should have: over all that follows the CRC. */
export function legacyCrc(buffer: Buffer, position: number): number {
  return crc32(buffer, position + MAGIC_POSITION, position + LOG_OVERHEAD + buffer.readInt32BE(position + 8));
}

class LegacySizes {
  constructor(
    private readonly buffer: Buffer,
    private readonly end: number,
  ) {}

  read(position: number): number {
    if (position + 4 > this.end) throw this.error();
    return this.buffer.readInt32BE(position);
  }

  error(): CorruptRecordError {
    return new CorruptRecordError('The key and value sizes of a message exceed its size');
  }
}

/**
 * The messages of the entry at `position`: itself, or those inside a wrapper with their absolute offsets (`DeepRecordsIterator`). Inner
 * offsets of magic 1 are relative to the wrapper's, which is that of the last message; of magic 0 they are absolute.
 */
export function legacyRecords(buffer: Buffer, position: number, maxBytes?: number): LegacyRecord[] {
  const wrapper = new LegacyRecord(buffer, position);
  const compression = wrapper.compression;
  if (compression === 'none') return [wrapper];
  if (compression === 'zstd') {
    throw new InvalidRecordError(
      `Invalid wrapper compressionType found in legacy deep record iterator ${wrapper.magic}`,
    );
  }
  const value = wrapper.value;
  if (value === null) {
    throw new InvalidRecordError(`Found invalid compressed record set with null value (magic = ${wrapper.magic})`);
  }
  const content = decompress(compression, value, { magic: wrapper.magic, ...(maxBytes !== undefined && { maxBytes }) });
  const positions = innerPositions(content);
  const last = positions.at(-1);
  if (last === undefined) throw new InvalidRecordError('Found invalid compressed record set with no inner records');
  const logAppendTime = wrapper.timestampType === 'LogAppendTime' ? wrapper.timestampExact : undefined;
  const base = wrapper.magic === 1 ? absoluteBaseOffset(wrapper.offsetExact, content.readBigInt64BE(last)) : 0n;
  return positions.map((inner) => {
    const offset = base + content.readBigInt64BE(inner);
    const record = new LegacyRecord(content, inner, {
      offset,
      ...(logAppendTime !== undefined && { logAppendTime }),
    });
    if (record.compression !== 'none') throw new InvalidRecordError('Inner messages must not be compressed');
    return record;
  });
}

function innerPositions(content: Buffer): number[] {
  const positions: number[] = [];
  let position = 0;
  while (position + LOG_OVERHEAD <= content.length) {
    const size = sizeAt(content, position);
    if (position + size > content.length) break; // A partial message at the end is left out.
    positions.push(position);
    position += size;
  }
  return positions;
}

function absoluteBaseOffset(wrapperOffset: bigint, lastInnerOffset: bigint): bigint {
  // Some versions of librdkafka leave the wrapper's offset 0 when they produce.
  if (wrapperOffset === 0n) return 0n;
  if (wrapperOffset < lastInnerOffset) {
    throw new InvalidRecordError(
      `Found invalid wrapper offset in compressed v1 message set, wrapper offset '${wrapperOffset}' is less than the last inner message ` +
        `offset '${lastInnerOffset}' and it is not zero.`,
    );
  }
  return wrapperOffset - lastInnerOffset;
}

/** The offset of the first message in the entry, which for a wrapper needs decompression. */
export function legacyBaseOffset(buffer: Buffer, position: number): number {
  const isCompressed = (buffer[position + ATTRIBUTES_POSITION]! & 7) !== 0;
  return isCompressed ? legacyRecords(buffer, position)[0]!.offset : readInt64(buffer, position);
}
