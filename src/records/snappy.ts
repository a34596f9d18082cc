/**
 * Snappy as Kafka's clients write it: snappy-java's framing ("xerial": a 16 byte header, then length-prefixed raw blocks), and plain raw
 * blocks, which other clients send and `SnappyInputStream` reads too.
 */
import type * as Native from 'snappy';
import type { Steps } from '../common/index.js';
import { readAll, type SyncContentReader } from './content-reader.js';
import { DecompressionLimitError } from './errors.js';
import { SNAPPY_PIECE_BYTES, SnappyBlock, snappyFailure as failure } from './snappy-block.js';

let native: typeof Native | undefined;
const load = (): typeof Native => (native ??= require('snappy') as typeof Native);

const XERIAL_HEADER = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
const MAGIC_LENGTH = 8;
/** Copying out is several times faster than handing over native memory, which the collector must then give back. */
const COPY = { copyOutputData: true };
/** The first four bytes of the header, which may stand again where a chunk's length is expected (concatenated streams). */
const MAGIC_HEAD = XERIAL_HEADER.readInt32BE(0);
/** No element makes more of its bytes: a copy of 64 bytes takes three. */
const MAX_EXPANSION = 64 / 3;
/** The block size of `SnappyOutputStream`. */
const BLOCK_BYTES = 32 * 1024;

/** A block a step. */
export function* compressSnappy(data: Buffer): Steps<Buffer> {
  const { compressSync } = load();
  const parts: Buffer[] = [XERIAL_HEADER];
  for (let position = 0; position < data.length; position += BLOCK_BYTES) {
    const block = compressSync(data.subarray(position, position + BLOCK_BYTES), COPY);
    const length = Buffer.allocUnsafe(4);
    length.writeInt32BE(block.length);
    parts.push(length, block);
    yield;
  }
  return Buffer.concat(parts);
}

export function decompressSnappy(data: Buffer, maxBytes: number): Buffer {
  return readAll(new SnappyReader(data, maxBytes, Infinity));
}

/** The chunks of a stream, up to one that is malformed; not more than `max` are counted. */
export function countSnappyChunks(data: Buffer, max: number): number {
  if (!isXerial(data)) return 1;
  let count = 0;
  for (let position = XERIAL_HEADER.length; count < max && position + 4 <= data.length; count++) {
    const length = data.readInt32BE(position);
    if (length < 0 && length !== MAGIC_HEAD) break;
    position += length === MAGIC_HEAD ? XERIAL_HEADER.length : 4 + length;
  }
  return count;
}

/**
 * Reads a stream chunk by chunk, and those that hold much piece by piece; a raw block is one. The length in front of a chunk is believed as far
 * as its bytes can hold so much.
 */
export class SnappyReader implements SyncContentReader {
  private position: number;
  private total = 0;
  /** The chunk that is read piece by piece. */
  private block: SnappyBlock | null = null;
  private readonly isXerial: boolean;

  constructor(
    private readonly data: Buffer,
    private readonly maxBytes: number,
    /** What one call may make: 128 KiB take a millisecond. */
    private readonly pieceBytes = SNAPPY_PIECE_BYTES,
  ) {
    this.isXerial = isXerial(data);
    if (this.isXerial && data.length < XERIAL_HEADER.length) throw failure('the stream header is cut');
    this.position = this.isXerial ? XERIAL_HEADER.length : 0;
  }

  next(): Buffer | null {
    const piece = this.block?.next();
    if (piece) return piece;
    this.block = null;
    const chunk = this.nextChunk();
    if (!chunk) return null;
    const { value: stated, end } = uncompressedLength(chunk);
    // What decides what the native side allocates.
    if (stated > chunk.length * MAX_EXPANSION) throw failure(`a block of ${chunk.length} bytes cannot hold ${stated}`);
    this.total += stated;
    if (this.total > this.maxBytes) throw new DecompressionLimitError(this.maxBytes);
    if (stated > this.pieceBytes) {
      this.block = new SnappyBlock(chunk, end, stated);
      return this.block.next();
    }
    try {
      return load().uncompressSync(chunk, { asBuffer: true, ...COPY }) as Buffer;
    } catch (error) {
      throw failure('a block does not decode', error);
    }
  }

  private nextChunk(): Buffer | null {
    const { data } = this;
    if (!this.isXerial) {
      if (this.position > 0) return null;
      this.position = Math.max(1, data.length);
      return data;
    }
    // Fewer than four bytes after the last chunk are ignored, as `SnappyInputStream.hasNextChunk` does.
    while (this.position + 4 <= data.length) {
      const length = data.readInt32BE(this.position);
      if (length === MAGIC_HEAD) {
        this.position += XERIAL_HEADER.length;
        continue;
      }
      const start = this.position + 4;
      if (length < 0) throw failure(`invalid chunk size ${length}`);
      if (start + length > data.length) throw failure(`a chunk of ${length} bytes is cut`);
      this.position = start + length;
      return data.subarray(start, this.position);
    }
    return null;
  }
}

function isXerial(data: Buffer): boolean {
  return data.length >= MAGIC_LENGTH && XERIAL_HEADER.compare(data, 0, MAGIC_LENGTH, 0, MAGIC_LENGTH) === 0;
}

/** The length in front of a block, and where that ends. */
function uncompressedLength(block: Buffer): { readonly value: number; readonly end: number } {
  let length = 0;
  for (let i = 0; i < 5; i++) {
    const byte = block[i];
    if (byte === undefined) throw failure('a block has no length');
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value: length, end: i + 1 };
  }
  throw failure('the length of a block is too long');
}
