import { BROKER_SLICES, runAtOnce, runInSlices, type Steps } from '../common/index.js';
import { partitionKey } from '../cluster/index.js';
import { RecordsError } from '../records/index.js';
import type { LocalLog } from './local-log.js';
import { onStorageAsync } from './log-context.js';
import { LogError } from './core/log-error.js';
import type { LogFlusher } from './manager/log-flusher.js';

/** After a failure that was none of the disk (no more files can be opened), in ms. */
const RETRY_MS = 100;

/**
 * What is left to do once a log was cut: making the producers' state that of its new end, for which up to a whole segment is walked, and
 * making the cut durable, with the recovery point that fell to it. The log itself is cut at once, so that reads never see half of it. The
 * rest is done in slices when its turn comes (`SettlingQueues`); whoever needs the state (an append, a roll, another truncation) completes
 * it at once, and a caller that can wait waits for `done`. Owned by the log; it ends when all is done, or the log is closed, or its
 * directory has failed, or what is left of the log cannot be read: then the log takes no appends, and whoever needs its state is told why.
 */
export class TruncationSettling {
  /** Resolves when it has ended. Rejects for a bug only. */
  readonly done: Promise<void>;
  private settleDone: { resolve: () => void; reject: (bug: unknown) => void } | null = null;
  private isDone = false;
  private steps: Steps<void> | null = null;
  private unreadable: LogError | null = null;
  /** Asked for when the log is cut: logs that are cut together have it together, though they are settled one after another. */
  private fallSaved: Promise<void> | null;

  constructor(
    private readonly local: LocalLog,
    private readonly flusher: LogFlusher,
    /** Begins to rebuild the state, again after a failure. */
    private readonly rebuild: () => Steps<void>,
    private readonly onDone: () => void,
  ) {
    this.done = new Promise((resolve, reject) => (this.settleDone = { resolve, reject }));
    this.fallSaved = local.checkpointFall();
    // That it failed is looked at when its turn comes.
    this.fallSaved.catch(() => undefined);
    local.context.settlings.add(local.parentDir, this.run);
  }

  /** Throws KAFKA_STORAGE_ERROR when a batch that is left cannot be read: the truncation is never settled. */
  ensureReadable(): void {
    if (this.unreadable) throw this.unreadable;
  }

  get isUnreadable(): boolean {
    return this.unreadable !== null;
  }

  /** Does what is left, blocking. */
  complete(): void {
    if (this.isDone) return;
    this.ensureReadable();
    this.local.ensureOpen();
    this.local.onStorage('truncating', () => {
      runAtOnce(this.walk());
      this.flusher.syncCutSync();
    });
    this.finish();
  }

  /** The log is closed: nothing is done any more, and no one waits. */
  end(): void {
    this.local.context.settlings.remove(this.local.parentDir, this.run);
    this.settleDone?.resolve();
  }

  /** The files of a closed log are not touched again. */
  private get isOver(): boolean {
    const { context, parentDir, isClosed } = this.local;
    return this.isDone || isClosed || this.unreadable !== null || !context.isUsable(parentDir);
  }

  private readonly run = async (): Promise<void> => {
    try {
      while (!this.isOver) await this.trySettling();
      this.end();
    } catch (bug) {
      this.settleDone?.reject(bug);
    }
  };

  private async trySettling(): Promise<void> {
    const { clock, settlings } = this.local.context;
    try {
      await this.settleOnce();
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      if (this.isOver) return;
      // Not given up: until it is done, appends block, retention waits, and the last stable offset may be held back.
      settlings.noteFailure(this.local.parentDir, partitionKey(this.local.topicPartition), error);
      await new Promise<void>((resolve) => clock.setTimer(RETRY_MS, resolve, { background: true }));
    }
  }

  private async settleOnce(): Promise<void> {
    const { context, parentDir, topicPartition } = this.local;
    await onStorageAsync(context, parentDir, `truncating ${partitionKey(topicPartition)}`, async () => {
      const fallSaved = this.fallSaved ?? this.local.checkpointFall();
      this.fallSaved = null;
      await Promise.all([fallSaved, this.rebuildAndSync()]);
    });
    if (!this.isOver) this.finish();
  }

  private async rebuildAndSync(): Promise<void> {
    await runInSlices(this.local.context.clock, this.walk(), BROKER_SLICES);
    if (!this.isOver) await this.flusher.syncCut();
  }

  /** A slice ends between two batches; between two slices `complete` may take the rest of the steps, and fail at it. */
  private *walk(): Steps<void> {
    while (!this.isOver) {
      this.steps ??= this.rebuild();
      try {
        if (this.steps.next().done) return;
      } catch (error) {
        this.steps = null;
        if (!(error instanceof RecordsError)) throw error;
        throw this.giveUp(error);
      }
      yield;
    }
  }

  /** Bytes that are damaged on the disk cost this replica, as in Kafka, not the fetcher or the broker. */
  private giveUp(error: RecordsError): LogError {
    const partition = partitionKey(this.local.topicPartition);
    this.local.context.logger.error('A truncated log cannot be read', { partition, error });
    this.unreadable = new LogError(
      'KAFKA_STORAGE_ERROR',
      `Truncated log of ${partition} is damaged: ${error.message}`,
      {
        cause: error,
      },
    );
    this.end();
    return this.unreadable;
  }

  private finish(): void {
    this.isDone = true;
    this.onDone();
    this.end();
  }
}
