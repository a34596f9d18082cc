import type { Clock } from './clock.js';

/** Work in steps: each `yield` is a place where others may run before it goes on. What it returns is the result of the whole. */
export type Steps<T> = Generator<void, T, void>;

export interface SliceLimits {
  /** A slice ends with the first step after so long. */
  readonly maxMs: number;
  /** And after so many steps: under a simulated clock no time passes within a slice. */
  readonly maxSteps: number;
  /** Brokers and the controller wait for it: all of this together has half of each turn, however many tasks clients have set off. */
  readonly isOfBrokers?: boolean;
}

const DEFAULT_LIMITS: SliceLimits = { maxMs: 10, maxSteps: 200 };
/** For what brokers and the controller wait for. */
export const BROKER_SLICES: SliceLimits = { ...DEFAULT_LIMITS, isOfBrokers: true };

/**
 * What the slices of all tasks may take between two turns of the event loop. Short beside the 50 ms that a request may have to wait for it;
 * long beside what it costs to go on later.
 */
const TURN_MS = 10;

/** Takes a slice, of one step at least, that ends with the first step after `endMs`. True when the work is done. */
type Slice = (endMs: number) => boolean;

/** Those that wait, of brokers or of clients. */
type Line = Slice[];

/**
 * The slices of all tasks of a process: thousands of tasks hold up the event loop no longer than one does. A turn begins with those that
 * wait: half of it is for those of brokers, the rest for those of clients, and each has its share of that; what is left is for those that are
 * begun later in it. The next turn goes on with those that had no slice.
 */
class Turns {
  private readonly ofBrokers: Line = [];
  private readonly ofClients: Line = [];
  /** By slices since this turn began. */
  private usedMs = 0;
  /** Of it, within calls that began tasks. */
  private usedWithinCallsMs = 0;
  private isEndAwaited = false;
  /** Of the slice under way: a task that is begun within it has what is left of it. */
  private sliceEndMs: number | null = null;

  constructor(private readonly clock: Clock) {}

  /** Takes the first slice at once, if the turn has room for it. */
  begin(slice: Slice, isOfBrokers: boolean): void {
    const line = isOfBrokers ? this.ofBrokers : this.ofClients;
    const startMs = this.clock.monotonicMs();
    const endMs = this.sliceEndMs ?? startMs + TURN_MS - this.usedMs;
    if (startMs >= endMs) {
      line.push(slice);
    } else {
      const isOutermost = this.sliceEndMs === null;
      this.take(slice, endMs, line);
      if (isOutermost) this.count(this.clock.monotonicMs() - startMs);
    }
    this.awaitEnd();
  }

  private count(withinCallMs: number): void {
    this.usedMs += withinCallMs;
    this.usedWithinCallsMs += withinCallMs;
  }

  private take(slice: Slice, endMs: number, line: Line): void {
    const outerEndMs = this.sliceEndMs;
    this.sliceEndMs = endMs;
    try {
      if (!slice(endMs)) line.push(slice);
    } finally {
      this.sliceEndMs = outerEndMs;
    }
  }

  private get areWaiting(): boolean {
    return this.ofBrokers.length > 0 || this.ofClients.length > 0;
  }

  private awaitEnd(): void {
    if (this.isEndAwaited || (!this.areWaiting && this.usedMs === 0)) return;
    this.isEndAwaited = true;
    this.clock.defer(() => this.endTurn());
  }

  /** What calls have taken of the turn that ends, right before this, counts for clients that wait: if it was all, they have the next one. */
  private endTurn(): void {
    this.isEndAwaited = false;
    const startMs = this.clock.monotonicMs();
    const endMs = startMs + TURN_MS - this.usedWithinCallsMs;
    this.usedWithinCallsMs = 0;
    if (!this.areWaiting) {
      this.usedMs = 0;
      return;
    }
    this.usedMs = this.goOn(startMs, endMs);
    this.awaitEnd();
  }

  /** Gives what was used, or was all that clients are to have before the next turn. */
  private goOn(startMs: number, endMs: number): number {
    const halfMs = startMs + TURN_MS / 2;
    const nowMs = this.goOnIn(this.ofBrokers, startMs, this.ofClients.length > 0 ? halfMs : Math.max(halfMs, endMs));
    if (this.ofClients.length > 0 && nowMs >= endMs) return TURN_MS;
    return this.goOnIn(this.ofClients, nowMs, endMs) - startMs;
  }

  /** Each that waits has one slice, as long as there is time. Gives when that was. */
  private goOnIn(line: Line, startMs: number, endMs: number): number {
    let nowMs = startMs;
    for (let missing = line.length; missing > 0 && nowMs < endMs; missing--) {
      this.take(line.shift()!, nowMs + (endMs - nowMs) / missing, line);
      nowMs = this.clock.monotonicMs();
    }
    return nowMs;
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
  { maxMs, maxSteps, isOfBrokers = false }: SliceLimits = DEFAULT_LIMITS,
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
  }, isOfBrokers);
}

/** Does the work at once, however long it takes: where nobody else is served yet, and for tests. */
export function runAtOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
