/**
 * A raw block of Snappy, decoded piece by piece: it may be as large as a batch and hold twenty times as much, and the native decoder makes all of
 * that in one call.
 */
import { UndecodableRecordsError } from './errors.js';

/** About a millisecond, in elements of a byte each two. */
export const SNAPPY_PIECE_BYTES = 128 * 1024;
/** Content up to this is kept while it is decoded, as elements may repeat any of it. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;
/** Of larger content so much is kept at least. Writers look back 64 KiB. */
const MIN_KEPT_BYTES = 16 * 1024 * 1024;
/** Shorter repetitions are sooner copied byte by byte. */
const LONG_BYTES = 24;

export class SnappyBlock {
  private readonly content: Buffer;
  /** Of the content before `content`, which is kept no more. */
  private droppedBytes = 0;
  /** End of what is decoded in `content`. */
  private at = 0;
  /** Of the element under way: literals, or what lies `offset` before. */
  private literalsLeft = 0;
  private repeatedLeft = 0;
  private offset = 0;

  /** The elements begin at `position`, and are to make `length` bytes: as many as such a block can hold, or fewer. */
  constructor(
    private readonly block: Buffer,
    private position: number,
    private readonly length: number,
  ) {
    this.content = Buffer.allocUnsafeSlow(Math.min(length, MAX_KEPT_BYTES));
  }

  /** The next piece, good until the next call; null at the end. Throws `UndecodableRecordsError`. */
  next(): Buffer | null {
    const left = this.length - this.droppedBytes - this.at;
    if (left === 0) {
      // Each element makes something.
      if (this.literalsLeft + this.repeatedLeft > 0 || this.position < this.block.length) throw undecodable();
      return null;
    }
    if (this.at === this.content.length) this.drop();
    const start = this.at;
    this.decodeTo(start + Math.min(left, SNAPPY_PIECE_BYTES, this.content.length - start));
    return this.content.subarray(start, this.at);
  }

  private drop(): void {
    if (this.repeatedLeft > 0 && this.offset > MIN_KEPT_BYTES) throw tooFarBefore();
    const dropped = this.at - MIN_KEPT_BYTES;
    this.content.copyWithin(0, dropped, this.at);
    this.droppedBytes += dropped;
    this.at = MIN_KEPT_BYTES;
  }

  private decodeTo(end: number): void {
    while (this.at < end) {
      if (this.literalsLeft > 0) this.takeLiterals(end);
      else if (this.repeatedLeft > 0) this.repeat(end);
      else this.readTag();
    }
  }

  private readTag(): void {
    const tag = this.byte();
    switch (tag & 3) {
      case 0: {
        const length = tag >>> 2;
        this.literalsLeft = 1 + (length < 60 ? length : this.integer(length - 59));
        if (this.literalsLeft > this.block.length - this.position) throw undecodable();
        return;
      }
      case 1:
        this.repeatedLeft = 4 + ((tag >>> 2) & 7);
        this.offset = ((tag >>> 5) << 8) | this.byte();
        break;
      case 2:
        this.repeatedLeft = 1 + (tag >>> 2);
        this.offset = this.integer(2);
        break;
      default:
        this.repeatedLeft = 1 + (tag >>> 2);
        this.offset = this.integer(4);
    }
    if (this.offset === 0 || this.offset > this.droppedBytes + this.at) throw undecodable();
    if (this.offset > this.at) throw tooFarBefore();
  }

  private takeLiterals(end: number): void {
    const { block, content, at, position } = this;
    const length = Math.min(this.literalsLeft, end - at);
    if (length < LONG_BYTES) for (let i = 0; i < length; i++) content[at + i] = block[position + i]!;
    else block.copy(content, at, position, position + length);
    this.position += length;
    this.literalsLeft -= length;
    this.at += length;
  }

  private repeat(end: number): void {
    const { content, at, offset } = this;
    const length = Math.min(this.repeatedLeft, end - at);
    // What overlaps repeats bytes that it makes itself.
    if (length < LONG_BYTES || offset < length) {
      for (let i = at; i < at + length; i++) content[i] = content[i - offset]!;
    } else content.copyWithin(at, at - offset, at - offset + length);
    this.repeatedLeft -= length;
    this.at += length;
  }

  /** Of so many bytes, the least first. */
  private integer(bytes: number): number {
    let value = 0;
    for (let i = 0, scale = 1; i < bytes; i++, scale *= 256) value += this.byte() * scale;
    return value;
  }

  private byte(): number {
    if (this.position >= this.block.length) throw undecodable();
    return this.block[this.position++]!;
  }
}

function undecodable(): UndecodableRecordsError {
  return snappyFailure('a block does not decode');
}

export function snappyFailure(what: string, cause?: unknown): UndecodableRecordsError {
  return new UndecodableRecordsError(`Failed to decompress record stream (snappy): ${what}`, { cause });
}

function tooFarBefore(): UndecodableRecordsError {
  return snappyFailure('a block repeats what lies too far before');
}
