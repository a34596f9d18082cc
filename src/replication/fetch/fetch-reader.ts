import type { TopicPartition } from '../../cluster/index.js';
import { runInSlices, ZERO_UUID, type Clock, type Steps } from '../../common/index.js';
import { type ReadInterest, type FetchDataInfo, type UnifiedLog } from '../../log/index.js';
import { ErrorCode } from '../../protocol/index.js';
import type { CachedPartition } from '../core/fetch-set.js';
import { isConsistentTopicId } from '../core/leadership.js';
import type { Replica } from '../core/replica.js';
import type { ReplicaSelector, ReplicaView } from '../core/replica-selector.js';
import { divergenceOf } from '../core/truncation.js';
import { anyErrorCodeOf } from '../errors.js';
import { sliceLimitsOf, type FetchSlices } from './fetch-slices.js';
import type { FetchParams, FetchPartitionResult } from './fetch.js';
import type { Partition } from '../partition.js';
import type { MetadataSource, ReplicaQuota } from '../ports.js';

/** What a read found, and whether the partition has nothing more to tell until it changes. */
export interface ReadResult extends FetchPartitionResult {
  readonly cached: CachedPartition;
  /** The end that the fetch has reached, where it may rest; null when it has not, or must be looked at again anyway. */
  readonly endToRestAt: number | null;
  /** `CachedPartition.changes` at the read: `endToRestAt` holds as long as it stands. */
  readonly changes: number;
  /** There was a batch, and it was larger than what was left. */
  readonly didNotFit: boolean;
  /** The follower that read, when it is to rest with the partition. */
  readonly replica: Replica | null;
}

/** A fetch as a reader needs to know it. */
export interface FetchRead {
  readonly params: FetchParams;
  /** 0, or the error to answer for the partition. */
  readonly authorize: (tp: TopicPartition) => number;
  /** Ends when the fetch is given up: nothing more is read for it, and what is still being read must leave no trace. */
  readonly interest: ReadInterest;
  /** Its place in the order in which all fetches arrived. */
  readonly arrival: number;
  /** A follower's position is recorded: done once a request, not again when it has waited. */
  readonly updateFetchState?: boolean;
}

/** What bounds a read of one partition among others. */
export interface ReadLimits {
  readonly maxBytes: number;
  /** The first batch is returned whole even if it is larger. */
  readonly minOneMessage: boolean;
  /** A batch of another partition did not fit any more: what is on the disk only is left for the next fetch, and not read for nothing. */
  readonly isFull: boolean;
}

export interface FetchReaderOptions {
  readonly clock: Clock;
  readonly metadata: MetadataSource;
  readonly partitionOrError: (tp: TopicPartition) => Partition | number;
  /** Null unless `replica.selector.class` is set. */
  readonly selector: ReplicaSelector | null;
  readonly leaderQuota: ReplicaQuota | null;
  readonly slices: FetchSlices;
  /** Something else than a refusal came of a read. */
  readonly onUnexpected: (tp: TopicPartition, error: unknown) => void;
}

const NO_RECORDS = Buffer.alloc(0);

/** A walk over the partitions of a fetch: what is left of its limits goes from one read to the next. */
class ReadRun {
  readonly results: ReadResult[] = [];
  private at = 0;
  private bytes: number;
  private minOneMessage: boolean;
  private isFull = false;
  private readBytes = 0;

  constructor(
    private readonly partitions: readonly CachedPartition[],
    private readonly fetch: FetchRead,
    private readonly read: (cached: CachedPartition, limits: ReadLimits) => ReadResult | Promise<ReadResult>,
  ) {
    const { maxBytes, hardMaxBytesLimit } = fetch.params;
    const { availableBytes } = fetch.interest;
    this.bytes = Math.min(maxBytes, availableBytes);
    this.minOneMessage = !hardMaxBytesLimit && availableBytes > 0;
  }

  /** All is read, or nobody waits for it any more. */
  get isDone(): boolean {
    return this.at >= this.partitions.length || this.fetch.interest.isOver;
  }

