import type { Clock } from './clock.js';

/** Work in steps: each `yield` is a place where others may run before it goes on. What it returns is the result of the whole. */
export type Steps<T> = Generator<void, T, void>;

export interface SliceLimits {
  /** A slice ends with the first step after so long. */
  readonly maxMs: number;
  /** And after so many steps: under a simulated clock no time passes within a slice. */
  readonly maxSteps: number;
}

const DEFAULT_LIMITS: SliceLimits = { maxMs: 10, maxSteps: 200 };

/**
 * What the slices of all tasks may take between two turns of the event loop. Short beside the 50 ms that a request may have to wait for it;
 * long beside what it costs to go on later.
 */
const TURN_MS = 10;

/** Takes a slice, of one step at least, that ends with the first step after `endMs`. True when the work is done. */
type Slice = (endMs: number) => boolean;

/**
 * The slices of all tasks of a process: thousands of tasks hold up the event loop no longer than one does. A turn begins with those that
 * wait, each for its share of what the turn has; what is left is for those that are begun later in it. The next turn goes on with those
 * that had no slice.
 */
class Turns {
  private readonly waiting: Slice[] = [];
  /** By slices since this turn began. */
  private usedMs = 0;
  /** Of it, within calls that began tasks. */
  private usedWithinCallsMs = 0;
  private isEndAwaited = false;
  /** Of the slice under way: a task that is begun within it has what is left of it. */
  private sliceEndMs: number | null = null;

  constructor(private readonly clock: Clock) {}

  /** Takes the first slice at once, if the turn has room for it. */
  begin(slice: Slice): void {
    const startMs = this.clock.monotonicMs();
    const endMs = this.sliceEndMs ?? startMs + TURN_MS - this.usedMs;
    if (startMs >= endMs) {
      this.waiting.push(slice);
    } else {
      const isOutermost = this.sliceEndMs === null;
      this.take(slice, endMs);
      if (isOutermost) this.count(this.clock.monotonicMs() - startMs);
    }
    this.awaitEnd();
  }

  private count(withinCallMs: number): void {
    this.usedMs += withinCallMs;
    this.usedWithinCallsMs += withinCallMs;
  }

  private take(slice: Slice, endMs: number): void {
    const outerEndMs = this.sliceEndMs;
    this.sliceEndMs = endMs;
    try {
      if (!slice(endMs)) this.waiting.push(slice);
    } finally {
      this.sliceEndMs = outerEndMs;
    }
  }

  private awaitEnd(): void {
    if (this.isEndAwaited || (this.waiting.length === 0 && this.usedMs === 0)) return;
    this.isEndAwaited = true;
    this.clock.defer(() => this.endTurn());
  }

  /** What calls have taken of the turn that ends, right before this, counts for those that wait: if it was all, they have the next one. */
  private endTurn(): void {
    this.isEndAwaited = false;
    const startMs = this.clock.monotonicMs();
    const endMs = startMs + TURN_MS - this.usedWithinCallsMs;
    this.usedWithinCallsMs = 0;
    if (this.waiting.length === 0) {
      this.usedMs = 0;
      return;
    }
    this.usedMs = startMs < endMs ? this.goOn(startMs, endMs) : TURN_MS;
    this.awaitEnd();
  }

  /** Each that waits has one slice, as long as there is time. Gives what was used. */
  private goOn(startMs: number, endMs: number): number {
    let nowMs = startMs;
    for (let missing = this.waiting.length; missing > 0 && nowMs < endMs; missing--) {
      this.take(this.waiting.shift()!, nowMs + (endMs - nowMs) / missing);
      nowMs = this.clock.monotonicMs();
    }
    return nowMs - startMs;
  }
}

/** A process has one clock. */
const turnsByClock = new WeakMap<Clock, Turns>();

function turnsOf(clock: Clock): Turns {
  let turns = turnsByClock.get(clock);
  if (!turns) turnsByClock.set(clock, (turns = new Turns(clock)));
  return turns;
}

/**
 * Does work whose length grows with the number of partitions or the size of their logs in slices, between which the event loop serves
 * others. The first slice runs within the call, so that short work is done when the call returns, unless other such work has taken all of the turn.
 * After each `yield` that ended a slice, and in the first step, the work has to look again at what it relies on.
 */
export function runInSlices<T>(clock: Clock, steps: Steps<T>, limits: SliceLimits = DEFAULT_LIMITS): Promise<T> {
  return new Promise<T>((resolve, reject) => startInSlices(clock, steps, resolve, reject, limits));
}

/**
 * The same for whoever goes on without a promise: short work has called `onDone`, or `onError`, when the call returns. Neither may throw,
 * and what they do counts as part of the slice.
 */
export function startInSlices<T>(
  clock: Clock,
  steps: Steps<T>,
  onDone: (result: T) => void,
  onError: (error: unknown) => void,
  { maxMs, maxSteps }: SliceLimits = DEFAULT_LIMITS,
): void {
  turnsOf(clock).begin((turnEndMs) => {
    const endMs = Math.min(turnEndMs, clock.monotonicMs() + maxMs);
    let result: T;
    try {
      for (let count = 0; ; count++) {
        if (count > 0 && (count >= maxSteps || clock.monotonicMs() >= endMs)) return false;
        const step = steps.next();
        if (!step.done) continue;
        result = step.value;
        break;
      }
    } catch (error) {
      onError(error);
      return true;
    }
    onDone(result);
    return true;
  });
}

/** Does the work at once, however long it takes: where nobody else is served yet, and for tests. */
export function runAtOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
