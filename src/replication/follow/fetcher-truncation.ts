/** Where a follower's log parts from its leader's, and what is cut of it (`AbstractFetcherThread.maybeTruncate`, KIP-101, KIP-279). */
import { AssertionError, BROKER_SLICES, runInSlices, type Steps } from '../../common/index.js';
import { LogError, type UnifiedLog } from '../../log/index.js';
import { ErrorCode } from '../../protocol/index.js';
import { outOfRangeAction, truncationPoint } from '../core/truncation.js';
import type { FetcherFailures } from './fetcher-failures.js';
import type { FetcherOptions } from './fetcher-options.js';
import type { FetcherPartitions } from './fetcher-partitions.js';
import type { PartitionFetchState } from './fetcher-state.js';
import type { Partition } from '../partition.js';
import type { EpochEndOffset } from '../ports.js';

/** Below every offset. */
const NOTHING_KEPT = -1;

/** The part of a `ReplicaFetcher` that cuts logs. */
export class FetcherTruncation {
  constructor(
    private readonly options: FetcherOptions,
    private readonly partitions: FetcherPartitions,
    private readonly failures: FetcherFailures,
    private readonly isClosed: () => boolean,
  ) {}

  /** Cuts logs where that is what their partitions wait for. */
  async maybeTruncate(): Promise<void> {
    const questions: PartitionFetchState[] = [];
    await this.inSlices(this.truncateWithoutEpochs(questions));
    if (questions.length === 0 || this.isClosed()) return;
    let answers: EpochEndOffset[];
    try {
      answers = await this.options.leader.fetchEpochEndOffsets(
        questions.map((state) => ({
          tp: state.tp,
          currentLeaderEpoch: state.currentLeaderEpoch,
          leaderEpoch: this.options.partitionOf(state.tp)?.log?.latestEpoch ?? -1,
        })),
      );
    } catch (error) {
      this.options.logger.debug('Cannot ask the leader for epoch ends', {
        leader: this.options.leader.brokerId,
        error,
      });
      this.failures.delay(questions);
      return;
    }
    await this.inSlices(this.truncateEach(questions, answers));
  }

  /** Without any epoch in the log there is nothing to ask for: what lies above the high watermark goes (before KIP-101). */
  private *truncateWithoutEpochs(questions: PartitionFetchState[]): Steps<void> {
    for (const state of this.partitions.truncatingNow()) {
      if (this.isClosed()) return;
      if (this.partitions.get(state.key) !== state) continue;
      const partition = this.options.partitionOf(state.tp);
      if (!partition?.log) {
        this.partitions.remove(state.key);
      } else if (isSettling(partition.log)) {
        // A round before this one cut it, or the fetcher that it had before.
        this.failures.putOff(state, partition.log);
      } else if (partition.log.latestEpoch !== null) {
        questions.push(state);
      } else {
        this.guarded(state, () => this.truncateTo(state, partition, state.fetchOffset, true));
        yield;
      }
    }
  }

  private *truncateEach(questions: readonly PartitionFetchState[], answers: readonly EpochEndOffset[]): Steps<void> {
    for (const [at, asked] of questions.entries()) {
      // Someone moved the partition while we asked, or worked on others.
      if (this.isClosed() || this.partitions.get(asked.key) !== asked) continue;
      const answer = answers[at]!;
      if (answer.errorCode === ErrorCode.NONE) {
        const partition = this.options.partitionOf(asked.tp);
        if (partition?.log) this.guarded(asked, () => this.truncate(asked, partition, answer));
      } else {
        this.failures.onPartitionError(asked, answer.errorCode);
      }
      yield;
    }
  }

  /** Cuts the log where the leader's and ours part. */
  truncate(state: PartitionFetchState, partition: Partition, answer: EpochEndOffset): void {
    const log = partition.logOrThrow();
    const own = {
      logEndOffset: log.logEndOffset,
      endOffsetForEpoch: (epoch: number) => {
        const end = log.endOffsetForEpoch(epoch);
        return end && { epoch: end.epoch, endOffset: end.offset };
      },
    };
    const leaderEnd = { epoch: answer.leaderEpoch, endOffset: answer.endOffset };
    const { offset, completed } = truncationPoint(leaderEnd, own, state.fetchOffset);
    this.options.logger.info('Truncating by leader epoch', { partition: state.key, offset, leaderEnd, completed });
    this.truncateTo(state, partition, offset, completed);
  }

  private truncateTo(state: PartitionFetchState, partition: Partition, target: number, completed: boolean): void {
    const { isTruncationOnFetchSupported } = this.options.settings();
    const piece = isTruncationOnFetchSupported ? this.cutPiece(partition, target) : null;
    if (piece === null) partition.truncateTo(target);
    const offset = piece ?? target;
    const lastFetchedEpoch = isTruncationOnFetchSupported ? (partition.logOrThrow().latestEpoch ?? -1) : -1;
    // With truncation on fetch the next answer tells whether more has to go.
    const phase = completed || isTruncationOnFetchSupported ? 'Fetching' : 'Truncating';
    this.partitions.put({ ...state, fetchOffset: offset, lastFetchedEpoch, phase });
  }

