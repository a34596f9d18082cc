import type { DirectoryGates } from './directory-gates.js';
import type { LogDeletions } from './log-deletions.js';
import type { LogDirs } from './log-dirs.js';
import { DeletionPendingError } from '../core/log-error.js';

/** In which directory a broker's next log is made. Owned by the `LogManager`, which counts its logs here. Partitions are named by `partitionKey`. */
export class LogPlacement {
  private readonly logsIn = new Map<string, number>();
  private readonly preferred = new Map<string, string>();

  constructor(
    private readonly dirs: LogDirs,
    private readonly deletions: LogDeletions,
    private readonly gates: DirectoryGates,
  ) {}

  /** The directory has so many logs more. */
  count(dir: string, change: number): void {
    this.logsIn.set(dir, (this.logsIn.get(dir) ?? 0) + change);
  }

  /** The directory and its logs are gone. */
  forgetDir(dir: string): void {
    this.logsIn.delete(dir);
  }

  /** Where the partition's next log or copy shall lie; null when any place will do. */
  prefer(name: string, dir: string | null): void {
    if (dir === null) this.preferred.delete(name);
    else this.preferred.set(name, dir);
  }

  /**
   * Those in which a log may be made, the best first. It takes the place of one that was deleted, however its disk hangs, until that deletion is
   * durable: made elsewhere, it would be one of two after a loss of power. Throws DeletionPendingError where that place cannot be taken: logs of
   * two directories may come back, its own is about to go offline, or another was asked for.
   */
  dirsForLog(name: string): string[] {
    const deletedFrom = this.deletions.dirsOfLog(name);
    const usable = this.usable();
    if (deletedFrom.length === 0) return this.bestFirst(name, usable);
    const [dir] = deletedFrom;
    const isWished = (this.preferred.get(name) ?? dir) === dir;
    if (deletedFrom.length === 1 && usable.includes(dir!) && isWished) return [dir!];
    throw new DeletionPendingError(`Deletions of ${name} in ${deletedFrom.join(', ')} are not durable yet`);
  }

  /** Those in which a copy may be made, the best first: not beside its log, whose name it is to take. */
  dirsForCopy(name: string, dirOfLog: string | undefined): string[] {
    const elsewhere = this.usable().filter((path) => path !== dirOfLog);
    return this.bestFirst(name, elsewhere);
  }

  private usable(): string[] {
    return this.dirs.livePaths.filter((path) => this.dirs.isUsable(path));
  }

  /** The one asked for, else all, the emptiest first, but those whose disk hangs last, where no log would ever take an append. */
  private bestFirst(name: string, paths: readonly string[]): string[] {
    const preferred = this.preferred.get(name);
    if (preferred !== undefined) return paths.filter((path) => path === preferred);
    const hangs = (path: string): number => (this.gates.isOverdue(path) ? 1 : 0);
    const logsIn = (path: string): number => this.logsIn.get(path) ?? 0;
    return [...paths].sort((a, b) => hangs(a) - hangs(b) || logsIn(a) - logsIn(b));
  }
}
