import type { FileSystem } from '../../common/index.js';
import { DirectoryGates } from '../manager/directory-gates.js';
import { syncAndClose } from '../checkpoints/small-file.js';

interface Sync {
  done: Promise<void>;
}

/** Makes the entries of folders that many logs share durable, once for all that were made or renamed meanwhile. */
export class FolderSync {
  private readonly changed = new Set<string>();
  /** Syncs that have begun: what changes now they may miss. */
  private readonly underWay = new Map<string, Sync>();
  /** Syncs that wait for the one under way, or for their turn, and cover what changes until then. */
  private readonly waiting = new Map<string, Sync>();
  /** Of the work given to `inTurn`, by log directory: one that hangs holds up its own logs only. */
  private readonly last = new Map<string, Promise<void>>();

  constructor(
    private readonly fs: FileSystem,
    private readonly gates: DirectoryGates = new DirectoryGates(),
  ) {}

  /** An entry of the folder was made or renamed. */
  markChanged(path: string): void {
    this.changed.add(path);
  }

  /**
   * Resolves when every change that was marked before the call is durable: after the sync under way and at most one more, however many names
   * are made meanwhile.
   */
  async ensureSynced(path: string): Promise<void> {
    await (this.changed.has(path) ? this.nextSync(path) : this.underWay.get(path)?.done);
  }

  /** The same, blocking. */
  ensureSyncedSync(path: string): void {
    if (!this.changed.has(path) && !this.underWay.has(path)) return;
    this.fs.syncDir(path);
    this.changed.delete(path);
  }

  /** Runs work that no one waits for after all that was given before for the log directory. */
  inTurn(logDir: string, work: () => Promise<void>): void {
    this.last.set(logDir, (this.last.get(logDir) ?? Promise.resolve()).then(work));
  }

  /** Makes the entries of a log's folder durable, without blocking. A log that is closed before it comes to that is fine. */
  syncFolder(log: { readonly dir: string; readonly isClosed: boolean }): Promise<void> {
    return this.gates.syncing(log.dir, async () => {
      if (!log.isClosed) await this.syncNow(log.dir);
    });
  }

  private nextSync(path: string): Promise<void> {
    const waiting = this.waiting.get(path);
    if (waiting) return waiting.done;
    const sync: Sync = { done: Promise.resolve() };
    const begin = (): Promise<void> => {
      this.waiting.delete(path);
      this.changed.delete(path);
      this.underWay.set(path, sync);
      return this.syncNow(path);
    };
    this.waiting.set(path, sync);
    const run = (): Promise<void> => this.gates.syncingNext(path, begin);
    // Two of one folder at once would take all places of its directory when the disk hangs.
    const before = this.underWay.get(path)?.done.catch(() => undefined);
    sync.done = (before ? before.then(run) : run()).finally(() => this.underWay.delete(path));
    return sync.done;
  }

  private async syncNow(path: string): Promise<void> {
    try {
      await syncAndClose(this.fs.open(path, 'r'));
    } catch (error) {
      this.changed.add(path);
      throw error;
    }
  }
}