  /** What a read of the disk has given. Others have read meanwhile: there is more room than there was, or less. */
  takeFromDisk(result: ReadResult): void {
    const { interest, params } = this.fetch;
    interest.keep(result.sizeInBytes);
    // What is available is so besides what this fetch holds; `take` takes off the last of it.
    this.bytes = Math.min(params.maxBytes - this.readBytes, interest.availableBytes + result.sizeInBytes);
    if (interest.availableBytes === 0) this.minOneMessage = false;
    this.take(result);
  }

  private take(result: ReadResult): void {
    if (result.didNotFit && this.partitions[this.results.length]!.maxBytes >= this.bytes) this.isFull = true;
    if (result.sizeInBytes > 0) this.minOneMessage = false;
    this.bytes = Math.max(0, this.bytes - result.sizeInBytes);
    this.readBytes += result.sizeInBytes;
    this.results.push(result);
  }

  /** Reads up to the first that needs the disk, and gives that one's read; null when there is none. */
  next(): Promise<ReadResult> | null {
    while (!this.isDone) {
      const pending = this.readOne();
      if (pending) return pending;
    }
    return null;
  }

  /** The same in steps. Others read between them: what is found counts at once, and each step has what there is room for then. */
  *steps(readsAStep: number): Steps<Promise<ReadResult> | null> {
    this.askForRoom();
    while (!this.isDone) {
      const pending = this.readOne();
      if (pending) return pending;
      this.fetch.interest.count();
      if (this.at % readsAStep === 0) {
        yield;
        this.askForRoom();
      }
    }
    return null;
  }

  private askForRoom(): void {
    const { availableBytes } = this.fetch.interest;
    this.bytes = Math.min(this.bytes, availableBytes);
    if (availableBytes === 0) this.minOneMessage = false;
  }

  async finish(first: Promise<ReadResult>): Promise<ReadResult[]> {
    for (let pending: Promise<ReadResult> | null = first; pending; pending = this.next())
      this.takeFromDisk(await pending);
    return this.results;
  }

  private readOne(): Promise<ReadResult> | null {
    const cached = this.partitions[this.at++]!;
    const { minOneMessage, isFull } = this;
    const result = this.read(cached, { maxBytes: Math.min(cached.maxBytes, this.bytes), minOneMessage, isFull });
    const { interest } = this.fetch;
    if (result instanceof Promise) {
      interest.count();
      return result;
    }
    interest.keepFound(result.sizeInBytes);
    this.take(result);
    return null;
  }
}

/**
 * Reads partitions for fetches (Kafka's `ReplicaManager.readFromLog` and `Partition.fetchRecords`). A read at the tail of a log is
 * synchronous; one that needs the disk gives a promise, and what was known before it is checked again after.
 */
export class FetchReader {
  constructor(private readonly options: FetchReaderOptions) {}

  /** Reads partitions in order, within the limits of the whole fetch. */
  readAll(partitions: readonly CachedPartition[], fetch: FetchRead): ReadResult[] | Promise<ReadResult[]> {
    const run = new ReadRun(partitions, fetch, (cached, limits) => this.read(cached, limits, fetch));
    const pending = run.next();
    return pending ? run.finish(pending) : run.results;
  }

  /** The same in turns of the event loop: any partition may change between the read of one and that of another, as when the disk is read. */
  async readAllInTurns(partitions: readonly CachedPartition[], fetch: FetchRead): Promise<ReadResult[]> {
    const run = new ReadRun(partitions, fetch, (cached, limits) => this.read(cached, limits, fetch));
    const { clock, slices } = this.options;
    const limits = sliceLimitsOf(slices, fetch.params.privileged);
    while (!run.isDone) {
      const fromDisk = await runInSlices(clock, run.steps(slices.readsAStep), limits);
      if (fromDisk) run.takeFromDisk(fromDisk);
    }
    return run.results;
  }

