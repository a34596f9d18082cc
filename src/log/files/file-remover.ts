import { withinTime, type Clock, type FileSystem } from '../../common/index.js';
import { DirectoryGates } from '../manager/directory-gates.js';
import { whenHandlesAllow } from './handle-waits.js';

/** How long a stop of the broker waits for a file that is being removed: a disk that hangs must not keep the others' logs open. */
const CLOSE_WAIT_MS = 5000;

/**
 * Removes files and folders of logs, one after the other for each log directory: the disk takes long to free a large file, which must hold
 * up neither the event loop, nor more than one thread of the pool, nor what is deleted in another directory. Owned by the `LogManager`.
 */
export class FileRemover {
  /** By log directory. */
  private readonly last = new Map<string, Promise<void>>();
  private isClosed = false;

  constructor(
    private readonly fs: FileSystem,
    private readonly clock: Clock,
    private readonly gates: DirectoryGates = new DirectoryGates(),
  ) {}

  /** Rejects with the first error; what is behind it stays. What waits when the broker stops stays for the next start. */
  remove(logDir: string, paths: readonly string[]): Promise<void> {
    const before = this.last.get(logDir) ?? Promise.resolve();
    const removed = before.then(async () => {
      for (const path of paths) await this.removeOne(path);
    });
    this.last.set(
      logDir,
      removed.catch(() => undefined),
    );
    return removed;
  }

  /** Resolves when nothing is being removed any more, or a disk takes too long for it. */
  async close(): Promise<void> {
    this.isClosed = true;
    await withinTime(this.clock, CLOSE_WAIT_MS, Promise.all(this.last.values()));
  }

  private async removeOne(path: string): Promise<void> {
    const isOver = (): boolean => this.isClosed;
    const remove = (): Promise<void> => this.gates.flushing(path, () => this.fs.removeAsync(path, isOver));
    if (!isOver()) await whenHandlesAllow(this.clock, remove, { isOver });
  }
}
