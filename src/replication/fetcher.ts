/**
 * Replicates partitions from one leader broker (Kafka's `AbstractFetcherThread` and `ReplicaFetcherThread`).
 *
 * One request is under way at a time. It names only what changed since the last, and its answer brings only what is new; partitions in
 * between cost nothing, so that thousands of them at rest are one empty request every `replica.fetch.wait.max.ms`.
 */
import {
  AssertionError,
  runInSlices,
  ZERO_UUID,
  type Clock,
  type Logger,
  type SliceLimits,
  type Steps,
  type Timer,
  type Uuid,
} from '../common/index.js';
import { partitionKey, type TopicPartition } from '../cluster/index.js';
import { isOutOfHandles, LogError, type UnifiedLog } from '../log/index.js';
import { ErrorCode, errorName, type FetchResponse, type FetchResponsePartitionData } from '../protocol/index.js';
import { RecordsError } from '../records/index.js';
import { FetchSessionHandler, type SentPartition, type SessionRequest } from './core/fetch-session-handler.js';
import { outOfRangeAction, truncationPoint } from './core/truncation.js';
import { FetcherPartitions } from './fetcher-partitions.js';
import { isReadyForFetch, type InitialFetchState, type PartitionFetchState } from './fetcher-state.js';
import { LATEST_VERSION_WITH_NAMES, partitionsIn, toFetchRequest, type FollowerIdentity } from './fetcher-wire.js';
import type { Partition } from './partition.js';
import type { EpochEndOffset, LeaderEndpoint, ReplicaQuota } from './ports.js';

/** What a fetcher needs of its broker. */
export interface FetcherOptions {
  readonly leader: LeaderEndpoint;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: () => FetcherSettings;
  readonly partitionOf: (tp: TopicPartition) => Partition | undefined;
  readonly quota: ReplicaQuota | null;
  readonly onHighWatermark: (partition: Partition) => void;
  /** The partition is given up until the next LeaderAndIsr. */
  readonly onFailed: (key: string) => void;
  readonly onBytes: (bytes: number) => void;
  /** A bug of ours: the process is to stop. */
  readonly onFatal: (error: unknown) => void;
  /** How an answer for many partitions is cut into slices; the default when left out. */
  readonly slices?: SliceLimits | undefined;
}

/** What the configuration says; read again for every request. Times in ms, sizes in bytes. */
export interface FetcherSettings extends FollowerIdentity {
  readonly partitionMaxBytes: number;
  readonly backoffMs: number;
  readonly fetchVersion: number;
  readonly isTruncationOnFetchSupported: boolean;
}

const SESSION_ENDED: ReadonlySet<number> = new Set([
  ErrorCode.FETCH_SESSION_ID_NOT_FOUND,
  ErrorCode.INVALID_FETCH_SESSION_EPOCH,
]);

export class ReplicaFetcher {
  private readonly partitions = new FetcherPartitions();
  private readonly session = new FetchSessionHandler();
  private isClosed = false;
  private isRunning = false;
  private isLeaderUnreachable = false;
  private wake: (() => void) | null = null;
  /** Something changed since partitions were last looked at. */
  private isKicked = false;

  constructor(private readonly options: FetcherOptions) {}

  get partitionCount(): number {
    return this.partitions.size;
  }

  get maxLag(): number {
    return this.partitions.maxLag;
  }

  stateOf(key: string): PartitionFetchState | undefined {
    return this.partitions.get(key);
  }

  /** Begins to fetch partitions. One that is fetched under the same leader epoch already goes on where it is. */
  addPartitions(initial: readonly InitialFetchState[]): void {
    for (const { tp, topicId, currentLeaderEpoch, fetchOffset } of initial) {
      const key = partitionKey(tp);
      if (this.partitions.get(key)?.currentLeaderEpoch === currentLeaderEpoch) continue;
      const epoch = this.options.partitionOf(tp)?.log?.latestEpoch ?? null;
      const canFetch = epoch !== null && this.options.settings().isTruncationOnFetchSupported;
      this.partitions.put({
        tp,
        key,
        topicId,
        fetchOffset,
        currentLeaderEpoch,
        lastFetchedEpoch: canFetch ? epoch : -1,
        phase: canFetch ? 'Fetching' : 'Truncating',
        delayedUntilMs: null,
        lag: null,
      });
    }
    this.kick();
  }

