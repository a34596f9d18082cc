/**
 * LZ4 frames as Kafka uses them (`KafkaLZ4BlockInputStream`, `KafkaLZ4BlockOutputStream`): independent blocks, no content checksum. The
 * frame is parsed here, so that its structure is checked and its content measured before the native decoder allocates.
 */
import type * as Native from 'lz4-napi';
import { DecompressionLimitError, UndecodableRecordsError } from './errors.js';

let native: typeof Native | undefined;
const load = (): typeof Native => (native ??= require('lz4-napi') as typeof Native);

const MAGIC = 0x184d2204;
const BLOCK_BYTES = 64 * 1024;
/** Set in a block's size when the block is stored as it is. */
const INCOMPRESSIBLE = 0x80000000;
/** Magic; version 1 with independent blocks; 64 KB blocks; the descriptor's checksum. */
const FRAME_HEADER = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
/** The native functions put the content's length in front of a block. */
const NATIVE_PREFIX_BYTES = 4;

export function compressLz4(data: Buffer): Buffer {
  const parts: Buffer[] = [FRAME_HEADER];
  for (let position = 0; position < data.length; position += BLOCK_BYTES) {
    const block = data.subarray(position, position + BLOCK_BYTES);
    const compressed = load().compressSync(block).subarray(NATIVE_PREFIX_BYTES);
    const size = Buffer.allocUnsafe(4);
    if (compressed.length < block.length) {
      size.writeUInt32LE(compressed.length);
      parts.push(size, compressed);
    } else {
      size.writeUInt32LE(block.length + INCOMPRESSIBLE);
      parts.push(size, block);
    }
  }
  parts.push(Buffer.alloc(4)); // The end mark.
  return Buffer.concat(parts);
}

/** `ignoreHeaderChecksum`: clients of magic 0 hashed the wrong bytes for the frame descriptor's checksum. */
export function decompressLz4(data: Buffer, maxBytes: number, ignoreHeaderChecksum: boolean): Buffer {
  const frame = readFrame(data);
  const { checksumPosition } = frame;
  if (!ignoreHeaderChecksum && data[checksumPosition] !== ((xxh32(data, 4, checksumPosition) >>> 8) & 0xff)) {
    throw failure('Stream frame descriptor corrupted');
  }
  const blocks: Buffer[] = [];
  let total = 0;
  for (let position = frame.firstBlock; ;) {
    const field = data.readUInt32LE(position);
    const size = field & 0x7fffffff;
    position += 4;
    if (size === 0) break;
    const end = position + size;
    const isStored = field >= INCOMPRESSIBLE;
    const contentBytes = isStored ? size : measureBlock(data, position, end);
    if (contentBytes > frame.maxBlockBytes) throw failure('a block is larger than its frame allows');
    total += contentBytes;
    if (total > maxBytes) throw new DecompressionLimitError(maxBytes);
    if (frame.hasBlockChecksums && xxh32(data, position, end) !== data.readUInt32LE(end)) {
      throw failure('Block checksum mismatch');
    }
    blocks.push(isStored ? data.subarray(position, end) : decodeBlock(data, position, end, contentBytes));
    position = frame.hasBlockChecksums ? end + 4 : end;
  }
  return blocks.length === 1 ? blocks[0]! : Buffer.concat(blocks, total);
}

let scratch = Buffer.alloc(0);

/** The native function wants the content's length in front of the block. */
function decodeBlock(data: Buffer, start: number, end: number, contentBytes: number): Buffer {
  const inputBytes = NATIVE_PREFIX_BYTES + end - start;
  if (scratch.length < inputBytes) scratch = Buffer.allocUnsafeSlow(Math.max(inputBytes, BLOCK_BYTES));
  scratch.writeUInt32LE(contentBytes, 0);
  data.copy(scratch, NATIVE_PREFIX_BYTES, start, end);
  let content: Buffer;
  try {
    content = load().uncompressSync(scratch.subarray(0, inputBytes));
  } catch (error) {
    throw failure('a block does not decode', error);
  }
  if (content.length !== contentBytes) throw failure('a block does not decode');
  return content;
}

interface Frame {
  readonly checksumPosition: number;
  readonly firstBlock: number;
  readonly maxBlockBytes: number;
  readonly hasBlockChecksums: boolean;
}

