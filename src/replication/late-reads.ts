import type { Clock } from '../common/index.js';
import type { UnifiedLog } from '../log/index.js';

/** So long a fetch waits for one read of the disk. The others of its partitions wait with it, whatever time the client gives. */
const PATIENCE_MS = 500;
/** The most that it waits once reads of the log have come late: far less than after what a follower leaves the ISR. */
const MAX_PATIENCE_MS = 5000;

/**
 * Reads of the disk that did not come back in time, and how long fetches wait. Kafka's request handler hangs with a read; here a fetch goes on
 * without it, so that partitions on other disks are served.
 *
 * The invariant: *while a late read of a log is under way, no fetch begins another there*; a client that asks again and again would
 * otherwise leave one read after the other behind. What a late read finds is dropped: the fetch that asked is over. The next read of that
 * log is waited for twice as long as the late one took (to a limit), so that a disk that is merely slow gets its records through.
 */
export class LateReads {
  /** How many are under way. */
  private readonly underWay = new Map<UnifiedLog, number>();
  private readonly patienceMs = new WeakMap<UnifiedLog, number>();

  constructor(
    private readonly clock: Clock,
    private readonly onEnded: (log: UnifiedLog) => void,
  ) {}

  /** Whether a read from there would stand behind a late one. What is in memory does not. */
  isHeldUp(log: UnifiedLog, offset: number): boolean {
    return this.underWay.has(log) && !log.isInMemory(offset);
  }

  /** Resolves as the read does, or with null when it takes too long. What it fails with after that, the next one finds. */
  inTime<T>(log: UnifiedLog, read: Promise<T>): Promise<T | null> {
    const beganMs = this.clock.monotonicMs();
    const patienceMs = this.patienceMs.get(log) ?? PATIENCE_MS;
    let isLate = false;
    return new Promise((resolve, reject) => {
      const onLate = (): void => {
        isLate = true;
        this.underWay.set(log, (this.underWay.get(log) ?? 0) + 1);
        resolve(null);
      };
      const timer = this.clock.setTimer(patienceMs, onLate, { background: true });
      const end = (settle: () => void): void => {
        const tookMs = this.clock.monotonicMs() - beganMs;
        timer.cancel();
        if (tookMs <= PATIENCE_MS) this.patienceMs.delete(log);
        else this.patienceMs.set(log, Math.min(2 * tookMs, MAX_PATIENCE_MS));
        if (isLate) this.lateEnded(log);
        else settle();
      };
      read.then(
        (found) => end(() => resolve(found)),
        (error: Error) => end(() => reject(error)),
      );
    });
  }

  private lateEnded(log: UnifiedLog): void {
    const others = this.underWay.get(log)! - 1;
    if (others > 0) {
      this.underWay.set(log, others);
      return;
    }
    this.underWay.delete(log);
    this.onEnded(log);
  }
}
