import type { FileSystem } from '../common/index.js';

/**
 * Removes files and folders of logs, one after the other for all logs of a broker: the disk takes long to free a large file, which must
 * hold up neither the event loop nor more than one thread of the pool, whatever is deleted at once. Owned by the `LogManager`.
 */
export class FileRemover {
  private last: Promise<void> = Promise.resolve();
  private isClosed = false;

  constructor(private readonly fs: FileSystem) {}

  /** Rejects with the first error; what is behind it stays. What waits when the broker stops stays for the next start. */
  remove(paths: readonly string[]): Promise<void> {
    const removed = this.last.then(async () => {
      for (const path of paths) {
        if (this.isClosed) return;
        await this.fs.removeAsync(path);
      }
    });
    this.last = removed.catch(() => undefined);
    return removed;
  }

  /** Resolves when nothing is being removed any more. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.last;
  }
}
