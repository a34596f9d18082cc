import type { Clock } from '../common/index.js';

/** How long to leave alone what failed: ZooKeeper that did not answer, or an election whose term failed at its start. */
export const RETRY_DELAY_MS = 1_000;
const MAX_RETRY_DELAY_MS = 60_000;
/** A failure after so long without one is the first again. */
const FORGET_FAILURES_MS = 2 * MAX_RETRY_DELAY_MS;

/** Waits that double with each failure of the same thing on end, from a second to a minute. */
export class FailureBackOff {
  /** What failed, how often on end, and when it did last by `clock.monotonicMs`. */
  private readonly failures = new Map<string, { count: number; atMs: number }>();

  constructor(private readonly clock: Clock) {}

  /** It failed: how many milliseconds it is to wait before the next try. */
  onFailure(what: string): number {
    const now = this.clock.monotonicMs();
    const { count, atMs } = this.failures.get(what) ?? { count: 0, atMs: now };
    const before = now - atMs > FORGET_FAILURES_MS ? 0 : count;
    this.failures.set(what, { count: before + 1, atMs: now });
    return Math.min(MAX_RETRY_DELAY_MS, RETRY_DELAY_MS * 2 ** Math.min(before, 10));
  }

  onSuccess(what: string): void {
    this.failures.delete(what);
  }
}
