/**
 * The codecs of record batches, synchronous and bounded. Native modules are loaded at first use, so that a broker whose clients do not
 * compress never loads them.
 */
import * as zlib from 'node:zlib';
import { DecompressionLimitError, UndecodableRecordsError } from './errors.js';
import { runAtOnce, type Steps } from '../common/index.js';
import type { ContentReader } from './content-reader.js';
import { compressLz4, countLz4Blocks, decompressLz4, Lz4Reader } from './lz4.js';
import { compressSnappy, countSnappyChunks, decompressSnappy, SnappyReader } from './snappy.js';
import { StreamReader } from './stream-reader.js';
import { compressZstd, compressZstdElsewhere, decompressZstd, readZstd, zstdUpperBound } from './zstd.js';

/** In the order of their ids in the attributes of a batch. */
export const COMPRESSION_TYPES = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type Compression = (typeof COMPRESSION_TYPES)[number];

/**
 * What one batch may decompress to where it is had at once and the caller names no bound: memory, and time of everyone. What is read piece by
 * piece (`readContent`) may be much more.
 */
export const DEFAULT_MAX_DECOMPRESSED_BYTES = 128 * 1024 * 1024;

/**
 * What one batch may hold where it is read piece by piece. Kafka has no bound, but a batch of 1 MB can claim 32 GiB; a buffer of Java's holds
 * less than this.
 */
export const MAX_STREAMED_BYTES = 2 ** 31;

export interface DecompressOptions {
  /** The most bytes the result may have. More throws `DecompressionLimitError` before they are allocated. */
  readonly maxBytes?: number;
  /** 0 tolerates the wrong frame header checksum that old clients put into LZ4 frames (KAFKA-3160). Default 2. */
  readonly magic?: number;
}

/** The codec of an id, 0 to 4. Throws `UndecodableRecordsError` for others, as `CompressionType.forId` does. */
export function compressionTypeOf(id: number): Compression {
  const type = COMPRESSION_TYPES[id];
  if (type === undefined) throw new UndecodableRecordsError(`Unknown compression type id: ${id}`);
  return type;
}

export function compressionIdOf(type: Compression): number {
  return COMPRESSION_TYPES.indexOf(type);
}

/** Compresses as Kafka's clients would: xerial framing for snappy, frames of independent 64 KB blocks for lz4. */
export function compress(type: Compression, data: Buffer): Buffer {
  switch (type) {
    case 'none':
      return data;
    case 'gzip':
      return zlib.gzipSync(data);
    case 'snappy':
      return runAtOnce(compressSnappy(data));
    case 'lz4':
      return runAtOnce(compressLz4(data));
    case 'zstd':
      return compressZstd(data);
  }
}

/** The whole decompressed content. Throws `UndecodableRecordsError` for bytes the codec refuses. */
export function decompress(type: Compression, data: Buffer, options: DecompressOptions = {}): Buffer {
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_DECOMPRESSED_BYTES;
  switch (type) {
    case 'none':
      return data;
    case 'gzip':
      return decompressGzip(data, maxBytes);
    case 'snappy':
      return decompressSnappy(data, maxBytes);
    case 'lz4':
      return decompressLz4(data, maxBytes, options.magic === 0);
    case 'zstd':
      return decompressZstd(data, maxBytes);
  }
}

/** The content piece by piece: memory for a piece, and for what a codec looks back on. At most `MAX_STREAMED_BYTES` by default. */
export function readContent(type: Compression, data: Buffer, options: DecompressOptions = {}): ContentReader {
  const maxBytes = options.maxBytes ?? MAX_STREAMED_BYTES;
  switch (type) {
    case 'none':
      return onePiece(data);
    case 'gzip':
      return new StreamReader((settings) => zlib.createGunzip(settings), data, maxBytes, 'gzip');
    case 'snappy':
      return new SnappyReader(data, maxBytes);
    case 'lz4':
      return new Lz4Reader(data, maxBytes, options.magic === 0);
    case 'zstd':
      return readZstd(data, maxBytes);
  }
}

function onePiece(data: Buffer): ContentReader {
  let isRead = false;
  return {
    next() {
      if (isRead) return null;
      isRead = true;
      return data;
    },
  };
}

/**
 * False when `decompress` would make more than `maxBytes`, or take long to find out, as far as can be told at no cost. gzip says so at its
 * end, zstd by the number of its blocks; the others look at each block before it is decoded.
 */
export function mayDecompressWithin(type: Compression, data: Buffer, maxBytes: number): boolean {
  if (type === 'gzip') return data.length < 4 || data.readUInt32LE(data.length - 4) <= maxBytes;
  return type !== 'zstd' || zstdUpperBound(data) <= maxBytes;
}

/** Blocks that `decompress` would make each by a call of its own; not more than `max` are counted. Others' are counted as content. */
export function countBlocks(type: Compression, data: Buffer, max: number): number {
  if (type === 'lz4') return countLz4Blocks(data, max);
  return type === 'snappy' ? countSnappyChunks(data, max) : 0;
}

/** As `compress`, holding no one up: in steps, or in another thread, which gives a promise. */
export function* compressInSteps(type: Compression, data: Buffer): Steps<Buffer | Promise<Buffer>> {
  switch (type) {
    case 'none':
      return data;
    case 'gzip':
      return new Promise((resolve, reject) =>
        zlib.gzip(data, (error, result) => {
          if (error) reject(error);
          else resolve(result);
        }),
      );
    case 'snappy':
      return yield* compressSnappy(data);
    case 'lz4':
      return yield* compressLz4(data);
    case 'zstd':
      return compressZstdElsewhere(data);
  }
}

function decompressGzip(data: Buffer, maxBytes: number): Buffer {
  try {
    return zlib.gunzipSync(data, { maxOutputLength: Math.max(1, maxBytes) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new DecompressionLimitError(maxBytes);
    throw new UndecodableRecordsError('Failed to decompress record stream (gzip)', { cause: error });
  }
}
