/** Opening a partition's folder: taking up, and after an unclean shutdown recovering, what is there (`kafka.log.LogLoader`). */
import type { Uuid } from '../common/index.js';
import { partitionKey, type TopicPartition } from '../cluster/index.js';
import { scanBatches } from './batch-scan.js';
import { ProducerStateManager } from './core/producer-state-manager.js';
import { LEADER_EPOCH_CHECKPOINT, LeaderEpochFileCache } from './leader-epoch-file-cache.js';
import { LocalLog } from './local-log.js';
import type { LogConfig } from './log-config.js';
import type { LogContext } from './log-context.js';
import { LogError } from './log-error.js';
import {
  CLEANED_SUFFIX,
  DELETED_SUFFIX,
  INDEX_SUFFIX,
  LOG_SUFFIX,
  offsetOfFile,
  segmentFile,
  SNAPSHOT_SUFFIX,
  SWAP_SUFFIX,
  TIME_INDEX_SUFFIX,
  TXN_INDEX_SUFFIX,
} from './log-file-names.js';
import { LogFile } from './file-handles.js';
import { LogSegment } from './log-segment.js';
import { LogSegments } from './log-segments.js';
import { PARTITION_METADATA, readPartitionMetadata, writePartitionMetadata } from './partition-metadata-file.js';
import { ProducerSnapshots } from './producer-snapshots.js';
import { rebuildProducerState } from './producer-state-loader.js';
import { recoverSegment } from './segment-recovery.js';
import { UnifiedLog } from './unified-log.js';

export interface LoadLogOptions {
  readonly topicPartition: TopicPartition;
  readonly dir: string;
  readonly config: LogConfig;
  /** Of the log directory: nothing needs to be recovered. */
  readonly hadCleanShutdown: boolean;
  /** From the checkpoint; 0 when it does not name the log. */
  readonly recoveryPoint: number;
  /** From the checkpoint; 0 when it does not name the log. */
  readonly logStartOffset: number;
  /** What the controller says; null when it is not known yet. */
  readonly topicId: Uuid | null;
}

