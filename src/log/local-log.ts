/** The segments of a log as files: appending, rolling, flushing, cutting and deleting. What the offsets mean is `UnifiedLog`'s. */
import { assert } from '../common/index.js';
import { partitionKey, type TopicPartition } from '../cluster/index.js';
import type { Int64 } from '../records/index.js';
import type { RetentionReason } from './core/retention.js';
import { ensureUsable, onMutation, onStorage, onStorageAsync, type LogContext } from './log-context.js';
import type { LogConfig } from './log-config.js';
import {
  DELETED_SUFFIX,
  FUTURE_DIR_SUFFIX,
  INDEX_SUFFIX,
  LOG_SUFFIX,
  segmentFile,
  TIME_INDEX_SUFFIX,
  TXN_INDEX_SUFFIX,
} from './files/log-file-names.js';
import { LogError } from './core/log-error.js';
import { LogOffsetMetadata } from './core/log-offset-metadata.js';
import { LogSegment } from './segment/log-segment.js';
import type { LogSegments } from './segment/log-segments.js';
import type { LogTail } from './segment/tail-cache.js';

export type SegmentDeletionReason = RetentionReason | 'log truncation' | 'log roll' | 'log deletion' | 'log recovery';

/**
 * The files of one log (`kafka.log.LocalLog`). Owned by its `UnifiedLog`, whose calls do not overlap; ends with `close`, `closeHandles`
 * or `deleteAll`.
 */
export class LocalLog {
  readonly tail: LogTail;
  readonly parentDir: string;
  /** The partition, as messages name it. */
  readonly name: string;
  private currentDir: string;
  private nextOffsetMetadata: LogOffsetMetadata;
  private closed = false;
  /** Grows whenever bytes that were readable are no longer: a read that waited must look again. */
  private truncations = 0;
  private cuts = 0;
  private lastFlushedMs: number;
  /** Grows with each file that is made or renamed; `syncedNames` is what it was when the folder was synced last. */
  private nameChanges = 0;
  private syncedNames: number;
  /** Rolled and not flushed since: their indexes got their last entries then. */
  private rolled: LogSegment[] = [];
  /** Since the last cut, until something is appended. */
  private mayEndWithGap = false;
  /** Grows whenever the recovery point falls; `checkpointedFalls` is what it was when the checkpoint was known to say so. */
  private recoveryPointFalls = 0;
  private checkpointedFalls = 0;
  /** Grows with everything that is written; `flushedChanges` is what it was at the last flush of all. */
  private changes = 0;
  private flushedChanges: number;

  constructor(
    readonly context: LogContext,
    readonly topicPartition: TopicPartition,
    dir: string,
    public config: LogConfig,
    readonly segments: LogSegments,
    /** Everything before it is durable; recovery begins there. */
    public recoveryPoint: number,
    logEndOffset: number,
    /** Taken up after a clean shutdown: all of it is durable. */
    isDurable: boolean,
  ) {
    this.flushedChanges = isDurable ? 0 : -1;
    this.syncedNames = isDurable ? 0 : -1;
    this.currentDir = dir;
    this.name = partitionKey(topicPartition);
    this.parentDir = dir.slice(0, dir.lastIndexOf('/'));
    this.tail = context.tailCache.openTail();
    this.nextOffsetMetadata = this.metadataOfEnd(logEndOffset);
    this.lastFlushedMs = context.clock.monotonicMs();
  }

  get dir(): string {
    return this.currentDir;
  }

  get isFuture(): boolean {
    return this.currentDir.endsWith(FUTURE_DIR_SUFFIX);
  }

  get logEndOffset(): number {
    return this.nextOffsetMetadata.messageOffset;
  }

  get logEndOffsetMetadata(): LogOffsetMetadata {
    return this.nextOffsetMetadata;
  }

  get unflushedMessages(): number {
    return this.logEndOffset - this.recoveryPoint;
  }

  get lastFlushMs(): number {
    return this.lastFlushedMs;
  }

