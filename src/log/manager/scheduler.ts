import { AssertionError, type Clock, type Logger, type Timer } from '../../common/index.js';

/** A task that can be called off. */
export interface ScheduledTask {
  cancel(): void;
}

/**
 * Background tasks of the logs, once or periodic (`KafkaScheduler`). They do not keep the process alive, and one that throws is logged
 * and comes again when its time has come.
 */
export class Scheduler {
  private readonly timers = new Set<Timer>();
  private stopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** Runs `task` once, after `delayMs`. After `shutdown` it never runs. */
  scheduleOnce(name: string, task: () => void | Promise<void>, delayMs = 0): ScheduledTask {
    return this.arm(name, task, delayMs, null);
  }

  /** Runs `task` after `delayMs` and then `periodMs` after it ended each time; once with a period of 0 or less, as `KafkaScheduler` does. */
  schedule(name: string, task: () => void | Promise<void>, delayMs: number, periodMs: number): ScheduledTask {
    return this.arm(name, task, delayMs, periodMs);
  }

  /** Nothing runs any more but what had begun before. */
  get isShutdown(): boolean {
    return this.stopped;
  }

  /** Calls off everything. What runs ends on its own. */
  shutdown(): void {
    this.stopped = true;
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
  }

  private arm(name: string, task: () => void | Promise<void>, delayMs: number, periodMs: number | null): ScheduledTask {
    let cancelled = false;
    let timer: Timer | null = null;
    const set = (afterMs: number): void => {
      if (cancelled || this.stopped) return;
      timer = this.clock.setTimer(afterMs, () => void run(), { background: true });
      this.timers.add(timer);
    };
    const run = async (): Promise<void> => {
      if (timer) this.timers.delete(timer);
      try {
        await task();
      } catch (error) {
        // A bug: as a rejection that nobody handles it ends the process.
        if (error instanceof AssertionError) throw error;
        this.logger.error('A background task of the logs failed', { task: name, error });
      }
      if (periodMs !== null && periodMs > 0) set(periodMs);
    };
    set(delayMs);
    return {
      cancel: () => {
        cancelled = true;
        if (timer) {
          timer.cancel();
          this.timers.delete(timer);
        }
      },
    };
  }
}
