/** The buffer that compiled encoders write into, and what they call for all that is more than a few bytes. */
import { ProtocolError } from '../protocol-error.js';

const INITIAL_BYTES = 64 * 1024;
/** A buffer that grew beyond this is given away with its content, and not kept. */
const KEPT_BYTES = 1024 * 1024;
/** Records and bytes from this size on are passed by reference where the caller takes pieces. */
const REFERENCED_BYTES = 4096;
const STRING_MAX_BYTES = 32767;
/** Of a sentence that is too long for a string so many characters are told: whatever they are, they fit. */
const SENTENCE_MAX_CHARACTERS = 10_000;

/**
 * A list whose elements are made when they are written, and are garbage right after: where an answer of a million elements would be a million
 * objects that the collector has to walk all at once.
 */
export class ListView<T> {
  constructor(
    readonly length: number,
    readonly get: (at: number) => T,
  ) {}

  /** For the body of an answer; only `encodeUpTo` and `encodeInSteps` take it. */
  static of<T>(length: number, get: (at: number) => T): readonly T[] {
    return new ListView(length, get) as unknown as readonly T[];
  }
}

/** A place in the output at which somebody's buffer stands between our own bytes. */
interface Insertion {
  readonly position: number;
  readonly buffer: Buffer;
}

/**
 * One buffer that grows, used again for every message. Encoding is synchronous and never re-entered, so a single writer serves the
 * whole process.
 */
export class Writer {
  /** Encoders keep this in a variable and read it again after whatever may have grown it. */
  buffer: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  /** Where the next byte goes: encoders take it up, and leave it behind what they wrote. */
  position = 0;
  protected insertions: Insertion[] | null = null;
  /** Of all messages. */
  protected insertedBytes = 0;

  /** What `write` writes, in one buffer of its own. */
  whole(write: (writer: this) => void): Buffer {
    this.position = 0;
    this.insertions = null;
    write(this);
    return this.take();
  }

  /** What `write` writes, in pieces: our bytes, and large records as they were given. */
  chunks(write: (writer: this) => void): Buffer[] {
    this.position = 0;
    const insertions = (this.insertions = []);
    write(this);
    return split(this.take(), insertions);
  }

  /** As `chunks`, with an int32 in front that counts the bytes of all pieces after it. */
  frame(write: (writer: this) => void): Buffer[] {
    this.position = 4;
    const insertions: Insertion[] = (this.insertions = []);
    write(this);
    return this.closedFrame(insertions);
  }

  private closedFrame(insertions: readonly Insertion[]): Buffer[] {
    let size = this.position - 4;
    for (const { buffer } of insertions) size += buffer.length;
    putInt32(this.buffer, 0, size);
    return split(this.take(), insertions);
  }

  /** As `frame`; null when `write` returns false, having found that there is too much for one go. */
  frameIf(write: (writer: this) => boolean): Buffer[] | null {
    this.position = 4;
    const insertions: Insertion[] = (this.insertions = []);
    if (write(this)) return this.closedFrame(insertions);
    if (this.buffer.length > KEPT_BYTES) this.buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    return null;
  }

  /** Called by encoders that pause, where what is written so far may go away. */
  putAway(): void {}

  /** Makes room for `bytes` more at `position`. Returns the buffer that has it. */
  grow(position: number, bytes: number): Buffer {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, position + bytes));
    larger.set(this.buffer.subarray(0, position));
    return (this.buffer = larger);
  }

  /** Writes bytes, or record batches, without their length; returns the position behind. What is large may be referenced instead. */
  bytes(value: Buffer | readonly Buffer[], position: number): number {
    if (!Array.isArray(value)) return this.piece(value as Buffer, position);
    for (const piece of value as readonly Buffer[]) position = this.piece(piece, position);
    return position;
  }

  private piece(piece: Buffer, position: number): number {
    if (this.insertions && piece.length >= REFERENCED_BYTES) {
      this.insertions.push({ position, buffer: piece });
      this.insertedBytes += piece.length;
      return position;
    }
    if (position + piece.length > this.buffer.length) this.grow(position, piece.length);
    this.buffer.set(piece, position);
    return position + piece.length;
  }

  private take(): Buffer {
    const { buffer, position } = this;
    if (buffer.length > KEPT_BYTES) {
      this.buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
      return buffer.subarray(0, position);
    }
    const own = Buffer.allocUnsafe(position);
    buffer.copy(own, 0, 0, position);
    return own;
  }
}

