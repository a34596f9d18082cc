import type { Clock } from '../common/index.js';
import type { UnifiedLog } from '../log/index.js';

/**
 * How the wait of an append for its logs ended. But for `ready` the logs that are not ready are not to be appended to: `timedOut` after the time
 * it had, `tooMany` at once, for what waits for one of their directories holds enough memory already, `givenUp` by who waited.
 */
export type AppendWaitEnd = 'ready' | 'timedOut' | 'tooMany' | 'givenUp';

export interface AppendWait {
  readonly ended: Promise<AppendWaitEnd>;
  /** Whoever waits wants no answer any more. */
  giveUp(): void;
}

/**
 * The appends that wait until their logs take them without holding up everyone: the disk has to make something durable first, and may
 * hang at it. Each wait ends by itself, and leaves nothing behind then: a log is prepared once for all that wait for it. What those for one
 * log directory keep in memory is bounded.
 */
export class AppendWaits {
  /** Held by what waits, by log directory. */
  private readonly heldBytes = new Map<string, number>();
  /** The logs that are being prepared, with those who wait for them. */
  private readonly waiting = new Map<UnifiedLog, Set<Waiter>>();

  constructor(
    private readonly clock: Clock,
    /** For each log directory. What waits for it alone may hold more. */
    private readonly maxBytes: number,
  ) {}

  /** Null when all logs are ready. */
  begin(logs: readonly UnifiedLog[], bytes: number, timeoutMs: number): AppendWait | null {
    const unready = new Set<UnifiedLog>();
    for (const log of logs) if (!log.isReadyForAppends) unready.add(log);
    if (unready.size === 0) return null;
    const dirs = new Set([...unready].map(({ parentDir }) => parentDir));
    for (const dir of dirs) {
      const held = this.heldBytes.get(dir) ?? 0;
      if (bytes > 0 && held > 0 && held + bytes > this.maxBytes) return TOO_MANY;
    }
    this.hold(dirs, bytes);
    const waiter = new Waiter(unready);
    const timer = this.clock.setTimer(timeoutMs, () => waiter.end('timedOut'), { background: true });
    for (const log of unready) this.join(log, waiter);
    const ended = waiter.ended.finally(() => {
      timer.cancel();
      for (const log of unready) this.waiting.get(log)?.delete(waiter);
      this.hold(dirs, -bytes);
    });
    return { ended, giveUp: () => waiter.end('givenUp') };
  }

  /** Those that wait, counted once for each log. */
  get size(): number {
    let size = 0;
    for (const waiters of this.waiting.values()) size += waiters.size;
    return size;
  }

  private join(log: UnifiedLog, waiter: Waiter): void {
    const others = this.waiting.get(log);
    if (others) {
      others.add(waiter);
      return;
    }
    this.waiting.set(log, new Set([waiter]));
    const end = (then: (one: Waiter) => void): void => {
      const all = this.waiting.get(log)!;
      this.waiting.delete(log);
      for (const one of [...all]) then(one);
    };
    log.prepareForAppends().then(
      () => end((one) => one.onPrepared(log)),
      (error: unknown) => end((one) => one.fail(error)),
    );
  }

  private hold(dirs: Iterable<string>, bytes: number): void {
    for (const dir of dirs) {
      const held = (this.heldBytes.get(dir) ?? 0) + bytes;
      if (held > 0) this.heldBytes.set(dir, held);
      else this.heldBytes.delete(dir);
    }
  }
}

/** One append, and the logs that it still waits for. */
class Waiter {
  end: (how: AppendWaitEnd) => void = () => undefined;
  fail: (error: unknown) => void = () => undefined;
  readonly ended = new Promise<AppendWaitEnd>((resolve, reject) => {
    this.end = resolve;
    this.fail = reject;
  });
  private readonly left: Set<UnifiedLog>;

  constructor(unready: ReadonlySet<UnifiedLog>) {
    this.left = new Set(unready);
  }

  onPrepared(log: UnifiedLog): void {
    this.left.delete(log);
    if (this.left.size === 0) this.end('ready');
  }
}

const TOO_MANY: AppendWait = { ended: Promise.resolve('tooMany'), giveUp: () => undefined };
