/** Opening a partition's folder: taking up, and after an unclean shutdown recovering, what is there (`kafka.log.LogLoader`). */
import { runAtOnce, type Uuid } from '../common/index.js';
import { partitionKey, type TopicPartition } from '../cluster/index.js';
import { CorruptRecordError } from '../records/index.js';
import { ProducerStateManager } from './core/producer-state-manager.js';
import { RecoveredEpochs } from './core/recovered-epochs.js';
import { isLogBroken } from './core/segment-gap.js';
import { LogFile } from './files/file-handles.js';
import { finishInterruptedWork } from './segment/interrupted-work.js';
import { LEADER_EPOCH_CHECKPOINT, LeaderEpochFileCache } from './checkpoints/leader-epoch-file-cache.js';
import { LocalLog } from './local-log.js';
import type { LogConfig } from './log-config.js';
import type { LogContext } from './log-context.js';
import { LogError } from './core/log-error.js';
import {
  CLEANED_SUFFIX,
  INDEX_SUFFIX,
  LOG_SUFFIX,
  offsetOfFile,
  segmentFile,
  TIME_INDEX_SUFFIX,
  TXN_INDEX_SUFFIX,
} from './files/log-file-names.js';
import { LogFolder } from './files/log-folder.js';
import { LogSegment } from './segment/log-segment.js';
import { LogSegments } from './segment/log-segments.js';
import { PARTITION_METADATA, PartitionMetadataFile } from './checkpoints/partition-metadata-file.js';
import { ProducerSnapshots } from './producer/producer-snapshots.js';
import { rebuildProducerState } from './producer/producer-state-loader.js';
import { recoverSegment, type SegmentRecovery } from './segment/segment-recovery.js';
import { UnifiedLog } from './unified-log.js';

const COPY_BYTES = 1024 * 1024;

interface RecoveredSegment extends SegmentRecovery {
  /** The state at its end. */
  readonly producers: ProducerStateManager;
}

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
  /** How far the cleaner has been, from its checkpoint; 0 when that does not name the log. */
  readonly cleanedUpTo?: number;
  /** What the controller says; null when it is not known yet. */
  readonly topicId: Uuid | null;
}

/** Loads a log at once, however long its recovery takes: for new ones, and for tests. */
export function loadLog(context: LogContext, options: LoadLogOptions): UnifiedLog {
  return runAtOnce(new LogLoader(context, options).load());
}

/**
 * Loads one log. `load` stops after each file that it removes and each segment that it recovers, so that the caller can let others run. What a crash can leave is put
 * right first: files to be deleted or not yet complete go, a swap of cleaned segments is brought to its end, segments without an index
 * get one, and the unflushed ones are checked batch by batch and cut at the first that is not whole and valid.
 */
export class LogLoader {
  private readonly segments = new LogSegments();
  private readonly producers: ProducerStateManager;
  private hadCleanShutdown: boolean;
  private recoveryPointCheckpoint: number;
  private readonly folder: LogFolder;
  private recovered = false;
  /** While segments are recovered. */
  private snapshots: ProducerSnapshots | null = null;
  private isNew = false;

  constructor(
    private readonly context: LogContext,
    private readonly options: LoadLogOptions,
  ) {
    this.producers = this.newProducerState();
    this.hadCleanShutdown = options.hadCleanShutdown;
    this.recoveryPointCheckpoint = options.recoveryPoint;
    this.folder = new LogFolder(context.fs, options.dir);
  }

  *load(): Generator<void, UnifiedLog, void> {
    const { context, options, folder } = this;
    const { dir } = options;
    yield* finishInterruptedWork(context, folder);
    const hasMetadata = folder.has(PARTITION_METADATA);
    const metadata = PartitionMetadataFile.open(context.fs, dir, hasMetadata, options.hadCleanShutdown);
    const { cache: epochs, suspect } = LeaderEpochFileCache.open(
      context.fs,
      dir,
      folder.has(LEADER_EPOCH_CHECKPOINT),
      context.logger,
      options.hadCleanShutdown,
    );
    if (suspect) {
      this.hadCleanShutdown = false;
      this.recoveryPointCheckpoint = 0;
    }
    yield* this.loadSegments();
    const { recoveryPoint, logEndOffset } = yield* this.recoverLog(epochs);
    const logStartOffset = Math.max(options.logStartOffset, this.segments.first!.baseOffset);
    epochs.cutToLog(logEndOffset, logStartOffset);
    if (this.recovered) folder.reread();
    const snapshots = this.openSnapshots();
    snapshots.removeStray(this.segments.all.map((segment) => segment.baseOffset));
    yield* rebuildProducerState(this.producers, snapshots, this.segments, {
      logStartOffset,
      lastOffset: logEndOffset,
      nowMs: context.clock.nowMs(),
      reloadFromCleanShutdown: this.hadCleanShutdown,
    });
    const isDurable = this.hadCleanShutdown && !this.isNew;
    // The folders that an earlier life has made and not synced are synced all at once when its directory is loaded.
    if (this.isNew) context.folders.markChanged(dir.slice(0, dir.lastIndexOf('/')));
    const local = new LocalLog(
      context,
      options.topicPartition,
      dir,
      options.config,
      this.segments,
      recoveryPoint,
      logEndOffset,
      isDurable,
    );
    this.initializeTopicId(metadata);
    return new UnifiedLog({ local, epochs, producers: this.producers, snapshots, logStartOffset, metadata });
  }

