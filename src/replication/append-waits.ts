import type { Clock, Timer } from '../common/index.js';
import type { UnifiedLog } from '../log/index.js';
import { whenReadyForAppends } from './append-readiness.js';

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
 * hang at it. Each wait ends by itself, and what those for one log directory keep in memory is bounded.
 */
export class AppendWaits {
  /** Held by what waits, by log directory. */
  private readonly heldBytes = new Map<string, number>();

  constructor(
    private readonly clock: Clock,
    /** For each log directory. What waits for it alone may hold more. */
    private readonly maxBytes: number,
  ) {}

  /** Null when all logs are ready. */
  begin(logs: readonly UnifiedLog[], bytes: number, timeoutMs: number): AppendWait | null {
    const ready = whenReadyForAppends(logs);
    if (!ready) return null;
    const dirs = new Set(logs.filter((log) => !log.isReadyForAppends).map(({ parentDir }) => parentDir));
    for (const dir of dirs) {
      const held = this.heldBytes.get(dir) ?? 0;
      if (bytes > 0 && held > 0 && held + bytes > this.maxBytes) return TOO_MANY;
    }
    this.hold(dirs, bytes);
    let end: (how: AppendWaitEnd) => void = () => undefined;
    let timer: Timer | null = null;
    const ended = new Promise<AppendWaitEnd>((resolve, reject) => {
      end = (how) => {
        timer?.cancel();
        resolve(how);
      };
      timer = this.clock.setTimer(timeoutMs, () => end('timedOut'), { background: true });
      ready.then(() => end('ready'), reject);
    }).finally(() => this.hold(dirs, -bytes));
    return { ended, giveUp: () => end('givenUp') };
  }

  private hold(dirs: Iterable<string>, bytes: number): void {
    for (const dir of dirs) {
      const held = (this.heldBytes.get(dir) ?? 0) + bytes;
      if (held > 0) this.heldBytes.set(dir, held);
      else this.heldBytes.delete(dir);
    }
  }
}

const TOO_MANY: AppendWait = { ended: Promise.resolve('tooMany'), giveUp: () => undefined };