  /**
   * A log of many segments is cut piece by piece, from its end: what is left diverges still, or lies out of range, so that the answer to the
   * fetch behind it has the next piece cut. Gives where the log ends now; null when the rest is to go at once: it is little, or no epoch is left that
   * would tell the leader that the log diverges.
   */
  private cutPiece(partition: Partition, target: number): number | null {
    const log = partition.logOrThrow();
    const piece = log.nextCut(target);
    if (piece === target) return null;
    partition.truncateTo(piece);
    return log.latestEpoch === null ? null : piece;
  }

  /** The fetch offset lies outside of the leader's log: begins where the leader's log allows. */
  async resetOffset(asked: PartitionFetchState): Promise<void> {
    const { leader, partitionOf, logger } = this.options;
    const end = partitionOf(asked.tp)?.log?.logEndOffset;
    if (end === undefined) return;
    try {
      const latest = await leader.fetchLatestOffset(asked.tp, asked.currentLeaderEpoch);
      const needsEarliest = latest.errorCode === ErrorCode.NONE && latest.offset >= end;
      const earliest = needsEarliest ? await leader.fetchEarliestOffset(asked.tp, asked.currentLeaderEpoch) : latest;
      if (this.partitions.get(asked.key) !== asked) return;
      if (earliest.errorCode !== ErrorCode.NONE) {
        this.failures.onPartitionError(asked, earliest.errorCode);
        return;
      }
      const partition = partitionOf(asked.tp);
      if (!partition?.log) return;
      this.guarded(asked, () => {
        const action = outOfRangeAction(partition.logOrThrow().logEndOffset, latest.offset, earliest.offset);
        logger.warn('The fetch offset is out of range', {
          partition: asked.key,
          fetchOffset: asked.fetchOffset,
          ...action,
        });
        if (action.kind === 'fetchFrom' && action.offset === asked.fetchOffset) {
          this.onRefusedInRange(asked, partition);
          return;
        }
        const keptTo = action.kind === 'truncateFullyAndStartAt' ? NOTHING_KEPT : action.offset;
        const piece = action.kind === 'fetchFrom' ? null : this.cutPiece(partition, keptTo);
        if (piece === null && action.kind === 'truncateTo') partition.truncateTo(action.offset);
        if (piece === null && action.kind === 'truncateFullyAndStartAt') {
          partition.truncateFullyAndStartAt(action.offset);
        }
        const fetchOffset = piece ?? action.offset;
        const { isTruncationOnFetchSupported } = this.options.settings();
        const lastFetchedEpoch = isTruncationOnFetchSupported ? (partition.logOrThrow().latestEpoch ?? -1) : -1;
        const lag = Math.max(0, latest.offset - fetchOffset);
        this.partitions.put({ ...asked, fetchOffset, lastFetchedEpoch, lag, phase: 'Fetching' });
      });
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      logger.debug('Cannot ask the leader for its offsets', { leader: leader.brokerId, partition: asked.key, error });
      this.failures.delay([asked]);
    }
  }

  /**
   * The offset lies within the leader's log: the ends have moved meanwhile, or the leader keeps no leader epochs (Kafka, for topics in a message
   * format of before 0.11) and refuses whoever names one, forever. When it is refused again, the follower does as it does without epochs: what
   * was committed stays, and no epoch is named. Never at once, as a leader that goes on refusing would be asked without a pause.
   */
  private onRefusedInRange(asked: PartitionFetchState, partition: Partition): void {
    let next: PartitionFetchState = { ...asked, refusedInRangeAt: asked.fetchOffset };
    if (asked.refusedInRangeAt === asked.fetchOffset && asked.lastFetchedEpoch !== -1) {
      const { highWatermark } = partition.logOrThrow();
      partition.truncateTo(highWatermark);
      next = { ...next, fetchOffset: highWatermark, lastFetchedEpoch: -1 };
    }
    this.partitions.put(next);
    this.failures.delay([next]);
  }

  /** Runs a step on the log. */
  private guarded(state: PartitionFetchState, step: () => void): void {
    try {
      step();
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      this.options.logger.error('Cannot truncate', { partition: state.key, error });
      this.failures.onStepFailed(state, error);
    }
  }

  private inSlices(steps: Steps<void>): Promise<void> {
    return runInSlices(this.options.clock, steps, this.options.slices ?? BROKER_SLICES);
  }
}

function isSettling(log: UnifiedLog): boolean {
  return settlingOf(log) === 'underWay';
}

export function settlingOf(log: UnifiedLog): 'done' | 'underWay' | 'never' {
  try {
    return log.whenTruncated() === null ? 'done' : 'underWay';
  } catch (error) {
    if (error instanceof LogError) return 'never';
    throw error;
  }
}
