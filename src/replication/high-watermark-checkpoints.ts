import type { Logger } from '../common/index.js';
import { isOutOfHandles, LogError, type LogManager } from '../log/index.js';
import type { HostedPartitions } from './hosted-partitions.js';
import type { HighWatermarkLookup } from './partition-context.js';

/**
 * `replication-offset-checkpoint` in each log directory: the high watermarks, from which a broker that starts knows what was committed.
 * They may be old, for a high watermark is only ever found again to be higher.
 */
export class HighWatermarkCheckpoints {
  /** True from the first LeaderAndIsr on: before it the partitions in memory are not all, and writing would lose the others'. */
  private isStarted = false;
  private isChanged = false;

  constructor(
    private readonly logManager: LogManager,
    private readonly partitions: HostedPartitions,
    private readonly logger: Logger,
    /** Called inside of whatever found out: the directory goes offline after it. */
    private readonly onLogDirFailure: (dir: string) => void,
  ) {}

  start(): void {
    this.isStarted = true;
  }

  /** A high watermark moved, or a partition came or went: the files are old. */
  markChanged(): void {
    this.isChanged = true;
  }

  /**
   * Reads each directory's file at most once, when first asked for; for the length of one request. Where it cannot be read the directory goes
   * offline, unless only handles are wanting, and KAFKA_STORAGE_ERROR is thrown.
   */
  lookup(): HighWatermarkLookup {
    const byDir = new Map<string, ReadonlyMap<string, number>>();
    return (logDir, key) => {
      let offsets = byDir.get(logDir);
      if (!offsets) byDir.set(logDir, (offsets = this.read(logDir)));
      return offsets.get(key);
    };
  }

  /**
   * Writes the files if anything changed, through the thread pool: a directory that is slow does not keep the others waiting. One that cannot
   * be written goes offline.
   */
  async write(): Promise<void> {
    const written = [...this.changed()].map(async ([dir, offsets]) => {
      try {
        await this.logManager.highWatermarkCheckpoint(dir)?.writeInBackground(offsets);
      } catch (error) {
        this.onFailed(dir, error);
      }
    });
    await Promise.all(written);
  }

  private changed(): Map<string, Map<string, number>> {
    if (!this.isStarted || !this.isChanged) return new Map();
    this.isChanged = false;
    const byDir = new Map<string, Map<string, number>>(this.logManager.liveLogDirs.map((dir) => [dir, new Map()]));
    for (const { key, log } of this.partitions.all()) {
      if (log) byDir.get(log.parentDir)?.set(key, log.highWatermark);
    }
    return byDir;
  }

  private onFailed(dir: string, error: unknown): void {
    if (isOutOfHandles(error)) {
      // No trouble of the disk: the next time will do.
      this.isChanged = true;
      this.logger.warn('Cannot write the high watermarks: too many files are open', { dir, error });
      return;
    }
    this.logger.error('Cannot write the high watermarks: the log directory goes offline', { dir, error });
    this.onLogDirFailure(dir);
  }

  private read(dir: string): ReadonlyMap<string, number> {
    try {
      return this.logManager.highWatermarkCheckpoint(dir)?.read() ?? new Map<string, number>();
    } catch (error) {
      if (!isOutOfHandles(error)) {
        this.logger.error('Cannot read the high watermarks: the log directory goes offline', { dir, error });
        this.onLogDirFailure(dir);
      }
      throw new LogError('KAFKA_STORAGE_ERROR', `Cannot read the high watermarks of ${dir}`, { cause: error });
    }
  }
}
