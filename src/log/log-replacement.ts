/** How a copy takes the place of its log in another directory, so that a loss of power at any moment leaves one whole log to be found. */
import { partitionKey } from '../cluster/index.js';
import { isFileSystemError, onStorage, onStorageAsync, type LogContext } from './log-context.js';
import { LogError } from './log-error.js';
import { syncAndClose } from './small-file.js';
import type { UnifiedLog } from './unified-log.js';

/** In the folder of a copy that is complete: it may take the place of its log, whose folder has the same id in `REPLACED`. */
const REPLACES_CURRENT = '.replaces-current';
/** In the folder of the log that it replaces. A later folder of that name and place has it not. */
const REPLACED = '.replaced';

/**
 * The steps around the two renames of a replacement; owned by the `LogManager`, which does the renames. Before them the copy is made
 * durable and marked. The renames lie in two directories that become durable in any order, and the mark says for each outcome which
 * folder counts: a marked copy alone is the log, of two folders the marked one is, if the other is the one that it was to replace. Only when
 * both renames are durable the mark goes; one that was left by a kill, or as the old directory failed, goes with a later start.
 */
export class LogReplacement {
  /** Copies that are marked. */
  private readonly prepared = new Map<string, Prepared>();
  /** By `partitionKey`: a replacement that is not durable yet. */
  private readonly settling = new Map<string, Promise<void>>();

  constructor(private readonly context: LogContext) {}

  /** True when the copy is marked and all that is durable of the log is durable in it. */
  isReady(current: UnifiedLog, future: UnifiedLog): boolean {
    const prepared = this.prepared.get(partitionKey(future.topicPartition));
    return prepared?.future === future && prepared.current === current && isAsDurable(current, future);
  }

  /** Makes the copy durable and marks it. Both may have changed meanwhile: ask `isReady` again. */
  async prepare(current: UnifiedLog, future: UnifiedLog): Promise<void> {
    const name = partitionKey(future.topicPartition);
    // Two marked folders would say nothing: the mark of the last move must be gone.
    await this.settling.get(name);
    if (this.isMarked(current)) await this.unmark(current);
    await future.flush(true);
    // Deleted while we waited, or on its way to another directory: its folder may be gone.
    const prepared = this.prepared.get(name);
    if (future.isClosed || current.isClosed || (prepared?.future === future && prepared.current === current)) return;
    const id = this.context.random.nextBytes(16).toString('hex');
    const doing = `preparing to replace ${name}`;
    await onStorageAsync(this.context, current.parentDir, doing, () => this.writeReplaced(current, id));
    if (future.isClosed || current.isClosed) return;
    await onStorageAsync(this.context, future.parentDir, doing, async () => {
      await this.writeId(future, REPLACES_CURRENT, id);
      await this.context.folders.ensureSynced(future.parentDir);
    });
    if (!future.isClosed) this.prepared.set(name, { current, future });
  }

  /**
   * A full disk is what replicas are moved away from: without the id there the copy takes its place all the same. Only a kill between the
   * two renames then leaves two folders of which an operator has to say which counts, as in Kafka.
   */
  private async writeReplaced(log: UnifiedLog, id: string): Promise<void> {
    try {
      await this.writeId(log, REPLACED, id);
    } catch (error) {
      if (!isFileSystemError(error) || (error.code !== 'ENOSPC' && error.code !== 'EDQUOT')) throw error;
      this.context.logger.warn('Cannot mark a log as replaced', { dir: log.dir, error });
    }
  }

  private async writeId(log: UnifiedLog, name: string, id: string): Promise<void> {
    const { fs, files, folders } = this.context;
    await files.gates.syncing(log.dir, async () => {
      if (log.isClosed) return;
      await syncAndClose(fs.open(`${log.dir}/${name}`, 'w+'), (handle) => handle.writeSync([Buffer.from(id)], 0));
    });
    await folders.syncFolder(log);
  }

  /** True when the log is marked as what replaces the other. Without its whole id a mark says nothing. */
  replaces(log: UnifiedLog, other: UnifiedLog): boolean {
    const id = this.idIn(log, REPLACES_CURRENT);
    return id !== null && id.length === 32 && id === this.idIn(other, REPLACED);
  }

  private idIn({ dir }: UnifiedLog, name: string): string | null {
    const path = `${dir}/${name}`;
    return this.context.fs.exists(path) ? this.context.fs.readFile(path).toString() : null;
  }

  /**
   * Takes the mark away that an earlier life left in a log's folder, in the background: no other folder of the log is there any more, as all
   * directories are. Were it to stay, it would speak for this folder when others have long been written.
   */
  unmarkLeft(log: UnifiedLog, logDirs: readonly string[]): void {
    if (!this.isMarked(log)) return;
    this.context.logger.info('Taking away the mark of an earlier replacement', { dir: log.dir });
    this.settleBy(log, async () => {
      // That the old folder is away may be on no disk yet.
      for (const dir of logDirs) {
        this.context.folders.markChanged(dir);
        await this.sync(dir);
      }
      await this.unmark(log);
    });
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
    this.prepared.delete(partitionKey(log.topicPartition));
    this.settleBy(log, () => this.makeDurable(log, oldParentDir, onReplaced));
  }

  private settleBy(log: UnifiedLog, work: () => Promise<void>): void {
    const name = partitionKey(log.topicPartition);
    const settled = work().catch((error: unknown) => {
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

/** A copy that is marked as what replaces the log. */
interface Prepared {
  readonly current: UnifiedLog;
  readonly future: UnifiedLog;
}

function isAsDurable(current: UnifiedLog, future: UnifiedLog): boolean {
  return future.recoveryPoint >= current.recoveryPoint;
}

/** Returns which of two folders of one partition is left over, or null when no one but an operator can tell. */
export function leftoverOf(one: UnifiedLog, other: UnifiedLog, replacement: LogReplacement): UnifiedLog | null {
  const [isOtherOld, isOneOld] = [replacement.replaces(one, other), replacement.replaces(other, one)];
  if (isOtherOld !== isOneOld) return isOtherOld ? other : one;
  if (holdsNothing(one)) return one;
  return holdsNothing(other) ? other : null;
}

/** Left by a directory that failed while the log was made there. */
function holdsNothing(log: UnifiedLog): boolean {
  return log.size === 0 && log.logEndOffset === 0;
}
