/** How a copy takes the place of its log in another directory, so that a loss of power at any moment leaves one whole log to be found. */
import { partitionKey } from '../cluster/index.js';
import { onStorage, onStorageAsync, type LogContext } from './log-context.js';
import { LogError } from './log-error.js';
import type { UnifiedLog } from './unified-log.js';

/** In the folder of a copy that is complete: it may take the place of its log, and a folder of that log elsewhere is the old one. */
const REPLACES_CURRENT = '.replaces-current';

/**
 * The steps around the two renames of a replacement; owned by the `LogManager`, which does the renames. Before them the copy is made
 * durable and marked. The renames lie in two directories that become durable in any order, and the mark says for each outcome which
 * folder counts: a marked copy alone is the log, of two folders the marked one is. Only when both renames are durable the mark goes.
 */
export class LogReplacement {
  /** Copies that are marked. */
  private readonly prepared = new Map<string, UnifiedLog>();
  /** By `partitionKey`: a replacement that is not durable yet. */
  private readonly settling = new Map<string, Promise<void>>();

  constructor(private readonly context: LogContext) {}

  /** True when the copy is marked and all that is durable of the log is durable in it. */
  isReady(current: UnifiedLog, future: UnifiedLog): boolean {
    return this.prepared.get(partitionKey(future.topicPartition)) === future && isAsDurable(current, future);
  }

  /** Makes the copy durable and marks it. Both may have changed meanwhile: ask `isReady` again. */
  async prepare(current: UnifiedLog, future: UnifiedLog): Promise<void> {
    const name = partitionKey(future.topicPartition);
    // Two marked folders would say nothing: the mark of the last move must be gone.
    await this.settling.get(name);
    if (this.isMarked(current)) await this.unmark(current);
    await future.flush(true);
    // Deleted while we waited, or on its way to another directory: its folder may be gone.
    if (future.isClosed || this.prepared.get(name) === future) return;
    const { fs, folders } = this.context;
    await onStorageAsync(this.context, future.parentDir, `preparing to replace ${name}`, async () => {
      fs.open(`${future.dir}/${REPLACES_CURRENT}`, 'w+').close();
      await folders.syncFolder(future);
      await folders.ensureSynced(future.parentDir);
    });
    if (!future.isClosed) this.prepared.set(name, future);
  }

  /** The copy goes on growing, or goes away: it is no longer known to be complete. */
  forget(future: UnifiedLog): void {
    this.prepared.delete(partitionKey(future.topicPartition));
    if (!this.isMarked(future)) return;
    onStorage(this.context, future.parentDir, 'unmarking a copy', () =>
      this.context.fs.remove(`${future.dir}/${REPLACES_CURRENT}`),
    );
  }

  isMarked({ dir }: UnifiedLog): boolean {
    return this.context.fs.exists(`${dir}/${REPLACES_CURRENT}`);
  }

  /** Both renames are done. `onReplaced` is called when the new name is durable: then the old files may go. */
  settle(log: UnifiedLog, oldParentDir: string | null, onReplaced: () => void): void {
    const name = partitionKey(log.topicPartition);
    this.prepared.delete(name);
    const settled = this.makeDurable(log, oldParentDir, onReplaced).catch((error: unknown) => {
      if (!(error instanceof LogError)) throw error;
      // The mark stays: when the directory that failed comes back with the old name, it tells the two apart.
      this.context.logger.warn('A replaced log is not known to be durable', { partition: name, error });
    });
    this.settling.set(name, settled);
    void settled.finally(() => {
      if (this.settling.get(name) === settled) this.settling.delete(name);
    });
  }

  /** Resolves when no replacement is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.settling.values());
  }

  private async makeDurable(log: UnifiedLog, oldParentDir: string | null, onReplaced: () => void): Promise<void> {
    await this.sync(log.parentDir);
    onReplaced();
    if (oldParentDir !== null) await this.sync(oldParentDir);
    await this.unmark(log);
  }

  private sync(parentDir: string): Promise<void> {
    return onStorageAsync(this.context, parentDir, 'making the name of a replaced log durable', () =>
      this.context.folders.ensureSynced(parentDir),
    );
  }

  private async unmark(log: UnifiedLog): Promise<void> {
    if (log.isClosed) return;
    await onStorageAsync(this.context, log.parentDir, 'unmarking a log', async () => {
      this.context.fs.remove(`${log.dir}/${REPLACES_CURRENT}`);
      await this.context.folders.syncFolder(log);
    });
  }
}

function isAsDurable(current: UnifiedLog, future: UnifiedLog): boolean {
  return future.recoveryPoint >= current.recoveryPoint;
}

/** Returns which of two folders of one partition is left over, or null when no one but an operator can tell. */
export function leftoverOf(one: UnifiedLog, other: UnifiedLog, replacement: LogReplacement): UnifiedLog | null {
  const [isOneMarked, isOtherMarked] = [replacement.isMarked(one), replacement.isMarked(other)];
  if (isOneMarked !== isOtherMarked) return isOneMarked ? other : one;
  if (holdsNothing(one)) return one;
  return holdsNothing(other) ? other : null;
}

/** Left by a directory that failed while the log was made there. */
function holdsNothing(log: UnifiedLog): boolean {
  return log.size === 0 && log.logEndOffset === 0;
}