/** What a piece has at least, unless it is the last; and about the most that a step writes, or what is written at once. */
export const PIECE_BYTES = 256 * 1024;

/** Takes one frame that is written in steps. What is written is put away in pieces, so that no step copies all that there is. */
export class FrameWriter extends Writer {
  private readonly pieces: Buffer[] = [];
  private putAwayBytes = 0;
  private toldBytes = 0;

  /** `onGrowth` hears after each step by how many bytes the frame has grown; it may throw. */
  constructor(private readonly onGrowth: (bytes: number) => void = () => undefined) {
    super();
    this.position = 4;
    this.insertions = [];
  }

  override putAway(): void {
    this.tellGrowth();
    if (this.position < PIECE_BYTES) return;
    this.pieces.push(...split(this.buffer.subarray(0, this.position), this.insertions!));
    this.insertions = [];
    this.putAwayBytes += this.position;
    this.buffer = Buffer.allocUnsafeSlow(this.buffer.length);
    this.position = 0;
  }

  /** The frame, when all is written: an int32 in front counts the bytes after it. */
  finish(): Buffer[] {
    this.tellGrowth();
    const pieces = [...this.pieces, ...split(this.buffer.subarray(0, this.position), this.insertions!)];
    let size = -4;
    for (const { length } of pieces) size += length;
    putInt32(pieces[0]!, 0, size);
    return pieces;
  }

  private tellGrowth(): void {
    const bytes = this.putAwayBytes + this.position + this.insertedBytes;
    this.onGrowth(bytes - this.toldBytes);
    this.toldBytes = bytes;
  }
}

/** Puts the insertions at their places. */
function split(own: Buffer, insertions: readonly Insertion[]): Buffer[] {
  if (insertions.length === 0) return [own];
  const pieces: Buffer[] = [];
  let from = 0;
  for (const { position, buffer } of insertions) {
    if (position > from) pieces.push(own.subarray(from, position));
    pieces.push(buffer);
    from = position;
  }
  if (own.length > from) pieces.push(own.subarray(from));
  return pieces;
}

/** The process's writer. */
export const writer = new Writer();

const words = new Int32Array(2);
const asBigInt = new BigInt64Array(words.buffer);
const asDouble = new Float64Array(words.buffer);
const LOW = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

function putInt32(buffer: Buffer, at: number, value: number): void {
  buffer[at] = value >>> 24;
  buffer[at + 1] = value >>> 16;
  buffer[at + 2] = value >>> 8;
  buffer[at + 3] = value;
}

export function writeInt64(buffer: Buffer, at: number, value: unknown, where: string): void {
  if (typeof value !== 'bigint') refuseValue(where, 'int64', value);
  asBigInt[0] = value;
  if (asBigInt[0] !== value) refuseValue(where, 'int64', value);
  putInt32(buffer, at, words[HIGH]!);
  putInt32(buffer, at + 4, words[LOW]!);
}

export function writeFloat64(buffer: Buffer, at: number, value: unknown, where: string): void {
  if (typeof value !== 'number') refuseValue(where, 'float64', value);
  asDouble[0] = value;
  putInt32(buffer, at, words[HIGH]!);
  putInt32(buffer, at + 4, words[LOW]!);
}

/** The value of each base64url character, 255 for what is none. */
const SEXTETS = new Uint8Array(128).fill(255);
for (const [index, character] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].entries()) {
  SEXTETS[character.charCodeAt(0)] = index;
}

export function writeUuid(buffer: Buffer, at: number, value: unknown, where: string): void {
  if (typeof value !== 'string' || value.length !== 22) refuseValue(where, 'uuid', value);
  let bits = 0;
  let seen = 0;
  for (let i = 0; i < 20; i += 4) {
    const a = sextet(value, i);
    const b = sextet(value, i + 1);
    const c = sextet(value, i + 2);
    const d = sextet(value, i + 3);
    seen |= a | b | c | d;
    bits = (a << 18) | (b << 12) | (c << 6) | d;
    buffer[at++] = bits >>> 16;
    buffer[at++] = bits >>> 8;
    buffer[at++] = bits;
  }
  const a = sextet(value, 20);
  const b = sextet(value, 21);
  if ((seen | a | b) > 63 || (b & 15) !== 0) refuseValue(where, 'uuid', value);
  buffer[at] = (a << 2) | (b >>> 4);
}

function sextet(text: string, index: number): number {
  const code = text.charCodeAt(index);
  return code < 128 ? SEXTETS[code]! : 255;
}