/** Loads a log at once, however long its recovery takes: for new ones, and for tests. */
export function loadLog(context: LogContext, options: LoadLogOptions): UnifiedLog {
  const steps = new LogLoader(context, options).load();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/**
 * Loads one log. `load` stops after each segment that it recovers, so that the caller can let others run. What a crash can leave is put
 * right first: files to be deleted or not yet complete go, a swap of cleaned segments is brought to its end, segments without an index
 * get one, and the unflushed ones are checked batch by batch and cut at the first that is not whole and valid.
 */
export class LogLoader {
  private readonly segments = new LogSegments();
  private readonly producers: ProducerStateManager;
  private hadCleanShutdown: boolean;
  private recoveryPointCheckpoint: number;
  private names: Set<string>;
  private recovered = false;
  private isNew = false;

  constructor(
    private readonly context: LogContext,
    private readonly options: LoadLogOptions,
  ) {
    this.producers = this.newProducerState();
    this.hadCleanShutdown = options.hadCleanShutdown;
    this.recoveryPointCheckpoint = options.recoveryPoint;
    this.names = new Set(context.fs.readDir(options.dir));
  }

  *load(): Generator<void, UnifiedLog, void> {
    const { context, options } = this;
    const { dir } = options;
    this.finishInterruptedWork();
    const { cache: epochs, suspect } = LeaderEpochFileCache.open(
      context.fs,
      dir,
      this.names.has(LEADER_EPOCH_CHECKPOINT),
      context.logger,
    );
    if (suspect) {
      this.hadCleanShutdown = false;
      this.recoveryPointCheckpoint = 0;
    }
    yield* this.loadSegments(epochs);
    const { recoveryPoint, logEndOffset } = yield* this.recoverLog(epochs);
    const logStartOffset = Math.max(options.logStartOffset, this.segments.first!.baseOffset);
    epochs.cutToLog(logEndOffset, options.logStartOffset);
    if (this.recovered) this.names = new Set(context.fs.readDir(dir));
    const snapshots = this.openSnapshots();
    snapshots.removeStray(this.segments.all.map((segment) => segment.baseOffset));
    rebuildProducerState(this.producers, snapshots, this.segments, {
      logStartOffset,
      lastOffset: logEndOffset,
      nowMs: context.clock.nowMs(),
      reloadFromCleanShutdown: this.hadCleanShutdown,
    });
    const local = new LocalLog(
      context,
      options.topicPartition,
      dir,
      options.config,
      this.segments,
      recoveryPoint,
      logEndOffset,
      this.hadCleanShutdown && !this.isNew,
    );
    const topicId = this.initializeTopicId();
    return new UnifiedLog({ local, epochs, producers: this.producers, snapshots, logStartOffset, topicId });
  }

  /** Files that were to go, or were not complete, go; a complete swap takes its place. */
  private finishInterruptedWork(): void {
    const ending = (suffix: string): string[] => [...this.names].filter((name) => name.endsWith(suffix));
    for (const name of ending(DELETED_SUFFIX)) this.removeFile(name);
    const cleaned = ending(CLEANED_SUFFIX);
    // Cleaning writes `.cleaned`, renames to `.swap` from the last segment to the first: what is swapped beyond a cleaned one is not all.
    const minCleaned = Math.min(...cleaned.map((name) => offsetOfFile(name) ?? Infinity));
    const swap = ending(SWAP_SUFFIX);
    const incomplete = swap.filter((name) => (offsetOfFile(name) ?? 0) >= minCleaned);
    for (const name of [...cleaned, ...incomplete]) this.removeFile(name);
    const complete = swap.filter((name) => !incomplete.includes(name));
    if (complete.length > 0) this.finishSwap(complete);
  }

  private finishSwap(swap: readonly string[]): void {
    let from = Infinity;
    let to = -Infinity;
    for (const name of swap.filter((candidate) => candidate.endsWith(LOG_SUFFIX + SWAP_SUFFIX))) {
      const baseOffset = offsetOfFile(name)!;
      from = Math.min(from, baseOffset);
      to = Math.max(to, this.endOfSwappedSegment(name, baseOffset));
    }
    for (const name of [...this.names]) {
      const offset = offsetOfFile(name);
      if (!name.endsWith(SWAP_SUFFIX) && offset !== null && offset >= from && offset < to) this.removeFile(name);
    }
    for (const name of swap) {
      const target = name.slice(0, -SWAP_SUFFIX.length);
      this.context.logger.info('Completing an interrupted swap of a segment', { path: this.pathOf(target) });
      this.context.fs.rename(this.pathOf(name), this.pathOf(target));
      this.names.delete(name);
      this.names.add(target);
    }
  }

  private endOfSwappedSegment(name: string, baseOffset: number): number {
    // A segment whose files have a suffix is only read here: a walk of the log file alone finds its end.
    const file = new LogFile(this.context.files, this.pathOf(name));
    let end = baseOffset;
    scanBatches(file, 0, file.sizeInBytes, (batch) => {
      end = batch.nextOffset;
    });
    file.close();
    return end;
  }

  private *loadSegments(epochs: LeaderEpochFileCache): Generator<void, void, void> {
    const { dir, config } = this.options;
    for (const name of [...this.names].sort()) {
      const offset = offsetOfFile(name);
      if (offset === null) continue;
      if ([INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX].some((suffix) => name.endsWith(suffix))) {
        if (!this.hasFile(offset, LOG_SUFFIX)) {
          this.context.logger.warn('Removing an index file without a log file', { path: this.pathOf(name) });
          this.removeFile(name);
        }
      } else if (name.endsWith(LOG_SUFFIX)) {
        const isIndexed = this.hasFile(offset, INDEX_SUFFIX) && this.hasFile(offset, TIME_INDEX_SUFFIX);
        if (!isIndexed) this.createMissingIndexes(offset);
        const hasTxnIndex = this.hasFile(offset, TXN_INDEX_SUFFIX);
        const segment = LogSegment.open(this.context, dir, offset, config, this.drawJitter(), hasTxnIndex);
        const problem = hasTxnIndex ? segment.txnIndex.problem(offset) : null;
        // An unclean shutdown recovers the last segments anyway.
        const willBeRecovered = !this.hadCleanShutdown && offset >= this.recoveryPointCheckpoint;
        this.segments.add(segment);
        if ((!isIndexed && !willBeRecovered) || problem !== null) {
          this.context.logger.error('Rebuilding the index files of a segment', {
            path: segment.file.path,
            problem: problem ?? 'an index file is missing',
          });
          this.recoverOne(segment, epochs);
          yield;
        }
      }
    }
  }

  private *recoverLog(
    epochs: LeaderEpochFileCache,
  ): Generator<void, { recoveryPoint: number; logEndOffset: number }, void> {
    if (!this.hadCleanShutdown) yield* this.recoverUnflushed(epochs);
    let logEndOffset = this.segments.count > 0 ? this.segments.active.readNextOffset() : null;
    const { logStartOffset, dir, config } = this.options;
    if (logEndOffset !== null && logEndOffset < logStartOffset) {
      this.context.logger.warn('Deleting all segments: the log ends before its log start offset', {
        partition: partitionKey(this.options.topicPartition),
        logEndOffset,
        logStartOffset,
      });
      this.deleteSegments([...this.segments.all]);
      epochs.clear();
      for (const offset of this.openSnapshots().all) this.removeFile(nameOf(offset, SNAPSHOT_SUFFIX));
      logEndOffset = null;
    }
    if (this.segments.count === 0) {
      this.isNew = true;
      this.segments.add(LogSegment.create(this.context, dir, logStartOffset, config, this.drawJitter()));
    }
    if (logEndOffset === null) return { recoveryPoint: logStartOffset, logEndOffset: logStartOffset };
    const recoveryPoint = this.hadCleanShutdown ? logEndOffset : Math.min(this.recoveryPointCheckpoint, logEndOffset);
    return { recoveryPoint, logEndOffset };
  }

  private *recoverUnflushed(epochs: LeaderEpochFileCache): Generator<void, void, void> {
    const unflushed = this.segments.range(this.recoveryPointCheckpoint, Infinity);
    for (const [at, segment] of unflushed.entries()) {
      const truncatedBytes = this.recoverOne(segment, epochs);
      yield;
      const logEndOffset = segment.readNextOffset();
      if (truncatedBytes === 0 && !this.isGapBefore(unflushed[at + 1], logEndOffset)) continue;
      this.context.logger.warn('Cut a torn or corrupt tail of a log', {
        path: segment.file.path,
        truncatedBytes,
        logEndOffset,
        segmentsDeleted: unflushed.length - at - 1,
      });
      this.deleteSegments(unflushed.slice(at + 1));
      // What was cut must not come back with the next loss of power: other records will have its offsets.
      segment.file.syncSync();
      this.context.fs.syncDir(this.options.dir);
      return;
    }
  }

  /**
   * A loss of power can take the end of a segment away at the border of two batches, and leave the next segment. Kafka goes on with such a
   * hole; a follower would then miss those records for ever. Only the cleaner leaves gaps that are right.
   */
  private isGapBefore(next: LogSegment | undefined, logEndOffset: number): boolean {
    return next !== undefined && next.baseOffset > logEndOffset && !this.options.config.cleanupPolicy.compact;
  }

  private recoverOne(segment: LogSegment, epochs: LeaderEpochFileCache): number {
    const { context, options } = this;
    // The state at the beginning of the segment, of the segments before it.
    const producers = this.newProducerState();
    const snapshots = this.openSnapshots();
    rebuildProducerState(producers, snapshots, this.segments, {
      logStartOffset: options.logStartOffset,
      lastOffset: segment.baseOffset,
      nowMs: context.clock.nowMs(),
      reloadFromCleanShutdown: false,
    });
    const truncatedBytes = recoverSegment(segment, producers, epochs, context.logger);
    snapshots.take(producers);
    this.recovered = true;
    this.names = new Set(context.fs.readDir(options.dir));
    return truncatedBytes;
  }

  /** Nothing refers to them: they go at once, the newest first, so that a kill meanwhile leaves no hole. */
  private deleteSegments(segments: readonly LogSegment[]): void {
    for (const segment of [...segments].reverse()) {
      this.segments.remove(segment);
      segment.remove();
      this.context.fs.remove(segmentFile(this.options.dir, segment.baseOffset, SNAPSHOT_SUFFIX));
    }
    this.names = new Set(this.context.fs.readDir(this.options.dir));
  }

  private createMissingIndexes(offset: number): void {
    for (const suffix of [INDEX_SUFFIX, TIME_INDEX_SUFFIX]) {
      if (this.hasFile(offset, suffix)) continue;
      LogFile.create(this.context.files, segmentFile(this.options.dir, offset, suffix), false);
      this.names.add(nameOf(offset, suffix));
    }
  }

  private initializeTopicId(): Uuid | null {
    const { fs } = this.context;
    const { dir, topicId, topicPartition } = this.options;
    const written = this.names.has(PARTITION_METADATA) ? readPartitionMetadata(fs, dir) : null;
    if (written === null) {
      if (topicId !== null) writePartitionMetadata(fs, dir, topicId);
      return topicId;
    }
    if (topicId !== null && topicId !== written) {
      throw new LogError(
        'INCONSISTENT_TOPIC_ID',
        `Tried to assign topic ID ${topicId} to log for topic partition ${partitionKey(topicPartition)}, ` +
          `but log already contained topic ID ${written}`,
      );
    }
    return written;
  }

  private openSnapshots(): ProducerSnapshots {
    const offsets = [...this.names]
      .filter((name) => name.endsWith(SNAPSHOT_SUFFIX))
      .flatMap((name) => offsetOfFile(name) ?? []);
    return new ProducerSnapshots(this.context.fs, this.options.dir, offsets, this.context.logger);
  }

  private newProducerState(): ProducerStateManager {
    return new ProducerStateManager(partitionKey(this.options.topicPartition), this.context.producerState);
  }

  private drawJitter(): number {
    const { segmentJitterMs } = this.options.config;
    return segmentJitterMs > 0 ? Math.floor(this.context.random.nextDouble() * segmentJitterMs) : 0;
  }

  private hasFile(offset: number, suffix: string): boolean {
    return this.names.has(nameOf(offset, suffix));
  }

  private removeFile(name: string): void {
    this.context.fs.remove(this.pathOf(name));
    this.names.delete(name);
  }

  private pathOf(name: string): string {
    return `${this.options.dir}/${name}`;
  }
}

function nameOf(offset: number, suffix: string): string {
  return segmentFile('', offset, suffix).slice(1);
}
