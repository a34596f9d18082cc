/**
 * Moves replicas between the log directories of this broker (KIP-113; Kafka's `ReplicaAlterLogDirsManager` and its threads). A copy of
 * the log, the future log, is made in the other directory and fed from the log until it has all; then it takes the log's place.
 */
import { partitionKey, type TopicPartition } from '../cluster/index.js';
import type { Clock, Logger, Uuid } from '../common/index.js';
import type { TopicConfig } from '../config/index.js';
import { LogError, type LogManager, type UnifiedLog } from '../log/index.js';
import { ErrorCode } from '../protocol/index.js';
import { Change } from './core/partition-change.js';
import { errorCodeOf } from './errors.js';
import type { HostedPartitions } from './hosted-partitions.js';
import type { Partition } from './partition.js';

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
/** `TOPIC-PARTITION.` and 32 hex digits and `-future`: what the longest file name leaves for the topic. */
const FUTURE_SUFFIX_LENGTH = 1 + 32 + '-future'.length;
const MAX_FILE_NAME_LENGTH = 255;

export class AlterLogDirs {
  /** Partitions being copied. */
  private readonly copying = new Set<Partition>();
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
    const hosted = partitions.get(tp);
    if (hosted?.futureLog && hosted.futureLog.parentDir !== dir) this.abandon(hosted);
    logManager.maybeUpdatePreferredLogDir(tp, dir);
    const partition = partitions.getOrError(tp);
    if (typeof partition === 'number') {
      return partition === ErrorCode.NOT_LEADER_OR_FOLLOWER ? ErrorCode.REPLICA_NOT_AVAILABLE : partition;
    }
    if (!partition.log) return ErrorCode.REPLICA_NOT_AVAILABLE;
    if (partition.log.parentDir === dir || partition.futureLog) return ErrorCode.NONE;
    try {
      this.begin(partition, partition.log.topicId);
    } catch (error) {
      logger.warn('Cannot move a replica', { partition: key, dir, error });
      return errorCodeOf(error);
    }
    return ErrorCode.NONE;
  }

  /** Goes on with a move that a restart interrupted. */
  resume(partition: Partition): void {
    if (this.copying.has(partition) || !partition.log) return;
    if (this.options.logManager.getLog(partition.tp, true)) this.begin(partition, partition.log.topicId);
  }

  /** Gives up on the copy of a replica that goes elsewhere. */
  private abandon(partition: Partition): void {
    partition.futureLog = null;
    this.copying.delete(partition);
    this.options.logManager.asyncDelete(partition.tp, true);
  }

  close(): void {
    this.isClosed = true;
  }

  private begin(partition: Partition, topicId: Uuid | null): void {
    const { logManager, topicConfig, logger, onFatal } = this.options;
    const config = topicConfig(partition.tp.topic);
    const future = logManager.getOrCreateLog(partition.tp, { config, topicId, isFuture: true });
    partition.futureLog = future;
    this.copying.add(partition);
    logger.info('Moving a replica', { partition: partition.key, to: future.parentDir });
    this.copy(partition, future).catch((error: unknown) => {
      this.copying.delete(partition);
      if (!(error instanceof LogError)) {
        onFatal(error);
        return;
      }
      // The replica itself lives on; the copy is tried again when it is asked for, or at the next start.
      if (partition.futureLog === future) partition.futureLog = null;
      logger.error('Moving a replica failed', { partition: partition.key, error });
    });
  }

  private async copy(partition: Partition, future: UnifiedLog): Promise<void> {
    for (;;) {
      const { log } = partition;
      // Stopped, or moved elsewhere, while we waited.
      if (this.isClosed || !log || partition.futureLog !== future) break;
      if (future.logEndOffset === log.logEndOffset && future.logStartOffset >= log.logStartOffset) {
        this.replace(partition, future);
        break;
      }
      if (future.logEndOffset < log.logStartOffset) {
        this.options.logManager.truncateFullyAndStartAt(partition.tp, log.logStartOffset, true);
        continue;
      }
      const read = await log.read(future.logEndOffset, CHUNK_BYTES, 'LOG_END', true);
      // A truncation meanwhile has cut both logs, and what was read may be gone.
      const isStillWanted =
        partition.log === log &&
        partition.futureLog === future &&
        future.logEndOffset === read.fetchOffsetMetadata.messageOffset &&
        future.logEndOffset <= log.logEndOffset;
      if (!isStillWanted) continue;
      if (read.sizeInBytes > 0) {
        future.appendAsFollower(Buffer.isBuffer(read.records) ? read.records : Buffer.concat(read.records));
      }
      future.maybeUpdateHighWatermark(log.highWatermark);
      if (log.logStartOffset > future.logStartOffset && log.logStartOffset <= future.highWatermark) {
        future.maybeIncrementLogStartOffset(log.logStartOffset, 'follows the log that it is to replace');
      }
      if (read.sizeInBytes >= CHUNK_BYTES / 2) {
        await new Promise<void>((resolve) => this.options.clock.defer(resolve));
      }
    }
    this.copying.delete(partition);
  }

  /** Nothing is awaited between the comparison of the ends and this, so that no record is lost between the two. */
  private replace(partition: Partition, future: UnifiedLog): void {
    const { logManager, logger, onChange } = this.options;
    future.maybeUpdateHighWatermark(partition.logOrThrow().highWatermark);
    logManager.replaceCurrentWithFutureLog(partition.tp);
    partition.log = future;
    partition.futureLog = null;
    logger.info('Moved a replica', { partition: partition.key, to: future.parentDir });
    onChange(partition, Change.State | Change.HighWatermark);
  }
}
