/** How the folders of deleted logs go: renamed at once, durably so before anyone relies on it, removed after `file.delete.delay.ms`. */
import type { TopicPartition } from '../../cluster/index.js';
import { SYNC_OVERDUE_MS } from './directory-gates.js';
import { whenHandlesAllow } from '../files/handle-waits.js';
import type { LogCheckpoints } from '../checkpoints/log-checkpoints.js';
import { onStorageAsync, type LogContext } from '../log-context.js';
import type { LogDirs } from './log-dirs.js';
import { LogError } from '../core/log-error.js';
import { deleteDirName, strayDirName, uniqueId } from '../files/log-file-names.js';
import type { UnifiedLog } from '../unified-log.js';

/** A log's folder, or a copy's, that was renamed away. One that is deleted again at the same place is another deletion. */
interface Deletion {
  readonly isCopy: boolean;
}

/**
 * What of a deletion is left to be done on disk. Owned by the `LogManager`, which takes logs out of its books before and tells it of directories
 * that fail.
 */
export class LogDeletions {
  /** By directory and partition: what was deleted there, until that is durable. */
  private readonly undurable = new Map<string, Map<string, Deletion>>();
  private closed = false;

  constructor(
    private readonly context: LogContext,
    private readonly dirs: LogDirs,
    private readonly checkpoints: LogCheckpoints,
  ) {}

  /** Renames the folder of a log that is deleted; no file of it is open any more. Throws KAFKA_STORAGE_ERROR. */
  renameAway(log: UnifiedLog): void {
    this.rename(log, deleteDirName);
    this.context.logger.info('Log is renamed and scheduled for deletion', { dir: log.dir });
  }

  /** The same for a log that stays on disk, where no broker takes it for a replica any more. */
  setAside(log: UnifiedLog): void {
    this.rename(log, strayDirName);
    this.context.logger.warn('Log is marked as stray and renamed; its files stay', { dir: log.dir });
  }

  private rename(log: UnifiedLog, nameOf: (tp: TopicPartition, uniqueId: string) => string): void {
    log.renameDir(`${log.parentDir}/${nameOf(log.topicPartition, uniqueId(this.context.random))}`);
    log.closeHandles();
  }

  /** Removes a folder after `delayMs`, a file at a time. */
  removeLater(logDir: string, path: string, delayMs: number): void {
    this.context.scheduler.scheduleOnce(
      'kafka-delete-logs',
      async () => {
        if (!this.dirs.isUsable(logDir)) return;
        await onStorageAsync(this.context, logDir, `deleting ${path}`, () =>
          this.context.remover.remove(logDir, [path]),
        );
        this.context.logger.info('Deleted log', { dir: path });
      },
      delayMs,
    );
  }

  /** The folder of the partition `name` was renamed away, which a loss of power may undo until it is made durable. */
  note(dir: string, name: string, isCopy = false): void {
    let deletions = this.undurable.get(dir);
    if (!deletions) this.undurable.set(dir, (deletions = new Map()));
    const mayLogComeBack = deletions.get(name)?.isCopy === false;
    deletions.set(name, { isCopy: isCopy && !mayLogComeBack });
  }

  /** The directories from which the partition `name` was deleted, and may come back with a loss of power. */
  dirsOf(name: string): string[] {
    return [...this.undurable.keys()].filter((dir) => this.undurable.get(dir)!.has(name));
  }

  /** Those of them where a log may come back, not only a copy: a log elsewhere would then be the second one of its name. */
  dirsOfLog(name: string): string[] {
    return this.dirsOf(name).filter((dir) => !this.undurable.get(dir)!.get(name)!.isCopy);
  }

  /** The directory failed: what was deleted in it may be there again when it comes back. */
  forget(dir: string): void {
    this.undurable.delete(dir);
  }

  /** The broker stops: what is not durable is made so by that. */
  close(): void {
    this.closed = true;
  }

  /**
   * Makes what was deleted in these directories durable without blocking, each for itself: a deleted topic that came back with a loss of power
   * would stand where its successor is to be made. (That the checkpoints name logs that are gone, until they are written after it, is seen
   * to when a name is used again.) Gives the directories that failed at it: what was deleted in them may be there again when they are. Where
   * only a file handle is wanting, it goes on trying: the replica is gone, and the controller would not delete its topic for a failure that
   * no directory had. A directory whose syncs are overdue counts as failed at once, though it goes on: a controller has one request to
   * each broker under way, and all others wait for its answer. One that is merely busy is waited for.
   */
  async makeDurable(paths: Iterable<string>): Promise<ReadonlySet<string>> {
    const { files, logger } = this.context;
    const failed = new Set<string>();
    const makeDurable = async (path: string): Promise<void> => {
      const isDurable = await files.gates.unlessOverdue(path, this.syncOrWantHandles(path));
      if (isDurable === true) return;
      failed.add(path);
      if (isDurable === undefined)
        logger.warn('Deletions are not durable yet: a sync of their directory does not end', { dir: path });
    };
    await Promise.all([...new Set(paths)].map(makeDurable));
    return failed;
  }

  /** Gives whether they are durable; true also when the sync, which goes on, has wanted for a file handle for long. */
  private syncOrWantHandles(path: string): Promise<boolean> {
    const { clock } = this.context;
    const wantsTillMs = clock.monotonicMs() + SYNC_OVERDUE_MS;
    return new Promise((resolve, reject) => {
      const onWanting = (): void => {
        if (clock.monotonicMs() >= wantsTillMs) resolve(true);
      };
      this.syncDir(path, onWanting).then(resolve, reject);
    });
  }

  private async syncDir(path: string, onWantingHandles: () => void): Promise<boolean> {
    const { clock, folders, logger, scheduler } = this.context;
    const dir = this.dirs.get(path);
    if (!dir) return false;
    const deleted = [...(this.undurable.get(path) ?? [])];
    const sync = async (): Promise<true> => {
      await onStorageAsync(this.context, path, 'deleting logs', () => folders.ensureSynced(path));
      return true;
    };
    const onError = (error: unknown): void => logger.error('Failed to make deletions durable', { dir: path, error });
    const onWanting = (error: unknown): void => {
      onError(error);
      onWantingHandles();
    };
    try {
      if (!(await whenHandlesAllow(clock, sync, { isOver: () => this.closed, onWanting }))) return false;
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      onError(error);
      return false;
    }
    const undurable = this.undurable.get(path);
    for (const [name, deletion] of deleted) if (undurable?.get(name) === deletion) undurable.delete(name);
    // The deletion holds without them. When the broker stops, that writes them.
    if (!this.closed) scheduler.scheduleOnce('checkpoint-deletions', () => this.checkpoints.writeBothInBackground(dir));
    return true;
  }
}
