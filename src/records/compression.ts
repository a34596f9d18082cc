/**
 * The codecs of record batches, synchronous and bounded. Native modules are loaded at first use, so that a broker whose clients do not
 * compress never loads them.
 */
import * as zlib from 'node:zlib';
import { DecompressionLimitError, UndecodableRecordsError } from './errors.js';
import { compressLz4, decompressLz4 } from './lz4.js';
import { compressSnappy, decompressSnappy } from './snappy.js';
import { compressZstd, decompressZstd } from './zstd.js';

/** In the order of their ids in the attributes of a batch. */
export const COMPRESSION_TYPES = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type Compression = (typeof COMPRESSION_TYPES)[number];

/**
 * What one batch may decompress to when the caller names no bound. Kafka streams and has none; a batch of 1 MB can claim gigabytes, so
 * we stop far above what real producers send.
 */
export const DEFAULT_MAX_DECOMPRESSED_BYTES = 128 * 1024 * 1024;

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
      return compressSnappy(data);
    case 'lz4':
      return compressLz4(data);
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

function decompressGzip(data: Buffer, maxBytes: number): Buffer {
  try {
    return zlib.gunzipSync(data, { maxOutputLength: Math.max(1, maxBytes) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new DecompressionLimitError(maxBytes);
    throw new UndecodableRecordsError('Failed to decompress record stream (gzip)', { cause: error });
  }
}
