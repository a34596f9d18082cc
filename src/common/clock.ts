/**
 * Time and timers. All of `src` reads time and sets timers only through a `Clock`, so that whole brokers run under a simulated one.
 */

/** A timer that was set. Cancelling one that has fired, or twice, does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since 1970, as records and znodes carry them. May jump when the machine's clock is set. */
  nowMs(): number;
  /** Milliseconds since some fixed moment, with fractions. Never goes back; what deadlines and durations are measured by. */
  monotonicMs(): number;
  /** Runs `task` once, after `delayMs` (0 or more). The timer alone does not keep the process alive when `background` is set. */
  setTimer(delayMs: number, task: () => void, options?: { background?: boolean }): Timer;
  /** Runs `task` after the I/O events that are ready now have been handled. */
  defer(task: () => void): void;
}

/** Node fires a timer that is set for longer than this (24.8 days) at once. */
const MAX_TIMER_MS = 0x7fffffff;

/** The machine's clock and Node's timers. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, task, options) {
    if (delayMs > MAX_TIMER_MS) return longTimer(delayMs, task, options);
    const handle = setTimeout(task, delayMs);
    if (options?.background) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  defer: (task) => void setImmediate(task),
};

/** In steps that Node's timers can take. */
function longTimer(delayMs: number, task: () => void, options?: { background?: boolean }): Timer {
  const step = (): void => {
    timer = systemClock.setTimer(delayMs - MAX_TIMER_MS, task, options);
  };
  let timer = systemClock.setTimer(MAX_TIMER_MS, step, options);
  return { cancel: () => timer.cancel() };
}

/** Resolves after `delayMs` by `clock`. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.setTimer(delayMs, resolve));
}

/** Lets others run: resolves after the I/O events that are ready now have been handled. */
export function nextTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.defer(resolve));
}

/**
 * Resolves as `work` does, or with undefined once `limitMs` have passed: for what must not hold up whoever waits for it. What `work`
 * rejects with later is the concern of nobody.
 */
export async function withinTime<T>(clock: Clock, limitMs: number, work: Promise<T>): Promise<T | undefined> {
  let timer: Timer | null = null;
  const limit = new Promise<undefined>((resolve) => (timer = clock.setTimer(limitMs, () => resolve(undefined))));
  try {
    return await Promise.race([work, limit]);
  } finally {
    timer!.cancel();
  }
}

/**
 * Runs `task` every `periodMs`, the first time one period from now, until cancelled. Runs do not overlap: an async one delays the next.
 * What a run throws is thrown on; the next one comes all the same. A period of 0 or less is for one run, as with Kafka's scheduler.
 */
export function setPeriodicTimer(clock: Clock, periodMs: number, task: () => void | Promise<void>): Timer {
  let cancelled = false;
  let timer: Timer;
  const arm = (): void => {
    if (!cancelled) timer = clock.setTimer(periodMs, run, { background: true });
  };
  const armAgain = (): void => {
    if (periodMs > 0) arm();
  };
  const run = (): void => {
    let done: void | Promise<void> = undefined;
    try {
      done = task();
    } finally {
      if (!done) armAgain();
    }
    if (done) void done.finally(armAgain);
  };
  arm();
  return {
    cancel() {
      cancelled = true;
      timer.cancel();
    },
  };
}
