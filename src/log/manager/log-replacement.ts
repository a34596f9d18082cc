/** How a copy takes the place of its log in another directory, so that a loss of power at any moment leaves one whole log to be found. */
import { partitionKey } from '../../cluster/index.js';
import { whenHandlesAllow } from '../files/handle-waits.js';
import { UNIQUE_ID_CHARS, uniqueId } from '../files/log-file-names.js';
import { isFileSystemError, onStorage, onStorageAsync, type LogContext } from '../log-context.js';
import { LogError } from '../core/log-error.js';
import { syncAndClose } from '../checkpoints/small-file.js';
import type { UnifiedLog } from '../unified-log.js';

/**
 * In the folder of a copy that is complete: it may take the place of its log, whose folder has the first of these ids in `REPLACED`. The others
 * are of moves before, whose old folders may still come back.
 */
const REPLACES_CURRENT = '.replaces-current';
/** In the folder of the log that it replaces. A later folder of that name and place has it not. */
const REPLACED = '.replaced';

/**
 * The steps around the two renames of a replacement; owned by the `LogManager`, which does the renames. Before them the copy is made
 * durable and marked. The renames lie in two directories that become durable in any order, and the mark says for each outcome which
 * folder counts: a marked copy alone is the log, of two folders the marked one is, if the other is the one that it was to replace. Only when
 * both renames are durable the mark goes; one that was left by a kill, or as the old directory failed, goes with a later start.
 *
 * The old directory may be full, or hang: then it cannot be told which folder is replaced, and the logs themselves tell (`leftoverOf`).
 */
export class LogReplacement {
  /** Copies that are marked. */
  private readonly prepared = new Map<string, Prepared>();
  /** Of a log that took a place in this life: true once no folder that it replaced can come back, false when that is not known. */
  private readonly settlements = new WeakMap<UnifiedLog, Promise<boolean>>();
  private readonly running = new Set<Promise<boolean>>();

  constructor(private readonly context: LogContext) {}

  /** True when the copy is marked and all that is durable of the log is durable in it. */
  isReady(current: UnifiedLog, future: UnifiedLog): boolean {
    const prepared = this.prepared.get(partitionKey(future.topicPartition));
    return prepared?.future === future && prepared.current === current && isAsDurable(current, future);
  }

  /** Makes the copy durable and marks it. Both may have changed meanwhile: ask `isReady` again. */
  async prepare(current: UnifiedLog, future: UnifiedLog): Promise<void> {
    const name = partitionKey(future.topicPartition);
    await future.flush(true);
    // Deleted while we waited, or on its way to another directory: its folder may be gone.
    const prepared = this.prepared.get(name);
    if (future.isClosed || current.isClosed || (prepared?.future === future && prepared.current === current)) return;
    const id = uniqueId(this.context.random);
    const doing = `preparing to replace ${name}`;
    await this.writeReplaced(current, id, doing);
    if (future.isClosed || current.isClosed) return;
    const before = this.idsIn(current, REPLACES_CURRENT);
    await onStorageAsync(this.context, future.parentDir, doing, async () => {
      await this.writeIds(future, REPLACES_CURRENT, [id, ...before]);
      await this.context.folders.ensureSynced(future.parentDir);
    });
    if (!future.isClosed) this.prepared.set(name, { current, future });
  }

  /** A disk that is full, or hangs, is what replicas are moved away from: without the id there the copy takes its place all the same. */
  private async writeReplaced(log: UnifiedLog, id: string, doing: string): Promise<void> {
    const { files, logger } = this.context;
    const written = onStorageAsync(this.context, log.parentDir, doing, async () => {
      try {
        await this.writeIds(log, REPLACED, [id]);
      } catch (error) {
        if (!isFileSystemError(error) || (error.code !== 'ENOSPC' && error.code !== 'EDQUOT')) throw error;
        logger.warn('Cannot mark a log as replaced', { dir: log.dir, error });
      }
      return true;
    });
    if ((await files.gates.unlessOverdue(log.parentDir, written)) !== undefined) return;
    logger.warn('Cannot mark a log as replaced: a sync of its directory does not end', { dir: log.dir });
  }

  private async writeIds(log: UnifiedLog, name: string, ids: readonly string[]): Promise<void> {
    const { fs, files, folders } = this.context;
    await files.gates.syncing(log.dir, async () => {
      if (log.isClosed) return;
      const text = Buffer.from(ids.join('\n'));
      await syncAndClose(fs.open(`${log.dir}/${name}`, 'w+'), (handle) => handle.writeSync([text], 0));
    });
    await folders.syncFolder(log);
  }