  /** Where the fetch could read the partition up to now; null when it cannot. */
  endOffset(params: FetchParams, cached: CachedPartition): number | null {
    if (cached.topic === null) return null;
    const partition = this.options.partitionOrError({ topic: cached.topic, partition: cached.partition });
    const log = typeof partition === 'number' ? null : partition.log;
    return log && endOf(log, params);
  }

  /**
   * How many bytes a waiting fetch could get of the partition, or `Infinity` when it should be answered at once because something else
   * happened: another leader, a cut log, an error. With `minBytes` of 1 or less any number above 0 stands for "some".
   */
  availableBytes(params: FetchParams, cached: CachedPartition): number {
    if (cached.topic === null) return Infinity;
    const partition = this.options.partitionOrError({ topic: cached.topic, partition: cached.partition });
    if (typeof partition === 'number' || !isOfTopic(cached, partition)) return Infinity;
    const log = partition.localLog(cached.currentLeaderEpoch, params.fetchOnlyLeader);
    if (typeof log === 'number') return Infinity;
    if (cached.lastFetchedEpoch !== -1 && divergence(log, cached).kind !== 'none') return Infinity;
    const end = endOf(log, params);
    if (end < cached.fetchOffset) return params.isolation === 'LOG_END' ? Infinity : 0;
    const { startMetadata } = cached;
    // In a gap (a cleaner's) there is nothing up to where the last read has looked.
    if (end === cached.fetchOffset || (startMetadata && end <= startMetadata.messageOffset)) return 0;
    if (this.isThrottled(params, partition)) return 0;
    if (params.minBytes <= 1) return 1;
    const snapshot = log.fetchOffsetSnapshot();
    const endMetadata =
      params.isolation === 'LOG_END'
        ? snapshot.logEndOffset
        : params.isolation === 'HIGH_WATERMARK'
          ? snapshot.highWatermark
          : snapshot.lastStableOffset;
    // In another segment there is certainly enough, or the place is not known: look.
    if (!startMetadata || !endMetadata.onSameSegment(startMetadata)) return Infinity;
    return Math.min(endMetadata.positionDiff(startMetadata), cached.maxBytes);
  }

  private read(cached: CachedPartition, limits: ReadLimits, fetch: FetchRead): ReadResult | Promise<ReadResult> {
    const { params } = fetch;
    if (cached.topic === null) return refusedBeforehand(cached, ErrorCode.UNKNOWN_TOPIC_ID);
    const tp = { topic: cached.topic, partition: cached.partition };
    const unauthorized = fetch.authorize(tp);
    if (unauthorized !== ErrorCode.NONE) return refusedBeforehand(cached, unauthorized);
    cached.isRefused = false;
    const partition = this.options.partitionOrError(tp);
    if (typeof partition === 'number') return refused(cached, partition);
    if (!isOfTopic(cached, partition)) return refused(cached, ErrorCode.INCONSISTENT_TOPIC_ID);
    const preferred = this.preferredReadReplica(params, partition, cached.fetchOffset);
    const log = partition.localLog(cached.currentLeaderEpoch, params.fetchOnlyLeader && preferred === -1);
    if (typeof log === 'number') return refused(cached, log);
    if (preferred !== -1) return { ...withoutRecords(cached, log), preferredReadReplica: preferred };
    try {
      return this.readLog(cached, partition, log, limits, fetch);
    } catch (error) {
      return this.failed(cached, partition.tp, error);
    }
  }

