/**
 * Moves replicas between the log directories of this broker (KIP-113; Kafka's `ReplicaAlterLogDirsManager` and its threads). A copy of
 * the log, the future log, is made in the other directory and fed from the log until it has all; then it takes the log's place.
 */
import { partitionKey, type TopicPartition } from '../../cluster/index.js';
import { AssertionError, nextTurn, type Clock, type Logger, type Uuid } from '../../common/index.js';
import type { TopicConfig } from '../../config/index.js';
import {
  isOutOfHandles,
  LogError,
  UnexpectedAppendOffsetError,
  type LogManager,
  type UnifiedLog,
} from '../../log/index.js';
import { ErrorCode } from '../../protocol/index.js';
import { Change } from '../core/partition-change.js';
import { divergenceOf } from '../core/log-divergence.js';
import { errorCodeOf } from '../errors.js';
import type { HostedPartitions } from '../hosted-partitions.js';
import type { Partition } from '../partition.js';

export interface AlterLogDirsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly logManager: LogManager;
  readonly partitions: HostedPartitions;
  readonly topicConfig: (topic: string) => TopicConfig;
  readonly onChange: (partition: Partition, change: number) => void;
  readonly onFatal: (error: unknown) => void;
}

/** Copied between two looks at other work, in bytes. */
const CHUNK_BYTES = 1 << 20;
/** Before a move goes on that wanted for file handles, and between two looks at a log that ends in a gap. */
const RETRY_MS = 1000;
/** `TOPIC-PARTITION.` and 32 hex digits and `-future`: what the longest file name leaves for the topic. */
const FUTURE_SUFFIX_LENGTH = 1 + 32 + '-future'.length;
const MAX_FILE_NAME_LENGTH = 255;

export class AlterLogDirs {
  private isClosed = false;

  constructor(private readonly options: AlterLogDirsOptions) {}

  /** Begins to move a replica to a directory; 0 or the error code. For a replica that is yet to be made, the wish is kept. */
  alter(tp: TopicPartition, dir: string): number {
    const { logManager, partitions, logger } = this.options;
    const key = partitionKey(tp);
    if (key.length + FUTURE_SUFFIX_LENGTH > MAX_FILE_NAME_LENGTH) return ErrorCode.INVALID_TOPIC_EXCEPTION;
    if (!logManager.isLogDirOnline(dir)) {
      return logManager.offlineLogDirs.includes(dir) ? ErrorCode.KAFKA_STORAGE_ERROR : ErrorCode.LOG_DIR_NOT_FOUND;
    }
    if (partitions.isOffline(tp)) return ErrorCode.KAFKA_STORAGE_ERROR;
    // Also a copy that is not worked at, since its move failed.
    const copy = logManager.getLog(tp, true);
    if (copy && copy.parentDir !== dir) this.abandon(tp);
    logManager.maybeUpdatePreferredLogDir(tp, dir);
    const partition = partitions.getOrError(tp);
    if (typeof partition === 'number') {
      return partition === ErrorCode.NOT_LEADER_OR_FOLLOWER ? ErrorCode.REPLICA_NOT_AVAILABLE : partition;
    }
    if (!partition.log) return ErrorCode.REPLICA_NOT_AVAILABLE;
    this.abandonForeign(partition);
    if (partition.log.parentDir === dir || partition.futureLog) return ErrorCode.NONE;
    try {
      this.begin(partition, partition.log.topicId);
    } catch (error) {
      logger.warn('Cannot move a replica', { partition: key, dir, error });
      return errorCodeOf(error);
    }
    return ErrorCode.NONE;
  }

  /** Goes on with a move that a restart interrupted. When the directory it goes to fails, the replica stays where it is. */
  resume(partition: Partition): void {
    // With a copy attached to it the move is under way.
    if (this.isClosed || partition.futureLog || !partition.log) return;
    this.abandonForeign(partition);
    if (!this.options.logManager.getLog(partition.tp, true)) return;
    try {
      this.begin(partition, partition.log.topicId);
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      this.onFailed(partition, error);
    }
  }

