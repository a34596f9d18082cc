/** The log directories of a broker (`log.dirs`): which are usable, their locks, their checkpoints and their mark of a clean shutdown. */
import { reasonOfRefusal, type FileSystem, type Logger } from '../../common/index.js';
import type { DirectoryGates } from './directory-gates.js';
import { OffsetCheckpointFile } from '../checkpoints/offset-checkpoint-file.js';

const LOCK_FILE = '.lock';
const CLEAN_SHUTDOWN_FILE = '.kafka_cleanshutdown';
const RECOVERY_POINT_CHECKPOINT = 'recovery-point-offset-checkpoint';
const LOG_START_OFFSET_CHECKPOINT = 'log-start-offset-checkpoint';
const HIGH_WATERMARK_CHECKPOINT = 'replication-offset-checkpoint';
const CLEANER_CHECKPOINT = 'cleaner-offset-checkpoint';

/** Another live process uses the directory. */
export class LogDirLockedError extends Error {
  override readonly name = 'LogDirLockedError';
}

/** What was configured cannot be used. */
class UnusableLogDirError extends Error {
  override readonly name = 'UnusableLogDirError';
}

/** One usable log directory. */
export interface LogDir {
  readonly path: string;
  readonly recoveryPoints: OffsetCheckpointFile;
  readonly logStartOffsets: OffsetCheckpointFile;
  readonly highWatermarks: OffsetCheckpointFile;
  readonly cleanerOffsets: OffsetCheckpointFile;
}

interface LiveDir extends LogDir {
  readonly lock: { release(): void };
}

/** Owned by the `LogManager`. A directory that fails goes offline and stays so. */
export class LogDirs {
  private readonly live = new Map<string, LiveDir>();
  private readonly failing = new Set<string>();

  /**
   * Makes, checks and locks the directories but those of `initialOffline`. One that fails is offline from the beginning. Throws when a
   * directory is given twice or is in use (`LogDirLockedError`), or when none is usable.
   */
  constructor(
    private readonly fs: FileSystem,
    /** As configured. */
    readonly all: readonly string[],
    initialOffline: readonly string[],
    private readonly logger: Logger,
    private readonly gates: DirectoryGates,
  ) {
    if (new Set(all).size < all.length)
      throw new UnusableLogDirError(`Duplicate log directory found: ${all.join(', ')}`);
    const reasons: string[] = [];
    for (const path of all.filter((candidate) => !initialOffline.includes(candidate))) {
      try {
        this.live.set(path, this.open(path));
      } catch (error) {
        if (error instanceof LogDirLockedError) {
          this.releaseAll();
          throw error;
        }
        reasons.push(`${path}: ${reasonOfRefusal(error)}`);
        logger.error('Failed to create or validate a log directory', { dir: path, error });
      }
    }
    if (this.live.size === 0) {
      const why = reasons.length > 0 ? ` (${reasons.join('; ')})` : '';
      throw new UnusableLogDirError(
        `None of the specified log dirs from ${all.join(', ')} can be created or validated${why}`,
      );
    }
  }

  /** Usable ones, in the order configured. */
  get livePaths(): string[] {
    return this.all.filter((path) => this.live.has(path));
  }

  get offlinePaths(): string[] {
    return this.all.filter((path) => !this.live.has(path));
  }

  get liveDirs(): LogDir[] {
    return [...this.live.values()];
  }

  get(path: string): LogDir | undefined {
    return this.live.get(path);
  }

  isLive(path: string): boolean {
    return this.live.has(path);
  }

  /** False from the first failure on, while the directory is still to be taken offline and after. */
  isUsable(path: string): boolean {
    return this.live.has(path) && !this.failing.has(path);
  }

  /** A file of the directory failed: nothing more is done in it. False when that is known, or it is offline already. */
  markFailing(path: string): boolean {
    if (!this.isUsable(path)) return false;
    this.failing.add(path);
    return true;
  }

  /** Stops using a directory. False when it was offline already. */
  takeOffline(path: string): boolean {
    const dir = this.live.get(path);
    if (!dir) return false;
    this.live.delete(path);
    this.failing.delete(path);
    this.release(dir);
    return true;
  }

  /** Tells whether the broker was shut down cleanly, and takes the mark away: from now on it was not. */
  takeCleanShutdownMark(path: string): boolean {
    const file = `${path}/${CLEAN_SHUTDOWN_FILE}`;
    if (!this.fs.exists(file)) return false;
    this.fs.remove(file);
    // Were the mark to come back with a loss of power, a torn tail would be believed and written behind.
    this.fs.syncDir(path);
    return true;
  }

  writeCleanShutdownMark(path: string): void {
    this.fs.open(`${path}/${CLEAN_SHUTDOWN_FILE}`, 'w+').close();
  }

  releaseAll(): void {
    for (const dir of this.live.values()) this.release(dir);
    this.live.clear();
  }

  private release({ path, lock }: LiveDir): void {
    try {
      lock.release();
    } catch (error) {
      this.logger.warn('Failed to release the lock of a log directory', { dir: path, error });
    }
  }

  private open(path: string): LiveDir {
    if (!this.fs.exists(path)) {
      this.logger.info('Log directory not found, creating it', { dir: path });
      this.fs.makeDir(path);
      this.fs.syncDir(path.slice(0, path.lastIndexOf('/')) || '/');
    }
    if (!this.fs.stat(path).isDirectory) throw new UnusableLogDirError('it is not a directory');
    // Throws when it cannot be read.
    this.fs.readDir(path);
    const lock = this.fs.lock(`${path}/${LOCK_FILE}`);
    if (!lock.isHeld) {
      throw new LogDirLockedError(
        `Failed to acquire lock on file .lock in ${path}. A Kafka instance in another process or thread is using this directory` +
          `${lock.holder === null ? '' : `: ${lock.holder}`}.`,
      );
    }
    const checkpoint = (name: string): OffsetCheckpointFile =>
      new OffsetCheckpointFile(this.fs, `${path}/${name}`, this.gates);
    return {
      path,
      lock,
      recoveryPoints: checkpoint(RECOVERY_POINT_CHECKPOINT),
      logStartOffsets: checkpoint(LOG_START_OFFSET_CHECKPOINT),
      highWatermarks: checkpoint(HIGH_WATERMARK_CHECKPOINT),
      cleanerOffsets: checkpoint(CLEANER_CHECKPOINT),
    };
  }
}
