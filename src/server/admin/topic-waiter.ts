import { runInSlices, type Clock, type Steps, type Timer } from '../../common/index.js';
import type { Wait } from '../awaited.js';

interface Waiting {
  readonly isDone: () => Steps<boolean>;
  readonly timer: Timer;
  readonly finish: () => void;
}

/**
 * Holds administrative requests until the metadata shows what they asked for (`topicPurgatory` in Kafka's ZkAdminManager). They may be thousands, of
 * thousands of partitions each: all are looked at in the slices of one task.
 */
export class TopicWaiter {
  private readonly waiting = new Set<Waiting>();
  /** To be looked at, in turn. */
  private readonly touched = new Set<Waiting>();
  private isLooking = false;

  constructor(private readonly clock: Clock) {}

  /** Ends when `isDone` finds so, now or after a change of the metadata, or when the time is up. */
  wait(timeoutMs: number, isDone: () => Steps<boolean>): Wait<void> {
    let finish = (): void => undefined;
    const ended = new Promise<void>((resolve) => (finish = resolve));
    const giveUp = (): void => {
      entry.timer.cancel();
      this.waiting.delete(entry);
      this.touched.delete(entry);
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
    this.touched.add(entry);
    this.look();
    return { ended, giveUp };
  }

  /** The metadata changed. */
  onChanged(): void {
    for (const entry of this.waiting) this.touched.add(entry);
    this.look();
  }

  /** The broker stops: whoever waits is answered as if the time were up. */
  close(): void {
    for (const entry of this.waiting) entry.finish();
  }

  private look(): void {
    if (this.isLooking || this.touched.size === 0) return;
    this.isLooking = true;
    void runInSlices(this.clock, this.lookAtTouched());
  }

  /** Who is touched again while he is looked at has another turn behind the others. */
  private *lookAtTouched(): Steps<void> {
    try {
      for (const entry of this.touched) {
        this.touched.delete(entry);
        if (yield* entry.isDone()) entry.finish();
        yield;
      }
    } finally {
      this.isLooking = false;
    }
  }
}
