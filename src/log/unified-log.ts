/** A partition's log on this broker: where records are appended, validated and numbered, read, cut and retained. */
import type { Steps, Uuid } from '../common/index.js';
import { BatchView, RECORD_BATCH_OVERHEAD, type Int64, type PreparedAppend } from '../records/index.js';
import { partitionKey, type TopicPartition } from '../cluster/index.js';
import type { EpochEntry } from './core/leader-epochs.js';
import { UNDEFINED_EPOCH_OFFSET } from './core/leader-epochs.js';
import type { ProducerStateManager } from './core/producer-state-manager.js';
import { deletableSegments, type RetentionReason } from './core/retention.js';
import type { ReadInterest } from './segment/read-interest.js';
import { emptyFetch, type AbortedTransaction, type FetchDataInfo, type FetchIsolation } from './fetch-data-info.js';
import type { LeaderEpochFileCache } from './checkpoints/leader-epoch-file-cache.js';
import type { LocalLog } from './local-log.js';
import type { AppendAsLeaderOptions, LogAppendInfo, VerificationGuard } from './core/log-append-info.js';
import { LogAppender } from './log-appender.js';
import type { LogConfig } from './log-config.js';
import { onStorageAsync, type LogContext } from './log-context.js';
import { LogError } from './core/log-error.js';
import { LogFlusher } from './manager/log-flusher.js';
import { LogOffsetMetadata, type LogOffsetSnapshot } from './core/log-offset-metadata.js';
import { LogReader } from './log-reader.js';
import type { LogSegment } from './segment/log-segment.js';
import { NameTaking, type EarlierLog } from './files/name-taking.js';
import type { PartitionMetadataFile } from './checkpoints/partition-metadata-file.js';
import type { ProducerSnapshots } from './producer/producer-snapshots.js';
import { rebuildProducerState } from './producer/producer-state-loader.js';
import { StableOffsets, type LogOffsetsListener } from './stable-offsets.js';
import { areTimesKnown, findRecordByTimestamp, readTimes, BROKER, type Searcher } from './segment/timestamp-search.js';
import { TruncationSettling } from './truncation-settling.js';

/** So many segments go in one step: some ten ms of renaming files. Two at least, as the last may hold nothing, and each step cuts something. */
const MAX_CUT_SEGMENTS = 100;

/** The times that ListOffsets gives a meaning of their own. */
export const LATEST_TIMESTAMP = -1;
export const EARLIEST_TIMESTAMP = -2;
export const MAX_TIMESTAMP = -3;
export const EARLIEST_LOCAL_TIMESTAMP = -4;

export interface OffsetAndEpoch {
  readonly epoch: number;
  readonly offset: number;
}

export interface TimestampAndOffset {
  /** -1 where the question was for an end of the log. */
  readonly timestamp: Int64;
  readonly offset: number;
  readonly leaderEpoch: number | null;
}

/** A producer as DescribeProducers shows it; -1 for what there is none of. */
export interface ActiveProducer {
  readonly producerId: Int64;
  readonly producerEpoch: number;
  readonly lastSequence: number;
  readonly lastTimestamp: Int64;
  readonly coordinatorEpoch: number;
  readonly currentTxnStartOffset: number;
}

/** What a log is put together from; the loader makes it. */
export interface UnifiedLogParts {
  readonly local: LocalLog;
  readonly epochs: LeaderEpochFileCache;
  readonly producers: ProducerStateManager;
  readonly snapshots: ProducerSnapshots;
  readonly logStartOffset: number;
  readonly metadata: PartitionMetadataFile;
}

/**
 * A log (`kafka.log.UnifiedLog`). Owned by the `LogManager`, used by `Partition`. Every change happens within the call, before it returns,
 * so that calls never overlap; only cold reads, searches by time and flushes wait. What is wrong with records is thrown as `RecordsError`
 * of `records`, every other refusal as `LogError`; KAFKA_STORAGE_ERROR means that the log directory is going offline.
 */
export class UnifiedLog {
  private readonly local: LocalLog;
  private readonly epochs: LeaderEpochFileCache;
  private readonly producers: ProducerStateManager;
  private readonly snapshots: ProducerSnapshots;
  private readonly reader: LogReader;
  private readonly offsets: StableOffsets;
  private readonly flusher: LogFlusher;
  private readonly appender: LogAppender;
  private readonly name: string;
  private readonly metadata: PartitionMetadataFile;
  /** A truncation whose cut is not durable yet, or whose producers are not known again. */
  private settling: TruncationSettling | null = null;
  /** Of a new log that does not have its name yet. */
  private naming: NameTaking | null = null;

