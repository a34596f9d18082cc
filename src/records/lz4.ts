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
  const checksum = (xxh32(data, 4, frame.checksumPosition) >>> 8) & 0xff;
  if (data[frame.checksumPosition] !== checksum && !ignoreHeaderChecksum) {
    throw failure('Stream frame descriptor corrupted');
  }
  if (frame.upperBound > maxBytes && measureFrame(data, frame, maxBytes) > maxBytes) {
    throw new DecompressionLimitError(maxBytes);
  }
  let bytes = data.subarray(0, frame.end);
  if (data[frame.checksumPosition] !== checksum) {
    bytes = Buffer.from(bytes);
    bytes[frame.checksumPosition] = checksum;
  }
  try {
    return load().decompressFrameSync(bytes);
  } catch (error) {
    throw failure('a block does not decode', error);
  }
}

interface Frame {
  readonly checksumPosition: number;
  readonly firstBlock: number;
  readonly maxBlockBytes: number;
  readonly blockChecksumBytes: number;
  /** Where the frame ends. What follows is ignored. */
  readonly end: number;
  /** What the content cannot exceed, from block sizes alone. */
  readonly upperBound: number;
}

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
  const blockChecksumBytes = (flags & 0x10) === 0 ? 0 : 4;
  const contentChecksumBytes = (flags & 0x04) === 0 ? 0 : 4;
  const maxBlockBytes = 2 ** (2 * sizeCode + 8);
  let upperBound = 0;
  let position = firstBlock;
  for (;;) {
    if (position + 4 > data.length) throw failure('Stream ended prematurely');
    const field = data.readUInt32LE(position);
    const size = field & 0x7fffffff;
    position += 4;
    if (size === 0) break;
    if (size > maxBlockBytes) throw failure(`Block size ${size} exceeded max: ${maxBlockBytes}`);
    // A byte of a block gives at most 255 of content.
    upperBound += field >= INCOMPRESSIBLE ? size : Math.min(maxBlockBytes, size * 255);
    position += size + blockChecksumBytes;
    if (position > data.length) throw failure('Stream ended prematurely');
  }
  position += contentChecksumBytes;
  if (position > data.length) throw failure('Stream ended prematurely');
  return { checksumPosition, firstBlock, maxBlockBytes, blockChecksumBytes, end: position, upperBound };
}

/** The exact size of the content, from the blocks' tokens without decoding; stops early once beyond `maxBytes`. */
function measureFrame(data: Buffer, frame: Frame, maxBytes: number): number {
  let total = 0;
  let position = frame.firstBlock;
  for (;;) {
    const field = data.readUInt32LE(position);
    const size = field & 0x7fffffff;
    position += 4;
    if (size === 0 || total > maxBytes) return total;
    total += field >= INCOMPRESSIBLE ? size : measureBlock(data, position, position + size);
    position += size + frame.blockChecksumBytes;
  }
}

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

/** xxHash32 with seed 0 of fewer than 16 bytes, which every frame descriptor has. */
function xxh32(data: Buffer, start: number, end: number): number {
  const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));
  let hash = (0x165667b1 + (end - start)) | 0;
  let position = start;
  for (; position + 4 <= end; position += 4) {
    hash = Math.imul(rotate((hash + Math.imul(data.readUInt32LE(position), 0xc2b2ae3d)) | 0, 17), 0x27d4eb2f);
  }
  for (; position < end; position++) {
    hash = Math.imul(rotate((hash + Math.imul(data[position]!, 0x165667b1)) | 0, 11), 0x9e3779b1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae3d);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function failure(what: string, cause?: unknown): UndecodableRecordsError {
  return new UndecodableRecordsError(`Failed to decompress record stream (lz4): ${what}`, { cause });
}