  /**
   * Gives up on a copy that is not to become this log: of an earlier topic of the name, which was deleted while the copy's directory was
   * offline; or beside the log itself, which was made again where its copy lay.
   */
  private abandonForeign({ tp, key, log }: Partition): void {
    const copy = this.options.logManager.getLog(tp, true);
    if (!copy || !log) return;
    const isOfOtherTopic = copy.topicId !== null && copy.topicId !== log.topicId;
    if (!isOfOtherTopic && copy.parentDir !== log.parentDir) return;
    this.options.logger.warn('Deleting a copy that is not to replace the log', {
      partition: key,
      dir: copy.dir,
      topicId: copy.topicId,
      log: log.dir,
      logTopicId: log.topicId,
    });
    this.abandon(tp);
  }

  /** Gives up on the copy of a replica that goes elsewhere. */
  private abandon(tp: TopicPartition): void {
    this.options.partitions.get(tp)?.setFutureLog(null);
    this.options.logManager.asyncDelete(tp, true);
  }

  /** Copies in a directory that failed come to nothing; the replicas live on where they are. */
  handleLogDirFailure(dir: string): void {
    for (const partition of this.options.partitions.all()) {
      if (partition.futureLog?.parentDir === dir) partition.setFutureLog(null);
    }
  }

  close(): void {
    this.isClosed = true;
  }

  private begin(partition: Partition, topicId: Uuid | null): void {
    const { logManager, topicConfig, logger, onFatal } = this.options;
    const config = topicConfig(partition.tp.topic);
    const copy = logManager.getLog(partition.tp, true);
    if (copy && copy.topicId === null && topicId !== null) {
      // Of before the topic had an id: whose records it holds cannot be told, so it is made again.
      logManager.maybeUpdatePreferredLogDir(partition.tp, copy.parentDir);
      this.abandon(partition.tp);
    }
    const future = logManager.getOrCreateLog(partition.tp, { config, topicId, isFuture: true });
    logManager.forgetReplacement(partition.tp);
    partition.setFutureLog(future);
    logger.info('Moving a replica', { partition: partition.key, to: future.parentDir });
    this.copy(partition, future).catch((error: unknown) => {
      if (error instanceof AssertionError) {
        onFatal(error);
        return;
      }
      if (partition.futureLog === future) partition.setFutureLog(null);
      this.onFailed(partition, error);
    });
  }

  /**
   * The replica itself lives on, whatever it was (records that are damaged on the old disk, as may be why it is moved); the copy is tried again
   * when it is asked for, or at the next start. For want of handles soon.
   */
  private onFailed(partition: Partition, error: unknown): void {
    const { clock, logger } = this.options;
    logger.error('Moving a replica failed', { partition: partition.key, error });
    if (isOutOfHandles(error)) clock.setTimer(RETRY_MS, () => this.resume(partition), { background: true });
  }

  private async copy(partition: Partition, future: UnifiedLog): Promise<void> {
    const { logManager } = this.options;
    // What the copy had before is not believed: the log may have been cut and written again while no one looked at the copy.
    let alignedAt = -1;
    // Stopped, or moved elsewhere, while we waited: looked at after each wait.
    for (let log = this.logOf(partition, future); log; log = this.logOf(partition, future)) {
      const isOutside = future.logEndOffset > log.logEndOffset || future.logEndOffset < log.logStartOffset;
      if (alignedAt !== partition.cuts || isOutside) {
        alignedAt = partition.cuts;
        this.align(partition, log, future);
      }
      if (!future.isReadyForAppends && !future.isClosed) {
        await this.prepareForAppends(future);
        continue;
      }
      this.followEnds(partition, log, future);
      if (future.logEndOffset < log.logEndOffset) {
        await this.copyChunk(partition, log, future);
      } else if (!logManager.isReadyToReplace(partition.tp)) {
        future.adoptEpochs(log.epochEntries);
        await logManager.prepareReplacement(partition.tp);
      } else {
        this.replace(partition, log, future);
        return;
      }
    }
  }

  /** The log that is to be copied; null when `future` is no longer to become it. */
  private logOf(partition: Partition, future: UnifiedLog): UnifiedLog | null {
    return this.isClosed || partition.futureLog !== future ? null : partition.log;
  }

  /**
   * Cuts the copy to what the log has as well, by leader epochs (`ReplicaAlterLogDirsThread.truncate`); where they have nothing in common the
   * copy begins again at the start of the log.
   */
  private align({ tp, key }: Partition, log: UnifiedLog, future: UnifiedLog): void {
    const { logManager, logger } = this.options;
    const isWithin = future.logEndOffset >= log.logStartOffset && future.logStartOffset <= log.logStartOffset;
    const offset = isWithin ? divergenceOf(log, future) : null;
    if (offset === null) {
      logger.info('Beginning a copy again: it has nothing of the log', { partition: key, offset: log.logStartOffset });
      logManager.truncateFullyAndStartAt(tp, log.logStartOffset, true);
    } else if (offset < future.logEndOffset) {
      logger.info('Cutting a copy to what the log has', { partition: key, offset, from: future.logEndOffset });
      logManager.truncateTo([[tp, offset]], true);
    }
  }

