import type { Clock, Logger } from '../../common/index.js';

/** Each has a file or a folder open, and keeps a thread of the pool waiting for the disk. */
const SETTLED_AT_ONCE = 4;
const WARNED_EVERY_MS = 1000;

type Settle = () => Promise<void>;

interface Queue {
  readonly waiting: Set<Settle>;
  running: number;
}

/**
 * The logs that were cut and are yet to be settled, by log directory: a new leader may cut thousands at once. A few are settled at a time, in
 * the order they were cut, the first ones after the call that cut them. A directory that hangs holds up its own logs only.
 */
export class SettlingQueues {
  private readonly queues = new Map<string, Queue>();
  /** Failures that were not told of yet, by directory; none is known of a directory that is not here. */
  private readonly untold = new Map<string, number>();

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** `settle` never rejects. */
  add(logDir: string, settle: Settle): void {
    let queue = this.queues.get(logDir);
    if (!queue) this.queues.set(logDir, (queue = { waiting: new Set(), running: 0 }));
    queue.waiting.add(settle);
    if (queue.running === SETTLED_AT_ONCE) return;
    queue.running++;
    void Promise.resolve().then(() => this.settleAll(queue));
  }

  /** It need not be settled any more. One that is under way finds that out itself. */
  remove(logDir: string, settle: Settle): void {
    this.queues.get(logDir)?.waiting.delete(settle);
  }

  /** Warns once a second of each directory, however many of its logs fail, and how often. */
  noteFailure(logDir: string, partition: string, error: unknown): void {
    const untold = this.untold.get(logDir);
    if (untold !== undefined) {
      this.untold.set(logDir, untold + 1);
      return;
    }
    this.untold.set(logDir, 0);
    this.logger.warn('A truncation is yet to be settled', { dir: logDir, partition, error });
    const tell = (): void => {
      const failures = this.untold.get(logDir);
      this.untold.delete(logDir);
      if (failures) this.logger.warn('Truncations are yet to be settled', { dir: logDir, failures });
    };
    this.clock.setTimer(WARNED_EVERY_MS, tell, { background: true });
  }

  private async settleAll(queue: Queue): Promise<void> {
    for (const settle of queue.waiting) {
      queue.waiting.delete(settle);
      await settle();
    }
    queue.running--;
  }
}