  constructor(parts: UnifiedLogParts) {
    ({ local: this.local, epochs: this.epochs, producers: this.producers, snapshots: this.snapshots } = parts);
    this.name = partitionKey(this.local.topicPartition);
    this.metadata = parts.metadata;
    this.reader = new LogReader(this.local);
    const logStartOffset = Math.max(parts.logStartOffset, this.local.segments.first!.baseOffset);
    this.offsets = new StableOffsets(this.local, this.reader, this.producers, logStartOffset);
    this.offsets.setLogStartOffset(logStartOffset);
    this.flusher = new LogFlusher(parts);
    this.appender = new LogAppender({ ...parts, offsets: this.offsets, flusher: this.flusher });
  }

  get topicPartition(): TopicPartition {
    return this.local.topicPartition;
  }

  get topicId(): Uuid | null {
    return this.metadata.topicId;
  }

  /** The folder of the partition. */
  get dir(): string {
    return this.local.dir;
  }

  /** The log directory it lies in. */
  get parentDir(): string {
    return this.local.parentDir;
  }

  /** True while it is being copied from another log directory of this broker. */
  get isFuture(): boolean {
    return this.local.isFuture;
  }

  get config(): LogConfig {
    return this.local.config;
  }

  get logStartOffset(): number {
    return this.offsets.logStartOffset;
  }

  get logEndOffset(): number {
    return this.local.logEndOffset;
  }

  get logEndOffsetMetadata(): LogOffsetMetadata {
    return this.local.logEndOffsetMetadata;
  }

  get highWatermark(): number {
    return this.offsets.highWatermark;
  }

  get lastStableOffset(): number {
    return this.offsets.lastStableOffset;
  }

  /** Everything before it is durable. */
  get recoveryPoint(): number {
    return this.local.recoveryPoint;
  }

  /** Bytes of all segments. */
  get size(): number {
    return this.local.segments.sizeInBytes;
  }

  get numberOfSegments(): number {
    return this.local.segments.count;
  }

  /** Oldest first; the last is active. */
  get segments(): readonly LogSegment[] {
    return this.local.segments.all;
  }

  /** When it was made durable last, or opened, by the monotonic clock: a clock that is set back keeps no log from being flushed. */
  get lastFlushMs(): number {
    return this.local.lastFlushMs;
  }

  /** Null before the first epoch was assigned. */
  get latestEpoch(): number | null {
    return this.epochs.latestEntry?.epoch ?? null;
  }

  get epochEntries(): readonly EpochEntry[] {
    return this.epochs.all;
  }

  get isClosed(): boolean {
    return this.local.isClosed;
  }

  /** One listener at a time; null for none. */
  setLogOffsetsListener(listener: LogOffsetsListener | null): void {
    this.offsets.listener = listener;
  }

  /**
   * False for a new log until what must be durable before its first record is, and for one that was cut until that has settled: an append
   * would block.
   */
  get isReadyForAppends(): boolean {
    return this.settling === null && this.naming === null && this.flusher.isReadyForAppends;
  }

  /** False when an append has to open the file first. */
  get isOpen(): boolean {
    return this.local.isOpen;
  }

  /** Makes it ready without blocking. A disk that fails at it is told of by the append. */
  async prepareForAppends(): Promise<void> {
    await this.settling?.done;
    await this.naming?.take();
    await this.flusher.prepareForAppends();
  }

  /** Has a new log take the name of `dir` before its first append, once nothing speaks of an `earlier` log there. */
  takeNameOf(dir: string, earlier: EarlierLog): void {
    this.naming = new NameTaking(this.local, earlier, () => {
      if (this.dir !== dir) this.renameDir(dir);
      this.naming = null;
    });
  }

  /** Without blocking, and at once: those of many new logs are taken together. See `NameTaking`. */
  async takeName(): Promise<void> {
    await this.naming?.take();
  }

