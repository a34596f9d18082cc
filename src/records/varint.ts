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
  let zigzag = zigzag64(BigInt(value));
  let size = 1;
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
  let raw = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = buffer[position++]!;
    raw |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  raw = BigInt.asUintN(64, raw);
  return BigInt.asIntN(64, (raw >> 1n) ^ -(raw & 1n));
}

function zigzag64(value: bigint): bigint {
  return BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
}
