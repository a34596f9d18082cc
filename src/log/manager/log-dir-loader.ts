import { runInSlices, type FileSystem, type Steps } from '../../common/index.js';
import { CLUSTER_METADATA_TOPIC, partitionKey } from '../../cluster/index.js';
import type { LogDir } from './log-dirs.js';
import type { LogConfig } from '../log-config.js';
import { isFileSystemError, type LogContext } from '../log-context.js';
import { parseLogDirName } from '../files/log-file-names.js';
import { LogLoader } from '../log-loader.js';
import type { OffsetCheckpointFile } from '../checkpoints/offset-checkpoint-file.js';
import type { UnifiedLog } from '../unified-log.js';

/** Where ext2, ext3 and ext4 keep what a check of the disk found. */
const LOST_AND_FOUND = 'lost+found';

export interface LoadDirOptions {
  /** What the directory holds. */
  readonly names: readonly string[];
  /** Nothing needs to be recovered. */
  readonly hadCleanShutdown: boolean;
  configOf(topic: string): LogConfig;
  onLoaded(log: UnifiedLog, isFuture: boolean): void;
  /** A folder that was being deleted when the broker stopped. */
  onDeleted(path: string): void;
  /** No one waits for it any more: asked at each step. */
  isStopped(): boolean;
}

/** The broker was told to stop while it loaded its logs. */
export class LoadingStoppedError extends Error {
  override readonly name = 'LoadingStoppedError';
}

/** The topics of the logs that directories with these names hold. */
export function topicsIn(listings: Iterable<readonly string[]>): Set<string> {
  const topics = new Set<string>();
  for (const names of listings) {
    for (const name of names) {
      const parsed = parseLogDirName(name);
      if (parsed?.kind === 'current' || parsed?.kind === 'future') topics.add(parsed.topicPartition.topic);
    }
  }
  return topics;
}

/**
 * Loads, and where needed recovers, all logs of a directory one after the other (`LogManager.loadLogs`). In slices: heartbeats must go out
 * meanwhile. True when a recovery point of the checkpoint is not true any more: the log was cut below it, or is gone. Rejects with
 * `LoadingStoppedError` at the next step once it is stopped; the log under way is then left as a kill would leave it.
 */
export function loadLogDir(context: LogContext, dir: LogDir, options: LoadDirOptions): Promise<boolean> {
  return runInSlices(context.clock, untilStopped(loadLogs(context, dir, options), options));
}

function* untilStopped<T>(steps: Steps<T>, { isStopped }: LoadDirOptions): Steps<T> {
  for (;;) {
    if (isStopped()) throw new LoadingStoppedError('Told to stop while loading logs');
    const step = steps.next();
    if (step.done) return step.value;
    yield;
  }
}

function* loadLogs(context: LogContext, dir: LogDir, options: LoadDirOptions): Steps<boolean> {
  const { clock, logger, fs } = context;
  const { hadCleanShutdown } = options;
  const startMs = clock.monotonicMs();
  const recoveryPoints = readCheckpoint(context, dir.recoveryPoints);
  const logStartOffsets = readCheckpoint(context, dir.logStartOffsets);
  const cleanerOffsets = readCheckpoint(context, dir.cleanerOffsets);
  const outlived = new Map(recoveryPoints);
  let loaded = 0;
  for (const name of options.names) {
    const parsed = parseLogDirName(name);
    const path = `${dir.path}/${name}`;
    // KRaft's log is none of ours.
    if (parsed?.topicPartition.topic === CLUSTER_METADATA_TOPIC) continue;
    if (!isFolder(fs, path)) {
      if (parsed) logger.warn('Not a folder, though it has the name of a log; it is left as it is', { path });
      continue;
    }
    if (!parsed) {
      if (name !== LOST_AND_FOUND) logger.warn('Not the folder of a log; it is left as it is', { path });
      continue;
    }
    const { topicPartition, kind } = parsed;
    if (kind === 'stray') {
      logger.warn('Found a stray log; it is left as it is', { dir: path });
      continue;
    }
    if (kind === 'delete') {
      options.onDeleted(path);
      continue;
    }
    const key = partitionKey(topicPartition);
    // The checkpoints do not name copies: an entry is of the log that is to be replaced, or of one that was here before.
    const isNamed = kind !== 'future';
    try {
      const loader = new LogLoader(context, {
        topicPartition,
        dir: path,
        config: options.configOf(topicPartition.topic),
        hadCleanShutdown,
        recoveryPoint: isNamed ? (recoveryPoints.get(key) ?? 0) : 0,
        logStartOffset: isNamed ? (logStartOffsets.get(key) ?? 0) : 0,
        cleanedUpTo: isNamed ? (cleanerOffsets.get(key) ?? 0) : 0,
        topicId: null,
      });
      const log = yield* loader.load();
      if (isNamed && log.recoveryPoint >= (recoveryPoints.get(key) ?? 0)) outlived.delete(key);
      options.onLoaded(log, kind === 'future');
    } catch (error) {
      logger.error('Cannot load a log', { path, error });
      throw error;
    }
    loaded++;
    yield;
  }
  logger.info('Loaded logs', {
    dir: dir.path,
    logs: loaded,
    ...(loaded > 0 && { recovered: !hadCleanShutdown }),
    ms: Math.round(clock.monotonicMs() - startMs),
  });
  return outlived.size > 0;
}

/** A link to nothing is none. Any other error is the directory's: a log passed over for it would begin empty. */
function isFolder(fs: FileSystem, path: string): boolean {
  try {
    return fs.stat(path).isDirectory;
  } catch (error) {
    if (isFileSystemError(error) && (error.code === 'ENOENT' || error.code === 'ELOOP')) return false;
    throw error;
  }
}

function readCheckpoint({ logger }: LogContext, file: OffsetCheckpointFile): ReadonlyMap<string, number> {
  try {
    return file.read();
  } catch (error) {
    if (isFileSystemError(error)) throw error;
    logger.warn('A checkpoint is malformed; everything is recovered instead', { path: file.path, error });
    return new Map();
  }
}
