/**
 * What the thread pool does for files goes through here, so that a disk that is slow, or hangs, costs its own log directory alone: the pool
 * is one for all of them, and for name look-ups besides.
 */
import { systemClock, withinTime, type Clock } from '../../common/index.js';
import { turnFor, WaitingReads, type ReadInterest } from '../segment/read-interest.js';

/**
 * Reads of a directory under way at once. With the syncs a directory takes eight of the twenty threads that `bin/ottla.cjs` asks for: when one
 * hangs, or two do, others have threads left.
 */
const READS_AT_ONCE = 4;
/** Syncs of a directory under way at once, of either kind: two that are share a commit of its journal, and more gain little. */
const SYNCS_AT_ONCE = 2;
/**
 * A sync that takes longer is not waited for where others are held up by the wait: the disk hangs. Disks that are merely busy take seconds.
 * Below the 30 s after which a controller sends its request again.
 */
export const SYNC_OVERDUE_MS = 25_000;

/**
 * Bounds the operations of each log directory that are in the thread pool at once, whoever asks for them. What waits here needs no file open:
 * its work opens what it needs, and has to look again whether it is still wanted. The work must not come here again before it ends. Owned by
 * the `LogManager`.
 */
export class DirectoryGates {
  private readonly gates = new Map<string, Gates>();
  private readonly readsAtOnce: number;

  /** A path in none of `logDirs` counts as of one more directory. Reads keep no more than half of `maxOpenFiles` open. */
  constructor(
    private readonly logDirs: readonly string[] = [],
    maxOpenFiles = Infinity,
    private readonly clock: Clock = systemClock,
  ) {
    this.readsAtOnce = Math.max(1, Math.min(READS_AT_ONCE, Math.floor(maxOpenFiles / 2)));
  }

  /** Runs a read of a file. */
  reading<T>(path: string, work: () => Promise<T>): Promise<T> {
    return this.of(path).reads.run(work);
  }

  /** The same unless the interest in it ends before its turn comes: then gives null. */
  readingFor<T>(interest: ReadInterest, path: string, work: () => Promise<T>): Promise<T | null> {
    return this.of(path).reads.runFor(interest, work);
  }

  /** Runs a sync of a file or folder for which someone waits. */
  syncing<T>(path: string, work: () => Promise<T>): Promise<T> {
    return this.of(path).syncs.run(work);
  }

  /** The same before all others that wait, for one at a time that many wait for: the names in a log directory. */
  syncingNext<T>(path: string, work: () => Promise<T>): Promise<T> {
    return this.of(path).syncs.run(work, true);
  }

  /** When the oldest sync of the directory that is under way began, by the monotonic clock; null when none is. */
  oldestSyncMs(path: string): number | null {
    return this.of(path).syncs.oldestMs;
  }

  /** When a sync of the directory is overdue, or was, by the monotonic clock: `SYNC_OVERDUE_MS` after it began. Null when none is under way. */
  overdueAtMs(path: string): number | null {
    const oldestMs = this.oldestSyncMs(path);
    return oldestMs === null ? null : oldestMs + SYNC_OVERDUE_MS;
  }

  /** True while a sync of the directory is under way that should have ended: its disk hangs. */
  isOverdue(path: string): boolean {
    const atMs = this.overdueAtMs(path);
    return atMs !== null && atMs <= this.clock.monotonicMs();
  }

  /** Resolves as `work` does, or with undefined when a sync of the directory is overdue before. */
  async unlessOverdue<T>(path: string, work: Promise<T>): Promise<T | undefined> {
    for (;;) {
      const atMs = this.overdueAtMs(path);
      const leftMs = atMs === null ? SYNC_OVERDUE_MS : atMs - this.clock.monotonicMs();
      const result = await withinTime(this.clock, Math.max(0, leftMs), work);
      if (result !== undefined || this.isOverdue(path)) return result;
    }
  }

  /**
   * The same as `syncing` for what no one waits for, and which may be much: flushes of what was rolled, and removals. Were they in one line with the others,
   * the deletion or the first append of one partition would wait for the segments of a thousand. (Kafka's scheduler has threads of its own.)
   */
  flushing<T>(path: string, work: () => Promise<T>): Promise<T> {
    return this.of(path).flushes.run(work);
  }

  private of(path: string): Gates {
    const dir = this.logDirs.find((logDir) => path === logDir || path.startsWith(`${logDir}/`)) ?? '';
    let gate = this.gates.get(dir);
    if (!gate) {
      gate = {
        reads: new Gate(this.readsAtOnce, this.clock),
        syncs: new Gate(SYNCS_AT_ONCE, this.clock),
        flushes: new Gate(SYNCS_AT_ONCE, this.clock),
      };
      this.gates.set(dir, gate);
    }
    return gate;
  }
}

/** Those of one directory. */
interface Gates {
  readonly reads: Gate;
  readonly syncs: Gate;
  readonly flushes: Gate;
}

/** Lets so much work be under way at once; the rest waits in turn (see `WaitingReads`). */
class Gate {
  private readonly waiting = new WaitingReads();
  /** They pass those that wait. */
  private readonly next: (() => void)[] = [];
  /** When what is under way began, the oldest first. */
  private readonly begun = new Set<{ readonly atMs: number }>();
  private working = 0;

  constructor(
    private readonly width: number,
    private readonly clock: Clock,
  ) {}

  /** By the monotonic clock; null when nothing is under way. */
  get oldestMs(): number | null {
    for (const { atMs } of this.begun) return atMs;
    return null;
  }

  async run<T>(work: () => Promise<T>, isNext = false): Promise<T> {
    if (this.working < this.width) this.working++;
    else if (isNext) await new Promise<void>((resolve) => this.next.push(resolve));
    else await this.turn(null);
    return this.pass(work);
  }

  /** Null when the interest has ended before the work began. */
  async runFor<T>(interest: ReadInterest, work: () => Promise<T>): Promise<T | null> {
    if (this.working < this.width) this.working++;
    else if (!(await this.turn(interest))) return null;
    return this.pass(() => (interest.isOver ? Promise.resolve(null) : work()));
  }

  private async pass<T>(work: () => Promise<T>): Promise<T> {
    const begun = { atMs: this.clock.monotonicMs() };
    this.begun.add(begun);
    try {
      return await work();
    } finally {
      this.begun.delete(begun);
      // Its place goes to the next in turn: no one who comes now overtakes those that wait.
      const enter = this.next.shift() ?? this.waiting.takeFirst();
      if (enter) enter();
      else this.working--;
    }
  }

  /** Resolves to true with the place of another, to false when the interest ends before. */
  private turn(interest: ReadInterest | null): Promise<boolean> {
    return turnFor(interest, (enter) => this.waiting.add(enter, interest));
  }
}
