/**
 * What compiled decoders call for all that is more than a few bytes. Positions and lengths are checked by the caller unless said
 * otherwise.
 */
import { uuidFromBytes, ZERO_UUID, type Uuid } from '../../common/index.js';
import { ProtocolError } from '../protocol-error.js';

/** Bytes and values of zero length, shared since they cannot be changed. */
export const EMPTY_BYTES = Buffer.alloc(0);

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
const LOW = LITTLE_ENDIAN ? 0 : 1;
const HIGH = LITTLE_ENDIAN ? 1 : 0;
const words = new Int32Array(2);
const asBigInt = new BigInt64Array(words.buffer);
const asDouble = new Float64Array(words.buffer);

function int32At(bytes: Buffer, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

export function readInt64(bytes: Buffer, at: number): bigint {
  const high = int32At(bytes, at);
  const low = int32At(bytes, at + 4);
  if (high === low) {
    // The usual "none" and "nothing" cost no allocation.
    if (high === -1) return -1n;
    if (high === 0) return 0n;
  }
  words[LOW] = low;
  words[HIGH] = high;
  return asBigInt[0]!;
}

export function readFloat64(bytes: Buffer, at: number): number {
  words[HIGH] = int32At(bytes, at);
  words[LOW] = int32At(bytes, at + 4);
  return asDouble[0]!;
}

// Strings and uuids come again and again (topics, hosts, client ids). A table by hash gives the same string object each time: no
// allocation, and its own hash, for maps, is computed once. A newcomer takes the place of what was there.
const TEXT_SLOTS = 4096;
const TEXT_MAX_BYTES = 48;
const texts: string[] = new Array<string>(TEXT_SLOTS).fill('');
const textBytes = new Uint8Array(TEXT_SLOTS * TEXT_MAX_BYTES);

/** Reads `length` bytes of UTF-8; what is malformed becomes U+FFFD as in Java. */
export function readText(bytes: Buffer, at: number, length: number): string {
  if (length === 0) return '';
  if (length > TEXT_MAX_BYTES) return readUtf8(bytes, at, length);
  let hash = length;
  let seen = 0;
  const end = at + length;
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!;
    hash = (Math.imul(hash, 31) + byte) | 0;
    seen |= byte;
  }
  if (seen > 127) return readUtf8(bytes, at, length);
  const slot = (hash ^ (hash >>> 12) ^ (hash >>> 24)) & (TEXT_SLOTS - 1);
  const base = slot * TEXT_MAX_BYTES;
  const cached = texts[slot]!;
  if (cached.length === length) {
    let i = 0;
    while (i < length && textBytes[base + i] === bytes[at + i]) i++;
    if (i === length) return cached;
  }
  for (let i = 0; i < length; i++) textBytes[base + i] = bytes[at + i]!;
  return (texts[slot] = bytes.toString('latin1', at, end));
}

const UUID_SLOTS = 2048;
const uuids: Uuid[] = new Array<Uuid>(UUID_SLOTS).fill(ZERO_UUID);
const uuidWords = new Int32Array(UUID_SLOTS * 4);

export function readUuid(bytes: Buffer, at: number): Uuid {
  const a = int32At(bytes, at);
  const b = int32At(bytes, at + 4);
  const c = int32At(bytes, at + 8);
  const d = int32At(bytes, at + 12);
  const hash = a ^ Math.imul(b, 31) ^ Math.imul(c, 37) ^ d;
  const slot = (hash ^ (hash >>> 11) ^ (hash >>> 22)) & (UUID_SLOTS - 1);
  const base = slot * 4;
  // An unused slot holds the zero uuid, words and text alike.
  if (uuidWords[base] === a && uuidWords[base + 1] === b && uuidWords[base + 2] === c && uuidWords[base + 3] === d) {
    return uuids[slot]!;
  }
  uuidWords[base] = a;
  uuidWords[base + 1] = b;
  uuidWords[base + 2] = c;
  uuidWords[base + 3] = d;
  return (uuids[slot] = uuidFromBytes(bytes, at));
}