  /** Takes the topic's id and writes it down. Throws INCONSISTENT_TOPIC_ID when the log belongs to another topic of that name. */
  assignTopicId(topicId: Uuid): void {
    if (this.topicId === topicId) return;
    if (this.topicId !== null) {
      throw new LogError(
        'INCONSISTENT_TOPIC_ID',
        `Tried to assign topic ID ${topicId} to log for topic partition ${this.name}, ` +
          `but log already contained topic ID ${this.topicId}`,
      );
    }
    this.local.onStorage('writing the metadata of', () => this.metadata.write(topicId));
    this.flusher.onTopicIdWritten();
  }

  /**
   * Appends a producer's, or a coordinator's, records: checks them, gives them offsets from the log end on in the bytes given, and writes
   * them at once. A retry of one of the producer's last batches is answered with its first append. Not durable before `flush`. Throws
   * `PreparationNeededError`, with nothing done, where that takes more work than the step has left.
   */
  appendAsLeader(records: Buffer, options: AppendAsLeaderOptions): LogAppendInfo {
    this.settling?.complete();
    this.naming?.takeSync();
    return this.appender.appendAsLeader(records, options);
  }

  /**
   * Does the work that an append needs for a large batch without holding up anyone; `appendAsLeader` takes what it finds, if the topic is
   * still configured as it was. The bytes are not to be changed until then.
   */
  prepareAppend(records: Buffer, options: AppendAsLeaderOptions): Promise<PreparedAppend> {
    this.local.ensureOpen();
    return this.appender.prepareAppend(records, options);
  }

  /** Appends what the leader has in its log, as it is: the batches must continue this log. */
  appendAsFollower(records: Buffer): LogAppendInfo {
    this.settling?.complete();
    this.naming?.takeSync();
    return this.appender.appendAsFollower(records);
  }

  /**
   * Whole batches from the one that holds `startOffset`, up to `maxBytes` and the end that `isolation` names; at least one, however large,
   * with `minOneMessage`. At once for the end of the log, which is in memory; else when the disk has given them, or when the `interest` in
   * them has ended. Throws, or rejects with, OFFSET_OUT_OF_RANGE.
   */
  read(
    startOffset: number,
    maxBytes: number,
    isolation: FetchIsolation,
    minOneMessage: boolean,
    interest: ReadInterest | null = null,
  ): FetchDataInfo | Promise<FetchDataInfo> {
    this.local.ensureOpen();
    this.offsets.ensureNotBeforeStart(startOffset);
    const upTo = this.endOf(isolation);
    const limits = { isolation, upTo, interest };
    if (!upTo.messageOffsetOnly || startOffset > upTo.messageOffset || (maxBytes <= 0 && !minOneMessage)) {
      return this.reader.read(startOffset, maxBytes, limits, minOneMessage);
    }
    return this.offsets.locate(upTo, interest).then((end) => {
      if (interest?.isOver) return emptyFetch(new LogOffsetMetadata(startOffset), isolation);
      // Cut meanwhile: once more.
      if (!end) return this.read(startOffset, maxBytes, isolation, minOneMessage, interest);
      this.local.ensureOpen();
      this.offsets.ensureNotBeforeStart(startOffset);
      return this.reader.read(startOffset, maxBytes, { ...limits, upTo: end }, minOneMessage);
    });
  }

  /** Whether a read from there needs no disk. */
  isInMemory(offset: number): boolean {
    return offset >= this.logEndOffset || this.local.tail.locate(offset) !== null;
  }

  /** The ends of the log at this moment, each with its place on disk as far as that is known. */
  fetchOffsetSnapshot(): LogOffsetSnapshot {
    return this.offsets.snapshot();
  }

  /** Sets the high watermark, kept between start and end of the log. Gives what it became. */
  updateHighWatermark(to: number | LogOffsetMetadata): number {
    return this.offsets.updateHighWatermark(typeof to === 'number' ? new LogOffsetMetadata(to) : to);
  }

  /** Moves the high watermark forward. Gives the old one when it moved, else null. `to` must not lie beyond the log end. */
  maybeIncrementHighWatermark(to: LogOffsetMetadata): LogOffsetMetadata | null {
    return this.offsets.maybeIncrementHighWatermark(to);
  }

  /** What a follower does with the high watermark it is told. Gives the new one when it changed, else null. */
  maybeUpdateHighWatermark(offset: number): number | null {
    const old = this.highWatermark;
    const updated = this.updateHighWatermark(offset);
    return updated === old ? null : updated;
  }

