import { AssertionError, runInSlices, type Steps } from '../../common/index.js';
import type { LogCheckpoints } from '../checkpoints/log-checkpoints.js';
import type { LogContext } from '../log-context.js';
import type { LogDir, LogDirs } from './log-dirs.js';
import { LogError } from '../core/log-error.js';
import type { LogManagerOptions } from './log-manager-options.js';
import type { UnifiedLog } from '../unified-log.js';

/** The first run; a broker that has just started has better to do. */
const INITIAL_DELAY_MS = 30_000;
/** Segments of one log that a step deletes: renaming their files takes about 50 µs each. */
const SEGMENTS_A_STEP = 20;

/** The logs of a broker as they are when asked. */
export interface LogsOfBroker {
  current(): Iterable<UnifiedLog>;
  future(): Iterable<UnifiedLog>;
}

type TaskPeriods = Pick<
  LogManagerOptions,
  | 'retentionCheckIntervalMs'
  | 'flushSchedulerIntervalMs'
  | 'flushOffsetCheckpointIntervalMs'
  | 'flushStartOffsetCheckpointIntervalMs'
  | 'producerIdExpirationCheckIntervalMs'
>;

/**
 * What is done for all logs again and again (the tasks of Kafka's `LogManager`). There may be thousands of logs, so others run between two
 * of them, and a log may be gone or the broker stopping when its turn comes. Made by the `LogManager`, whose scheduler says when; no
 * two runs of a task overlap.
 */
export class LogTasks {
  constructor(
    private readonly context: LogContext,
    private readonly logs: LogsOfBroker,
  ) {}

  /** Has them done from now on, each in rounds of its own: a directory that hangs does not end those of the others. */
  start(periods: TaskPeriods, dirs: LogDirs, checkpoints: LogCheckpoints): void {
    const every = (name: string, periodMs: number, task: () => void | Promise<void>): void => {
      this.context.scheduler.schedule(name, task, Math.min(INITIAL_DELAY_MS, periodMs), periodMs);
    };
    const everyInEachDir = (name: string, periodMs: number, task: (dir: LogDir) => Promise<void>): void => {
      for (const dir of dirs.liveDirs) every(name, periodMs, () => task(dir));
    };
    everyInEachDir('kafka-log-retention', periods.retentionCheckIntervalMs, ({ path }) => this.cleanupLogs(path));
    // The default interval is "never": then nothing is scheduled.
    if (periods.flushSchedulerIntervalMs <= 0x7fffffff) {
      everyInEachDir('kafka-log-flusher', periods.flushSchedulerIntervalMs, ({ path }) => this.flushDirtyLogs(path));
    }
    everyInEachDir('kafka-recovery-point-checkpoint', periods.flushOffsetCheckpointIntervalMs, (dir) =>
      checkpoints.writeRecoveryPointsInBackground(dir),
    );
    everyInEachDir('kafka-log-start-offset-checkpoint', periods.flushStartOffsetCheckpointIntervalMs, (dir) =>
      checkpoints.writeLogStartOffsetsInBackground(dir),
    );
    every('producer-id-expiration', periods.producerIdExpirationCheckIntervalMs, () => this.expireProducers());
  }

  /** Deletes what retention no longer keeps of the logs of a directory. */
  async cleanupLogs(logDir: string): Promise<void> {
    let total = 0;
    const unread: UnifiedLog[] = [];
    // Whatever it is but a broken invariant, it does not keep the others from being cleaned.
    const failed = (log: UnifiedLog, error: unknown): void => {
      if (error instanceof AssertionError) throw error;
      this.context.logger.error('Failed to delete segments', { dir: log.dir, error });
    };
    const cleanUp = (log: UnifiedLog): boolean => {
      try {
        if (!log.areRetentionTimesKnown) return unread.push(log) > 0;
        const deleted = log.deleteOldSegments(SEGMENTS_A_STEP);
        total += deleted;
        return deleted === 0;
      } catch (error) {
        failed(log, error);
        return true;
      }
    };
    await this.inSlices(this.logsIn(logDir), cleanUp);
    // One comes up again when another segment has expired while its times were read.
    for (const log of unread) {
      if (this.isOver(log)) continue;
      try {
        await log.readRetentionTimes();
      } catch (error) {
        // It may have been deleted meanwhile.
        if (!(error instanceof LogError) || !this.isOver(log)) failed(log, error);
        continue;
      }
      await this.inSlices([log], cleanUp);
    }
    if (total > 0) this.context.logger.info('Log cleanup completed', { segmentsDeleted: total });
  }

  /** Makes durable what was appended more than `flush.ms` ago to logs of a directory. */
  async flushDirtyLogs(logDir: string): Promise<void> {
    const dirty: UnifiedLog[] = [];
    await this.inSlices(this.logsIn(logDir), (log) => {
      const isDue = this.context.clock.monotonicMs() - log.lastFlushMs >= log.config.flushMs;
      if (isDue && log.logEndOffset > log.recoveryPoint) dirty.push(log);
      return true;
    });
    for (const log of dirty) {
      if (this.isOver(log)) continue;
      try {
        await log.flush();
      } catch (error) {
        // Its directory goes offline; logs in others are flushed all the same.
        if (error instanceof AssertionError) throw error;
        this.context.logger.error('Failed to flush a log', { dir: log.dir, error });
      }
    }
  }

  /** Forgets producers that wrote nothing for `producer.id.expiration.ms`. */
  async expireProducers(): Promise<void> {
    await this.inSlices(this.all, (log) => {
      if (log.hasProducers) log.removeExpiredProducers();
      return true;
    });
  }

  private get all(): UnifiedLog[] {
    return [...this.logs.current(), ...this.logs.future()];
  }

  private logsIn(logDir: string): UnifiedLog[] {
    return this.all.filter(({ parentDir }) => parentDir === logDir);
  }

  /** Takes a step for each log, and more until it says that it was the last one. */
  private inSlices(logs: readonly UnifiedLog[], step: (log: UnifiedLog) => boolean): Promise<void> {
    const isOver = (log: UnifiedLog): boolean => this.isOver(log);
    function* steps(): Steps<void> {
      for (const log of logs) {
        while (!isOver(log) && !step(log)) yield;
        yield;
      }
    }
    return runInSlices(this.context.clock, steps());
  }

  private isOver(log: UnifiedLog): boolean {
    return log.isClosed || this.context.scheduler.isShutdown;
  }
}
