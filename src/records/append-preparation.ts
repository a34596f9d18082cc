/** What an append needs of the insides of a large batch, found piece by piece before it. */
import type { Steps } from '../common/index.js';
import { RECORD_BATCH_OVERHEAD } from './batch-header.js';
import { BatchView } from './batch-view.js';
import { DEFAULT_MAX_DECOMPRESSED_BYTES, MAX_STREAMED_BYTES, readContent, type Compression } from './compression.js';
import type { ContentReader } from './content-reader.js';
import { RecordTooLargeError, type RecordsError } from './errors.js';
import { RecordChecks, type RecordFacts } from './record-checks.js';
import { RecordStream, type PieceTaker } from './record-stream.js';
import { mustRewrite, newBuilder, rewriteRecords, targetCompressionOf } from './rewriting.js';
import type { AppendValidationOptions, PreparedAppend } from './validate-for-append.js';

class PreparedRecords implements PreparedAppend {
  constructor(
    private readonly buffer: Buffer,
    private readonly options: AppendValidationOptions,
    private readonly found: RecordFacts | RecordsError,
    readonly rebuilt: Buffer | null,
  ) {}

  isFor(buffer: Buffer, options: AppendValidationOptions): boolean {
    const { options: own } = this;
    return (
      buffer === this.buffer &&
      own.targetCompression === options.targetCompression &&
      own.timestampType === options.timestampType &&
      own.timestampBeforeMaxMs === options.timestampBeforeMaxMs &&
      own.timestampAfterMaxMs === options.timestampAfterMaxMs &&
      own.compactedTopic === options.compactedTopic &&
      own.maxMessageBytes === options.maxMessageBytes
    );
  }

  outcome(): RecordFacts {
    if (this.found instanceof Error) throw this.found;
    return this.found;
  }
}

/**
 * Looks at a batch that `validateForAppend` found to be too much work for one step. Give `check` the pieces of `openContent`; then, if
 * `mustRebuild`, `collect` those of another one, and `rebuild` the batch. The bytes are read only.
 */
export class AppendPreparation {
  private readonly batch: BatchView;
  private readonly target: Compression;
  private readonly checks: RecordChecks;
  private readonly collected = new Collected();
  /** Content that was looked at. */
  checkedBytes = 0;
  /** Times are counted from another one when the records are written again. */
  private movesBaseTime = false;

  constructor(
    private readonly buffer: Buffer,
    private readonly options: AppendValidationOptions,
  ) {
    this.batch = new BatchView(buffer);
    this.target = targetCompressionOf(options.targetCompression, this.batch.compression);
    this.checks = new RecordChecks(this.batch, options);
  }

  /** At most `maxBytes` of it. */
  openContent(maxBytes: number): ContentReader {
    const { compression, sizeInBytes } = this.batch;
    const bound = Math.min(maxBytes, MAX_STREAMED_BYTES);
    return readContent(compression, this.buffer.subarray(RECORD_BATCH_OVERHEAD, sizeInBytes), { maxBytes: bound });
  }

  *check(): PieceTaker<void> {
    const stream = new RecordStream();
    try {
      yield* stream.pass(this.batch.count, (index, record) => {
        if (index === 0) this.movesBaseTime = record.timestampDelta !== 0;
        return this.checks.add(index, record);
      });
      this.checks.finish();
    } finally {
      this.checkedBytes = stream.takenBytes;
    }
  }

  get mustRebuild(): boolean {
    return mustRewrite(this.batch, this.target, this.checks);
  }

  /** What is built again has to be had at once. */
  *collect(): PieceTaker<void> {
    const maxBytes = this.maxCollectedBytes;
    for (let piece = yield; piece !== null; piece = yield) {
      if (this.collected.length + piece.length + this.growthBytes > maxBytes) {
        throw new RecordTooLargeError(
          `Message batch in append to partition ${this.options.topicPartition} holds more than ${maxBytes} bytes, and has to be built again.`,
        );
      }
      this.collected.add(piece);
    }
  }

  /** The batch as it will be appended; a promise of it where another thread compresses it. */
  *rebuild(): Steps<Buffer | Promise<Buffer>> {
    const content = yield* this.collected.take();
    const header = { ...this.options, nextOffset: 0, partitionLeaderEpoch: -1 };
    const builder = newBuilder(
      this.batch,
      this.target,
      header,
      content.length + RECORD_BATCH_OVERHEAD + this.growthBytes + ROOM_BYTES,
    );
    yield* rewriteRecords(this.batch, content, builder);
    return yield* builder.buildInSteps();
  }

  /** The result, or what was thrown on the way. */
  finish(error: RecordsError | null, rebuilt: Buffer | null = null): PreparedAppend {
    return new PreparedRecords(this.buffer, this.options, error ?? this.checks, rebuilt);
  }

  /**
   * What offsets and times may take that are written again: a buffer that has to grow is copied in one step. Times are written by that of the
   * first record, as Kafka's builder does, whatever the batch counts them from.
   */
  private get growthBytes(): number {
    return this.batch.count * (DELTA_GROWTH_BYTES + (this.movesBaseTime ? TIME_GROWTH_BYTES : 0));
  }

  /** Uncompressed it would be larger than a batch may be. */
  private get maxCollectedBytes(): number {
    if (this.target !== 'none' || this.options.ignoreRecordSize === true) return DEFAULT_MAX_DECOMPRESSED_BYTES;
    return Math.min(DEFAULT_MAX_DECOMPRESSED_BYTES, 2 * this.options.maxMessageBytes + ROOM_BYTES);
  }
}

/** Copies of pieces, which may be of a byte each, one behind the other. */
class Collected {
  private readonly chunks: Buffer[] = [];
  /** Of the last chunk. */
  private used = CHUNK_BYTES;
  length = 0;

  add(piece: Buffer): void {
    this.length += piece.length;
    for (let from = 0; from < piece.length;) {
      if (this.used === CHUNK_BYTES) {
        this.chunks.push(Buffer.allocUnsafeSlow(CHUNK_BYTES));
        this.used = 0;
      }
      const copied = piece.copy(this.chunks.at(-1)!, this.used, from);
      from += copied;
      this.used += copied;
    }
  }

  /** All of it in one. */
  *take(): Steps<Buffer> {
    const all = Buffer.allocUnsafeSlow(this.length);
    for (let at = 0; at < this.length; at += CHUNK_BYTES) {
      this.chunks.shift()!.copy(all, at);
      yield;
    }
    return all;
  }
}

const CHUNK_BYTES = 1024 * 1024;
/** A delta of a byte may take four, and the length before it one more. */
const DELTA_GROWTH_BYTES = 4;
/** A delta of a byte may take ten. */
const TIME_GROWTH_BYTES = 9;
/** Deltas that are written again may take more bytes than they did. */
const ROOM_BYTES = 1024 * 1024;
