import { assert } from '../common/index.js';
import { partitionKey } from '../cluster/index.js';
import type { ProducerStateManager } from './core/producer-state-manager.js';
import type { ReadInterest } from './segment/read-interest.js';
import type { LocalLog } from './local-log.js';
import { LogError } from './core/log-error.js';
import { LogOffsetMetadata, type LogOffsetSnapshot } from './core/log-offset-metadata.js';
import type { LogReader } from './log-reader.js';

/** `visibleEnd` is the high watermark or the last stable offset. */
export type MovedOffset = 'logStart' | 'logEnd' | 'visibleEnd';

/**
 * Told of every move of an offset up to which, or from which on, someone reads, in the step that moves it. It may only take note: the step
 * is not through yet. (Kafka's `LogOffsetsListener` is told of high watermarks only.)
 */
export type LogOffsetsListener = (moved: MovedOffset) => void;

/**
 * How far a log may be read: its start, its high watermark, and the first offset of a transaction that is not decided, below which lies
 * the last stable offset (the part of `kafka.log.UnifiedLog` that keeps them). The places on disk are looked up when a fetch needs them.
 */
export class StableOffsets {
  listener: LogOffsetsListener | null = null;
  private highWatermarkMetadata: LogOffsetMetadata;
  private firstUnstable: LogOffsetMetadata | null = null;
  /** The producers' state is not that of the log: it says nothing of which transactions are open. */
  private isRebuilding = false;
  /** Offsets before it were deleted; it may lie inside a segment, and inside a batch. */
  private startOffset: number;
  private readonly told = { logStart: -1, logEnd: -1, highWatermark: -1, lastStableOffset: -1 };

  constructor(
    private readonly log: LocalLog,
    private readonly reader: LogReader,
    private readonly producers: ProducerStateManager,
    logStartOffset: number,
  ) {
    this.startOffset = logStartOffset;
    this.highWatermarkMetadata = new LogOffsetMetadata(logStartOffset);
    this.updateFirstUnstableOffset();
  }

  get logStartOffset(): number {
    return this.startOffset;
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
    // The place of the old one is not looked up: who has just taken the lead need not be able to read it, nor an append that is in the log.
    const old = this.highWatermarkMetadata;
    if (old.messageOffset > to.messageOffset) return null;
    const isSame = old.messageOffset === to.messageOffset;
    if (isSame && (to.messageOffsetOnly || (!old.messageOffsetOnly && !old.onOlderSegment(to)))) return null;
    this.setHighWatermark(to);
    return isSame && old.messageOffsetOnly ? null : old;
  }

  /** To be called once the log end has moved: also to a new segment, and then a high watermark at the end goes with it. */
  followLogEnd(): void {
    const end = this.log.logEndOffsetMetadata;
    if (this.highWatermark >= end.messageOffset) this.setHighWatermark(end);
    this.tellMoved();
  }

  /** The high watermark, with its place on disk where that is known, or the records are in memory: see `locate`. */
  fetchHighWatermark(): LogOffsetMetadata {
    return (this.highWatermarkMetadata = this.withPlaceInMemory(this.highWatermarkMetadata));
  }

  /** The last stable offset, likewise. */
  fetchLastStableOffset(): LogOffsetMetadata {
    const { firstUnstable } = this;
    if (!firstUnstable || firstUnstable.messageOffset >= this.highWatermark) return this.fetchHighWatermark();
    return (this.firstUnstable = this.withPlaceInMemory(firstUnstable));
  }

  /**
   * Looks on the disk for the place of an end that was given without, and keeps it for as long as that end stands. Null when the log was cut
   * meanwhile, or the interest has ended.
   */
  async locate(end: LogOffsetMetadata, interest: ReadInterest | null): Promise<LogOffsetMetadata | null> {
    const { truncationCount } = this.log;
    const wasCut = (): boolean => truncationCount !== this.log.truncationCount;
    let found: LogOffsetMetadata;
    try {
      found = await this.reader.locate(end.messageOffset, interest);
    } catch (error) {
      if (wasCut() && error instanceof LogError && error.kind === 'OFFSET_OUT_OF_RANGE') return null;
      throw error;
    }
    if (found.messageOffsetOnly || wasCut()) return null;
    if (this.highWatermarkMetadata === end) this.highWatermarkMetadata = found;
    if (this.firstUnstable === end) this.firstUnstable = found;
    return found;
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
    if (this.isRebuilding) return;
    const first = this.producers.firstUnstableOffset;
    if (first === null) this.firstUnstable = null;
    else if (first.messageOffset < this.logStartOffset) this.firstUnstable = new LogOffsetMetadata(this.logStartOffset);
    else if (this.firstUnstable?.messageOffset !== first.messageOffset) this.firstUnstable = first;
    this.tellMoved();
  }

  /**
   * The log was cut at `offset`. Until `onRebuilt`, which transactions are open is not known, but a cut above the high watermark takes away
   * nothing by which one below it was decided: the first unstable offset stays what it was. Below a cut under the high watermark (after an
   * unclean election) a marker may be gone, and nothing counts as decided.
   */
  onCut(offset: number): void {
    this.isRebuilding = true;
    this.startOffset = Math.min(offset, this.startOffset);
    if (offset < this.highWatermark) this.firstUnstable = new LogOffsetMetadata(this.startOffset);
    this.followLogEnd();
  }

  /** Everything is gone, of the log and of its producers. Until `onRebuilt` nothing is appended. */
  onEmptied(logStartOffset: number): void {
    this.isRebuilding = true;
    this.firstUnstable = null;
    this.startOffset = logStartOffset;
    this.updateHighWatermark(this.log.logEndOffsetMetadata);
    this.tellMoved();
  }

  /** The producers' state is that of the log again. The same offset may lie elsewhere now. */
  onRebuilt(): void {
    this.isRebuilding = false;
    // The walk takes every transaction for one whose marker is not replicated yet.
    this.producers.onHighWatermarkUpdated(this.highWatermark);
    this.firstUnstable = null;
    this.updateFirstUnstableOffset();
  }

  /** Moves the start; the high watermark and the recovery point are never before it. */
  setLogStartOffset(offset: number): void {
    this.startOffset = offset;
    if (this.isRebuilding && this.firstUnstable && this.firstUnstable.messageOffset < offset)
      this.firstUnstable = new LogOffsetMetadata(offset);
    if (this.highWatermark < offset) this.updateHighWatermark(new LogOffsetMetadata(offset));
    if (this.log.recoveryPoint < offset) this.log.recoveryPoint = offset;
    this.tellMoved();
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
      () => `${this.log.dir}: high watermark ${offset} lies in [${this.logStartOffset}, ${this.log.logEndOffset}]`,
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
    this.tellMoved();
  }

  private tellMoved(): void {
    const { told, logStartOffset, highWatermark, lastStableOffset } = this;
    const { logEndOffset } = this.log;
    if (told.logEnd !== logEndOffset) {
      told.logEnd = logEndOffset;
      this.listener?.('logEnd');
    }
    if (told.highWatermark !== highWatermark || told.lastStableOffset !== lastStableOffset) {
      told.highWatermark = highWatermark;
      told.lastStableOffset = lastStableOffset;
      this.listener?.('visibleEnd');
    }
    if (told.logStart !== logStartOffset) {
      told.logStart = logStartOffset;
      this.listener?.('logStart');
    }
  }

  private withPlaceInMemory(end: LogOffsetMetadata): LogOffsetMetadata {
    return end.messageOffsetOnly ? (this.reader.placeInMemory(end.messageOffset) ?? end) : end;
  }
}
