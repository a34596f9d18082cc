/**
 * Zstandard frames, by Node's own zlib where it has them and by a native module elsewhere. The native module cannot be given a bound, so
 * frames are measured from their block headers first.
 */
import * as zlib from 'node:zlib';
import type * as Native from '@toondepauw/node-zstd';
import { DecompressionLimitError, UndecodableRecordsError } from './errors.js';

interface NodeZstd {
  zstdCompressSync?(data: Buffer): Buffer;
  zstdDecompressSync?(data: Buffer, options: { maxOutputLength: number }): Buffer;
}
const nodeZstd = zlib as NodeZstd;

/** zstd's default level, which Kafka's clients use. */
const LEVEL = 3;
const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const BLOCK_MAX_BYTES = 128 * 1024;

let encoder: Native.Encoder | undefined;
let decoder: Native.Decoder | undefined;
const load = (): typeof Native => require('@toondepauw/node-zstd') as typeof Native;

export function compressZstd(data: Buffer): Buffer {
  if (nodeZstd.zstdCompressSync !== undefined) return nodeZstd.zstdCompressSync(data);
  encoder ??= new (load().Encoder)(LEVEL);
  return encoder.encodeSync(data);
}

export function decompressZstd(data: Buffer, maxBytes: number): Buffer {
  if (data.length === 0) throw failure('the stream is empty');
  try {
    if (nodeZstd.zstdDecompressSync !== undefined) {
      return nodeZstd.zstdDecompressSync(data, { maxOutputLength: Math.max(1, maxBytes) });
    }
    if (contentUpperBound(data) > maxBytes) throw new DecompressionLimitError(maxBytes);
    decoder ??= new (load().Decoder)();
    return decoder.decodeSync(data);
  } catch (error) {
    if (error instanceof DecompressionLimitError || error instanceof UndecodableRecordsError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new DecompressionLimitError(maxBytes);
    throw failure('a frame does not decode', error);
  }
}

/**
 * What the frames of `data` cannot exceed: the content sizes they state, else the sum of what their blocks can hold. A frame flushed
 * after every few bytes is over-estimated, up to 128 KB for each of its blocks.
 */
function contentUpperBound(data: Buffer): number {
  let total = 0;
  let position = 0;
  while (position < data.length) {
    if (position + 8 > data.length) throw failure('a frame is cut');
    const magic = data.readUInt32LE(position);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
      position += 8 + data.readUInt32LE(position + 4);
      continue;
    }
    if (magic !== FRAME_MAGIC) throw failure('Unknown frame descriptor');
    const descriptor = data[position + 4]!;
    const singleSegment = (descriptor & 0x20) !== 0;
    const hasChecksum = (descriptor & 0x04) !== 0;
    const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3]!;
    const contentSizeCode = descriptor >>> 6;
    const contentSizeBytes = contentSizeCode === 0 ? (singleSegment ? 1 : 0) : 1 << contentSizeCode;
    position += 5 + (singleSegment ? 0 : 1) + dictionaryIdBytes;
    if (position + contentSizeBytes > data.length) throw failure('a frame is cut');
    const stated = statedContentSize(data, position, contentSizeBytes);
    position += contentSizeBytes;
    let fromBlocks = 0;
    for (let last = false; !last;) {
      if (position + 3 > data.length) throw failure('a frame is cut');
      const header = data.readUIntLE(position, 3);
      last = (header & 1) === 1;
      const type = (header >>> 1) & 3;
      const size = header >>> 3;
      fromBlocks += type === 2 ? BLOCK_MAX_BYTES : size;
      position += 3 + (type === 1 ? 1 : size);
    }
    position += hasChecksum ? 4 : 0;
    if (position > data.length) throw failure('a frame is cut');
    total += stated === null ? fromBlocks : Math.min(stated, fromBlocks);
  }
  return total;
}

function statedContentSize(data: Buffer, position: number, bytes: number): number | null {
  if (bytes === 0) return null;
  if (bytes === 8) return Number(data.readBigUInt64LE(position));
  return data.readUIntLE(position, bytes) + (bytes === 2 ? 256 : 0);
}

function failure(what: string, cause?: unknown): UndecodableRecordsError {
  return new UndecodableRecordsError(`Failed to decompress record stream (zstd): ${what}`, { cause });
}
