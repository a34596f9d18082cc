/** Zig-zag varints of records, on the writing side. Reading is done in place by `RecordCursor`. */

/** Bytes of an int32 as a zig-zag varint, 1 to 5. */
export function sizeOfVarint(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  if (zigzag < 0x80) return 1;
  if (zigzag < 0x4000) return 2;
  if (zigzag < 0x200000) return 3;
  return zigzag < 0x10000000 ? 4 : 5;
}

/** Bytes of an int64 as a zig-zag varint, 1 to 10. */
export function sizeOfVarlong(value: number | bigint): number {
  if (typeof value === 'number' && value >= -0x40000000 && value < 0x40000000) return sizeOfVarint(value);
  let size = 1;
  if (hasExactZigzag(value)) {
    for (let zigzag = zigzagOf(value); zigzag >= 0x80; zigzag = Math.floor(zigzag / 0x80)) size++;
    return size;
  }
  let zigzag = zigzag64(BigInt(value));
  while (zigzag >= 0x80n) {
    zigzag >>= 7n;
    size++;
  }
  return size;
}

/** Writes an int32 and returns the position after it. */
export function writeVarint(buffer: Buffer, value: number, position: number): number {
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  while (zigzag >= 0x80) {
    buffer[position++] = (zigzag & 0x7f) | 0x80;
    zigzag >>>= 7;
  }
  buffer[position++] = zigzag;
  return position;
}

/** Writes an int64 and returns the position after it. */
export function writeVarlong(buffer: Buffer, value: number | bigint, position: number): number {
  if (typeof value === 'number' && value >= -0x40000000 && value < 0x40000000) {
    return writeVarint(buffer, value, position);
  }
  if (hasExactZigzag(value)) {
    let zigzag = zigzagOf(value);
    for (; zigzag >= 0x80; zigzag = Math.floor(zigzag / 0x80)) buffer[position++] = (zigzag % 0x80) | 0x80;
    buffer[position++] = zigzag;
    return position;
  }
  let zigzag = zigzag64(BigInt(value));
  while (zigzag >= 0x80n) {
    buffer[position++] = Number(zigzag & 0x7fn) | 0x80;
    zigzag >>= 7n;
  }
  buffer[position++] = Number(zigzag);
  return position;
}

/** Reads an int64 exactly. The bytes were checked before: this is for values that a `RecordCursor` has already passed. */
export function readVarlongExact(buffer: Buffer, position: number): bigint {
  // The first seven bytes, and the others: sums of numbers are much quicker than those of bigints.
  let low = 0;
  let high = 0;
  for (let index = 0, scale = 1; ; index++, scale = index === 7 ? 1 : scale * 0x80) {
    const byte = buffer[position++]!;
    if (index < 7) low += (byte & 0x7f) * scale;
    else high += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  const raw = BigInt.asUintN(64, (BigInt(high) << 49n) | BigInt(low));
  return BigInt.asIntN(64, (raw >> 1n) ^ -(raw & 1n));
}

function hasExactZigzag(value: number | bigint): value is number {
  return typeof value === 'number' && value >= -(2 ** 52) && value <= 2 ** 52;
}

function zigzagOf(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

function zigzag64(value: bigint): bigint {
  return BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
}