  /** Deletes all before `offset` logically; whole segments go with the next retention. True when it moved. */
  maybeIncrementLogStartOffset(offset: number, reason: string): boolean {
    if (offset > this.highWatermark) {
      throw new LogError(
        'OFFSET_OUT_OF_RANGE',
        `Cannot increment the log start offset to ${offset} of partition ${this.name} ` +
          `since it is larger than the high watermark ${this.highWatermark}`,
      );
    }
    this.local.ensureOpen();
    if (offset <= this.logStartOffset) return false;
    this.offsets.setLogStartOffset(offset);
    this.context.logger.info('Incremented log start offset', { partition: this.name, logStartOffset: offset, reason });
    this.epochs.truncateFromStart(offset);
    // While a truncation is being settled, the producers learn of it at the end of that.
    if (!this.settling) this.onLogStartOffsetIncremented();
    return true;
  }

  /**
   * Where a cut that is to go back to `offset` may end for now: each segment that goes has some files to rename, and others wait meanwhile. It
   * is `offset` for the last of such cuts.
   */
  nextCut(offset: number): number {
    const { all } = this.local.segments;
    const from = all.length - MAX_CUT_SEGMENTS;
    return from > 0 && all[from]!.baseOffset > offset ? all[from]!.baseOffset : offset;
  }

  /**
   * Cuts everything from `offset` on, at once. False when there was nothing to cut. The producers' state follows, and the cut becomes
   * durable, until `whenTruncated` resolves; an append that comes earlier waits for both.
   */
  truncateTo(offset: number): boolean {
    if (offset < 0) throw new RangeError(`Cannot truncate partition ${this.name} to a negative offset (${offset}).`);
    this.local.ensureOpen();
    this.settling?.complete();
    if (offset >= this.logEndOffset) {
      this.epochs.cutToLog(this.logEndOffset);
      return false;
    }
    this.context.logger.info('Truncating', { partition: this.name, to: offset, from: this.logEndOffset });
    if (this.local.segments.first!.baseOffset > offset) {
      this.truncateFullyAndStartAt(offset);
      return true;
    }
    const cut = (): boolean =>
      this.local.onMutation(`truncating to ${offset}`, () => {
        this.deleteSnapshots(this.local.truncateTo(offset));
        this.epochs.cutToLog(offset);
        this.offsets.onCut(offset);
        this.settle(offset);
        return true;
      });
    // Before anything is cut: without a file handle for it the log stays as it is.
    return this.local.onStorage('opening', () => this.local.segments.floor(offset)!.keepingOpen(cut));
  }

  /** Drops everything; the log is empty and begins at `offset`, with a log start offset of that or `logStartOffset`. */
  truncateFullyAndStartAt(offset: number, logStartOffset: number = offset): void {
    this.local.ensureOpen();
    this.settling?.complete();
    const dropAll = (giveBack: () => void): void =>
      this.local.onMutation('truncating', () => {
        this.deleteSnapshots(this.local.truncateFullyAndStartAt(offset, giveBack));
        this.epochs.clear();
        this.snapshots.truncateFully(this.producers, offset);
        this.offsets.onEmptied(logStartOffset);
        this.settle(offset);
      });
    // Had before anything is dropped: without a file handle for the new segment the log stays as it is.
    this.local.onStorage('truncating', () => this.local.withReservedHandle((giveBack) => dropAll(giveBack)));
  }

  /**
   * Null when no truncation is to be settled; else resolves when none is: for whoever needs what is rebuilt after it, or changes the log next
   * and can wait. Throws KAFKA_STORAGE_ERROR when it never will be.
   */
  whenTruncated(): Promise<void> | null {
    if (this.settling === null) return null;
    this.local.ensureOpen();
    this.settling.ensureReadable();
    return this.settling.done;
  }

  /** True when what a truncation left cannot be read: it will never be settled. */
  get isUnreadable(): boolean {
    return this.settling?.isUnreadable ?? false;
  }

  /** The same for whoever holds up others meanwhile: false when a sync of the directory does not end, and so perhaps it never will be. */
  whenTruncatedUnlessOverdue(): Promise<boolean> | null {
    const truncated = this.whenTruncated();
    if (truncated === null) return null;
    const { gates } = this.context.files;
    return gates
      .unlessOverdue(
        this.parentDir,
        truncated.then(() => true),
      )
      .then((isSettled) => isSettled ?? false);
  }

