import type { Clock, Timer } from './clock.js';

/** A timer that is not later than this fires on a machine that is merely busy. */
const LATE_MS = 50;

/**
 * Runs `task` once after `delayMs`, for whoever had to be heard of within that time. Timers come before sockets: when this process has stood
 * still, what others sent meanwhile has not been read when they fire. One that fires late lets sockets have their turn, and then waits for
 * as long as it was late, at most `delayMs`: time in which we did not listen does not count.
 */
export function setPatientTimer(clock: Clock, delayMs: number, task: () => void): Timer {
  const dueMs = clock.monotonicMs() + delayMs;
  let isCancelled = false;
  const waitFor = (ms: number, then: () => void): Timer => clock.setTimer(ms, then, { background: true });
  let timer = waitFor(delayMs, () => {
    const lateMs = clock.monotonicMs() - dueMs;
    if (lateMs <= LATE_MS) {
      task();
      return;
    }
    clock.defer(() => {
      if (!isCancelled) timer = waitFor(Math.min(lateMs, delayMs), task);
    });
  });
  return {
    cancel() {
      isCancelled = true;
      timer.cancel();
    },
  };
}
