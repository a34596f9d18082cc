import type { LeaderEpochFileCache } from './leader-epoch-file-cache.js';
import type { LocalLog } from './local-log.js';
import { onStorageAsync } from './log-context.js';

/** Makes a log durable and moves its recovery point. Owned by the log. */
export class LogFlusher {
  constructor(
    private readonly local: LocalLog,
    private readonly epochs: LeaderEpochFileCache,
  ) {}

  /** All below `upTo`, without blocking; with `includesOffset` all files of the log, if anything changed in any. */
  async flush(upTo: number, includesOffset: boolean): Promise<void> {
    const { local } = this;
    // A truncation may have come between a roll and its flush.
    const offset = Math.min(upTo, local.logEndOffset);
    if (local.isClosed || (includesOffset ? !local.hasUnflushedChanges : offset <= local.recoveryPoint)) return;
    const truncations = local.truncationCount;
    await (includesOffset ? local.flushAll() : local.flush(offset));
    if (local.isClosed) return;
    // The epochs must be known as long as the batches under them: recovery does not look before the recovery point.
    await onStorageAsync(local.context, local.parentDir, 'flushing the leader epochs', () => this.epochs.sync());
    // After a truncation, other bytes may stand below the offset than were flushed.
    if (local.truncationCount === truncations) local.markFlushed(offset);
  }

  /** All of the log, blocking. */
  flushSync(): void {
    const { local } = this;
    local.flushSync(local.logEndOffset);
    local.markFlushed(local.logEndOffset);
  }
}
