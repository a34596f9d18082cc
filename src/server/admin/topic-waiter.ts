import type { Clock, Timer } from '../../common/index.js';

interface Waiting {
  readonly isDone: () => boolean;
  readonly timer: Timer;
  readonly finish: () => void;
}

/**
 * Holds administrative requests until the metadata shows what they asked for (`topicPurgatory` in Kafka's ZkAdminManager).
 */
export class TopicWaiter {
  private readonly waiting = new Set<Waiting>();

  constructor(private readonly clock: Clock) {}

  /** Resolves when `isDone` holds after a change of the metadata, or when the time is up; at once when it already holds. */
  wait(timeoutMs: number, isDone: () => boolean): Promise<void> {
    if (isDone()) return Promise.resolve();
    return new Promise((resolve) => {
      const entry: Waiting = {
        isDone,
        timer: this.clock.setTimer(timeoutMs, () => entry.finish(), { background: true }),
        finish: () => {
          entry.timer.cancel();
          this.waiting.delete(entry);
          resolve();
        },
      };
      this.waiting.add(entry);
    });
  }

  /** The metadata changed. */
  onChanged(): void {
    for (const entry of this.waiting) if (entry.isDone()) entry.finish();
  }

  /** The broker stops: whoever waits is answered as if the time were up. */
  close(): void {
    for (const entry of this.waiting) entry.finish();
  }
}