  maybeAssignEpochStartOffset(epoch: number, startOffset: number): void {
    this.local.ensureOpen();
    this.local.onStorage('assigning a leader epoch to', () => this.epochs.assign(epoch, startOffset));
  }

  /** Takes the epochs of the log that this is a copy of, as far as it. */
  adoptEpochs(entries: readonly EpochEntry[]): void {
    this.local.ensureOpen();
    this.local.onStorage('assigning leader epochs to', () => this.epochs.replace(entries));
  }

  /** The largest epoch not beyond `epoch` and where it ends in this log; null when that is not known. */
  endOffsetForEpoch(epoch: number): OffsetAndEpoch | null {
    const found = this.epochs.endOffsetFor(epoch, this.logEndOffset);
    return found.endOffset === UNDEFINED_EPOCH_OFFSET ? null : { epoch: found.epoch, offset: found.endOffset };
  }

  /**
   * -1: the log end; -2 and -4: the log start; -3: the record with the greatest timestamp; else the first record with that timestamp or a
   * later one, null when there is none, or the searcher has gone. A time is looked up once a truncation has settled, which finds the
   * greatest timestamp, and the segments' times are known, which after a start are read in slices.
   */
  fetchOffsetByTimestamp(
    timestamp: Int64,
    searcher: Searcher = BROKER,
  ): TimestampAndOffset | null | Promise<TimestampAndOffset | null> {
    if (searcher.interest?.isOver === true) return null;
    this.local.ensureOpen();
    const isTime = timestamp === MAX_TIMESTAMP || timestamp >= 0;
    const truncated = isTime ? this.whenTruncated() : null;
    if (truncated) return truncated.then(() => this.fetchOffsetByTimestamp(timestamp, searcher));
    const timesRead = isTime ? this.whenTimesRead(timestamp === MAX_TIMESTAMP ? Infinity : timestamp, searcher) : null;
    if (timesRead) return timesRead.then(() => this.fetchOffsetByTimestamp(timestamp, searcher));
    switch (timestamp) {
      case EARLIEST_TIMESTAMP:
      case EARLIEST_LOCAL_TIMESTAMP: {
        const earliest = this.epochs.earliestEntry;
        const leaderEpoch = earliest && earliest.startOffset <= this.logStartOffset ? earliest.epoch : null;
        return { timestamp: -1, offset: this.logStartOffset, leaderEpoch };
      }
      case LATEST_TIMESTAMP:
        return { timestamp: -1, offset: this.logEndOffset, leaderEpoch: this.latestEpoch };
      case MAX_TIMESTAMP: {
        const greatest = this.segments
          .map((segment) => segment.maxTimestampSoFar)
          .reduce((max, one) => (one.timestamp > max.timestamp ? one : max));
        return { ...greatest, leaderEpoch: this.latestEpoch };
      }
      default:
        return this.searchByTimestamp(timestamp, searcher);
    }
  }

  activeProducers(): ActiveProducer[] {
    this.settling?.complete();
    return Array.from(this.producers.activeProducers.values(), (entry) => ({
      producerId: entry.producerId,
      producerEpoch: entry.producerEpoch,
      lastSequence: entry.lastSequence,
      lastTimestamp: entry.lastTimestamp,
      coordinatorEpoch: entry.coordinatorEpoch,
      currentTxnStartOffset: entry.currentTxnFirstOffset ?? -1,
    }));
  }

  /** True when a transaction is open for so long that its coordinator must have lost it. */
  hasLateTransaction(nowMs: number): boolean {
    return this.settling === null && this.producers.hasLateTransaction(nowMs);
  }

  hasOngoingTransaction(producerId: Int64): boolean {
    this.settling?.complete();
    return (this.producers.lastEntry(producerId)?.currentTxnFirstOffset ?? null) !== null;
  }

  /** Null when the transaction has begun in this log already; else the proof to append with, once the coordinator has confirmed. */
  maybeStartTransactionVerification(producerId: Int64, sequence: number, epoch: number): VerificationGuard | null {
    if (this.hasOngoingTransaction(producerId)) return null;
    return this.producers.maybeCreateVerificationGuard(producerId, sequence, epoch, this.context.clock.nowMs());
  }

