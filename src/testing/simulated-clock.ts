import type { Clock, Timer } from '../common/index.js';

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly task: () => void;
  cancelled: boolean;
}

/** Times are multiples of this fraction of a millisecond, so that sums and differences of them are exact. */
const TICKS_PER_MS = 1024;

/**
 * A clock that stands still until it is told to move. Timers fire in the order of their time, equal times in the order they were
 * set. Promises settle between timers when `advance` is awaited.
 */
export class SimulatedClock implements Clock {
  private readonly heap: Entry[] = [];
  private order = 0;
  private currentMs: number;

  constructor(private readonly startMs = 1_700_000_000_000) {
    this.currentMs = startMs;
  }

  /** Whole, as a machine's time of day is. */
  nowMs(): number {
    return Math.floor(this.currentMs);
  }

  monotonicMs(): number {
    return this.currentMs - this.startMs;
  }

  setTimer(delayMs: number, task: () => void): Timer {
    const delay = Math.ceil(Math.max(0, delayMs) * TICKS_PER_MS) / TICKS_PER_MS;
    const entry: Entry = { atMs: this.currentMs + delay, order: this.order++, task, cancelled: false };
    push(this.heap, entry);
    return {
      cancel: () => {
        entry.cancelled = true;
      },
    };
  }

  defer(task: () => void): void {
    this.setTimer(0, task);
  }

  /** The time of the next timer, or null when none is set. */
  nextTimerMs(): number | null {
    while (this.heap[0]?.cancelled) pop(this.heap);
    return this.heap[0]?.atMs ?? null;
  }

  /** Fires the next timer, moving to its time. False when none is set, or none up to `limitMs` (absolute). */
  step(limitMs = Infinity): boolean {
    const next = this.nextTimerMs();
    if (next === null || next > limitMs) return false;
    const entry = pop(this.heap);
    this.currentMs = Math.max(this.currentMs, entry.atMs);
    entry.task();
    return true;
  }

  /** Moves on by `ms`, firing what falls due and letting promises settle after each timer. */
  async advance(ms: number): Promise<void> {
    const target = this.currentMs + ms;
    await settle();
    while (this.step(target)) await settle();
    this.currentMs = target;
  }
}

/** Lets every promise that can settle without a timer do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function before(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function push(heap: Entry[], entry: Entry): void {
  let at = heap.push(entry) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(entry, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): Entry {
  const top = heap[0]!;
  const last = heap.pop()!;
  if (heap.length === 0) return top;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
    if (!before(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return top;
}
