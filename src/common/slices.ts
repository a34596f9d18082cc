import type { Clock } from './clock.js';

/** Work in steps: each `yield` is a place where others may run before it goes on. What it returns is the result of the whole. */
export type Steps<T> = Generator<void, T, void>;

export interface SliceLimits {
  /** A slice ends with the first step after so long. */
  readonly maxMs: number;
  /** And after so many steps: under a simulated clock no time passes within a slice. */
  readonly maxSteps: number;
}

/** Short beside the 50 ms that a request may have to wait for the event loop; long beside what it costs to go on later. */
const DEFAULT_LIMITS: SliceLimits = { maxMs: 10, maxSteps: 200 };

/**
 * Does work whose length grows with the number of partitions or the size of their logs in slices, between which the event loop serves
 * others. The first slice runs within the call, so that short work is done when the call returns. After each `yield` that ended a slice
 * the work has to look again at what it relies on.
 */
export async function runInSlices<T>(
  clock: Clock,
  steps: Steps<T>,
  { maxMs, maxSteps }: SliceLimits = DEFAULT_LIMITS,
): Promise<T> {
  for (;;) {
    const endMs = clock.monotonicMs() + maxMs;
    for (let count = 0; count < maxSteps && (count === 0 || clock.monotonicMs() < endMs); count++) {
      const step = steps.next();
      if (step.done) return step.value;
    }
    await new Promise<void>((resolve) => clock.defer(resolve));
  }
}

/** Does the work at once, however long it takes: where nobody else is served yet, and for tests. */
export function runAtOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