  private readLog(
    cached: CachedPartition,
    partition: Partition,
    log: UnifiedLog,
    limits: ReadLimits,
    fetch: FetchRead,
  ): ReadResult | Promise<ReadResult> {
    const { params } = fetch;
    const { leaderEpoch } = partition;
    const { fetchOffset } = cached;
    const isFollower = params.replicaId >= 0;
    let replica: Replica | null = null;
    if (isFollower) {
      replica = partition.replica(params.replicaId) ?? null;
      // A follower that was just assigned may know of it before this leader does.
      if (!replica) {
        const knowsEpoch = cached.currentLeaderEpoch !== -1;
        return refused(cached, knowsEpoch ? ErrorCode.UNKNOWN_LEADER_EPOCH : ErrorCode.NOT_LEADER_OR_FOLLOWER);
      }
    }
    if (cached.lastFetchedEpoch !== -1) {
      const found = divergence(log, cached);
      if (found.kind === 'unknown' || fetchOffset < log.logStartOffset)
        return refused(cached, ErrorCode.OFFSET_OUT_OF_RANGE);
      if (found.kind === 'diverging') {
        return { ...withoutRecords(cached, log), divergingEpoch: { epoch: found.epoch, endOffset: found.endOffset } };
      }
    }
    // As in Kafka, whose segments refuse to be read so, and only where there is something to read.
    if (limits.maxBytes < 0 && fetchOffset >= log.logStartOffset && fetchOffset < endOf(log, params)) {
      return refused(cached, ErrorCode.UNKNOWN_SERVER_ERROR);
    }
    // Both of before a read of the disk: it is then that the follower asked.
    const leaderEndOffset = log.logEndOffset;
    const nowMs = this.options.clock.monotonicMs();
    let { maxBytes } = limits;
    if (limits.isFull || maxBytes === 0) {
      // Where a follower in the ISR is, the high watermark may come to be, and readers need its place: it is looked up even if nothing fits.
      if (replica && partition.inSyncReplicaIds.includes(replica.brokerId)) maxBytes = Math.max(1, maxBytes);
      else if (!log.isInMemory(fetchOffset)) maxBytes = 0;
    }
    const info = log.read(fetchOffset, maxBytes, params.isolation, limits.minOneMessage, fetch.interest);
    const finish = (read: FetchDataInfo): ReadResult => {
      cached.startMetadata = read.fetchOffsetMetadata;
      // Another session of the same follower may have asked since: it came back, perhaps with a shorter log.
      if (replica && fetch.updateFetchState && replica.isNewest(fetch.arrival)) {
        partition.updateFollowerFetchState(
          replica,
          read.fetchOffsetMetadata,
          cached.logStartOffset,
          nowMs,
          leaderEndOffset,
        );
      }
      return this.resultOf(params, cached, partition, log, read, replica);
    };
    if (!(info instanceof Promise)) return finish(info);
    return info.then(
      (read) => {
        const isStillValid = partition.leaderEpoch === leaderEpoch && partition.log === log && !fetch.interest.isOver;
        return isStillValid ? finish(read) : refused(cached, ErrorCode.NOT_LEADER_OR_FOLLOWER);
      },
      (error: unknown) => this.failed(cached, partition.tp, error),
    );
  }

  private resultOf(
    params: FetchParams,
    cached: CachedPartition,
    partition: Partition,
    log: UnifiedLog,
    read: FetchDataInfo,
    replica: Replica | null,
  ): ReadResult {
    const isThrottled = this.isThrottled(params, partition);
    const records = isThrottled ? NO_RECORDS : read.records;
    const sizeInBytes = isThrottled ? 0 : read.sizeInBytes;
    if (replica && sizeInBytes > 0 && this.options.leaderQuota?.isThrottled(partition.tp)) {
      this.options.leaderQuota.record(sizeInBytes);
    }
    // A follower outside of the ISR is looked at on every fetch, for it may join; and a consumer here while nearer replicas may turn up.
    const isLookedAtAlways = replica
      ? !partition.inSyncReplicaIds.includes(replica.brokerId)
      : this.options.selector !== null && params.client !== null && partition.isLeader;
    const end = endOf(log, params);
    return {
      ...withoutRecords(cached, log),
      records,
      sizeInBytes,
      didNotFit: read.firstEntryIncomplete,
      abortedTransactions: read.abortedTransactions,
      changes: cached.changes,
      endToRestAt: sizeInBytes === 0 && !isLookedAtAlways && cached.fetchOffset >= end ? end : null,
      replica,
    };
  }

  private failed(cached: CachedPartition, tp: TopicPartition, error: unknown): ReadResult {
    return refused(
      cached,
      anyErrorCodeOf(error, () => this.options.onUnexpected(tp, error)),
    );
  }

