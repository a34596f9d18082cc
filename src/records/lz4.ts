/**
 * LZ4 frames as Kafka uses them (`KafkaLZ4BlockInputStream`, `KafkaLZ4BlockOutputStream`): independent blocks, no content checksum. The
 * frame is parsed here, so that its structure is checked and its content measured before the native decoder allocates.
 */
import type * as Native from 'lz4-napi';
import type { Steps } from '../common/index.js';
import { readAll, type SyncContentReader } from './content-reader.js';
import { DecompressionLimitError, UndecodableRecordsError } from './errors.js';
import { xxh32 } from './xxhash.js';

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

/** A block a step. */
export function* compressLz4(data: Buffer): Steps<Buffer> {
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
    yield;
  }
  parts.push(Buffer.alloc(4)); // The end mark.
  return Buffer.concat(parts);
}

/** `ignoreHeaderChecksum`: clients of magic 0 hashed the wrong bytes for the frame descriptor's checksum. */
export function decompressLz4(data: Buffer, maxBytes: number, ignoreHeaderChecksum: boolean): Buffer {
  return readAll(new Lz4Reader(data, maxBytes, ignoreHeaderChecksum));
}

/** The blocks of a frame, as far as it goes; not more than `max` are counted. */
export function countLz4Blocks(data: Buffer, max: number): number {
  const { firstBlock, hasBlockChecksums } = readFrame(data);
  let count = 0;
  for (let position = firstBlock; count < max && position + 4 <= data.length; count++) {
    const size = data.readUInt32LE(position) & ~INCOMPRESSIBLE;
    if (size === 0) break;
    position += 4 + size + (hasBlockChecksums ? 4 : 0);
  }
  return count;
}

/** Reads a frame block by block, up to its end mark; what follows is ignored. Blocks are measured before they are decoded, so that no more than `maxBytes` are ever made. */
export class Lz4Reader implements SyncContentReader {
  private readonly frame: Frame;
  private position: number;
  private total = 0;

  constructor(
    private readonly data: Buffer,
    private readonly maxBytes: number,
    ignoreHeaderChecksum: boolean,
  ) {
    this.frame = readFrame(data);
    this.position = this.frame.firstBlock;
    const { checksumPosition } = this.frame;
    if (!ignoreHeaderChecksum && data[checksumPosition] !== ((xxh32(data, 4, checksumPosition) >>> 8) & 0xff)) {
      throw failure('Stream frame descriptor corrupted');
    }
  }

  next(): Buffer | null {
    const { data, frame, maxBytes } = this;
    const start = this.position + 4;
    const field = start <= data.length ? data.readUInt32LE(this.position) : 0;
    const size = field & ~INCOMPRESSIBLE;
    const end = start + size;
    const next = end + (size === 0 ? frame.contentChecksumBytes : frame.hasBlockChecksums ? 4 : 0);
    if (size > frame.maxBlockBytes) throw failure(`Block size ${size} exceeded max: ${frame.maxBlockBytes}`);
    if (next > data.length) throw failure('Stream ended prematurely');
    if (size === 0) return null;
    const isStored = field >= INCOMPRESSIBLE;
    const contentBytes = isStored ? size : measureBlock(data, start, end);
    if (contentBytes > frame.maxBlockBytes) throw failure('a block is larger than its frame allows');
    this.total += contentBytes;
    if (this.total > maxBytes) throw new DecompressionLimitError(maxBytes);
    if (frame.hasBlockChecksums && xxh32(data, start, end) !== data.readUInt32LE(end)) {
      throw failure('Block checksum mismatch');
    }
    this.position = next;
    return isStored ? data.subarray(start, end) : decodeBlock(data, start, end, contentBytes);
  }
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
  readonly contentChecksumBytes: number;
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
  const hasBlockChecksums = (flags & 0x10) !== 0;
  const contentChecksumBytes = (flags & 0x04) === 0 ? 0 : 4;
  const maxBlockBytes = 2 ** (2 * sizeCode + 8);
  return { checksumPosition, firstBlock, maxBlockBytes, hasBlockChecksums, contentChecksumBytes };
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

function failure(what: string, cause?: unknown): UndecodableRecordsError {
  return new UndecodableRecordsError(`Failed to decompress record stream (lz4): ${what}`, { cause });
}
