import type { FileSystem } from '../common/index.js';
import { DirectoryGates } from './directory-gates.js';
import { syncAndClose } from './small-file.js';

/** Makes the entries of folders that many logs share durable, once for all that were made or renamed meanwhile. */
export class FolderSync {
  private readonly changed = new Set<string>();
  private readonly running = new Map<string, Promise<void>>();
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

  /** Resolves when every change that was marked before the call is durable. */
  async ensureSynced(path: string): Promise<void> {
    while (this.changed.has(path) || this.running.has(path)) {
      let sync = this.running.get(path);
      if (!sync) {
        this.changed.delete(path);
        sync = this.gates.syncing(path, () => this.syncNow(path)).finally(() => this.running.delete(path));
        this.running.set(path, sync);
      }
      await sync;
    }
  }

  /** The same, blocking. */
  ensureSyncedSync(path: string): void {
    if (!this.changed.has(path) && !this.running.has(path)) return;
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

  private async syncNow(path: string): Promise<void> {
    try {
      await syncAndClose(this.fs.open(path, 'r'));
    } catch (error) {
      this.changed.add(path);
      throw error;
    }
  }
}
