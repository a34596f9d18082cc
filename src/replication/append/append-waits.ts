import { sleep, startInSlices, type Clock, type Steps } from '../../common/index.js';
import type { UnifiedLog } from '../../log/index.js';

/** So long a directory may make no log ready: whoever comes then is refused, if what waits holds enough memory already. */
const PROGRESS_WAIT_MS = 5000;
/** Before a log is prepared again that is not ready afterwards: it wanted for a file handle. */
const PREPARE_AGAIN_MS = 100;

/**
 * How the wait of an append for its logs ended. But for `ready` the logs that are not ready are not to be appended to: `timedOut` after the time
 * it had, `tooMany` at once, for what waits for one of their directories, which makes no progress, holds enough memory already, `givenUp` by
 * who waited.
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
 * log directory that hangs keep in memory is bounded. While it makes progress no one is refused, as in Kafka, whose handlers wait: the first batch
 * of a producer must not come behind its second one. Then the memory of requests is the bound, as for all that is under way.
 */
export class AppendWaits {
  /** The directories for which something waits, or of which a log is being prepared. */
  private readonly dirs = new Map<string, WaitedDir>();
  /** The logs that are being prepared, with those who wait for them. */
  private readonly waiting = new Map<UnifiedLog, Set<Waiter>>();

  constructor(
    private readonly clock: Clock,
    /** For each log directory. What waits for it alone may hold more. */
    private readonly maxBytes: number,
    /** When the oldest sync of a directory that is under way began; null when none is. */
    private readonly oldestSyncMs: (dir: string) => number | null,
  ) {}

  /** Null when all logs are ready. */
  begin(logs: readonly UnifiedLog[], bytes: number, timeoutMs: number): AppendWait | null {
    const unready = new Set<UnifiedLog>();
    for (const log of logs) if (!log.isReadyForAppends) unready.add(log);
    if (unready.size === 0) return null;
    const dirs = new Set([...unready].map(({ parentDir }) => parentDir));
    if (bytes > 0) for (const dir of dirs) if (this.isFull(dir, bytes)) return TOO_MANY;
    for (const dir of dirs) this.hold(dir, bytes);
    const waiter = new Waiter(unready);
    const timer = this.clock.setTimer(timeoutMs, () => waiter.end('timedOut'), { background: true });
    const ended = waiter.ended.finally(() => {
      waiter.isOver = true;
      timer.cancel();
      for (const log of unready) this.waiting.get(log)?.delete(waiter);
      for (const dir of dirs) this.hold(dir, -bytes);
    });
    // Who waits may do something else first, and fail at it.
    ended.catch(() => undefined);
    startInSlices(this.clock, this.joinAll(unready, waiter), () => undefined, waiter.fail);
    return { ended, giveUp: () => waiter.end('givenUp') };
  }

  /** A request may name thousands of new logs, and making one ready begins with opening files. */
  private *joinAll(logs: Iterable<UnifiedLog>, waiter: Waiter): Steps<void> {
    for (const log of logs) {
      if (waiter.isOver) return;
      this.join(log, waiter);
      yield;
    }
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
    // Where it lies now: it may be moved meanwhile.
    const { parentDir } = log;
    const dir = this.dirOf(parentDir);
    dir.preparing++;
    const end = (then: (one: Waiter) => void): void => {
      const all = this.waiting.get(log)!;
      this.waiting.delete(log);
      dir.preparing--;
      dir.progressMs = this.clock.monotonicMs();
      this.tidy(parentDir);
      for (const one of [...all]) then(one);
    };
    this.prepare(log).then(
      () => end((one) => this.onPrepared(one, log)),
      (error: unknown) => end((one) => one.fail(error)),
    );
  }

  /** Until it is ready, or no one waits for it any more: what an append finds undone it does itself, and all wait for the disk. */
  private async prepare(log: UnifiedLog): Promise<void> {
    for (;;) {
      await log.prepareForAppends();
      if (!isToBePrepared(log) || this.waiting.get(log)!.size === 0) return;
      await sleep(this.clock, PREPARE_AGAIN_MS);
    }
  }

  private onPrepared(waiter: Waiter, log: UnifiedLog): void {
    waiter.left.delete(log);
    if (waiter.left.size > 0) return;
    // One that was ready first may have been cut while the others were prepared.
    for (const one of waiter.logs) if (isToBePrepared(one)) waiter.left.add(one);
    if (waiter.left.size === 0) waiter.end('ready');
    else for (const one of [...waiter.left]) this.join(one, waiter);
  }

  private isFull(name: string, bytes: number): boolean {
    const dir = this.dirs.get(name);
    if (!dir || dir.heldBytes === 0 || dir.heldBytes + bytes <= this.maxBytes) return false;
    // Many logs that are prepared side by side may take longer than that for the first of them.
    const oldestSyncMs = this.oldestSyncMs(name) ?? dir.progressMs;
    return this.clock.monotonicMs() - Math.max(dir.progressMs, oldestSyncMs) >= PROGRESS_WAIT_MS;
  }

  private hold(name: string, bytes: number): void {
    this.dirOf(name).heldBytes += bytes;
    this.tidy(name);
  }

  private dirOf(name: string): WaitedDir {
    let dir = this.dirs.get(name);
    if (!dir) this.dirs.set(name, (dir = { heldBytes: 0, preparing: 0, progressMs: this.clock.monotonicMs() }));
    return dir;
  }

  private tidy(name: string): void {
    const { heldBytes, preparing } = this.dirOf(name);
    if (heldBytes === 0 && preparing === 0) this.dirs.delete(name);
  }
}

interface WaitedDir {
  /** By what waits. */
  heldBytes: number;
  /** Logs, until they are ready: also when no one waits for them any more. */
  preparing: number;
  /** When the last of them was, or the first of them was begun. */
  progressMs: number;
}

/** One append, and the logs that it still waits for. */
class Waiter {
  end: (how: AppendWaitEnd) => void = () => undefined;
  fail: (error: unknown) => void = () => undefined;
  isOver = false;
  readonly ended = new Promise<AppendWaitEnd>((resolve, reject) => {
    this.end = resolve;
    this.fail = reject;
  });
  readonly left: Set<UnifiedLog>;

  constructor(readonly logs: ReadonlySet<UnifiedLog>) {
    this.left = new Set(logs);
  }
}

/** False also for one that never will be ready: an append is refused at once. */
export function isToBePrepared(log: UnifiedLog): boolean {
  return !log.isReadyForAppends && !log.isClosed && !log.isUnreadable;
}

const TOO_MANY: AppendWait = { ended: Promise.resolve('tooMany'), giveUp: () => undefined };