  private followEnds(partition: Partition, log: UnifiedLog, future: UnifiedLog): void {
    if (log.topicId !== null) future.assignTopicId(log.topicId);
    future.maybeUpdateHighWatermark(log.highWatermark);
    if (log.logStartOffset > future.logStartOffset && log.logStartOffset <= future.highWatermark) {
      future.maybeIncrementLogStartOffset(log.logStartOffset, 'follows the log that it is to replace');
      this.options.onChange(partition, Change.LowWatermark);
    }
  }

  private async copyChunk(partition: Partition, log: UnifiedLog, future: UnifiedLog): Promise<void> {
    const from = future.logEndOffset;
    const { cuts } = partition;
    let bytes = 0;
    let isGap = false;
    try {
      const read = await log.read(from, CHUNK_BYTES, 'LOG_END', true);
      // A truncation meanwhile has cut both logs, and what was read may be gone.
      const isStillWanted =
        this.logOf(partition, future) === log && future.logEndOffset === from && partition.cuts === cuts;
      if (!isStillWanted) return;
      bytes = read.sizeInBytes;
      isGap = bytes === 0 && from < log.logEndOffset;
      if (bytes > 0) {
        await this.append(
          partition,
          future,
          Buffer.isBuffer(read.records) ? read.records : Buffer.concat(read.records),
        );
      }
    } catch (error) {
      // Retention, or a truncation, took the offset away while we waited: the next look finds where to go on.
      if (!(error instanceof LogError) || error.kind !== 'OFFSET_OUT_OF_RANGE') throw error;
    }
    if (isGap) {
      // Compacted, and cut within a gap: until the next record no copy ends where the log does.
      await this.pause();
    } else if (bytes === 0 || bytes >= CHUNK_BYTES / 2) {
      await nextTurn(this.options.clock);
    }
  }

  private async append(partition: Partition, future: UnifiedLog, records: Buffer): Promise<void> {
    const { tp, key, cuts } = partition;
    try {
      future.appendAsFollower(records);
    } catch (error) {
      if (!(error instanceof UnexpectedAppendOffsetError)) throw error;
      // The log's first batch spans its start, after DeleteRecords inside of a batch (`Partition.appendRecordsToFollowerOrFutureReplica`).
      const end = future.logEndOffset;
      if (end !== future.logStartOffset || error.firstOffset >= end || error.lastOffset < end) throw error;
      this.options.logger.info('The first batch begins before the log start: starting the copy there', {
        partition: key,
        logStartOffset: end,
        firstOffset: error.firstOffset,
      });
      this.options.logManager.truncateFullyAndStartAt(tp, error.firstOffset, true);
      await this.prepareForAppends(future);
      const isStillWanted = partition.cuts === cuts && this.logOf(partition, future) !== null;
      if (isStillWanted && future.isReadyForAppends) future.appendAsFollower(records);
    }
  }

  /**
   * The first append to a copy, and the first after a cut, would hold up everyone until the directory it goes to has synced. Looked at again
   * after a while when that failed, as for want of handles; a directory that goes offline ends the copy.
   */
  private async prepareForAppends(future: UnifiedLog): Promise<void> {
    await future.prepareForAppends();
    if (!future.isReadyForAppends && !future.isClosed) await this.pause();
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => void this.options.clock.setTimer(RETRY_MS, resolve, { background: true }));
  }

  /** Nothing is awaited between the comparison of the logs and this, so that no record is lost between the two. */
  private replace(partition: Partition, log: UnifiedLog, future: UnifiedLog): void {
    const { logManager, logger, onChange } = this.options;
    // Those in which nothing was written, or whose first batches are cleaned away, are in no batch that could be copied.
    future.adoptEpochs(log.epochEntries);
    logManager.replaceCurrentWithFutureLog(partition.tp);
    partition.replaceLog(future);
    logger.info('Moved a replica', { partition: partition.key, to: future.parentDir });
    onChange(partition, Change.State | Change.HighWatermark);
  }
}
