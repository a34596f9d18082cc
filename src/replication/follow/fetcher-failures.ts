/** Partitions that a fetcher leaves alone for a while, or gives up. */
import { ErrorCode, errorName } from '../../protocol/index.js';
import { isOutOfHandles, type UnifiedLog } from '../../log/index.js';
import type { FetcherOptions } from './fetcher-options.js';
import type { FetcherPartitions } from './fetcher-partitions.js';
import type { PartitionFetchState } from './fetcher-state.js';

/** Decides what becomes of a partition that cannot go on now. Owned by its `ReplicaFetcher`, which `kick` has look at its partitions again. */
export class FetcherFailures {
  constructor(
    private readonly options: FetcherOptions,
    private readonly partitions: FetcherPartitions,
    private readonly kick: () => void,
  ) {}

  /**
   * Leaves a partition alone until its log takes appends without holding up everyone: its disk may take long, or hang, which is no reason for
   * the others of this fetcher to wait, as they do in Kafka. What was fetched for it is dropped and fetched again then. (Not the copy that is
   * to replace the log: that is fed from the log.)
   */
  putOff(state: PartitionFetchState, log: UnifiedLog): void {
    this.partitions.put({ ...state, delayedUntilMs: UNTIL_LOG_IS_READY });
    const resume = (): void => {
      const current = this.partitions.get(state.key);
      if (current?.delayedUntilMs !== UNTIL_LOG_IS_READY) return;
      const resumed = { ...current, delayedUntilMs: null };
      this.partitions.put(resumed);
      // For want of handles, say.
      if (!log.isReadyForAppends) this.delay([resumed]);
      this.kick();
    };
    log
      .prepareForAppends()
      .then(resume)
      .catch((error: unknown) => this.options.onFatal(error));
  }

  /** The leader refuses the partition. */
  onPartitionError(state: PartitionFetchState, errorCode: number): void {
    const { logger } = this.options;
    const fields = { partition: state.key, leaderEpoch: state.currentLeaderEpoch, error: errorName(errorCode) };
    switch (errorCode) {
      case ErrorCode.FENCED_LEADER_EPOCH:
        // There is a newer leader epoch, of which LeaderAndIsr will tell.
        logger.info('The leader has a newer epoch; fetching resumes with the next LeaderAndIsr', fields);
        this.markFailed(state.key);
        return;
      case ErrorCode.UNKNOWN_LEADER_EPOCH:
      case ErrorCode.NOT_LEADER_OR_FOLLOWER:
        logger.debug('The broker does not lead the partition in this epoch yet or any more', fields);
        break;
      case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
      case ErrorCode.UNKNOWN_TOPIC_ID:
      case ErrorCode.INCONSISTENT_TOPIC_ID:
        logger.info('The leader does not know the topic: it is being created or deleted', fields);
        break;
      default:
        logger.warn('The leader cannot serve the partition', { ...fields, fetchOffset: state.fetchOffset });
    }
    this.delay([state]);
  }

  /** When the disk fails the partition is given up. For want of handles it goes on later from where its log is then. */
  onStepFailed(state: PartitionFetchState, error: unknown): void {
    if (!isOutOfHandles(error)) {
      this.markFailed(state.key);
      return;
    }
    const log = this.options.partitionOf(state.tp)?.log;
    // The step may have been done in part: a batch may be there, or the cut.
    if (log && state.phase === 'Fetching' && this.partitions.get(state.key) === state) {
      const lastFetchedEpoch = state.lastFetchedEpoch < 0 ? -1 : (log.latestEpoch ?? -1);
      this.partitions.put({ ...state, fetchOffset: log.logEndOffset, lastFetchedEpoch });
    }
    this.delay([state]);
  }

  /** Gives the partition up until the next LeaderAndIsr. */
  markFailed(key: string): void {
    this.partitions.remove(key);
    this.options.onFailed(key);
  }

  /** Leaves partitions alone for `replica.fetch.backoff.ms`. */
  delay(states: readonly PartitionFetchState[]): void {
    const { clock, settings } = this.options;
    const { backoffMs } = settings();
    const delayedUntilMs = clock.monotonicMs() + backoffMs;
    const delayed: string[] = [];
    for (const { key } of states) {
      const current = this.partitions.get(key);
      if (!current || current.delayedUntilMs !== null) continue;
      delayed.push(key);
      this.partitions.put({ ...current, delayedUntilMs });
    }
    if (delayed.length === 0) return;
    const resume = (): void => {
      for (const key of delayed) {
        const current = this.partitions.get(key);
        // By its delay and not by its identity: other things may be known of it by now (its topic's id). A new delay has its own timer.
        if (current?.delayedUntilMs === delayedUntilMs) this.partitions.put({ ...current, delayedUntilMs: null });
      }
      this.kick();
    };
    clock.setTimer(backoffMs, resume, { background: true });
  }
}

/** In place of a time. */
const UNTIL_LOG_IS_READY = Infinity;
