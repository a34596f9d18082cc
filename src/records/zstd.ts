/**
 * Zstandard, by Node's own zlib where it has it and by a native module elsewhere. The native module cannot be given a bound: it gets frames
 * whose blocks can hold no more than may be made, whatever their headers state; others are read block by block.
 */
import * as zlib from 'node:zlib';
import type { Transform } from 'node:stream';
import type * as Native from '@toondepauw/node-zstd';
import type { ContentReader, SyncContentReader } from './content-reader.js';
import { DecompressionLimitError, UndecodableRecordsError } from './errors.js';
import { StreamReader } from './stream-reader.js';
import { ZstdError } from './zstd-entropy.js';
import { contentUpperBound } from './zstd-frames.js';
import { ZstdReader } from './zstd-reader.js';

interface NodeZstd {
  zstdCompressSync?(data: Buffer): Buffer;
  zstdCompress?(data: Buffer, callback: (error: Error | null, result: Buffer) => void): void;
  zstdDecompressSync?(data: Buffer, options: { maxOutputLength: number }): Buffer;
  createZstdDecompress?(options: { chunkSize: number }): Transform;
}
const nodeZstd = zlib as NodeZstd;

/** zstd's default level, which Kafka's clients use. */
const LEVEL = 3;
/** What the native module may make at once, in a thread of its own. */
const MAX_AT_ONCE_BYTES = 32 * 1024 * 1024;

let encoder: Native.Encoder | undefined;
let decoder: Native.Decoder | undefined;

/**
 * Loads the native module. To find out which C library it runs on, it has Node report on the process, and that includes the names of all who are
 * connected: looked up here, on the event loop, each for 5 s where no name server answers. So the report is had without them.
 */
function load(): typeof Native {
  const report = process.report as NodeJS.ProcessReport & { excludeNetwork: boolean };
  const { excludeNetwork } = report;
  report.excludeNetwork = true;
  try {
    return require('@toondepauw/node-zstd') as typeof Native;
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

export function compressZstd(data: Buffer): Buffer {
  if (nodeZstd.zstdCompressSync !== undefined) return nodeZstd.zstdCompressSync(data);
  encoder ??= new (load().Encoder)(LEVEL);
  return encoder.encodeSync(data);
}

/** The same in another thread. */
export function compressZstdElsewhere(data: Buffer): Promise<Buffer> {
  const { zstdCompress } = nodeZstd;
  if (zstdCompress === undefined) return (encoder ??= new (load().Encoder)(LEVEL)).encode(data);
  return new Promise((resolve, reject) =>
    zstdCompress(data, (error, result) => (error ? reject(error) : resolve(result))),
  );
}

export function decompressZstd(data: Buffer, maxBytes: number): Buffer {
  return translated(maxBytes, () => {
    ensureNotEmpty(data);
    if (nodeZstd.zstdDecompressSync !== undefined) {
      return nodeZstd.zstdDecompressSync(data, { maxOutputLength: Math.max(1, maxBytes) });
    }
    if (contentUpperBound(data) <= maxBytes) return (decoder ??= new (load().Decoder)()).decodeSync(data);
    const reader = new BlockReader(data, maxBytes);
    const pieces: Buffer[] = [];
    for (let piece = reader.next(); piece; piece = reader.next()) pieces.push(Buffer.from(piece));
    return Buffer.concat(pieces);
  });
}

/** What `decompressZstd` may make at once under a bound, as far as can be told without decoding. */
export function zstdUpperBound(data: Buffer): number {
  return translated(Infinity, () => contentUpperBound(data));
}

/** Reads the content piece by piece, where possible in another thread. */
export function readZstd(data: Buffer, maxBytes: number): ContentReader {
  return translated(maxBytes, () => {
    ensureNotEmpty(data);
    const { createZstdDecompress } = nodeZstd;
    if (createZstdDecompress !== undefined) {
      return new StreamReader((options) => createZstdDecompress(options), data, maxBytes, 'zstd');
    }
    if (contentUpperBound(data) <= Math.min(maxBytes, MAX_AT_ONCE_BYTES)) return new AtOnceReader(data);
    return new BlockReader(data, maxBytes);
  });
}

/** All in one piece, made in another thread. */
class AtOnceReader implements ContentReader {
  private isDone = false;

  constructor(private readonly data: Buffer) {}

  next(): Promise<Buffer> | null {
    if (this.isDone) return null;
    this.isDone = true;
    return (decoder ??= new (load().Decoder)()).decode(this.data).catch((error: unknown) => {
      throw failure('a frame does not decode', error);
    });
  }
}

class BlockReader implements SyncContentReader {
  private readonly reader: ZstdReader;
  private total = 0;

  constructor(
    data: Buffer,
    private readonly maxBytes: number,
  ) {
    this.reader = new ZstdReader(data);
  }

  next(): Buffer | null {
    const block = translated(this.maxBytes, () => this.reader.next());
    this.total += block?.length ?? 0;
    if (this.total > this.maxBytes) throw new DecompressionLimitError(this.maxBytes);
    return block;
  }
}

function ensureNotEmpty(data: Buffer): void {
  if (data.length === 0) throw failure('the stream is empty');
}

function translated<T>(maxBytes: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof DecompressionLimitError || error instanceof UndecodableRecordsError) throw error;
    if (error instanceof ZstdError) throw failure(error.message);
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new DecompressionLimitError(maxBytes);
    throw failure('a frame does not decode', error);
  }
}

function failure(what: string, cause?: unknown): UndecodableRecordsError {
  return new UndecodableRecordsError(`Failed to decompress record stream (zstd): ${what}`, { cause });
}