  /** Stops fetching partitions. What is under way for them has no effect any more. */
  removePartitions(keys: Iterable<string>): void {
    for (const key of keys) this.partitions.remove(key);
    this.kick();
  }

  /** The topics got ids, or lost them: they are asked for in the new way. */
  updateTopicId(key: string, topicId: Uuid | null): void {
    const state = this.partitions.get(key);
    if (state) this.partitions.put({ ...state, topicId });
  }

  /** The log start of a followed partition moved by retention: the leader is told with the next request. */
  markChanged(key: string): void {
    this.partitions.markChanged(key);
  }

  close(): void {
    this.isClosed = true;
    this.partitions.clear();
    this.options.leader.close();
    this.kick();
  }

  private kick(): void {
    this.isKicked = true;
    this.wake?.();
    if (this.isRunning || this.isClosed) return;
    this.isRunning = true;
    this.run().catch((error: unknown) => this.options.onFatal(error));
  }

  private async run(): Promise<void> {
    // One turn later, so that all partitions of a LeaderAndIsr request are in the first fetch.
    await this.pause(0);
    while (!this.isClosed) {
      this.isKicked = false;
      await this.maybeTruncate();
      if (this.isClosed) break;
      if ((await this.fetchOnce()) || this.partitions.isTruncatingUnderWay || this.isKicked) continue;
      await this.pause(this.partitions.throttled.size > 0 ? this.options.settings().backoffMs : null);
    }
    this.isRunning = false;
  }

