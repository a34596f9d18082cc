import { runAtOnce, runInSlices, type Steps } from '../common/index.js';
import { partitionKey } from '../cluster/index.js';
import type { LocalLog } from './local-log.js';
import { onStorageAsync } from './log-context.js';
import { LogError } from './log-error.js';
import type { LogFlusher } from './log-flusher.js';

/**
 * What is left to do once a log was cut: making the producers' state that of its new end, for which up to a whole segment is walked, and
 * making the cut durable, with the recovery point that fell to it. The log itself is cut at once, so that reads never see half of it. The rest is done in slices; whoever needs the
 * state (an append, a roll, another truncation) completes it at once. Owned by the log; it ends when the log is closed.
 */
export class TruncationSettling {
  /** Resolves when all is done, or the log directory has failed. */
  readonly done: Promise<void>;
  private isDone = false;
  private steps: Steps<void> | null = null;

  constructor(
    private readonly local: LocalLog,
    private readonly flusher: LogFlusher,
    /** Begins to rebuild the state, again after a failure. */
    private readonly rebuild: () => Steps<void>,
    private readonly onDone: () => void,
  ) {
    this.done = this.run();
  }

  /** Does what is left, blocking. */
  complete(): void {
    if (this.isDone) return;
    this.local.onStorage('truncating', () => {
      runAtOnce(this.untilClosed());
      this.flusher.syncCutSync();
    });
    this.finish();
  }

  private async run(): Promise<void> {
    const { context, parentDir, topicPartition } = this.local;
    try {
      await onStorageAsync(context, parentDir, `truncating ${partitionKey(topicPartition)}`, async () => {
        await Promise.all([this.local.checkpointFall(), this.rebuildAndSync()]);
      });
      this.finish();
    } catch (error) {
      // The directory is going offline. If it is not, for want of file handles, the next append begins again.
      if (!(error instanceof LogError)) throw error;
    }
  }

  private async rebuildAndSync(): Promise<void> {
    await runInSlices(this.local.context.clock, this.untilClosed());
    if (!this.isDone && !this.local.isClosed) await this.flusher.syncCut();
  }

  /** A slice ends between two batches. The files of a closed log are not touched again. */
  private *untilClosed(): Steps<void> {
    this.steps ??= this.rebuild();
    try {
      while (!this.local.isClosed && !this.isDone && !this.steps.next().done) yield;
    } catch (error) {
      this.steps = null;
      throw error;
    }
  }

  private finish(): void {
    if (this.isDone) return;
    this.isDone = true;
    this.onDone();
  }
}
