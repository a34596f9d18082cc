/**
 * Replicates partitions from one leader broker (Kafka's `AbstractFetcherThread` and `ReplicaFetcherThread`).
 *
 * One request is under way at a time. It names only what changed since the last, and its answer brings only what is new; partitions in
 * between cost nothing, so that thousands of them at rest are one empty request every `replica.fetch.wait.max.ms`.
 */
import {
  AssertionError,
  BROKER_SLICES,
  runInSlices,
  ZERO_UUID,
  type Steps,
  type Timer,
  type Uuid,
} from '../../common/index.js';
import { partitionKey } from '../../cluster/index.js';
import { LogError, type UnifiedLog } from '../../log/index.js';
import { ErrorCode, errorName, type FetchResponse, type FetchResponsePartitionData } from '../../protocol/index.js';
import { RecordsError } from '../../records/index.js';
import { FetchSessionHandler, type SentPartition, type SessionRequest } from '../core/fetch-session-handler.js';
import { FetcherFailures } from './fetcher-failures.js';
import type { FetcherOptions, FetcherSettings } from './fetcher-options.js';
import { FetcherPartitions } from './fetcher-partitions.js';
import { isReadyForFetch, type InitialFetchState, type PartitionFetchState } from './fetcher-state.js';
import { FetcherTruncation, settlingOf } from './fetcher-truncation.js';
import { LATEST_VERSION_WITH_NAMES, partitionsIn, toFetchRequest } from './fetcher-wire.js';
import type { Partition } from '../partition.js';

const SESSION_ENDED: ReadonlySet<number> = new Set([
  ErrorCode.FETCH_SESSION_ID_NOT_FOUND,
  ErrorCode.INVALID_FETCH_SESSION_EPOCH,
]);

export class ReplicaFetcher {
  private readonly partitions = new FetcherPartitions();
  private readonly session = new FetchSessionHandler();
  private readonly failures: FetcherFailures;
  private readonly truncation: FetcherTruncation;
  private isClosed = false;
  private isRunning = false;
  private isLeaderUnreachable = false;
  private wake: (() => void) | null = null;
  /** Something changed since partitions were last looked at. */
  private isKicked = false;

  constructor(private readonly options: FetcherOptions) {
    this.failures = new FetcherFailures(options, this.partitions, () => this.kick());
    this.truncation = new FetcherTruncation(options, this.partitions, this.failures, () => this.isClosed);
  }

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
      await this.truncation.maybeTruncate();
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
    return runInSlices(this.options.clock, steps, this.options.slices ?? BROKER_SLICES);
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
    for (const state of outOfRange) await this.truncation.resetOffset(state);
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
      if (log && !log.isReadyForAppends && changesLog(data) && canSettle(log)) this.failures.putOff(state, log);
      else if (data.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) outOfRange.push(state);
      else if (data.errorCode !== ErrorCode.NONE) this.failures.onPartitionError(state, data.errorCode);
      else this.processPartition(state, data);
      yield;
    }
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
        this.truncation.truncate(state, partition, { errorCode: 0, leaderEpoch: epoch, endOffset: Number(endOffset) });
      } else {
        this.append(state, partition, data);
      }
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      const isInvalid =
        error instanceof RecordsError && (error.kind === 'CORRUPT_MESSAGE' || error.kind === 'INVALID_RECORD');
      logger.error('Cannot append what was fetched', { partition: state.key, fetchOffset: state.fetchOffset, error });
      // Bytes that were damaged on the way come right the next time; anything else would fail again.
      if (isInvalid) this.failures.delay([state]);
      else this.failures.onStepFailed(state, error);
    }
  }

  private append(state: PartitionFetchState, partition: Partition, data: FetchResponsePartitionData): void {
    const log = partition.logOrThrow();
    const records = toBuffer(data.records);
    const leaderLogStartOffset = Number(data.logStartOffset);
    if (state.fetchOffset !== log.logEndOffset && !isBegunBelow(log, state)) {
      throw new LogError(
        'UNEXPECTED_APPEND_OFFSET',
        `Offset mismatch for partition ${state.key}: fetched offset = ${state.fetchOffset}, log end offset = ${log.logEndOffset}.`,
      );
    }
    let nextOffset = state.fetchOffset;
    let { lastFetchedEpoch } = state;
    if (records.length > 0) {
      const info = partition.appendRecordsToFollower(records, leaderLogStartOffset);
      if (!info) {
        // From the same offset again: where the log begins now is below the start of the leader's, who would refuse it.
        this.failures.putOff({ ...state, lastFetchedEpoch: -1 }, log);
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
}

/** The answer appends to the log, or cuts it. */
function changesLog(data: FetchResponsePartitionData): boolean {
  if (data.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE || isDiverging(data)) return true;
  return data.errorCode === ErrorCode.NONE && (data.records?.length ?? 0) > 0;
}

/** False when whoever needs the log is to be told now why it takes nothing any more. */
function canSettle(log: UnifiedLog): boolean {
  return settlingOf(log) !== 'never';
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
