import { nextTurn } from '../../common/index.js';
import type { LogDir, LogDirs } from '../manager/log-dirs.js';
import { isFileSystemError, type LogContext } from '../log-context.js';
import type { OffsetCheckpointFile } from './offset-checkpoint-file.js';
import type { UnifiedLog } from '../unified-log.js';

/** Writes the recovery points and the log start offsets of a broker's logs beside them. Owned by the `LogManager`. */
export class LogCheckpoints {
  /** By log directory. */
  private readonly lowered = new Map<string, Promise<void>>();
  /** By log directory: names that are forgotten with the next turn. */
  private readonly toForget = new Map<string, { readonly names: Set<string>; readonly done: Promise<void> }>();

  constructor(
    private readonly context: LogContext,
    private readonly dirs: LogDirs,
    /** By `partitionKey`. */
    private readonly logs: () => ReadonlyMap<string, UnifiedLog>,
  ) {}

  /** `recovery-point-offset-checkpoint`, blocking. False when it could not be written: the directory fails, or no file could be opened. */
  writeRecoveryPoints(dir: LogDir): boolean {
    return this.write(dir, dir.recoveryPoints, recoveryPointOf);
  }

  /** `log-start-offset-checkpoint`, blocking: only of logs that begin inside a segment, as else its name says it. */
  writeLogStartOffsets(dir: LogDir): boolean {
    return this.write(dir, dir.logStartOffsets, logStartOffsetOf);
  }

  /** The recovery points through the thread pool: they only say what is durable already, so they may come late. */
  async writeRecoveryPointsInBackground(dir: LogDir): Promise<void> {
    await this.writeInBackground(dir, dir.recoveryPoints, recoveryPointOf);
  }

  /** The log start offsets likewise. */
  async writeLogStartOffsetsInBackground(dir: LogDir): Promise<void> {
    await this.writeInBackground(dir, dir.logStartOffsets, logStartOffsetOf);
  }

  /** Both through the thread pool. */
  async writeBothInBackground(dir: LogDir): Promise<void> {
    await Promise.all([this.writeRecoveryPointsInBackground(dir), this.writeLogStartOffsetsInBackground(dir)]);
  }

  /**
   * The recovery points of logs that were cut, once for all that are cut in one turn, or while the file is written for others, and their log
   * starts where one fell below what its checkpoint says. Resolves when they are durable: a higher recovery point would count what is appended
   * after the cut as flushed, a higher log start would hide or delete it. Rejects with the file system's error.
   */
  writeLowered(path: string): Promise<void> {
    let written = this.lowered.get(path);
    if (!written) {
      written = nextTurn(this.context.clock).then(async () => {
        await this.usable(path)?.recoveryPoints.settled();
        this.lowered.delete(path);
        const dir = this.usable(path);
        if (!dir) return;
        await dir.recoveryPoints.writeInBackground(this.offsetsIn(dir, recoveryPointOf));
        if (this.hasLogStartFallen(dir))
          await dir.logStartOffsets.writeInBackground(this.offsetsIn(dir, logStartOffsetOf));
      });
      this.lowered.set(path, written);
    }
    return written;
  }

  /** The same, blocking. */
  writeLoweredSync(path: string): void {
    const dir = this.usable(path);
    if (!dir) return;
    dir.recoveryPoints.write(this.offsetsIn(dir, recoveryPointOf));
    if (this.hasLogStartFallen(dir)) dir.logStartOffsets.write(this.offsetsIn(dir, logStartOffsetOf));
  }

  /** True when one says something of a log of that name, or will after a loss of power. */
  isNamed(path: string, name: string): boolean {
    const dir = this.usable(path);
    return dir !== undefined && filesOf(dir).some((file) => file.names(name));
  }

  /**
   * Takes out what the checkpoints say of a log that was in the directory, before another gets its name there. Blocking. Throws the file
   * system's error.
   */
  forget(path: string, name: string): void {
    this.toForget.get(path)?.names.delete(name);
    const dir = this.usable(path);
    if (dir) for (const file of filesOf(dir)) file.forget(name, this.isIn(path));
  }

  /** The same through the thread pool, once for all names of one turn: a topic that is made again may have thousands. */
  forgetInBackground(path: string, name: string): Promise<void> {
    let batch = this.toForget.get(path);
    if (!batch) {
      const names = new Set<string>();
      const done = nextTurn(this.context.clock).then(() => this.forgetAll(path, names));
      this.toForget.set(path, (batch = { names, done }));
    }
    batch.names.add(name);
    return batch.done;
  }

  private async forgetAll(path: string, names: Set<string>): Promise<void> {
    this.toForget.delete(path);
    const dir = this.usable(path);
    if (!dir) return;
    // When the broker stops, what is written comes before the mark of that.
    for (const name of names) if (this.logs().get(name)?.isClosed) names.delete(name);
    await Promise.all(filesOf(dir).map((file) => file.forgetInBackground(names, this.isIn(path))));
  }

  private isIn(path: string): (name: string) => boolean {
    const logs = this.logs();
    return (name) => logs.get(name)?.parentDir === path;
  }

  private hasLogStartFallen(dir: LogDir): boolean {
    const logs = this.logs();
    return dir.logStartOffsets.has((name, offset) => {
      const log = logs.get(name);
      return log?.parentDir === dir.path && log.logStartOffset < offset;
    });
  }

  private usable(path: string): LogDir | undefined {
    return this.dirs.isUsable(path) ? this.dirs.get(path) : undefined;
  }

  private write(dir: LogDir, file: OffsetCheckpointFile, offsetOf: OffsetOf): boolean {
    if (!this.dirs.isUsable(dir.path)) return false;
    try {
      file.write(this.offsetsIn(dir, offsetOf));
      return true;
    } catch (error) {
      this.onError(dir, file, error);
      return false;
    }
  }

  private async writeInBackground(dir: LogDir, file: OffsetCheckpointFile, offsetOf: OffsetOf): Promise<void> {
    if (!this.dirs.isUsable(dir.path)) return;
    try {
      await file.writeInBackground(this.offsetsIn(dir, offsetOf));
    } catch (error) {
      this.onError(dir, file, error);
    }
  }

  private offsetsIn(dir: LogDir, offsetOf: OffsetOf): Map<string, number> {
    const offsets = new Map<string, number>();
    for (const [name, log] of this.logs()) {
      if (log.parentDir !== dir.path) continue;
      const offset = offsetOf(log);
      if (offset !== null) offsets.set(name, offset);
    }
    return offsets;
  }

  private onError(dir: LogDir, file: OffsetCheckpointFile, error: unknown): void {
    if (!isFileSystemError(error)) throw error;
    this.context.onStorageError(dir.path, `writing ${file.path}`, error);
  }
}

function filesOf(dir: LogDir): readonly OffsetCheckpointFile[] {
  return [dir.recoveryPoints, dir.logStartOffsets, dir.highWatermarks, dir.cleanerOffsets];
}

type OffsetOf = (log: UnifiedLog) => number | null;

const recoveryPointOf: OffsetOf = (log) => log.recoveryPoint;
const logStartOffsetOf: OffsetOf = (log) =>
  log.logStartOffset > (log.segments[0]?.baseOffset ?? 0) ? log.logStartOffset : null;