export function writeVarint(buffer: Buffer, at: number, value: number): number {
  while (value > 127) {
    buffer[at++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  buffer[at++] = value;
  return at;
}

/** Longer strings are faster written by Node than a character at a time. */
const SHORT_STRING = 48;

/** Writes a string with an int16 length. The buffer has room for three bytes a character and the length. Returns the position behind. */
export function writeString(buffer: Buffer, at: number, text: string, where: string): number {
  const length = text.length;
  if (length < SHORT_STRING) {
    const end = writeAscii(buffer, at + 2, text);
    if (end >= 0) {
      buffer[at] = 0;
      buffer[at + 1] = length;
      return end;
    }
  }
  text = wellFormed(text);
  const bytes = byteLength(text, where);
  buffer[at] = bytes >>> 8;
  buffer[at + 1] = bytes;
  return writeBytes(buffer, at + 2, text, bytes);
}

/** The same with the varint of length + 1. */
export function writeCompactString(buffer: Buffer, at: number, text: string, where: string): number {
  const length = text.length;
  if (length < SHORT_STRING) {
    const end = writeAscii(buffer, at + 1, text);
    if (end >= 0) {
      buffer[at] = length + 1;
      return end;
    }
  }
  text = wellFormed(text);
  const bytes = byteLength(text, where);
  at = writeVarint(buffer, at, bytes + 1);
  return writeBytes(buffer, at, text, bytes);
}

/** Returns -1, having written rubbish, when the text is not ASCII. */
function writeAscii(buffer: Buffer, at: number, text: string): number {
  const length = text.length;
  let seen = 0;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    seen |= code;
    buffer[at + i] = code;
  }
  return seen > 127 ? -1 : at + length;
}

/** Half a surrogate pair has no UTF-8; Java writes a question mark for it. */
function wellFormed(text: string): string {
  return Buffer.byteLength(text) === text.length ? text : text.replace(LONE_SURROGATE, '?');
}

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function byteLength(text: string, where: string): number {
  const bytes = Buffer.byteLength(text);
  if (bytes <= STRING_MAX_BYTES) return bytes;
  throw new ProtocolError('InvalidValue', `${where}: a string of ${bytes} bytes, more than ${STRING_MAX_BYTES}`);
}

/** A sentence for people loses its end rather than the answer that it stands in: it may repeat what a client sent, any number of times. */
export function fittingSentence(text: unknown): unknown {
  if (typeof text !== 'string' || text.length * 3 <= STRING_MAX_BYTES || Buffer.byteLength(text) <= STRING_MAX_BYTES) {
    return text;
  }
  return `${text.slice(0, SENTENCE_MAX_CHARACTERS)}... (${text.length} characters)`;
}

/** Writes a text of `bytes` bytes; returns the position behind it. */
function writeBytes(buffer: Buffer, at: number, text: string, bytes: number): number {
  buffer.write(text, at, bytes === text.length ? 'latin1' : 'utf8');
  return at + bytes;
}

/**
 * Puts the size in front of a tagged field that was written from `from` to `end`, with one byte left free at `from - 1`. Larger
 * sizes need more bytes, so the content moves; the buffer has room for four. Returns the position behind the content.
 */
export function closeTag(buffer: Buffer, from: number, end: number): number {
  const size = end - from;
  let extra = 0;
  for (let rest = size >>> 7; rest > 0; rest >>>= 7) extra++;
  if (extra > 0) buffer.copyWithin(from + extra, from, end);
  writeVarint(buffer, from - 1, size);
  return end + extra;
}

/** The length of `bytes` or `records`, for the length in front. */
export function lengthOf(value: unknown, where: string): number {
  if (value instanceof Uint8Array) return value.length;
  if (!Array.isArray(value)) return refuseValue(where, 'bytes', value);
  let total = 0;
  for (const piece of value as readonly Buffer[]) total += piece.length;
  return total;
}

export function refuseValue(where: string, type: string, value: unknown): never {
  const shown =
    typeof value === 'string'
      ? JSON.stringify(value.slice(0, 40))
      : typeof value === 'object'
        ? typeof value
        : String(value);
  throw new ProtocolError('InvalidValue', `${where}: ${value === null ? 'null' : shown} is no ${type}`);
}

/** Java's `UnsupportedVersionException`: the version has no place for a value that must not be lost. */
export function refuseField(where: string, field: string): never {
  throw new ProtocolError('UnsupportedVersion', `${where}: ${field} is set, but this version has no such field`);
}