  /** Something was written that no flush of the whole log has made durable. */
  get hasUnflushedChanges(): boolean {
    return this.changes !== this.flushedChanges;
  }

  /** Files were made, renamed or removed, and the folder was not synced since. */
  get hasUnsyncedNames(): boolean {
    return this.nameChanges !== this.syncedNames;
  }

  /** Segments were rolled that no flush has been through. */
  get hasRolledUnflushed(): boolean {
    return this.rolled.length > 0;
  }

  /** Grows whenever the end was cut: other bytes may stand there since. */
  get cutCount(): number {
    return this.cuts;
  }

  /** Grows also when segments were deleted: what was read across a turn may be of a file that is gone. */
  get truncationCount(): number {
    return this.truncations;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** Throws KAFKA_STORAGE_ERROR once its directory failed, or the log is closed. */
  ensureOpen(): void {
    ensureUsable(this.context, this.parentDir, `using ${this.name}`);
    if (this.closed) {
      throw new LogError('KAFKA_STORAGE_ERROR', `The log of ${this.name} is closed`);
    }
  }

  /** Runs `work` on this log's files; a failure takes the log directory offline. */
  onStorage<T>(doing: string, work: () => T): T {
    return onStorage(this.context, this.parentDir, `${doing} ${this.name}`, work);
  }

  /** The same for a change that has no way back once it has begun (see `onMutation`). */
  onMutation<T>(doing: string, work: () => T): T {
    return onMutation(this.context, this.parentDir, `${doing} ${this.name}`, work);
  }

  /** The file that is appended to is open. */
  get isOpen(): boolean {
    return this.segments.active.file.isOpen;
  }

  /** Appends whole batches to the active segment as one write. */
  append(
    records: Buffer,
    firstOffset: number,
    lastOffset: number,
    maxTimestamp: Int64,
    offsetOfMaxTimestamp: number,
  ): void {
    const segment = this.segments.active;
    const position = segment.sizeInBytes;
    assert(
      firstOffset >= this.logEndOffset,
      () => `${segment.file.path}: ${firstOffset} comes after ${this.logEndOffset}`,
    );
    assert(firstOffset <= lastOffset, () => `${segment.file.path}: ${firstOffset} is not after ${lastOffset}`);
    segment.append(records, lastOffset, maxTimestamp, offsetOfMaxTimestamp);
    this.tail.append(segment.baseOffset, position, firstOffset, lastOffset + 1, records);
    this.setEnd(lastOffset + 1);
    this.mayEndWithGap = false;
  }

  /**
   * Where the next segment begins: at the log end, so that a gap between two names tells recovery of a tail that is lost. A cut may have left
   * the log end behind a gap of the leader's cleaner; the segment then begins where the last batch ends.
   */
  get nextBaseOffset(): number {
    return this.mayEndWithGap ? this.segments.active.readNextOffset() : this.logEndOffset;
  }

  /**
   * Begins a new active segment at `nextBaseOffset`, or at `expectedNextOffset` if that is greater. An empty active one at that offset is
   * made anew. The old one is not durable yet.
   */
  roll(expectedNextOffset = 0): LogSegment {
    this.ensureOpen();
    const newOffset = Math.max(expectedNextOffset, this.nextBaseOffset);
    const { active } = this.segments;
    assert(newOffset >= active.baseOffset, `${active.file.path}: a segment at ${newOffset} comes after it`);
    if (newOffset === active.baseOffset) return this.replaceActive(newOffset);
    for (const suffix of [LOG_SUFFIX, INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX]) {
      this.removeLeftover(segmentFile(this.dir, newOffset, suffix));
    }
    active.onBecomeInactive();
    this.rolled.push(active);
    return this.beginSegment(newOffset);
  }

  /** Makes the segments that lie below `offset` durable, without blocking; their names are not yet. */
  async flush(offset: number): Promise<void> {
    for (const segment of new Set([...this.rolled, ...this.segmentsToFlush(offset)])) {
      // Deleted while we waited: nothing of it is to be made durable, and its files may be gone.
      if (this.closed) return;
      if (this.segments.get(segment.baseOffset) === segment) await segment.flush();
      this.rolled = this.rolled.filter((other) => other !== segment);
    }
  }

  /** The same for the whole log, with what its indexes get when it is closed. */
  async flushAll(): Promise<void> {
    const { changes } = this;
    this.segments.active.onBecomeInactive();
    await this.flush(this.logEndOffset + 1);
    this.flushedChanges = changes;
  }

  /** The same as `flush`, blocking. */
  flushSync(offset: number): void {
    for (const segment of new Set([...this.rolled, ...this.segmentsToFlush(offset)])) {
      if (this.segments.get(segment.baseOffset) === segment) segment.flushSync();
    }
    this.rolled = [];
  }

  /** Makes the names of the files durable, and that of the folder. */
  async syncNames(): Promise<void> {
    const { nameChanges } = this;
    await this.context.folders.syncFolder(this);
    if (!this.closed) await this.context.folders.ensureSynced(this.parentDir);
    this.syncedNames = nameChanges;
  }

  /** A small file was written, which may have a name of its own. */
  noteNameChange(): void {
    this.nameChanges++;
  }

  /** The same, blocking. */
  syncNamesSync(): void {
    this.context.fs.syncDir(this.dir);
    this.context.folders.ensureSyncedSync(this.parentDir);
    this.syncedNames = this.nameChanges;
  }

  /** Has the checkpoint know that the recovery point fell, if it does not yet. The checkpoint does not name copies. */
  async checkpointFall(): Promise<void> {
    const { recoveryPointFalls } = this;
    if (this.isFuture || recoveryPointFalls === this.checkpointedFalls) return;
    await this.context.checkpointLowered(this.parentDir);
    this.checkpointedFalls = recoveryPointFalls;
  }

  /** The same, blocking. */
  checkpointFallSync(): void {
    if (this.isFuture || this.recoveryPointFalls === this.checkpointedFalls) return;
    this.context.checkpointLoweredSync(this.parentDir);
    this.checkpointedFalls = this.recoveryPointFalls;
  }

  markFlushed(offset: number): void {
    assert(offset <= this.logEndOffset, `${this.dir}: the recovery point ${offset} lies within the log`);
    if (offset <= this.recoveryPoint) return;
    this.recoveryPoint = offset;
    this.lastFlushedMs = this.context.clock.monotonicMs();
  }

  /**
   * Cuts everything from `offset` on, from the end: wherever the process is killed, what is left has no hole. Gives the base offsets of
   * the segments that went.
   */
  truncateTo(offset: number): number[] {
    this.truncations++;
    this.cuts++;
    this.tail.clear();
    const deletable = this.segments.all.filter((segment) => segment.baseOffset > offset).reverse();
    this.removeAndDelete(deletable, 'log truncation');
    this.segments.active.truncateTo(offset);
    this.setEnd(offset);
    this.mayEndWithGap = true;
    return deletable.map((segment) => segment.baseOffset);
  }

  /** Keeps a file handle back for a change that has to make a file at its end (`FileHandleCache.withReserved`). */
  withReservedHandle<T>(work: (giveBack: () => void) => T): T {
    return this.context.files.withReserved(this.dir, work);
  }

  /**
   * Drops all segments and begins again at `offset`; `giveBack` gives the handle for that. Gives the base offsets of the segments that went.
   */
  truncateFullyAndStartAt(offset: number, giveBack: () => void): number[] {
    this.truncations++;
    this.cuts++;
    this.tail.clear();
    const old = [...this.segments.all].reverse();
    this.removeAndDelete(old, 'log truncation');
    giveBack();
    this.createSegment(offset);
    this.setEnd(offset);
    this.mayEndWithGap = false;
    return old.map((segment) => segment.baseOffset);
  }

  /** Takes segments out of the log; their files are renamed now, in the order given, and removed after `file.delete.delay.ms`. */
  removeAndDelete(segments: readonly LogSegment[], reason: SegmentDeletionReason): void {
    if (segments.length === 0) return;
    this.truncations++;
    for (const segment of segments) this.segments.remove(segment);
    this.deleteFiles(segments, reason);
  }

  /** Removes files of the log after `file.delete.delay.ms`, without blocking. */
  removeLater(name: string, pathsOf: () => readonly string[]): void {
    const { context, parentDir } = this;
    context.scheduler.scheduleOnce(
      name,
      () =>
        onStorageAsync(context, parentDir, `deleting files of ${this.name}`, () =>
          // A copy may have taken the place of its log meanwhile, and has another folder then.
          context.remover.remove(
            parentDir,
            pathsOf().map((path) => this.currentDir + path.slice(path.lastIndexOf('/'))),
          ),
        ),
      this.config.fileDeleteDelayMs,
    );
  }

  /** Moves the folder; all files with it. */
  renameDir(dir: string): void {
    this.context.fs.rename(this.currentDir, dir);
    this.currentDir = dir;
    this.nameChanges++;
    this.context.folders.markChanged(this.parentDir);
    for (const segment of this.segments.all) segment.movedTo(dir);
  }

  /** Writes out what is pending and closes the files, as all logs are about to be: the tails go with their cache. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const segment of this.segments.all) segment.close();
  }

  /** Closes the files as they are: the disk failed, or the folder is about to be removed. */
  closeHandles(): void {
    this.closed = true;
    this.tail.clear();
    for (const segment of this.segments.all) segment.closeHandles();
  }

  /** Removes the folder with all in it. */
  deleteAll(): void {
    this.closeHandles();
    this.segments.clear();
    this.context.fs.remove(this.currentDir);
  }

  /** Without the one that is removed there is no log. */
  private replaceActive(baseOffset: number): LogSegment {
    const { active } = this.segments;
    assert(
      active.sizeInBytes === 0,
      `${active.file.path}: a segment is rolled over by another of its offset only when empty`,
    );
    return this.withReservedHandle((giveBack) => {
      this.deleteFiles([active], 'log roll');
      this.segments.remove(active);
      giveBack();
      return this.onMutation('rolling', () => this.beginSegment(baseOffset));
    });
  }

  private beginSegment(baseOffset: number): LogSegment {
    const segment = this.createSegment(baseOffset);
    this.setEnd(this.logEndOffset);
    return segment;
  }

  private createSegment(baseOffset: number): LogSegment {
    const { segmentJitterMs } = this.config;
    const jitterMs = segmentJitterMs > 0 ? Math.floor(this.context.random.nextDouble() * segmentJitterMs) : 0;
    const segment = LogSegment.create(this.context, this.dir, baseOffset, this.config, jitterMs);
    this.segments.add(segment);
    this.nameChanges++;
    return segment;
  }

  private deleteFiles(segments: readonly LogSegment[], reason: SegmentDeletionReason): void {
    this.context.logger.info('Deleting segments', {
      partition: this.name,
      baseOffsets: segments.map((segment) => segment.baseOffset),
      reason,
    });
    this.nameChanges++;
    for (const segment of segments) segment.addSuffix(DELETED_SUFFIX);
    this.removeLater('delete-file', () => segments.flatMap((segment) => segment.detach()));
  }

  private removeLeftover(path: string): void {
    if (!this.context.fs.exists(path)) return;
    this.context.logger.warn('A file of a newly rolled segment exists already; removing it first', { path });
    this.context.fs.remove(path);
  }

  private segmentsToFlush(offset: number): LogSegment[] {
    return this.recoveryPoint > offset ? [] : this.segments.range(this.recoveryPoint, offset);
  }

  private setEnd(offset: number): void {
    this.changes++;
    this.nextOffsetMetadata = this.metadataOfEnd(offset);
    if (this.recoveryPoint <= offset) return;
    this.recoveryPoint = offset;
    this.recoveryPointFalls++;
  }

  private metadataOfEnd(offset: number): LogOffsetMetadata {
    const { active } = this.segments;
    return new LogOffsetMetadata(offset, active.baseOffset, active.sizeInBytes);
  }
}