  /**
   * A producer's records were refused before they came here, though they can be sent again: until then nothing of the same producer may come
   * before them, if it is idempotent.
   */
  noteRefused(records: Buffer): void {
    // Not looked at before: it may not even have a header.
    if (records.length < RECORD_BATCH_OVERHEAD) return;
    const batch = new BatchView(records);
    if (!batch.hasProducerId || batch.isControl) return;
    const { producerId, producerEpoch, baseSequence } = batch;
    this.producers.noteRefused(producerId, producerEpoch, baseSequence, this.context.clock.monotonicMs());
  }

  /** The aborted transactions of which records may lie in [startOffset, upperBoundOffset). */
  collectAbortedTransactions(startOffset: number, upperBoundOffset: number): Promise<AbortedTransaction[]> {
    return this.reader.collectAbortedTransactions(startOffset, upperBoundOffset);
  }

  /** Forgets producers that wrote nothing for long, and refused batches in their time. */
  removeExpiredProducers(): void {
    const { clock } = this.context;
    this.producers.removeExpired(clock.nowMs());
    this.producers.refusedBatches(clock.monotonicMs());
  }

  /** True when `removeExpiredProducers` could find something. */
  get hasProducers(): boolean {
    return this.producers.activeProducers.size > 0 || this.producers.hasRefused;
  }

  /**
   * Makes all that was appended before the call durable, and moves the recovery point there. With `forceFlushActiveSegment` all files of
   * the log are, also those of an empty active segment; nothing happens when they are already.
   */
  async flush(forceFlushActiveSegment = false): Promise<void> {
    // Taken before, not when the log is closed: a log whose only snapshot was lost would count as one without producers.
    if (forceFlushActiveSegment && this.settling) await this.settling.done;
    if (forceFlushActiveSegment && !this.local.isClosed) {
      this.settling?.complete();
      this.local.onStorage('writing a producer snapshot of', () => this.snapshots.take(this.producers));
    }
    await this.flusher.flush(this.logEndOffset, forceFlushActiveSegment);
  }

  /** Something was changed since the last `flush(true)` began. */
  get hasUnflushedChanges(): boolean {
    return this.local.hasUnflushedChanges;
  }

  /** False after a start: `deleteOldSegments` would have to look into time indexes. */
  get areRetentionTimesKnown(): boolean {
    const timestamp = this.oldestToRetain;
    return timestamp === null || areTimesKnown(this.local.segments, timestamp);
  }

  /** Has them known, without blocking. */
  async readRetentionTimes(): Promise<void> {
    const timestamp = this.oldestToRetain;
    if (timestamp !== null) await this.readTimesUpTo(timestamp, BROKER);
  }

  /** Deletes segments that retention no longer keeps, the oldest first and at most `maxCount`. Gives how many. */
  deleteOldSegments(maxCount = Infinity): number {
    // Its segments are being walked after a truncation: the next round comes soon.
    if (this.local.isClosed || this.settling) return 0;
    return this.local.onStorage('deleting segments of', () => {
      let total = 0;
      while (total < maxCount) {
        const { count, reason } = deletableSegments({
          segments: this.segments,
          logStartOffset: this.logStartOffset,
          logEndOffset: this.logEndOffset,
          highWatermark: this.highWatermark,
          deletes: this.config.cleanupPolicy.delete && !this.config.isIncomplete,
          retentionMs: this.config.retentionMs,
          retentionBytes: this.config.retentionBytes,
          nowMs: this.context.clock.nowMs(),
        });
        if (count === 0) break;
        const deleted = Math.min(count, maxCount - total);
        this.deleteSegments(deleted, reason);
        total += deleted;
      }
      return total;
    });
  }

  /** Begins a new segment at the log end, if the active one is not empty. */
  roll(): void {
    this.local.ensureOpen();
    this.settling?.complete();
    if (this.local.segments.active.sizeInBytes > 0) this.local.onStorage('rolling', () => this.appender.roll(0));
  }

  updateConfig(config: LogConfig): void {
    this.local.config = config;
  }

  /** The folder is renamed with all in it; the open files stay good. */
  renameDir(dir: string): void {
    this.local.onStorage('renaming', () => this.local.renameDir(dir));
    this.snapshots.movedTo(dir);
    this.epochs.movedTo(dir);
    this.metadata.movedTo(dir);
  }

  /** Writes a producer snapshot and what the indexes still need, and closes the files. Call `flush(true)` before. */
  close(): void {
    if (this.local.isClosed) return;
    this.settling?.complete();
    this.offsets.listener = null;
    this.local.onStorage('closing', () => {
      this.snapshots.take(this.producers);
      this.local.close();
    });
  }

