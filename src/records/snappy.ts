/**
 * Snappy as Kafka's clients write it: snappy-java's framing ("xerial": a 16 byte header, then length-prefixed raw blocks), and plain raw
 * blocks, which other clients send and `SnappyInputStream` reads too.
 */
import type * as Native from 'snappy';
import { DecompressionLimitError, UndecodableRecordsError } from './errors.js';

let native: typeof Native | undefined;
const load = (): typeof Native => (native ??= require('snappy') as typeof Native);

const XERIAL_HEADER = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
const MAGIC_LENGTH = 8;
/** Copying out is several times faster than handing over native memory, which the collector must then give back. */
const COPY = { copyOutputData: true };
/** The first four bytes of the header, which may stand again where a chunk's length is expected (concatenated streams). */
const MAGIC_HEAD = XERIAL_HEADER.readInt32BE(0);
/** The block size of `SnappyOutputStream`. */
const BLOCK_BYTES = 32 * 1024;

export function compressSnappy(data: Buffer): Buffer {
  const { compressSync } = load();
  const parts: Buffer[] = [XERIAL_HEADER];
  for (let position = 0; position < data.length; position += BLOCK_BYTES) {
    const block = compressSync(data.subarray(position, position + BLOCK_BYTES), COPY);
    const length = Buffer.allocUnsafe(4);
    length.writeInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}

export function decompressSnappy(data: Buffer, maxBytes: number): Buffer {
  const isXerial = data.length >= MAGIC_LENGTH && XERIAL_HEADER.compare(data, 0, MAGIC_LENGTH, 0, MAGIC_LENGTH) === 0;
  if (!isXerial) return uncompressBlock(data, maxBytes);
  if (data.length < XERIAL_HEADER.length) throw failure('the stream header is cut');
  const blocks: Buffer[] = [];
  let total = 0;
  let position = XERIAL_HEADER.length;
  // Fewer than four bytes after the last chunk are ignored, as `SnappyInputStream.hasNextChunk` does.
  while (position + 4 <= data.length) {
    const length = data.readInt32BE(position);
    if (length === MAGIC_HEAD) {
      position += XERIAL_HEADER.length;
      continue;
    }
    position += 4;
    if (length < 0) throw failure(`invalid chunk size ${length}`);
    if (position + length > data.length) throw failure(`a chunk of ${length} bytes is cut`);
    const block = uncompressBlock(data.subarray(position, position + length), maxBytes - total, maxBytes);
    total += block.length;
    blocks.push(block);
    position += length;
  }
  return blocks.length === 1 ? blocks[0]! : Buffer.concat(blocks, total);
}

function uncompressBlock(block: Buffer, remaining: number, maxBytes = remaining): Buffer {
  // The length in front decides what the native side allocates, so it is checked first.
  if (uncompressedLength(block) > remaining) throw new DecompressionLimitError(maxBytes);
  try {
    return load().uncompressSync(block, { asBuffer: true, ...COPY }) as Buffer;
  } catch (error) {
    throw failure('a block does not decode', error);
  }
}

function uncompressedLength(block: Buffer): number {
  let length = 0;
  for (let i = 0; i < 5; i++) {
    const byte = block[i];
    if (byte === undefined) throw failure('a block has no length');
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return length;
  }
  throw failure('the length of a block is too long');
}

function failure(what: string, cause?: unknown): UndecodableRecordsError {
  return new UndecodableRecordsError(`Failed to decompress record stream (snappy): ${what}`, { cause });
}
