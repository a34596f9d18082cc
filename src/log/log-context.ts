import type { BufferPool, Clock, FileSystem, Logger, Random } from '../common/index.js';
import type { FileHandleCache } from './files/file-handles.js';
import type { FileRemover } from './files/file-remover.js';
import type { FolderSync } from './files/folder-sync.js';
import { LogError } from './core/log-error.js';
import type { Scheduler } from './manager/scheduler.js';
import type { SettlingQueues } from './files/settling-queues.js';
import type { TailCache } from './segment/tail-cache.js';
import type { ProducerStateConfig } from './core/producer-state-manager.js';

/** What all logs of a broker share. Owned by the `LogManager`. */
export interface LogContext {
  readonly fs: FileSystem;
  readonly files: FileHandleCache;
  readonly remover: FileRemover;
  readonly folders: FolderSync;
  readonly settlings: SettlingQueues;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly scheduler: Scheduler;
  readonly tailCache: TailCache;
  /** Memory of reads and of the ends of logs. */
  readonly buffers: BufferPool;
  readonly producerState: ProducerStateConfig;
  /**
   * A file of a log directory could not be read or written: the directory goes offline. Returns at once. That the process may open no
   * more files is no failure of a directory, unless something `isHalfDone` for it.
   */
  onStorageError(logDir: string, doing: string, error: Error, isHalfDone?: boolean): void;
  /** Makes the recovery points of a directory's logs durable, of which one fell: once for all that are cut in one go. */
  checkpointLowered(logDir: string): Promise<void>;
  /** The same, blocking. */
  checkpointLoweredSync(logDir: string): void;
  /** False from the first error of a file in the directory on, though the directory goes offline only after the call that met it. */
  isUsable(logDir: string): boolean;
}

/**
 * Runs `work` on files of `logDir`. The file system's errors are reported and thrown on as KAFKA_STORAGE_ERROR; from the first on
 * everything is refused (`LocalLog.maybeHandleIOException`), as what was left half done must not be built upon.
 */
export function onStorage<T>(context: LogContext, logDir: string, doing: string, work: () => T): T {
  ensureUsable(context, logDir, doing);
  try {
    return work();
  } catch (error) {
    throw asStorageError(context, logDir, doing, error);
  }
}

/**
 * The same for work that has no way back once it has begun: that it ended half way for the want of a file handle takes the directory
 * offline as well, as any IOException does in Kafka.
 */
export function onMutation<T>(context: LogContext, logDir: string, doing: string, work: () => T): T {
  return onStorage(context, logDir, doing, () => {
    try {
      return work();
    } catch (error) {
      if (isOutOfHandles(error)) context.onStorageError(logDir, doing, error as Error, true);
      throw error;
    }
  });
}

/** The same as `onStorage` for work that waits. */
export async function onStorageAsync<T>(
  context: LogContext,
  logDir: string,
  doing: string,
  work: () => Promise<T>,
): Promise<T> {
  ensureUsable(context, logDir, doing);
  try {
    return await work();
  } catch (error) {
    throw asStorageError(context, logDir, doing, error);
  }
}

/** True for the errors that Node's file calls throw. */
export function isFileSystemError(error: unknown): error is NodeJS.ErrnoException {
  if (typeof error !== 'object' || error === null) return false;
  return 'code' in error && typeof error.code === 'string' && 'syscall' in error;
}

/** Throws KAFKA_STORAGE_ERROR when a file of the directory has failed. */
export function ensureUsable(context: LogContext, logDir: string, doing: string): void {
  if (context.isUsable(logDir)) return;
  throw new LogError(
    'KAFKA_STORAGE_ERROR',
    `${doing} in dir ${logDir}: the log directory is offline, or about to be, after an error of its files`,
  );
}

/**
 * The process has as many files open as it may, or that is why a log refused something: no trouble of the disk, and over as soon as others are
 * closed. What fails for it is done again later; no replica and no directory is given up.
 */
export function isOutOfHandles(error: unknown): boolean {
  if (error instanceof LogError) return isOutOfHandles(error.cause);
  return isFileSystemError(error) && (error.code === 'EMFILE' || error.code === 'ENFILE');
}

function asStorageError(context: LogContext, logDir: string, doing: string, error: unknown): unknown {
  if (!isFileSystemError(error)) return error;
  context.onStorageError(logDir, doing, error);
  return new LogError('KAFKA_STORAGE_ERROR', `Error while ${doing} in dir ${logDir}: ${error.message}`, {
    cause: error,
  });
}
