/** Int64s of record headers as numbers. Beyond ±(2^53 - 1) the value is rounded: `bigint` views exist where tools need it exact. */
export function readInt64(buffer: Buffer, offset: number): number {
  return buffer.readInt32BE(offset) * 0x100000000 + buffer.readUInt32BE(offset + 4);
}

/**
 * Writes a safe integer, or any int64 given as `bigint`. A number beyond the range (a rounded timestamp of a hostile client) is written as
 * the nearest that fits.
 */
export function writeInt64(buffer: Buffer, value: number | bigint, offset: number): void {
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