function readUtf8(bytes: Buffer, at: number, length: number): string {
  const text = bytes.toString('utf8', at, at + length);
  // Java and Node differ in how many replacement characters some malformed sequences give.
  return text.includes('\ufffd') ? decodeAsJava(bytes.subarray(at, at + length)) : text;
}

/**
 * UTF-8 as Java's `String` reads it. Like Node it replaces the longest prefix of a character that is cut off by one U+FFFD, but an
 * encoded surrogate (three whole bytes) also by one, where Node puts three.
 */
function decodeAsJava(bytes: Buffer): string {
  let replaced: Buffer | null = null;
  for (let i = 0; i + 2 < bytes.length; i++) {
    if (bytes[i] !== 0xed || bytes[i + 1]! < 0xa0 || bytes[i + 1]! >= 0xc0 || (bytes[i + 2]! & 0xc0) !== 0x80) continue;
    replaced ??= Buffer.from(bytes);
    // U+FFFD has three bytes too.
    replaced[i] = 0xef;
    replaced[i + 1] = 0xbf;
    replaced[i + 2] = 0xbd;
    i += 2;
  }
  return (replaced ?? bytes).toString('utf8');
}

/** Where the last `readVarint` or `skipTags` stopped: JavaScript returns one number without allocating, not two. */
export const cursor = { position: 0 };

/** Goes on reading an unsigned varint whose first byte, `first`, had its high bit set. At most 31 bits come out; more is refused. */
export function readVarint(bytes: Buffer, at: number, first: number, where: string): number {
  const end = bytes.length;
  let value = first & 0x7f;
  for (let shift = 7; shift <= 28; shift += 7) {
    if (at >= end) return truncated(where, at);
    const byte = bytes[at++]!;
    if (byte < 0x80) {
      if (shift === 28 && byte > 7) throw malformed(where, at, `a varint beyond 31 bits`);
      cursor.position = at;
      return value | (byte << shift);
    }
    value |= (byte & 0x7f) << shift;
  }
  throw malformed(where, at, 'a varint of more than 5 bytes');
}

/** Reads tag and size of a tagged field: returns the tag, leaves the size in `tagSize`, checked against what remains. */
export const tagSize = { value: 0 };

export function readTag(bytes: Buffer, at: number, where: string): number {
  const tag = varint(bytes, at, where);
  tagSize.value = varint(bytes, cursor.position, where);
  if (tagSize.value > bytes.length - cursor.position) return truncated(where, cursor.position);
  return tag;
}

function varint(bytes: Buffer, at: number, where: string): number {
  if (at >= bytes.length) return truncated(where, at);
  const first = bytes[at]!;
  if (first > 127) return readVarint(bytes, at + 1, first, where);
  cursor.position = at + 1;
  return first;
}

/** Skips `count` tagged fields that nobody here knows. Returns the position behind them. */
export function skipTags(bytes: Buffer, at: number, count: number, where: string): number {
  for (let i = 0; i < count; i++) {
    readTag(bytes, at, where);
    at = cursor.position + tagSize.value;
  }
  return at;
}

export function truncated(where: string, at: number): never {
  throw malformed(where, at, 'the bytes end');
}

export function refuseLength(where: string, at: number, length: number, left: number): never {
  throw malformed(where, at, length < 0 ? `length ${length}` : `length ${length} where ${left} bytes are left`);
}

export function refuseLongName(where: string, at: number): never {
  throw malformed(where, at, 'a name longer than any topic has, among many elements');
}

export function refuseNull(where: string, at: number): never {
  throw malformed(where, at, 'null, which is not allowed');
}

function malformed(where: string, at: number, what: string): ProtocolError {
  return new ProtocolError('Malformed', `${where}: at byte ${at} ${what}`);
}