  private *loadSegments(): Generator<void, void, void> {
    for (const name of this.folder.sorted) {
      const offset = offsetOfFile(name);
      if (offset === null) continue;
      if ([INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX].some((suffix) => name.endsWith(suffix))) {
        if (!this.folder.hasFile(offset, LOG_SUFFIX)) {
          this.context.logger.warn('Removing an index file without a log file', { path: this.folder.pathOf(name) });
          this.folder.remove(name);
        }
      } else if (name.endsWith(LOG_SUFFIX)) {
        yield* this.loadSegment(offset);
      }
    }
  }

  private *loadSegment(offset: number): Generator<void, void, void> {
    const segment = this.openSegment(offset);
    const isIndexed = this.folder.hasFile(offset, INDEX_SUFFIX) && this.folder.hasFile(offset, TIME_INDEX_SUFFIX);
    const problem = isIndexed ? segment.txnIndex.problem(offset) : 'an index file is missing';
    // An unclean shutdown recovers the last segments anyway, and again if it is interrupted.
    const willBeRecovered = !this.hadCleanShutdown && offset >= this.recoveryPointCheckpoint;
    if (problem !== null && !willBeRecovered) {
      this.context.logger.warn('Rebuilding the index files of a segment', { path: segment.file.path, problem });
      segment.closeHandles();
      yield* this.rebuildIndexes(offset);
      return;
    }
    if (!isIndexed) this.createIndexes(offset, '');
    this.segments.add(segment);
  }

  /** No recovery would find out that an index is not whole: until it is, it has another name. */
  private *rebuildIndexes(offset: number): Generator<void, void, void> {
    for (const suffix of [INDEX_SUFFIX, TIME_INDEX_SUFFIX]) this.folder.removeFile(offset, suffix);
    this.createIndexes(offset, CLEANED_SUFFIX);
    this.folder.sync();
    const segment = this.openSegment(offset, CLEANED_SUFFIX);
    this.segments.add(segment);
    const recovery = yield* this.recoverOne(segment, null);
    // The segments behind it are flushed, and stay whatever becomes of it, as in Kafka.
    if (!recovery.overflow) this.cutBehind(segment, recovery.validBytes);
    this.endRecovery(segment, recovery);
    segment.adoptRebuiltIndexes();
    for (const suffix of [INDEX_SUFFIX, TIME_INDEX_SUFFIX]) {
      this.folder.renamed(offset, suffix + CLEANED_SUFFIX, suffix);
    }
    yield;
  }