/** Checks that the frame is whole, up to its end mark. What follows it is ignored. */
function readFrame(data: Buffer): Frame {
  if (data.length < 7) throw failure('Stream ended prematurely');
  if (data.readUInt32LE(0) !== MAGIC) throw failure('Stream unsupported (invalid magic bytes)');
  const flags = data[4]!;
  if (flags >>> 6 !== 1) throw failure(`Version ${flags >>> 6} is unsupported`);
  if ((flags & 0x20) === 0) throw failure('Dependent block stream is unsupported (BLOCK_INDEPENDENCE must be set)');
  if ((flags & 0x03) !== 0) throw failure('Reserved bits must be 0');
  const descriptor = data[5]!;
  const sizeCode = (descriptor >>> 4) & 7;
  if ((descriptor & 0x8f) !== 0) throw failure('Reserved bits must be 0');
  if (sizeCode < 4) throw failure(`Block size value ${sizeCode} is unsupported`);
  const checksumPosition = (flags & 0x08) === 0 ? 6 : 14;
  const firstBlock = checksumPosition + 1;
  const hasBlockChecksums = (flags & 0x10) !== 0;
  const contentChecksumBytes = (flags & 0x04) === 0 ? 0 : 4;
  const maxBlockBytes = 2 ** (2 * sizeCode + 8);
  let position = firstBlock;
  for (;;) {
    if (position + 4 > data.length) throw failure('Stream ended prematurely');
    const size = data.readUInt32LE(position) & 0x7fffffff;
    position += 4;
    if (size === 0) break;
    if (size > maxBlockBytes) throw failure(`Block size ${size} exceeded max: ${maxBlockBytes}`);
    position += size + (hasBlockChecksums ? 4 : 0);
    if (position > data.length) throw failure('Stream ended prematurely');
  }
  if (position + contentChecksumBytes > data.length) throw failure('Stream ended prematurely');
  return { checksumPosition, firstBlock, maxBlockBytes, hasBlockChecksums };
}

/** The exact size of a block's content, from its tokens without decoding. */
function measureBlock(data: Buffer, start: number, end: number): number {
  let total = 0;
  let position = start;
  while (position < end) {
    const token = data[position++]!;
    let literals = token >>> 4;
    if (literals === 15) {
      let byte: number;
      do {
        byte = position < end ? data[position++]! : 0;
        literals += byte;
      } while (byte === 255);
    }
    total += literals;
    position += literals + 2; // The match's distance.
    if (position > end) return total; // The last sequence has literals only.
    let match = (token & 15) + 4;
    if (match === 19) {
      let byte: number;
      do {
        byte = position < end ? data[position++]! : 0;
        match += byte;
      } while (byte === 255);
    }
    total += match;
  }
  return total;
}

const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;

/** xxHash32 of `data[start, end)` with seed 0. */
function xxh32(data: Buffer, start: number, end: number): number {
  let hash = PRIME_5;
  let position = start;
  if (end - start >= 16) {
    const lanes = [(PRIME_1 + PRIME_2) | 0, PRIME_2 | 0, 0, -PRIME_1 | 0];
    for (; position + 16 <= end; position += 16) {
      for (let i = 0; i < 4; i++) {
        const input = Math.imul(data.readInt32LE(position + 4 * i), PRIME_2);
        lanes[i] = Math.imul(rotate((lanes[i]! + input) | 0, 13), PRIME_1);
      }
    }
    hash = rotate(lanes[0]!, 1) + rotate(lanes[1]!, 7) + rotate(lanes[2]!, 12) + rotate(lanes[3]!, 18);
  }
  hash = (hash + (end - start)) | 0;
  for (; position + 4 <= end; position += 4) {
    hash = Math.imul(rotate((hash + Math.imul(data.readInt32LE(position), PRIME_3)) | 0, 17), PRIME_4);
  }
  for (; position < end; position++) {
    hash = Math.imul(rotate((hash + Math.imul(data[position]!, PRIME_5)) | 0, 11), PRIME_1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2);
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function failure(what: string, cause?: unknown): UndecodableRecordsError {
  return new UndecodableRecordsError(`Failed to decompress record stream (lz4): ${what}`, { cause });
}
