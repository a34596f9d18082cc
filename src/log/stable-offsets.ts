import { assert } from '../common/index.js';
import { partitionKey } from '../cluster/index.js';
import type { ProducerStateManager } from './core/producer-state-manager.js';
import type { LocalLog } from './local-log.js';
import { LogError } from './log-error.js';
import { LogOffsetMetadata, type LogOffsetSnapshot } from './log-offset-metadata.js';
import type { LogReader } from './log-reader.js';

/** Called with each new high watermark (Kafka's `LogOffsetsListener`). */
export type LogOffsetsListener = (highWatermark: number) => void;

/**
 * How far a log may be read: its start, its high watermark, and the first offset of a transaction that is not decided, below which lies
 * the last stable offset (the part of `kafka.log.UnifiedLog` that keeps them). The places on disk are looked up when a fetch needs them.
 */
export class StableOffsets {
  listener: LogOffsetsListener | null = null;
  private highWatermarkMetadata: LogOffsetMetadata;
  private firstUnstable: LogOffsetMetadata | null = null;
  /** The producers' state is being rebuilt: which transactions are open is not known. */
  private isHeldBack = false;

  constructor(
    private readonly log: LocalLog,
    private readonly reader: LogReader,
    private readonly producers: ProducerStateManager,
    /** Offsets before it were deleted; it may lie inside a segment, and inside a batch. */
    public logStartOffset: number,
  ) {
    this.highWatermarkMetadata = new LogOffsetMetadata(logStartOffset);
    this.updateFirstUnstableOffset();
  }

  get highWatermark(): number {
    return this.highWatermarkMetadata.messageOffset;
  }

  get lastStableOffset(): number {
    const { firstUnstable, highWatermark } = this;
    return firstUnstable && firstUnstable.messageOffset < highWatermark ? firstUnstable.messageOffset : highWatermark;
  }

  /** Sets the high watermark, kept within the log. Gives what it became. */
  updateHighWatermark(to: LogOffsetMetadata): number {
    const end = this.log.logEndOffsetMetadata;
    if (to.messageOffset < this.logStartOffset) this.setHighWatermark(new LogOffsetMetadata(this.logStartOffset));
    else this.setHighWatermark(to.messageOffset >= end.messageOffset ? end : to);
    return this.highWatermark;
  }

  /** Moves it forward. Gives the old one when it moved, or when only its place did, from the end of one segment to the next. */
  maybeIncrementHighWatermark(to: LogOffsetMetadata): LogOffsetMetadata | null {
    if (to.messageOffset > this.log.logEndOffset) {
      throw new RangeError(
        `${partitionKey(this.log.topicPartition)}: high watermark ${to.messageOffset} exceeds the log end offset ${this.log.logEndOffset}`,
      );
    }
    const old = this.fetchHighWatermark();
    const movesOn = old.messageOffset < to.messageOffset;
    const movesSegment = old.messageOffset === to.messageOffset && !to.messageOffsetOnly && old.onOlderSegment(to);
    if (!movesOn && !movesSegment) return null;
    this.setHighWatermark(to);
    return old;
  }

  /** Once the end has moved to a new segment, a high watermark at the end goes with it. */
  followLogEnd(): void {
    const end = this.log.logEndOffsetMetadata;
    if (this.highWatermark >= end.messageOffset) this.setHighWatermark(end);
  }

  /** The high watermark with its place on disk. */
  fetchHighWatermark(): LogOffsetMetadata {
    if (this.highWatermarkMetadata.messageOffsetOnly) {
      this.highWatermarkMetadata = this.locate(this.highWatermark);
    }
    return this.highWatermarkMetadata;
  }

  /** The last stable offset with its place on disk. */
  fetchLastStableOffset(): LogOffsetMetadata {
    const { firstUnstable } = this;
    if (!firstUnstable || firstUnstable.messageOffset >= this.highWatermark) return this.fetchHighWatermark();
    if (firstUnstable.messageOffsetOnly) this.firstUnstable = this.locate(firstUnstable.messageOffset);
    return this.firstUnstable!;
  }

  snapshot(): LogOffsetSnapshot {
    return {
      logStartOffset: this.logStartOffset,
      logEndOffset: this.log.logEndOffsetMetadata,
      highWatermark: this.fetchHighWatermark(),
      lastStableOffset: this.fetchLastStableOffset(),
    };
  }

  /** To be called whenever the state of the producers, or the log start offset, may have changed. */
  updateFirstUnstableOffset(): void {
    if (this.isHeldBack) {
      this.firstUnstable = new LogOffsetMetadata(this.logStartOffset);
      return;
    }
    const first = this.producers.firstUnstableOffset;
    if (first === null) this.firstUnstable = null;
    else if (first.messageOffset < this.logStartOffset) this.firstUnstable = new LogOffsetMetadata(this.logStartOffset);
    else if (this.firstUnstable?.messageOffset !== first.messageOffset) this.firstUnstable = first;
  }

  /** The log was cut: until `forgetPlaces`, nothing of it counts as decided. */
  holdBack(): void {
    this.isHeldBack = true;
    this.updateFirstUnstableOffset();
  }

  /** The log was cut, and its producers are known again: the same offset may lie elsewhere now. */
  forgetPlaces(): void {
    this.isHeldBack = false;
    this.firstUnstable = null;
    this.updateFirstUnstableOffset();
  }

  /** Moves the start; the high watermark and the recovery point are never before it. */
  setLogStartOffset(offset: number): void {
    this.logStartOffset = offset;
    if (this.highWatermark < offset) this.updateHighWatermark(new LogOffsetMetadata(offset));
    if (this.log.recoveryPoint < offset) this.log.recoveryPoint = offset;
  }

  ensureNotBeforeStart(offset: number): void {
    if (offset >= this.logStartOffset) return;
    throw new LogError(
      'OFFSET_OUT_OF_RANGE',
      `Received request for offset ${offset} for partition ${partitionKey(this.log.topicPartition)}, ` +
        `but we only have log segments starting from offset: ${this.logStartOffset}.`,
    );
  }

  private setHighWatermark(to: LogOffsetMetadata): void {
    const offset = to.messageOffset;
    assert(
      offset >= this.logStartOffset && offset <= this.log.logEndOffset,
      `${this.log.dir}: high watermark ${offset} lies in [${this.logStartOffset}, ${this.log.logEndOffset}]`,
    );
    const changed = offset !== this.highWatermark;
    if (to.messageOffset < this.highWatermark) {
      this.log.context.logger.warn('Non-monotonic update of high watermark', {
        partition: partitionKey(this.log.topicPartition),
        from: this.highWatermark,
        to: to.messageOffset,
      });
    }
    this.highWatermarkMetadata = to;
    if (!changed) return;
    this.producers.onHighWatermarkUpdated(to.messageOffset);
    this.updateFirstUnstableOffset();
    this.listener?.(to.messageOffset);
  }

  private locate(offset: number): LogOffsetMetadata {
    this.log.ensureOpen();
    this.ensureNotBeforeStart(offset);
    return this.log.onStorage('reading', () => this.reader.locate(offset));
  }
}