  private *recoverLog(
    epochs: LeaderEpochFileCache,
  ): Generator<void, { recoveryPoint: number; logEndOffset: number }, void> {
    const unflushed = this.hadCleanShutdown ? undefined : this.firstToRecover();
    for (const segment of [...this.segments.all]) {
      if (segment === unflushed) break;
      this.removeEmptyWithin(segment);
    }
    if (unflushed) yield* this.recoverUnflushed(unflushed, epochs);
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
      logEndOffset = null;
    }
    if (this.segments.count === 0) {
      this.isNew = true;
      this.segments.add(LogSegment.create(this.context, dir, logStartOffset, config, this.drawJitter()));
    }
    if (logEndOffset === null) return { recoveryPoint: logStartOffset, logEndOffset: logStartOffset };
    if (this.hadCleanShutdown) return { recoveryPoint: logEndOffset, logEndOffset };
    // Beyond the end, the checkpoint is that of a log before a cut, and says nothing of the segment in which it now ends.
    const isOfBefore = this.recoveryPointCheckpoint > logEndOffset;
    const recoveryPoint = isOfBefore ? this.segments.active.baseOffset : this.recoveryPointCheckpoint;
    return { recoveryPoint, logEndOffset };
  }

  private firstToRecover(): LogSegment | undefined {
    return this.segments.floor(this.recoveryPointCheckpoint) ?? this.segments.first;
  }

  /** What a roll that failed half way has left is no border: the segment before it took what came next. */
  private removeEmptyWithin(segment: LogSegment): void {
    for (;;) {
      const next = this.segments.higher(segment.baseOffset);
      if (next?.sizeInBytes !== 0 || next.baseOffset >= nextOffsetOf(segment, next.baseOffset)) return;
      this.context.logger.warn('Removing an empty segment that begins within the one before it', {
        path: next.file.path,
      });
      this.deleteSegments([next]);
    }
  }

  /** Batches are believed before the files beside them: what they say of epochs is written at the end, once. */
  private *recoverUnflushed(first: LogSegment, epochs: LeaderEpochFileCache): Generator<void, void, void> {
    const found = new RecoveredEpochs(epochs.all, first.baseOffset);
    let hasGaps = false;
    for (let segment: LogSegment | undefined = first; segment; segment = this.segments.higher(segment.baseOffset)) {
      const recovery = yield* this.recoverOne(segment, found);
      hasGaps ||= recovery.hasGaps;
      const { overflow } = recovery;
      const isLost = overflow !== null && this.copyRest(segment, overflow);
      const validBytes = overflow ? overflow.position : recovery.validBytes;
      const isTorn = overflow ? isLost : validBytes < segment.sizeInBytes;
      const isCut = validBytes < segment.sizeInBytes;
      if (isTorn) this.deleteBehind(segment, segment.sizeInBytes - validBytes);
      if (isCut) this.cutBehind(segment, validBytes);
      this.endRecovery(segment, recovery);
      yield;
      if (isTorn) break;
      this.removeEmptyWithin(segment);
      if (!this.isBrokenAfter(segment, hasGaps)) continue;
      this.deleteBehind(segment, 0);
      break;
    }
    epochs.adopt(found.entries, this.segments.active.readNextOffset());
  }

  private isBrokenAfter(segment: LogSegment, hasGapsWithin: boolean): boolean {
    const next = this.segments.higher(segment.baseOffset);
    if (!next) return false;
    const border = {
      baseOffset: segment.baseOffset,
      endOffset: segment.readNextOffset(),
      nextBaseOffset: next.baseOffset,
      cleanedUpTo: this.options.cleanedUpTo ?? 0,
    };
    // Most borders have no gap; only for one that has, those before it are looked at.
    return (
      isLogBroken({ ...border, hasGapsWithin }) &&
      isLogBroken({ ...border, hasGapsWithin: this.hasGapsBefore(segment) })
    );
  }

  private hasGapsBefore(segment: LogSegment): boolean {
    const before = this.segments.all.slice(0, this.segments.all.indexOf(segment));
    return before.some((one) => {
      const nextBaseOffset = this.segments.higher(one.baseOffset)!.baseOffset;
      return nextOffsetOf(one, nextBaseOffset) < nextBaseOffset;
    });
  }

  /**
   * The segments behind one whose end is torn or missing go before it is cut: killed in between, the next start finds the torn end again, not
   * a hole that looks like the cleaner's.
   */
  private deleteBehind(segment: LogSegment, truncatedBytes: number): void {
    const gone = this.segments.all.slice(this.segments.all.indexOf(segment) + 1);
    this.context.logger.warn('Cutting a torn or corrupt tail of a log', {
      path: segment.file.path,
      truncatedBytes,
      segmentsDeleted: gone.length,
    });
    this.deleteSegments(gone);
    this.folder.sync();
  }

  /** What was cut must not come back with the next loss of power: other records will have its offsets. */
  private cutBehind(segment: LogSegment, validBytes: number): void {
    if (validBytes === segment.sizeInBytes) return;
    segment.file.truncate(validBytes);
    segment.file.syncSync();
  }

  /**
   * Copies what lies behind `position` to a segment of its own (`LocalLog.splitOverflowedSegment`), durably and whole, before it is cut off
   * here: killed in between, the next recovery does the same again. True when the rest is lost, as another segment has that place.
   */
  private copyRest(segment: LogSegment, { position, baseOffset }: { position: number; baseOffset: number }): boolean {
    const restBytes = segment.sizeInBytes - position;
    const other = this.segments.get(baseOffset);
    const isLost = other !== undefined && other.sizeInBytes !== restBytes;
    this.context.logger.warn('Splitting a segment: an offset is too far from its base offset for the indexes', {
      path: segment.file.path,
      position,
      offset: baseOffset,
      lost: isLost,
    });
    if (!other) {
      copyDurably(this.context, segment.file, position, segmentFile(this.options.dir, baseOffset, LOG_SUFFIX));
      this.folder.reread();
      this.createIndexes(baseOffset, '');
      this.folder.sync();
      this.segments.add(this.openSegment(baseOffset));
    }
    return isLost;
  }

  private *recoverOne(segment: LogSegment, epochs: RecoveredEpochs | null): Generator<void, RecoveredSegment, void> {
    const { context, options } = this;
    // The state at the beginning of the segment, of the segments before it.
    const producers = this.newProducerState();
    this.snapshots ??= this.openSnapshots();
    yield* rebuildProducerState(producers, this.snapshots, this.segments, {
      logStartOffset: options.logStartOffset,
      lastOffset: segment.baseOffset,
      nowMs: context.clock.nowMs(),
      reloadFromCleanShutdown: false,
    });
    const recovery = yield* recoverSegment(segment, producers, epochs, context.logger);
    return { ...recovery, producers };
  }

  /** The segment ends where it should: its indexes, and the state of the producers at its end, are written. */
  private endRecovery(segment: LogSegment, { producers }: RecoveredSegment): void {
    segment.onBecomeInactive();
    this.snapshots!.take(producers);
    this.recovered = true;
  }

  /**
   * Nothing refers to them: they go at once, the newest first, so that a kill meanwhile leaves no hole. Their snapshots go when the producers'
   * state is rebuilt, which removes those that belong to no segment or lie behind the end.
   */
  private deleteSegments(segments: readonly LogSegment[]): void {
    for (const segment of [...segments].reverse()) {
      this.segments.remove(segment);
      segment.remove();
    }
    this.folder.reread();
  }

  private openSegment(offset: number, indexNameEnd = ''): LogSegment {
    const { dir, config } = this.options;
    const hasTxnIndex = this.folder.hasFile(offset, TXN_INDEX_SUFFIX);
    return LogSegment.open(this.context, dir, offset, config, this.drawJitter(), hasTxnIndex, indexNameEnd);
  }

  private createIndexes(offset: number, nameEnd: string): void {
    for (const suffix of [INDEX_SUFFIX + nameEnd, TIME_INDEX_SUFFIX + nameEnd]) {
      if (this.folder.hasFile(offset, suffix)) continue;
      LogFile.create(this.context.files, segmentFile(this.options.dir, offset, suffix), false);
      this.folder.add(offset, suffix);
    }
  }

  private initializeTopicId(metadata: PartitionMetadataFile): void {
    const { topicId, topicPartition } = this.options;
    if (topicId === null) return;
    if (metadata.topicId === null) metadata.write(topicId);
    if (metadata.topicId === topicId) return;
    throw new LogError(
      'INCONSISTENT_TOPIC_ID',
      `Tried to assign topic ID ${topicId} to log for topic partition ${partitionKey(topicPartition)}, ` +
        `but log already contained topic ID ${metadata.topicId}`,
    );
  }

  private openSnapshots(): ProducerSnapshots {
    return new ProducerSnapshots(this.context.fs, this.options.dir, this.folder.snapshotOffsets, this.context.logger);
  }

  private newProducerState(): ProducerStateManager {
    return new ProducerStateManager(partitionKey(this.options.topicPartition), this.context.producerState);
  }

  private drawJitter(): number {
    const { segmentJitterMs } = this.options.config;
    return segmentJitterMs > 0 ? Math.floor(this.context.random.nextDouble() * segmentJitterMs) : 0;
  }
}

function copyDurably(context: LogContext, from: LogFile, position: number, path: string): void {
  const copy = LogFile.create(context.files, path + CLEANED_SUFFIX, true);
  const piece = Buffer.allocUnsafe(COPY_BYTES);
  for (let at = position; at < from.sizeInBytes;) {
    const length = from.readSync(piece, 0, Math.min(piece.length, from.sizeInBytes - at), at);
    copy.append([piece.subarray(0, length)], length);
    at += length;
  }
  copy.syncSync();
  copy.rename(path);
  copy.close();
}

/**
 * Where the offsets after `segment` begin; `otherwise` if damage hides it. Flushed segments are not checked when a log is loaded, and one that
 * is damaged costs only the reads that come upon the damage, as in Kafka, which looks for the end of the active segment alone.
 */
function nextOffsetOf(segment: LogSegment, otherwise: number): number {
  try {
    return segment.readNextOffset();
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) throw error;
    return otherwise;
  }
}
