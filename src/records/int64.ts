/**
 * An int64 of the wire or the disk, exact: a number as far as numbers are (2^53 - 1 either way), which is nearly always, else a bigint. Never
 * a bigint where a number would do, so that `===` and the keys of maps hold; `<` and `>` hold between the two.
 */
export type Int64 = number | bigint;

/** Reads an int64 that is compared with safe ones only, or known to be one: beyond ±(2^53 - 1) it is rounded. */
export function readInt64(buffer: Buffer, offset: number): number {
  return buffer.readInt32BE(offset) * 0x100000000 + buffer.readUInt32BE(offset + 4);
}

/** Reads an int64 as it is. */
export function readInt64Exact(buffer: Buffer, offset: number): Int64 {
  const value = readInt64(buffer, offset);
  // Rounding ends at 2^53 at least, so that what is beyond is seen to be.
  return Number.isSafeInteger(value) ? value : buffer.readBigInt64BE(offset);
}

/** Takes the low 64 bits. */
export function toInt64(value: bigint): Int64 {
  const wrapped = BigInt.asIntN(64, value);
  const number = Number(wrapped);
  return Number.isSafeInteger(number) ? number : wrapped;
}

/** The sum, which wraps as Java's does. */
export function addInt64(a: Int64, b: Int64): Int64 {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return toInt64(BigInt(a) + BigInt(b));
}

/** The difference, which wraps as Java's does. */
export function subtractInt64(a: Int64, b: Int64): Int64 {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return toInt64(BigInt(a) - BigInt(b));
}

/** Writes any int64. What is no safe integer is given as a bigint; a number beyond the range is written as the nearest that fits. */
export function writeInt64(buffer: Buffer, value: Int64, offset: number): void {
  if (typeof value === 'bigint') {
    buffer.writeBigInt64BE(BigInt.asIntN(64, value), offset);
    return;
  }
  const high = Math.floor(value / 0x100000000);
  if (high > INT32_MAX || high < -INT32_MAX - 1) {
    buffer.writeBigInt64BE(high > 0 ? INT64_MAX : -INT64_MAX - 1n, offset);
    return;
  }
  buffer.writeInt32BE(high, offset);
  buffer.writeUInt32BE(value - high * 0x100000000, offset + 4);
}

const INT32_MAX = 0x7fffffff;
const INT64_MAX = 0x7fffffffffffffffn;
