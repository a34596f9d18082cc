/** How much of the insides of batches one step of the broker may look at. */
import { countBlocks, decompress, mayDecompressWithin, type Compression } from './compression.js';
import { DecompressionLimitError, PreparationNeededError } from './errors.js';

/** By measurement, somewhat more than it takes for text like logs: with the walk of the records, for each byte of content. */
const DECOMPRESSION_NS: Readonly<Record<Compression, number>> = { none: 0.25, gzip: 5, snappy: 2, lz4: 2, zstd: 3 };
const COMPRESSION_NS: Readonly<Record<Compression, number>> = { none: 2, gzip: 35, snappy: 5, lz4: 8, zstd: 10 };
/** For each byte of what is compressed: gzip makes tables for content that may be nothing, some 15 bytes each. */
const COMPRESSED_NS: Readonly<Record<Compression, number>> = { none: 0, gzip: 30, snappy: 0, lz4: 0, zstd: 0 };
/** A native call. */
const BLOCK_NS = 3_500;
/** A record costs this besides its bytes: seven bytes may be one. */
const WALK_RECORD_NS = 25;
/** One whose time is a sum beyond 2^53 with a great distance, or that is refused. */
const UNUSUAL_RECORD_NS = 500;
/** And this when it is written again. */
const REWRITE_RECORD_NS = 400;
/** Milliseconds that the batches of one step may take together. The least batch is looked at even if less is left. */
const STEP_NS = 5_000_000;
const LEAST_BYTES = 128 * 1024;
/** So little of an uncompressed batch is looked at whatever is left: to prepare it would take longer, and a step has a hundred at most. */
const LITTLE_NS = 50_000;

/**
 * What the appends of one step may still do: those of a request, or of a part of it. What is more work throws `PreparationNeededError`, nearly
 * always before it is begun.
 */
export class StepWork {
  private leftNs = STEP_NS;

  /** Counts the walk of an uncompressed batch, which will be written again if `target` is not null. */
  walk(bytes: number, records: number, target: Compression | null): void {
    const forRecordsNs = recordsNs(records, target);
    const neededNs = bytes * byteNs('none', target) + forRecordsNs;
    const isTooLong = this.leftNs <= forRecordsNs || (neededNs > this.leftNs && bytes > LEAST_BYTES);
    if (isTooLong && (target !== null || neededNs > LITTLE_NS)) throw new PreparationNeededError();
    this.leftNs -= neededNs;
  }

  /** Counts one more, found on the walk. */
  unusualRecord(): void {
    this.leftNs -= UNUSUAL_RECORD_NS;
    if (this.leftNs <= 0) throw new PreparationNeededError();
  }

  /** Counts that records which were to stay as they are, and were walked, are written again in their codec. */
  rewrite(bytes: number, records: number, codec: Compression): void {
    this.leftNs -= bytes * COMPRESSION_NS[codec] + records * REWRITE_RECORD_NS;
    if (this.leftNs <= 0) throw new PreparationNeededError();
  }

  /** The content of a batch of so many records, which will be written again if `target` is not null. */
  decompress(type: Compression, data: Buffer, records: number, target: Compression | null): Buffer {
    const overheadNs =
      data.length * COMPRESSED_NS[type] + this.blocksOf(type, data) * BLOCK_NS + recordsNs(records, target);
    if (this.leftNs <= overheadNs) throw new PreparationNeededError();
    const nsPerByte = byteNs(type, target);
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

function byteNs(source: Compression, target: Compression | null): number {
  return DECOMPRESSION_NS[source] + (target === null ? 0 : COMPRESSION_NS[target]);
}

/** Of as many as a batch says that it has, which may be any number. */
function recordsNs(records: number, target: Compression | null): number {
  return Math.max(0, records) * (target === null ? WALK_RECORD_NS : WALK_RECORD_NS + REWRITE_RECORD_NS);
}