  /** Replication is throttled by the leader only for followers that are behind: those in sync are never held back. */
  private isThrottled(params: FetchParams, partition: Partition): boolean {
    const { leaderQuota } = this.options;
    return (
      leaderQuota !== null &&
      params.replicaId >= 0 &&
      leaderQuota.isThrottled(partition.tp) &&
      leaderQuota.isQuotaExceeded() &&
      !partition.inSyncReplicaIds.includes(params.replicaId)
    );
  }

  /** The broker that the consumer should rather read from; -1 when it is fine here. */
  private preferredReadReplica(params: FetchParams, partition: Partition, fetchOffset: number): number {
    const { selector, metadata, clock } = this.options;
    const { client } = params;
    if (!selector || !client || !partition.leaderLog || params.replicaId >= 0) return -1;
    const nowMs = clock.monotonicMs();
    const leader: ReplicaView = {
      brokerId: partition.leaderId,
      rack: metadata.rackOf(partition.leaderId, client.listenerName),
      logEndOffset: partition.leaderLog.logEndOffset,
      timeSinceLastCaughtUpMs: 0,
    };
    const candidates = [leader];
    for (const replica of partition.replicas()) {
      const hasOffset = replica.logEndOffset >= fetchOffset && replica.logStartOffset <= fetchOffset;
      if (!hasOffset || !partition.inSyncReplicaIds.includes(replica.brokerId)) continue;
      candidates.push({
        brokerId: replica.brokerId,
        rack: metadata.rackOf(replica.brokerId, client.listenerName),
        logEndOffset: replica.logEndOffset,
        timeSinceLastCaughtUpMs: nowMs - replica.lastCaughtUpTimeMs,
      });
    }
    const selected = selector(client.rackId, candidates, leader);
    return !selected || selected === leader || selected.rack === undefined ? -1 : selected.brokerId;
  }
}

function endOf(log: UnifiedLog, params: FetchParams): number {
  switch (params.isolation) {
    case 'LOG_END':
      return log.logEndOffset;
    case 'HIGH_WATERMARK':
      return log.highWatermark;
    case 'TXN_COMMITTED':
      return log.lastStableOffset;
  }
}

/** The partition is that of the topic meant, and not of another one that has its name now. */
function isOfTopic({ topicId }: CachedPartition, partition: Partition): boolean {
  return isConsistentTopicId(topicId === ZERO_UUID ? null : topicId, partition.topicId);
}

function divergence(log: UnifiedLog, cached: CachedPartition): ReturnType<typeof divergenceOf> {
  const end = log.endOffsetForEpoch(cached.lastFetchedEpoch);
  return divergenceOf(end && { epoch: end.epoch, endOffset: end.offset }, cached.lastFetchedEpoch, cached.fetchOffset);
}

function withoutRecords(cached: CachedPartition, log: UnifiedLog): ReadResult {
  return {
    cached,
    errorCode: ErrorCode.NONE,
    highWatermark: log.highWatermark,
    lastStableOffset: log.lastStableOffset,
    logStartOffset: log.logStartOffset,
    records: NO_RECORDS,
    sizeInBytes: 0,
    abortedTransactions: null,
    divergingEpoch: null,
    preferredReadReplica: -1,
    endToRestAt: null,
    changes: -1,
    didNotFit: false,
    replica: null,
  };
}

/** The answer for a partition that cannot be read. */
export function refused(cached: CachedPartition, errorCode: number): ReadResult {
  return {
    cached,
    errorCode,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    records: NO_RECORDS,
    sizeInBytes: 0,
    abortedTransactions: null,
    divergingEpoch: null,
    preferredReadReplica: -1,
    endToRestAt: null,
    changes: -1,
    didNotFit: false,
    replica: null,
  };
}

/** The same for what is refused before the log is asked: there Kafka writes an empty list where it otherwise writes null. */
function refusedBeforehand(cached: CachedPartition, errorCode: number): ReadResult {
  cached.isRefused = true;
  return { ...refused(cached, errorCode), abortedTransactions: [] };
}
