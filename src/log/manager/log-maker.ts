/** How a new log comes into being: its folder, its files, and its name. */
import { partitionKey, type TopicPartition } from '../../cluster/index.js';
import type { LogCheckpoints } from '../checkpoints/log-checkpoints.js';
import type { LogConfig } from '../log-config.js';
import { onStorage, type LogContext } from '../log-context.js';
import { LogError } from '../core/log-error.js';
import { deleteDirName, futureDirName, uniqueId } from '../files/log-file-names.js';
import { loadLog } from '../log-loader.js';
import type { CreateLogOptions } from './log-manager-options.js';
import type { UnifiedLog } from '../unified-log.js';

interface NewFolder {
  readonly parentDir: string;
  readonly dir: string;
  /** It was not there before. */
  readonly isMade: boolean;
  /** The checkpoints speak of an earlier log of its name, which it takes later (`NameTaking`). */
  readonly nameLater: boolean;
}

/** Makes new logs for the `LogManager`, who decides where. */
export class LogMaker {
  constructor(
    private readonly context: LogContext,
    private readonly checkpoints: LogCheckpoints,
  ) {}

  /**
   * Makes the log in the first of `dirs` that takes its folder. Throws KAFKA_STORAGE_ERROR when none does, or the one that did then fails.
   */
  make(
    tp: TopicPartition,
    dirs: readonly string[],
    { config, topicId = null, isFuture = false }: CreateLogOptions & { readonly config: LogConfig },
  ): UnifiedLog {
    const { parentDir, dir, isMade, nameLater } = this.makeFolder(tp, dirs, isFuture);
    const name = partitionKey(tp);
    try {
      const log = onStorage(this.context, parentDir, `creating log for ${name}`, () =>
        loadLog(this.context, {
          topicPartition: tp,
          dir,
          config,
          hadCleanShutdown: true,
          recoveryPoint: 0,
          logStartOffset: 0,
          topicId,
        }),
      );
      if (nameLater) {
        log.takeNameOf(`${parentDir}/${name}`, {
          forget: () => this.checkpoints.forgetInBackground(parentDir, name),
          forgetSync: () => this.checkpoints.forget(parentDir, name),
        });
        this.context.scheduler.scheduleOnce('take-names', () => log.takeName());
      }
      return log;
    } catch (error) {
      // Whatever fails inside of the folder is this directory's failure; the log is not made elsewhere, as it would then be there twice.
      if (isMade) this.removeHalfMade(dir);
      throw error;
    }
  }

  /** Only where the folder itself cannot be made the next directory is tried, as `LogManager.createLogDirectory` does. */
  private makeFolder(tp: TopicPartition, dirs: readonly string[], isFuture: boolean): NewFolder {
    const { fs, random } = this.context;
    const name = isFuture ? futureDirName(tp, uniqueId(random)) : partitionKey(tp);
    let lastError: unknown;
    for (const parentDir of dirs) {
      try {
        const folder = onStorage(this.context, parentDir, `creating log for ${partitionKey(tp)}`, () => {
          // The checkpoints do not name copies.
          const nameLater = !isFuture && this.checkpoints.isNamed(parentDir, name);
          const dir = `${parentDir}/${name}`;
          if (fs.exists(dir)) return { parentDir, dir, isMade: false, nameLater };
          const made = nameLater ? `${parentDir}/${deleteDirName(tp, uniqueId(random))}` : dir;
          fs.makeDir(made);
          return { parentDir, dir: made, isMade: true, nameLater };
        });
        this.context.folders.markChanged(parentDir);
        return folder;
      } catch (error) {
        if (!(error instanceof LogError)) throw error;
        lastError = error;
      }
    }
    throw new LogError(
      'KAFKA_STORAGE_ERROR',
      `No log directories available for ${partitionKey(tp)}; tried ${dirs.join(', ')}`,
      { cause: lastError },
    );
  }

  /** Nothing was put into it yet. A folder that cannot be removed either is an empty log to the next start. */
  private removeHalfMade(dir: string): void {
    try {
      this.context.fs.remove(dir);
    } catch (error) {
      this.context.logger.warn('Failed to remove the folder of a log that could not be made', { dir, error });
    }
  }
}