  /** Waits for a kick, or for the time. Null: for a kick alone. */
  private pause(ms: number | null): Promise<void> {
    if (this.isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      let timer: Timer | null = null;
      const done = (): void => {
        this.wake = null;
        timer?.cancel();
        resolve();
      };
      this.wake = done;
      if (ms !== null) timer = this.options.clock.setTimer(ms, done, { background: true });
    });
  }

  /** After a change of leaders thousands of logs are cut, or appended to for the first time. */
  private inSlices(steps: Steps<void>): Promise<void> {
    return runInSlices(this.options.clock, steps, this.options.slices);
  }

  // Fetching

  /** False when there is nothing to fetch. */
  private async fetchOnce(): Promise<boolean> {
    const settings = this.options.settings();
    const request = this.buildSession(settings);
    if (this.session.sessionPartitionCount === 0 && request.toForget.length === 0) return false;
    const version = Math.min(
      settings.fetchVersion,
      request.canUseTopicIds ? settings.fetchVersion : LATEST_VERSION_WITH_NAMES,
    );
    let response: FetchResponse;
    try {
      response = await this.options.leader.fetch(toFetchRequest(request, version, settings), version);
    } catch (error) {
      if (!this.isClosed) await this.afterFailure(error, settings.backoffMs);
      return true;
    }
    if (this.isClosed) return true;
    if (this.isLeaderUnreachable) {
      this.isLeaderUnreachable = false;
      this.options.logger.info('Fetching from the leader works again', { leader: this.options.leader.brokerId });
    }
    const partitions = partitionsIn(response, version, (topicId) => this.partitions.topicName(topicId));
    const { errorCode, sessionId, throttleTimeMs } = response;
    const keys = partitions.map(({ key }) => key);
    if (!this.session.handleResponse({ errorCode, sessionId, throttleTimeMs, keys })) {
      this.options.logger.info('The fetch session is replaced', {
        leader: this.options.leader.brokerId,
        error: errorName(errorCode),
      });
      // The next request is a full one: at once where that is all it takes.
      if (!SESSION_ENDED.has(errorCode)) await this.pause(settings.backoffMs);
      return true;
    }
    await this.processResponse(partitions);
    return true;
  }

  private async afterFailure(error: unknown, backoffMs: number): Promise<void> {
    this.session.handleError();
    if (!this.isLeaderUnreachable) {
      this.isLeaderUnreachable = true;
      this.options.logger.warn('Cannot fetch from the leader', { leader: this.options.leader.brokerId, error });
    }
    await this.pause(backoffMs);
  }

  private buildSession(settings: FetcherSettings): SessionRequest {
    const { quota } = this.options;
    if (quota?.isQuotaExceeded()) {
      for (const { key, tp } of this.partitions.all()) if (quota.isThrottled(tp)) this.partitions.markChanged(key);
    }
    const keys = this.partitions.takeChanged(this.session.isFull);
    return this.session.build(keys, (key) => this.wanted(key, settings));
  }

  /** What to ask of the partition now; null when it is not to be fetched. */
  private wanted(key: string, settings: FetcherSettings): SentPartition | null {
    const state = this.partitions.get(key);
    if (!state || !isReadyForFetch(state)) return null;
    const log = this.options.partitionOf(state.tp)?.log;
    if (!log) return null;
    const { quota } = this.options;
    // Replicas that keep up are never throttled.
    const isBehind = state.lag === null || state.lag > 0;
    if (quota && isBehind && quota.isThrottled(state.tp) && quota.isQuotaExceeded()) {
      this.partitions.throttled.add(key);
      return null;
    }
    this.partitions.throttled.delete(key);
    return {
      key,
      topic: state.tp.topic,
      partition: state.tp.partition,
      topicId: state.topicId ?? ZERO_UUID,
      fetchOffset: state.fetchOffset,
      logStartOffset: log.logStartOffset,
      maxBytes: settings.partitionMaxBytes,
      currentLeaderEpoch: state.currentLeaderEpoch,
      lastFetchedEpoch: state.lastFetchedEpoch,
    };
  }

  private async processResponse(
    partitions: readonly { key: string | null; data: FetchResponsePartitionData }[],
  ): Promise<void> {
    const outOfRange: PartitionFetchState[] = [];
    await this.inSlices(this.processEach(partitions, outOfRange));
    for (const state of outOfRange) await this.resetOffset(state);
  }

  /** Each partition as it is when its turn comes. */
  private *processEach(
    partitions: readonly { key: string | null; data: FetchResponsePartitionData }[],
    outOfRange: PartitionFetchState[],
  ): Steps<void> {
    for (const { key, data } of partitions) {
      if (this.isClosed) return;
      const state = key === null ? undefined : this.partitions.get(key);
      const sent = key === null ? undefined : this.session.sent(key);
      const isAsAsked =
        state &&
        sent &&
        isReadyForFetch(state) &&
        sent.fetchOffset === state.fetchOffset &&
        sent.currentLeaderEpoch === state.currentLeaderEpoch;
      if (!isAsAsked) {
        // The role changed meanwhile. The leader believes that we know what we drop here, and would not tell it again (a high
        // watermark above all), so the session begins anew.
        this.session.handleError();
        continue;
      }
      const log = this.options.partitionOf(state.tp)?.log;
      if (log && !log.isReadyForAppends && changesLog(data) && canSettle(log)) this.putOff(state, log);
      else if (data.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) outOfRange.push(state);
      else if (data.errorCode !== ErrorCode.NONE) this.onPartitionError(state, data.errorCode);
      else this.processPartition(state, data);
      yield;
    }
  }

  /**
   * Leaves a partition alone until its log takes appends without holding up everyone: its disk may take long, or hang, which is no reason for
   * the others of this fetcher to wait, as they do in Kafka. What was fetched for it is dropped and fetched again then. (Not the copy that is
   * to replace the log: that is fed from the log.)
   */
  private putOff(state: PartitionFetchState, log: UnifiedLog): void {
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

  private processPartition(state: PartitionFetchState, data: FetchResponsePartitionData): void {
    const { settings, logger, partitionOf } = this.options;
    const partition = partitionOf(state.tp);
    if (!partition?.log) {
      this.partitions.remove(state.key);
      return;
    }
    try {
      if (settings().isTruncationOnFetchSupported && isDiverging(data)) {
        const { epoch, endOffset } = data.divergingEpoch;
        this.truncate(state, partition, { errorCode: 0, leaderEpoch: epoch, endOffset: Number(endOffset) });
      } else {
        this.append(state, partition, data);
      }
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      const isInvalid =
        error instanceof RecordsError && (error.kind === 'CORRUPT_MESSAGE' || error.kind === 'INVALID_RECORD');
      logger.error('Cannot append what was fetched', { partition: state.key, fetchOffset: state.fetchOffset, error });
      // Bytes that were damaged on the way come right the next time; anything else would fail again.
      if (isInvalid) this.delay([state]);
      else this.onStepFailed(state, error);
    }
  }

  private append(state: PartitionFetchState, partition: Partition, data: FetchResponsePartitionData): void {
    const log = partition.logOrThrow();
    const records = toBuffer(data.records);
    if (state.fetchOffset !== log.logEndOffset && !isBegunBelow(log, state)) {
      throw new LogError(
        'UNEXPECTED_APPEND_OFFSET',
        `Offset mismatch for partition ${state.key}: fetched offset = ${state.fetchOffset}, log end offset = ${log.logEndOffset}.`,
      );
    }
    let nextOffset = state.fetchOffset;
    let { lastFetchedEpoch } = state;
    if (records.length > 0) {
      const info = partition.appendRecordsToFollower(records);
      if (!info) {
        // From the same offset again: where the log begins now is below the start of the leader's, who would refuse it.
        this.putOff({ ...state, lastFetchedEpoch: -1 }, log);
        return;
      }
      if (info.validBytes > 0) {
        nextOffset = info.lastOffset + 1;
        if (this.options.settings().isTruncationOnFetchSupported) lastFetchedEpoch = info.lastLeaderEpoch;
        this.options.onBytes(info.validBytes);
        if (this.options.quota?.isThrottled(state.tp)) this.options.quota.record(info.validBytes);
      }
    }
    const leaderHighWatermark = Number(data.highWatermark);
    const newHighWatermark = log.maybeUpdateHighWatermark(leaderHighWatermark);
    const leaderLogStartOffset = Number(data.logStartOffset);
    const hasMovedStart =
      leaderLogStartOffset > log.logStartOffset &&
      leaderLogStartOffset <= log.highWatermark &&
      log.maybeIncrementLogStartOffset(leaderLogStartOffset, 'leader offset increment');
    const lag = Math.max(0, leaderHighWatermark - nextOffset);
    // A partition whose log was deleted, or that was stopped, by what the lines above set off, is not put back.
    if (this.partitions.get(state.key) !== state) return;
    if (nextOffset !== state.fetchOffset || hasMovedStart)
      this.partitions.put({ ...state, fetchOffset: nextOffset, lastFetchedEpoch, lag });
    else if (lag !== state.lag) this.partitions.updateLag(state, lag);
    if (newHighWatermark !== null) this.options.onHighWatermark(partition);
  }

  private onPartitionError(state: PartitionFetchState, errorCode: number): void {
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
        logger.error('The leader cannot serve the partition', { ...fields, fetchOffset: state.fetchOffset });
    }
    this.delay([state]);
  }

  // Truncation

  private async maybeTruncate(): Promise<void> {
    const questions: PartitionFetchState[] = [];
    await this.inSlices(this.truncateWithoutEpochs(questions));
    if (questions.length === 0 || this.isClosed) return;
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
      this.delay(questions);
      return;
    }
    await this.inSlices(this.truncateEach(questions, answers));
  }

  /** Without any epoch in the log there is nothing to ask for: what lies above the high watermark goes (before KIP-101). */
  private *truncateWithoutEpochs(questions: PartitionFetchState[]): Steps<void> {
    for (const state of this.partitions.truncatingNow()) {
      if (this.isClosed) return;
      if (this.partitions.get(state.key) !== state) continue;
      const partition = this.options.partitionOf(state.tp);
      if (!partition?.log) {
        this.partitions.remove(state.key);
      } else if (isSettling(partition.log)) {
        // A round before this one cut it, or the fetcher that it had before.
        this.putOff(state, partition.log);
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
      if (this.isClosed || this.partitions.get(asked.key) !== asked) continue;
      const answer = answers[at]!;
      if (answer.errorCode === ErrorCode.NONE) {
        const partition = this.options.partitionOf(asked.tp);
        if (partition?.log) this.guarded(asked, () => this.truncate(asked, partition, answer));
      } else {
        this.onPartitionError(asked, answer.errorCode);
      }
      yield;
    }
  }

  /** Cuts the log where the leader's and ours part. */
  private truncate(state: PartitionFetchState, partition: Partition, answer: EpochEndOffset): void {
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

  private truncateTo(state: PartitionFetchState, partition: Partition, offset: number, completed: boolean): void {
    partition.truncateTo(offset);
    const { isTruncationOnFetchSupported } = this.options.settings();
    const lastFetchedEpoch = isTruncationOnFetchSupported ? (partition.logOrThrow().latestEpoch ?? -1) : -1;
    // With truncation on fetch the next answer tells whether more has to go.
    const phase = completed || isTruncationOnFetchSupported ? 'Fetching' : 'Truncating';
    this.partitions.put({ ...state, fetchOffset: offset, lastFetchedEpoch, phase });
  }

  /** The fetch offset lies outside of the leader's log: begins where the leader's log allows. */
  private async resetOffset(asked: PartitionFetchState): Promise<void> {
    const { leader, partitionOf, logger } = this.options;
    const end = partitionOf(asked.tp)?.log?.logEndOffset;
    if (end === undefined) return;
    try {
      const latest = await leader.fetchLatestOffset(asked.tp, asked.currentLeaderEpoch);
      const needsEarliest = latest.errorCode === ErrorCode.NONE && latest.offset >= end;
      const earliest = needsEarliest ? await leader.fetchEarliestOffset(asked.tp, asked.currentLeaderEpoch) : latest;
      if (this.partitions.get(asked.key) !== asked) return;
      if (earliest.errorCode !== ErrorCode.NONE) {
        this.onPartitionError(asked, earliest.errorCode);
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
        if (action.kind === 'truncateTo') partition.truncateTo(action.offset);
        if (action.kind === 'truncateFullyAndStartAt') partition.truncateFullyAndStartAt(action.offset);
        const { isTruncationOnFetchSupported } = this.options.settings();
        const lastFetchedEpoch = isTruncationOnFetchSupported ? (partition.logOrThrow().latestEpoch ?? -1) : -1;
        const lag = Math.max(0, latest.offset - action.offset);
        this.partitions.put({ ...asked, fetchOffset: action.offset, lastFetchedEpoch, lag, phase: 'Fetching' });
      });
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      logger.debug('Cannot ask the leader for its offsets', { leader: leader.brokerId, partition: asked.key, error });
      this.delay([asked]);
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
    this.delay([next]);
  }

  /** Runs a step on the log. */
  private guarded(state: PartitionFetchState, step: () => void): void {
    try {
      step();
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      this.options.logger.error('Cannot truncate', { partition: state.key, error });
      this.onStepFailed(state, error);
    }
  }

  // Failures of partitions

  /** When the disk fails the partition is given up. For want of handles it goes on later from where its log is then. */
  private onStepFailed(state: PartitionFetchState, error: unknown): void {
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

  private markFailed(key: string): void {
    this.partitions.remove(key);
    this.options.onFailed(key);
  }

  /** Leaves partitions alone for `replica.fetch.backoff.ms`. */
  private delay(states: readonly PartitionFetchState[]): void {
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

/** The answer appends to the log, or cuts it. */
function changesLog(data: FetchResponsePartitionData): boolean {
  if (data.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE || isDiverging(data)) return true;
  return data.errorCode === ErrorCode.NONE && (data.records?.length ?? 0) > 0;
}

/** False when whoever needs the log is to be told now why it takes nothing any more. */
function canSettle(log: UnifiedLog): boolean {
  return settlingOf(log) !== 'never';
}

function isSettling(log: UnifiedLog): boolean {
  return settlingOf(log) === 'underWay';
}

function settlingOf(log: UnifiedLog): 'done' | 'underWay' | 'never' {
  try {
    return log.whenTruncated() === null ? 'done' : 'underWay';
  } catch (error) {
    if (error instanceof LogError) return 'never';
    throw error;
  }
}

function isDiverging({ errorCode, divergingEpoch }: FetchResponsePartitionData): boolean {
  return errorCode === ErrorCode.NONE && (divergingEpoch.epoch >= 0 || divergingEpoch.endOffset >= 0n);
}

/** The log was begun again where the leader's first batch begins, and waits for that batch. It is fetched from an offset inside of it. */
function isBegunBelow({ logStartOffset, logEndOffset }: UnifiedLog, state: PartitionFetchState): boolean {
  return logStartOffset === logEndOffset && logEndOffset < state.fetchOffset && state.lastFetchedEpoch === -1;
}

function toBuffer(records: FetchResponsePartitionData['records']): Buffer {
  if (records === null) return NO_RECORDS;
  return Buffer.isBuffer(records) ? records : Buffer.concat(records);
}

const NO_RECORDS = Buffer.alloc(0);