  /** Closes the files as they are: the disk has failed, or they are about to be removed. */
  closeHandles(): void {
    this.offsets.listener = null;
    this.local.closeHandles();
    this.settling?.end();
  }

  /** Removes the folder with all in it. */
  delete(): void {
    this.local.onStorage('deleting', () => this.local.deleteAll());
  }

  private get context(): LogContext {
    return this.local.context;
  }

  private endOf(isolation: FetchIsolation): LogOffsetMetadata {
    switch (isolation) {
      case 'LOG_END':
        return this.logEndOffsetMetadata;
      case 'HIGH_WATERMARK':
        return this.offsets.fetchHighWatermark();
      case 'TXN_COMMITTED':
        return this.offsets.fetchLastStableOffset();
    }
  }

  private deleteSegments(count: number, reason: RetentionReason): void {
    const deletable = this.segments.slice(0, count);
    if (count === this.segments.length) this.appender.roll(0);
    this.local.removeAndDelete(deletable, reason);
    this.deleteSnapshots(deletable.map((segment) => segment.baseOffset));
    this.maybeIncrementLogStartOffset(this.local.segments.first!.baseOffset, 'segment deletion');
  }

  private deleteSnapshots(offsets: readonly number[]): void {
    const paths = offsets.flatMap((offset) => this.snapshots.markForDeletion(offset) ?? []);
    if (paths.length === 0) return;
    this.local.removeLater('delete-producer-snapshot', () => paths);
  }

  private onLogStartOffsetIncremented(): void {
    this.snapshots.onLogStartOffsetIncremented(this.producers, this.logStartOffset);
    this.offsets.updateFirstUnstableOffset();
  }

  private settle(lastOffset: number): void {
    const startAtCut = this.logStartOffset;
    const rebuild = (): Steps<void> => this.rebuildAfterCut(lastOffset);
    this.settling = new TruncationSettling(this.local, this.flusher, rebuild, () => {
      this.settling = null;
      this.offsets.onRebuilt();
      if (this.logStartOffset > startAtCut) this.onLogStartOffsetIncremented();
    });
  }

  private *rebuildAfterCut(lastOffset: number): Steps<void> {
    yield* this.local.segments.active.findLargestTimestamp();
    yield* rebuildProducerState(this.producers, this.snapshots, this.local.segments, {
      logStartOffset: this.logStartOffset,
      lastOffset,
      nowMs: this.context.clock.nowMs(),
      reloadFromCleanShutdown: false,
    });
  }

  /** Null when the greatest timestamp is known of all segments up to the first that reaches `timestamp`; else resolves when it may be. */
  private whenTimesRead(timestamp: Int64, searcher: Searcher): Promise<void> | null {
    return areTimesKnown(this.local.segments, timestamp) ? null : this.readTimesUpTo(timestamp, searcher);
  }

  private readTimesUpTo(timestamp: Int64, { interest }: Searcher): Promise<void> {
    return onStorageAsync(this.context, this.parentDir, `searching ${this.name} by time`, () =>
      readTimes(this.local, timestamp, interest),
    );
  }

  /** The time before which retention keeps no segment; null when it keeps all, as far as time goes. */
  private get oldestToRetain(): number | null {
    const { cleanupPolicy, isIncomplete, retentionMs } = this.config;
    if (!cleanupPolicy.delete || isIncomplete || retentionMs < 0) return null;
    return this.context.clock.nowMs() - retentionMs;
  }

  private searchByTimestamp(timestamp: Int64, searcher: Searcher): Promise<TimestampAndOffset | null> {
    return onStorageAsync(this.context, this.parentDir, `searching ${this.name} by time`, async () => {
      const { truncationCount } = this.local;
      try {
        const segment = this.segments.find((candidate) => candidate.largestTimestamp() >= timestamp);
        return segment
          ? await findRecordByTimestamp(this.context.clock, segment, timestamp, this.logStartOffset, searcher)
          : null;
      } catch (error) {
        this.local.ensureOpen();
        // A segment that was deleted while we waited took its files along; anything else is an error of the disk.
        if (truncationCount === this.local.truncationCount) throw error;
        return this.fetchOffsetByTimestamp(timestamp, searcher);
      }
    });
  }
}
