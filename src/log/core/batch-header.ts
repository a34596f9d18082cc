/**
 * The few header fields of a batch that storage walks by, read in place and without an object per batch. Message sets of format 0 and 1
 * (from logs that older brokers wrote) are walked too: their offset field is the last offset.
 */

import { CorruptRecordError } from '../../records/index.js';

/** Base offset and length: what precedes the part that the length counts. */
export const LOG_OVERHEAD_BYTES = 12;
/** What must be read of a batch before its fields can be: up to and with the last offset delta and max timestamp. */
export const HEADER_BYTES = 43;
/** The smallest length field that any format has. */
const MIN_LENGTH_FIELD = 14;

const LENGTH_AT = 8;
const MAGIC_AT = 16;
const V1_TIMESTAMP_AT = 18;
const LAST_OFFSET_DELTA_AT = 23;
const MAX_TIMESTAMP_AT = 35;

/** An int64 that is known to be a safe integer: an offset or a time. */
export function readLong(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at) * 4_294_967_296 + buffer.readUInt32BE(at + 4);
}

/** Writes an int64; one beyond the range (a rounded timestamp of a hostile client) is written as the greatest that fits. */
export function writeLong(buffer: Buffer, value: number, at: number): void {
  const high = Math.floor(value / 4_294_967_296);
  if (high > 0x7fffffff) {
    buffer.writeBigInt64BE(0x7fffffffffffffffn, at);
    return;
  }
  buffer.writeInt32BE(Math.max(high, -0x80000000), at);
  buffer.writeUInt32BE(value - high * 4_294_967_296, at + 4);
}

/**
 * Bytes of the whole batch. Not to be trusted before it is compared with what is there: a torn tail may hold anything. Throws
 * CorruptRecordError for a length that no batch has, by which no walk would get on.
 */
export function sizeAt(buffer: Buffer, at: number): number {
  const length = buffer.readInt32BE(at + LENGTH_AT);
  if (length < MIN_LENGTH_FIELD) {
    throw new CorruptRecordError(
      `Found record size ${length} smaller than minimum record overhead (${MIN_LENGTH_FIELD})`,
    );
  }
  return LOG_OVERHEAD_BYTES + length;
}

export function magicAt(buffer: Buffer, at: number): number {
  return buffer[at + MAGIC_AT]!;
}

export function lastOffsetAt(buffer: Buffer, at: number): number {
  const offset = readLong(buffer, at);
  return magicAt(buffer, at) >= 2 ? offset + buffer.readInt32BE(at + LAST_OFFSET_DELTA_AT) : offset;
}

export function maxTimestampAt(buffer: Buffer, at: number): number {
  const magic = magicAt(buffer, at);
  if (magic >= 2) return readLong(buffer, at + MAX_TIMESTAMP_AT);
  return magic === 1 ? readLong(buffer, at + V1_TIMESTAMP_AT) : -1;
}

/**
 * Where the batch begins that holds `offset` or, when that offset is gone, the next one: the first batch between `from` and `to` whose
 * last offset is not less. -1 when there is none, or the last one is not all there.
 */
export function findBatch(buffer: Buffer, from: number, to: number, offset: number): number {
  let at = from;
  while (at + HEADER_BYTES <= to) {
    if (lastOffsetAt(buffer, at) >= offset) return at;
    at += sizeAt(buffer, at);
  }
  return -1;
}

/** The end of the last whole batch between `from` (where one begins) and `to`. */
export function endOfWholeBatches(buffer: Buffer, from: number, to: number): number {
  let at = from;
  while (at + LOG_OVERHEAD_BYTES <= to) {
    const size = sizeAt(buffer, at);
    if (at + size > to) break;
    at += size;
  }
  return at;
}
