import type { Clock, Timer } from '../../common/index.js';
import type { Wait } from '../awaited.js';

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

  /** Ends when `isDone` holds after a change of the metadata, or when the time is up; at once when it already holds. */
  wait(timeoutMs: number, isDone: () => boolean): Wait<void> {
    if (isDone()) return { ended: Promise.resolve() };
    let finish = (): void => undefined;
    const ended = new Promise<void>((resolve) => (finish = resolve));
    const giveUp = (): void => {
      entry.timer.cancel();
      this.waiting.delete(entry);
    };
    const entry: Waiting = {
      isDone,
      timer: this.clock.setTimer(timeoutMs, () => entry.finish(), { background: true }),
      finish: () => {
        giveUp();
        finish();
      },
    };
    this.waiting.add(entry);
    return { ended, giveUp };
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