  /** True when the log is marked as what replaces the other, or what replaced it since. */
  replaces(log: UnifiedLog, other: UnifiedLog): boolean {
    const [replaced] = this.idsIn(other, REPLACED);
    return replaced !== undefined && this.idsIn(log, REPLACES_CURRENT).includes(replaced);
  }

  /** True when the log that a start found beside a copy is not the one that this was made of and may still replace, but one of before. */
  isOlder(log: UnifiedLog, copy: UnifiedLog): boolean {
    const [replaced] = this.idsIn(log, REPLACED);
    const [id, ...before] = this.idsIn(copy, REPLACES_CURRENT);
    if (id === undefined || replaced === id || log.topicId !== copy.topicId || log.parentDir === copy.parentDir)
      return false;
    return (replaced !== undefined && before.includes(replaced)) || contains(copy, log);
  }

  /** Those that are whole: of others the power went while they were written. */
  private idsIn({ dir, parentDir }: UnifiedLog, name: string): string[] {
    const { fs } = this.context;
    const path = `${dir}/${name}`;
    if (!fs.exists(path)) return [];
    const text = onStorage(this.context, parentDir, `reading ${path}`, () => fs.readFile(path).toString());
    const ids = text.split('\n');
    return ids.every((id) => id.length === UNIQUE_ID_CHARS) ? ids : [];
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
      return true;
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
  settle(log: UnifiedLog, old: UnifiedLog | null, onReplaced: () => void): void {
    this.prepared.delete(partitionKey(log.topicPartition));
    this.settleBy(log, () => this.makeDurable(log, old, onReplaced));
  }

  private settleBy(log: UnifiedLog, work: () => Promise<boolean>): void {
    const settled = work().catch((error: unknown) => {
      if (!(error instanceof LogError)) throw error;
      // The mark stays: when the directory that failed comes back with the old name, it tells the two apart.
      const partition = partitionKey(log.topicPartition);
      this.context.logger.warn('A replaced log is not known to be durable', { partition, error });
      return false;
    });
    this.settlements.set(log, settled);
    this.running.add(settled);
    void settled.then(() => this.running.delete(settled));
  }

  /** Resolves when no replacement is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.running);
  }

  /** False when the mark has to stay: a folder that the old log replaced may still come back. */
  private async makeDurable(log: UnifiedLog, old: UnifiedLog | null, onReplaced: () => void): Promise<boolean> {
    // Its folder is to be removed, and its mark with it.
    const areOlderGone = old && this.isMarked(old) ? (this.settlements.get(old) ?? false) : true;
    await this.sync(log.parentDir);
    onReplaced();
    if (old) await this.sync(old.parentDir);
    if (!(await areOlderGone)) return false;
    await this.unmark(log);
    return true;
  }

  private sync(parentDir: string): Promise<void> {
    return this.withHandles(parentDir, 'making the name of a replaced log durable', () =>
      this.context.folders.ensureSynced(parentDir),
    );
  }

  private async unmark(log: UnifiedLog): Promise<void> {
    await this.withHandles(log.parentDir, 'unmarking a log', async () => {
      if (log.isClosed || !this.isMarked(log)) return;
      this.context.fs.remove(`${log.dir}/${REPLACES_CURRENT}`);
      await this.context.folders.syncFolder(log);
    });
  }

  /** For want of a file handle it goes on trying, as long as the directory is there: else the old files would stay until the next start. */
  private async withHandles(parentDir: string, doing: string, work: () => Promise<void>): Promise<void> {
    await whenHandlesAllow(this.context.clock, () => onStorageAsync(this.context, parentDir, doing, work));
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
  if (holdsNothing(other)) return other;
  // A move from a directory that could not be written to: of the two nothing is lost with the one that the other contains.
  const isOneMarked = replacement.isMarked(one);
  if (!isOneMarked && !replacement.isMarked(other)) return null;
  const [marked, unmarked] = isOneMarked ? [one, other] : [other, one];
  if (contains(marked, unmarked)) return unmarked;
  return contains(unmarked, marked) ? marked : null;
}

/** True when all that a log of the same topic holds is in this one, or was until it was deleted here: by leader epochs, as followers are cut. */
function contains(log: UnifiedLog, part: UnifiedLog): boolean {
  if (log.topicId === null || log.topicId !== part.topicId) return false;
  if (part.logEndOffset <= log.logStartOffset) return true;
  const epoch = part.latestEpoch;
  const end = epoch === null ? null : log.endOffsetForEpoch(epoch);
  return end?.epoch === epoch && end.offset >= part.logEndOffset;
}

/** Left by a directory that failed while the log was made there. */
function holdsNothing(log: UnifiedLog): boolean {
  return log.size === 0 && log.logEndOffset === 0;
}
