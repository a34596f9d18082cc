import type { LocalLog } from '../local-log.js';
import { onStorage, onStorageAsync } from '../log-context.js';
import { LogError } from '../core/log-error.js';

/** Takes out of the checkpoints of the log's directory what they say of an earlier log of its name, durably. Throws the file system's error. */
export interface EarlierLog {
  /** Through the thread pool. */
  forget(): Promise<void>;
  /** Blocking. */
  forgetSync(): void;
}

/**
 * What a new log does where a checkpoint of its directory still speaks of an earlier log of its name: after a kill that would say where the
 * new log begins, and how far it is flushed. As long as it does, the folder has a name that a start removes; the log takes no appends. As that
 * may take long, or hang, with the disk, it is done in the background; an append that comes earlier does it, blocking. Owned by the log.
 */
export class NameTaking {
  private underWay: Promise<void> | null = null;
  private isTaken = false;

  constructor(
    private readonly local: LocalLog,
    private readonly earlier: EarlierLog,
    private readonly rename: () => void,
  ) {}

  /** Without blocking. The name is not taken when that failed, for want of handles say: then it is to be called again. */
  async take(): Promise<void> {
    this.underWay ??= this.tryTaking().finally(() => (this.underWay = null));
    await this.underWay;
  }

  /** The same, blocking. Throws KAFKA_STORAGE_ERROR. */
  takeSync(): void {
    const { context, parentDir } = this.local;
    if (this.isOver) return;
    onStorage(context, parentDir, this.doing, () => this.earlier.forgetSync());
    this.end();
  }

  /** The files of a closed log are not touched again. */
  private get isOver(): boolean {
    return this.isTaken || this.local.isClosed;
  }

  private get doing(): string {
    return `taking an earlier log of ${this.local.dir} out of the checkpoints`;
  }

  private async tryTaking(): Promise<void> {
    const { context, parentDir, dir } = this.local;
    if (this.isOver) return;
    try {
      await onStorageAsync(context, parentDir, this.doing, () => this.earlier.forget());
      if (!this.isOver) this.end();
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      context.logger.warn('A new log has not taken its name yet', { dir, error });
    }
  }

  private end(): void {
    this.isTaken = true;
    this.rename();
  }
}
