/** How much of the insides of batches one step of the broker may look at. */
import { countBlocks, decompress, mayDecompressWithin, type Compression } from './compression.js';
import { DecompressionLimitError, PreparationNeededError } from './errors.js';

/** By measurement, somewhat more than it takes for text like logs: with the walk of the records, for each byte of content. */
const DECOMPRESSION_NS: Readonly<Record<Compression, number>> = { none: 1, gzip: 5, snappy: 2, lz4: 2, zstd: 3 };
const COMPRESSION_NS: Readonly<Record<Compression, number>> = { none: 2, gzip: 35, snappy: 5, lz4: 8, zstd: 10 };
/** For each byte of what is compressed: gzip makes tables for content that may be nothing, some 15 bytes each. */
const COMPRESSED_NS: Readonly<Record<Compression, number>> = { none: 0, gzip: 30, snappy: 0, lz4: 0, zstd: 0 };
/** A native call. */
const BLOCK_NS = 3_500;
const WALK_RECORD_NS = 25;
/** Milliseconds that the batches of one step may take together. The least batch is looked at even if less is left. */
const STEP_NS = 5_000_000;
const LEAST_BYTES = 128 * 1024;
/** An uncompressed batch longer than this takes milliseconds to walk if its records are small. */
export const LONG_WALK_BYTES = 2 * 1024 * 1024;

/**
 * What the appends of one step may still do: those of a request, or of a part of it. What is more work throws `PreparationNeededError`, nearly
 * always before it is begun.
 */
export class StepWork {
  private leftNs = STEP_NS;

  /** Counts the walk of an uncompressed batch, and its compression if `target` is another codec. */
  walk(bytes: number, records: number, target: Compression | null): void {
    const neededNs = bytes * (target === null ? 1 : 1 + COMPRESSION_NS[target]) + records * WALK_RECORD_NS;
    if (this.leftNs <= 0 || (neededNs > this.leftNs && bytes > LEAST_BYTES)) throw new PreparationNeededError();
    this.leftNs -= neededNs;
  }

  /** The content of a batch, which will be compressed again if `target` is not null. */
  decompress(type: Compression, data: Buffer, target: Compression | null): Buffer {
    const overheadNs = data.length * COMPRESSED_NS[type] + this.blocksOf(type, data) * BLOCK_NS;
    if (this.leftNs <= overheadNs) throw new PreparationNeededError();
    const nsPerByte = DECOMPRESSION_NS[type] + (target === null ? 0 : COMPRESSION_NS[target]);
    const maxBytes = Math.max(LEAST_BYTES, Math.floor((this.leftNs - overheadNs) / nsPerByte));
    if (!mayDecompressWithin(type, data, maxBytes)) throw new PreparationNeededError();
    try {
      const content = decompress(type, data, { maxBytes });
      this.leftNs -= overheadNs + content.length * nsPerByte;
      return content;
    } catch (error) {
      if (!(error instanceof DecompressionLimitError)) throw error;
      // It held more than it stated. What was done for it was for nothing.
      this.leftNs = 0;
      throw new PreparationNeededError();
    }
  }

  private blocksOf(type: Compression, data: Buffer): number {
    return this.leftNs <= 0 ? 0 : countBlocks(type, data, Math.ceil(this.leftNs / BLOCK_NS));
  }
}
