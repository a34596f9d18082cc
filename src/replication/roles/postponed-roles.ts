import type { Clock, Timer } from '../../common/index.js';

/** Between two tries of what still has to wait, and of those that want for a file handle. */
const RETRY_MS = 1000;
/** Tried in one turn; each may make a log. */
const RETRIES_A_TURN = 50;

export interface PostponedRolesOptions<T> {
  readonly clock: Clock;
  /** Nothing is tried any more. */
  readonly isOver: () => boolean;
  /** Nothing may be tried now. */
  readonly isBusy: () => boolean;
  /** Begins a turn of tries: what it gives tries one. It is done unless it is postponed again. */
  readonly beginTries: () => (change: T) => void;
  readonly onTried: () => void;
}

/** Changes of role that only want time, by `partitionKey`, until they are done, or a command has changed or stopped the partition. */
export class PostponedRoles<T> {
  /** The first due is the first. */
  private readonly changes = new Map<
    string,
    { readonly change: T; readonly wantsHandles: boolean; readonly dueMs: number }
  >();
  private retryTimer: Timer | null = null;

  constructor(private readonly options: PostponedRolesOptions<T>) {}

  get(key: string): T | undefined {
    return this.changes.get(key)?.change;
  }

  delete(key: string): void {
    this.changes.delete(key);
  }

  /** What wants no file handle waits for a place of its own, which keeps no other waiting. */
  postpone(key: string, change: T, wantsHandles: boolean): void {
    // Behind the others: they may be done before.
    this.changes.delete(key);
    this.changes.set(key, { change, wantsHandles, dueMs: this.options.clock.monotonicMs() + RETRY_MS });
    this.retryAfter(RETRY_MS);
  }

  /** Some may have a log that cannot be opened yet. */
  get wantHandles(): boolean {
    for (const { wantsHandles } of this.changes.values()) if (wantsHandles) return true;
    return false;
  }

  private retryAfter(delayMs: number): void {
    this.retryTimer ??= this.options.clock.setTimer(delayMs, () => this.retry(), { background: true });
  }

  private retry(): void {
    const { isOver, isBusy, onTried } = this.options;
    if (isOver()) return;
    let delayMs = RETRY_MS;
    if (!isBusy()) {
      delayMs = this.trySome();
      onTried();
    }
    this.retryTimer = null;
    if (this.changes.size > 0) this.retryAfter(delayMs);
  }

  /** Of those that are due, up to the first that wants for a handle: the next would as well. Gives the time until the next turn. */
  private trySome(): number {
    const tryOne = this.options.beginTries();
    const nowMs = this.options.clock.monotonicMs();
    let tries = 0;
    for (const [key, { change, dueMs }] of this.changes) {
      if (dueMs > nowMs) return dueMs - nowMs;
      if (tries++ === RETRIES_A_TURN) return 0;
      tryOne(change);
      if (this.changes.get(key)?.wantsHandles) break;
    }
    return RETRY_MS;
  }
}
