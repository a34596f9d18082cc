/**
 * One replica of a partition on this broker (Kafka's `kafka.cluster.Partition`): its role, its log, and, while it leads, the ISR and what
 * it knows of its followers.
 */
import { NO_LEADER, partitionKey, type LeaderAndIsr, type TopicPartition } from '../cluster/index.js';
import { assert, type Clock, type Counter, type Logger, type Uuid } from '../common/index.js';
import type { TopicConfig } from '../config/index.js';
import {
  UnexpectedAppendOffsetError,
  type AppendOrigin,
  type LogAppendInfo,
  type LogManager,
  type UnifiedLog,
  type VerificationGuard,
} from '../log/index.js';
import { ErrorCode, errorName } from '../protocol/index.js';
import { Change, type CachedPartition } from './core/fetch-session.js';
import { highWatermarkOf, outOfSyncReplicas, shouldJoinIsr, type IsrView } from './core/high-watermark.js';
import { checkCurrentLeaderEpoch } from './core/leadership.js';
import {
  isrOf,
  maximalIsrSize,
  outcomeOfError,
  outcomeOfUpdate,
  prepareExpand,
  prepareShrink,
  UNKNOWN_ISR,
  type PartitionState,
  type PendingIsr,
} from './core/partition-state.js';
import { Replica } from './core/replica.js';
import { ReplicationError } from './errors.js';
import type { AlterPartitionResult, AlterPartitionSender, EpochEndOffset, MetadataSource } from './ports.js';

/** What all partitions of a broker share, and how they tell the replica manager of changes. */
export interface PartitionContext {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stateChangeLogger: Logger;
  readonly logManager: LogManager;
  readonly metadata: MetadataSource;
  readonly alterPartition: AlterPartitionSender;
  readonly topicConfig: (topic: string) => TopicConfig;
  /** `replica.lag.time.max.ms`. */
  readonly maxLagMs: () => number;
  /** Something (`Change`) happened that waiting requests may care for. */
  readonly onChange: (partition: Partition, change: number) => void;
  /** The partition has followers in the ISR that are not at the log end: `maybeShrinkIsr` has to look at it. */
  readonly onLagging: (partition: Partition) => void;
  readonly isrExpands: Counter;
  readonly isrShrinks: Counter;
  readonly failedIsrUpdates: Counter;
}

/** What LeaderAndIsr says of a partition, whatever the version of the request. */
export interface PartitionAssignment {
  readonly leaderAndIsr: LeaderAndIsr;
  readonly replicas: readonly number[];
  readonly addingReplicas: readonly number[];
  readonly removingReplicas: readonly number[];
  /** The replica is made for the first time: it may be placed anywhere, even with a directory offline. */
  readonly isNew: boolean;
}

/** The checkpointed high watermark of a partition in a directory; undefined when there is none. */
export type HighWatermarkLookup = (logDir: string, key: string) => number | undefined;

const NO_EPOCH = -1;

export class Partition {
  /** `topic-partition`. */
  readonly key: string;
  /** Null before the first LeaderAndIsr, and when deleted or offline. */
  log: UnifiedLog | null = null;
  /** The copy in another directory that is to replace the log; null when the replica is not being moved. */
  futureLog: UnifiedLog | null = null;
  /** The log start when somebody last looked for changes of it. */
  seenLogStartOffset = -1;
  /** -1 without leader. */
  leaderId = NO_LEADER;
  leaderEpoch = NO_EPOCH;
  partitionEpoch = 0;
  private state: PartitionState = UNKNOWN_ISR;
  private assignment: Pick<PartitionAssignment, 'replicas' | 'addingReplicas' | 'removingReplicas'> = NO_ASSIGNMENT;
  /** The log end when this broker became leader in this epoch; null while it follows. */
  private leaderEpochStartOffset: number | null = null;
  private readonly remoteReplicas = new Map<number, Replica>();

  constructor(
    readonly tp: TopicPartition,
    private readonly context: PartitionContext,
  ) {
    this.key = partitionKey(tp);
  }

  get isLeader(): boolean {
    return this.leaderId === this.context.brokerId;
  }

  /** The log when this broker leads the partition, else null. */
  get leaderLog(): UnifiedLog | null {
    return this.isLeader ? this.log : null;
  }

  get topicId(): Uuid | null {
    return (this.log ?? this.context.logManager.getLog(this.tp))?.topicId ?? null;
  }

  /** Members of the ISR, the leader among them; empty while this broker follows. */
  get inSyncReplicaIds(): readonly number[] {
    return isrOf(this.state);
  }

  get replicaIds(): readonly number[] {
    return this.assignment.replicas;
  }

  get leaderAndIsr(): LeaderAndIsr {
    return {
      leader: this.leaderId,
      leaderEpoch: this.leaderEpoch,
      isr: isrOf(this.state),
      recovering: this.state.kind === 'Committed' && this.state.recovering,
      partitionEpoch: this.partitionEpoch,
    };
  }

  /** A change of the ISR is on its way to the controller. */
  get isIsrChangePending(): boolean {
    return this.state.kind !== 'Committed';
  }

  get isReassigning(): boolean {
    return this.assignment.addingReplicas.length > 0 || this.assignment.removingReplicas.length > 0;
  }

  /** Replicas that a reassignment is adding do not count. */
  get replicationFactor(): number {
    const { replicas, addingReplicas } = this.assignment;
    return replicas.filter((id) => !addingReplicas.includes(id)).length;
  }

  get isUnderReplicated(): boolean {
    return this.isLeader && this.replicationFactor > isrOf(this.state).length;
  }

  get isUnderMinIsr(): boolean {
    return this.leaderLog !== null && isrOf(this.state).length < this.minInsyncReplicas;
  }

  get isAtMinIsr(): boolean {
    return this.leaderLog !== null && isrOf(this.state).length === this.minInsyncReplicas;
  }

  isAddingReplica(replicaId: number): boolean {
    return this.assignment.addingReplicas.includes(replicaId);
  }

  replica(replicaId: number): Replica | undefined {
    return this.remoteReplicas.get(replicaId);
  }

  /** Followers that this leader keeps account of. */
  replicas(): Iterable<Replica> {
    return this.remoteReplicas.values();
  }

  // Roles

  /** Takes the lead. True when this broker did not lead before. Throws what the log throws when it cannot be made. */
  makeLeader(next: PartitionAssignment, checkpoints: HighWatermarkLookup, topicId: Uuid | null): boolean {
    const { leaderAndIsr } = next;
    if (leaderAndIsr.partitionEpoch < this.partitionEpoch) return this.skipOld('leader', next);
    const { brokerId, clock, stateChangeLogger } = this.context;
    assert(leaderAndIsr.leader === brokerId, 'a broker is made the leader it is named');
    const nowMs = clock.nowMs();
    const isNewLeader = !this.isLeader;
    this.updateAssignment(next);
    this.state = { kind: 'Committed', isr: leaderAndIsr.isr, recovering: false };
    const log = this.createLogIfNotExists(next.isNew, checkpoints, topicId);
    if (leaderAndIsr.leaderEpoch > this.leaderEpoch) {
      const startOffset = log.logEndOffset;
      stateChangeLogger.info('Leader of partition starts at leader epoch', {
        partition: this.key,
        leaderEpoch: leaderAndIsr.leaderEpoch,
        startOffset,
        partitionEpoch: leaderAndIsr.partitionEpoch,
        highWatermark: log.highWatermark,
        isr: leaderAndIsr.isr,
        previousLeader: this.leaderId,
        previousLeaderEpoch: this.leaderEpoch,
      });
      // The epoch's start is written before anything can be appended under it: truncation by epoch relies on it.
      log.maybeAssignEpochStartOffset(leaderAndIsr.leaderEpoch, startOffset);
      for (const replica of this.remoteReplicas.values()) {
        replica.reset(nowMs, startOffset, isNewLeader, leaderAndIsr.isr.includes(replica.brokerId));
      }
      this.leaderEpoch = leaderAndIsr.leaderEpoch;
      this.leaderEpochStartOffset = startOffset;
    }
    this.partitionEpoch = leaderAndIsr.partitionEpoch;
    this.leaderId = brokerId;
    if (this.remoteReplicas.size > 0) this.context.onLagging(this);
    const raised = this.maybeIncrementLeaderHighWatermark(nowMs);
    this.context.onChange(this, raised ? Change.State | Change.HighWatermark : Change.State);
    return isNewLeader;
  }

  /** Follows. True when the leader epoch is new, so that fetching has to start anew. Throws what the log throws. */
  makeFollower(next: PartitionAssignment, checkpoints: HighWatermarkLookup, topicId: Uuid | null): boolean {
    const { leaderAndIsr } = next;
    if (leaderAndIsr.partitionEpoch < this.partitionEpoch) return this.skipOld('follower', next);
    const isNewLeaderEpoch = leaderAndIsr.leaderEpoch > this.leaderEpoch;
    const [previousLeader, previousLeaderEpoch] = [this.leaderId, this.leaderEpoch];
    this.leaderId = leaderAndIsr.leader;
    this.leaderEpoch = leaderAndIsr.leaderEpoch;
    this.leaderEpochStartOffset = null;
    this.partitionEpoch = leaderAndIsr.partitionEpoch;
    this.updateAssignment(next);
    this.forgetReplicas();
    this.state = { kind: 'Committed', isr: [], recovering: leaderAndIsr.recovering };
    const log = this.createLogIfNotExists(next.isNew, checkpoints, topicId);
    if (isNewLeaderEpoch) {
      this.context.stateChangeLogger.info('Follower of partition starts at leader epoch', {
        partition: this.key,
        leader: leaderAndIsr.leader,
        leaderEpoch: leaderAndIsr.leaderEpoch,
        logEndOffset: log.logEndOffset,
        partitionEpoch: leaderAndIsr.partitionEpoch,
        highWatermark: log.highWatermark,
        previousLeader,
        previousLeaderEpoch,
      });
    }
    return isNewLeaderEpoch;
  }

  /** The replica is there but its leader is not alive: only the log is made. */
  createLogIfNotExists(isNew: boolean, checkpoints: HighWatermarkLookup, topicId: Uuid | null): UnifiedLog {
    if (this.log) {
      if (this.log.topicId === null && topicId !== null) this.log.assignTopicId(topicId);
      return this.log;
    }
    const { logManager, topicConfig } = this.context;
    const log = logManager.getOrCreateLog(this.tp, { config: topicConfig(this.tp.topic), isNew, topicId });
    log.updateHighWatermark(checkpoints(log.parentDir, this.key) ?? 0);
    this.log = log;
    this.seenLogStartOffset = log.logStartOffset;
    return log;
  }

  /** The replica is gone from this broker, or its directory is offline. What waits for it is told by the caller. */
  clear(): void {
    this.forgetReplicas();
    this.assignment = NO_ASSIGNMENT;
    this.log = null;
    this.futureLog = null;
    this.state = UNKNOWN_ISR;
    this.leaderId = NO_LEADER;
    this.leaderEpochStartOffset = null;
  }

  private skipOld(role: string, next: PartitionAssignment): false {
    this.context.stateChangeLogger.info('Skipped a change of role: a newer partition epoch is known', {
      partition: this.key,
      role,
      partitionEpoch: next.leaderAndIsr.partitionEpoch,
      known: this.partitionEpoch,
    });
    return false;
  }

  private updateAssignment(next: PartitionAssignment): void {
    this.assignment = {
      replicas: next.replicas,
      addingReplicas: next.addingReplicas,
      removingReplicas: next.removingReplicas,
    };
    if (next.leaderAndIsr.leader !== this.context.brokerId) return;
    for (const id of next.replicas) {
      if (id !== this.context.brokerId && !this.remoteReplicas.has(id)) this.remoteReplicas.set(id, new Replica(id));
    }
    for (const [id, replica] of this.remoteReplicas) {
      if (next.replicas.includes(id)) continue;
      replica.endRest();
      this.remoteReplicas.delete(id);
    }
  }

  private forgetReplicas(): void {
    for (const replica of this.remoteReplicas.values()) replica.endRest();
    this.remoteReplicas.clear();
  }

  // The leader's log

  /**
   * Appends a producer's or a coordinator's records. `leaderHwChange` of the result says whether the high watermark rose.
   * Throws NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS, and what the log refuses.
   */
  appendRecordsToLeader(
    records: Buffer,
    origin: AppendOrigin,
    requiredAcks: number,
    verificationGuard: VerificationGuard | null,
  ): LogAppendInfo {
    const log = this.leaderLog;
    if (!log) throw this.notLeader();
    if (requiredAcks === -1 && isrOf(this.state).length < this.minInsyncReplicas) {
      throw new ReplicationError(
        ErrorCode.NOT_ENOUGH_REPLICAS,
        `The size of the current ISR ${JSON.stringify(isrOf(this.state))} is insufficient to satisfy the min.isr requirement of ` +
          `${this.minInsyncReplicas} for partition ${this.key}`,
      );
    }
    const info = log.appendAsLeader(records, { leaderEpoch: this.leaderEpoch, origin, verificationGuard });
    if (this.remoteReplicas.size > 0) this.context.onLagging(this);
    info.leaderHwChange = this.maybeIncrementLeaderHighWatermark(this.context.clock.nowMs()) ? 'increased' : 'same';
    return info;
  }

  /**
   * What a producer that waits for `requiredOffset` is to be told once the high watermark has reached it: NONE, or
   * NOT_ENOUGH_REPLICAS_AFTER_APPEND when the ISR has shrunk below `min.insync.replicas` meanwhile.
   */
  acknowledgement(): number {
    return this.minInsyncReplicas <= maximalIsrSize(this.state)
      ? ErrorCode.NONE
      : ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND;
  }

  /** The lowest log start among this broker and its live followers: records before it are deleted everywhere. */
  lowWatermarkIfLeader(): number {
    const log = this.leaderLog;
    if (!log) throw this.notLeader();
    let lowWatermark = log.logStartOffset;
    for (const replica of this.remoteReplicas.values()) {
      if (replica.logStartOffset < lowWatermark && this.context.metadata.hasAliveBroker(replica.brokerId)) {
        lowWatermark = replica.logStartOffset;
      }
    }
    if (this.futureLog) lowWatermark = Math.min(lowWatermark, this.futureLog.logStartOffset);
    return lowWatermark;
  }

  /** Moves the log start up to `offset`, or to the high watermark for -1. Gives the offset meant and the low watermark now. */
  deleteRecordsOnLeader(offset: number): { requestedOffset: number; lowWatermark: number } {
    const log = this.leaderLog;
    if (!log) throw this.notLeader();
    if (!this.context.topicConfig(this.tp.topic).cleanupPolicy.delete) {
      throw new ReplicationError(
        ErrorCode.POLICY_VIOLATION,
        `Records of partition ${this.key} can not be deleted due to the configured policy`,
      );
    }
    const requestedOffset = offset === -1 ? log.highWatermark : offset;
    if (requestedOffset < 0) {
      throw new ReplicationError(
        ErrorCode.OFFSET_OUT_OF_RANGE,
        `The offset ${requestedOffset} for partition ${this.key} is not valid`,
      );
    }
    if (log.maybeIncrementLogStartOffset(requestedOffset, 'client delete records request')) {
      this.context.onChange(this, Change.State);
    }
    return { requestedOffset, lowWatermark: this.lowWatermarkIfLeader() };
  }

  /**
   * The log to read from, or an error code: NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH, or KAFKA_STORAGE_ERROR.
   * `currentLeaderEpoch` is -1 when the asker does not know.
   */
  localLog(currentLeaderEpoch: number, fetchOnlyFromLeader: boolean): UnifiedLog | number {
    const error = checkCurrentLeaderEpoch(currentLeaderEpoch, this.leaderEpoch);
    if (error) return ErrorCode[error];
    if (fetchOnlyFromLeader && !this.isLeader) return ErrorCode.NOT_LEADER_OR_FOLLOWER;
    return this.log ?? ErrorCode.NOT_LEADER_OR_FOLLOWER;
  }

  /** Where the epoch asked for ends in this log; -1 and -1 when the log knows neither it nor an earlier one. */
  lastOffsetForLeaderEpoch(
    currentLeaderEpoch: number,
    leaderEpoch: number,
    fetchOnlyFromLeader: boolean,
  ): EpochEndOffset {
    const log = this.localLog(currentLeaderEpoch, fetchOnlyFromLeader);
    if (typeof log === 'number') return { errorCode: log, leaderEpoch: -1, endOffset: -1 };
    const end = log.endOffsetForEpoch(leaderEpoch);
    return { errorCode: ErrorCode.NONE, leaderEpoch: end?.epoch ?? -1, endOffset: end?.offset ?? -1 };
  }

  /**
   * ListOffsets. Until the high watermark has reached the start of this leader's epoch, the end that a client may know of could go back:
   * OFFSET_NOT_AVAILABLE then (KIP-207). Null when no record matches.
   */
  fetchOffsetForTimestamp(
    timestamp: number,
    isolation: 'READ_UNCOMMITTED' | 'READ_COMMITTED' | null,
    currentLeaderEpoch: number,
    fetchOnlyFromLeader: boolean,
  ): OffsetFound | null | Promise<OffsetFound | null> {
    const log = this.localLog(currentLeaderEpoch, fetchOnlyFromLeader);
    if (typeof log === 'number') throw new ReplicationError(log);
    const lastFetchableOffset = isolation === null ? log.logEndOffset : this.visibleEnd(log, isolation);
    const mayGoBack =
      isolation !== null && this.leaderEpochStartOffset !== null && this.leaderEpochStartOffset > log.highWatermark;
    const notAvailable = (): never => {
      throw new ReplicationError(
        ErrorCode.OFFSET_NOT_AVAILABLE,
        `Failed to fetch offsets for partition ${this.key} as its high watermark (${log.highWatermark}) is lagging behind ` +
          `the start offset from the beginning of this epoch (${this.leaderEpochStartOffset}).`,
      );
    };
    if (timestamp === LATEST_TIMESTAMP) {
      if (mayGoBack) notAvailable();
      return { timestamp: -1, offset: lastFetchableOffset, leaderEpoch: this.leaderEpoch };
    }
    const bounded = (found: OffsetFound | null): OffsetFound | null => {
      if (timestamp === EARLIEST_TIMESTAMP || timestamp === EARLIEST_LOCAL_TIMESTAMP) return found;
      if (found && found.offset < lastFetchableOffset) return found;
      return mayGoBack ? notAvailable() : null;
    };
    const found = log.fetchOffsetByTimestamp(timestamp);
    return found instanceof Promise ? found.then(bounded) : bounded(found);
  }

  private visibleEnd(log: UnifiedLog, isolation: 'READ_UNCOMMITTED' | 'READ_COMMITTED'): number {
    return isolation === 'READ_COMMITTED' ? log.lastStableOffset : log.highWatermark;
  }

  // Followers, the ISR and the high watermark

  /**
   * The follower fetched from `cached.fetchOffset`, which lies at `startMetadata`: it may join the ISR, and the high watermark may rise.
   * `leaderEndOffset` is the log end when the fetch was read.
   */
  updateFollowerFetchState(
    replica: Replica,
    startMetadata: NonNullable<CachedPartition['startMetadata']>,
    followerStartOffset: number,
    nowMs: number,
    leaderEndOffset: number,
  ): void {
    const [oldEnd, oldStart] = [replica.logEndOffset, replica.logStartOffset];
    replica.updateFetchState(startMetadata, followerStartOffset, nowMs, leaderEndOffset);
    this.maybeExpandIsr(replica, nowMs);
    let change =
      replica.logEndOffset !== oldEnd && this.maybeIncrementLeaderHighWatermark(nowMs) ? Change.HighWatermark : 0;
    // A higher log start may raise the low watermark that DeleteRecords waits for.
    if (replica.logStartOffset > oldStart && oldStart !== -1) change |= Change.State;
    if (change !== 0) this.context.onChange(this, change);
  }

  /** Proposes to the controller that followers which have fallen behind leave the ISR. False when nothing is left to watch for. */
  maybeShrinkIsr(): boolean {
    const log = this.leaderLog;
    if (!log || this.remoteReplicas.size === 0) return false;
    const { state } = this;
    // While a change is under way nothing is proposed; look again at the next turn.
    if (state.kind !== 'Committed') return true;
    const outOfSync = outOfSyncReplicas((id) => this.remoteReplicas.get(id), this.context.brokerId, this.isrView(log));
    if (outOfSync.length === 0) return !this.isEveryoneAtEnd(log);
    this.context.logger.info('Shrinking ISR', {
      partition: this.key,
      from: state.isr,
      outOfSync: outOfSync.map((id) => {
        const replica = this.remoteReplicas.get(id);
        return { id, endOffset: replica?.logEndOffset, lastCaughtUpTimeMs: replica?.lastCaughtUpTimeMs };
      }),
      highWatermark: log.highWatermark,
      endOffset: log.logEndOffset,
    });
    this.submitAlterPartition(prepareShrink(state, outOfSync, this.epochs()));
    return true;
  }

  private isEveryoneAtEnd(log: UnifiedLog): boolean {
    return isrOf(this.state).every(
      (id) => id === this.context.brokerId || this.remoteReplicas.get(id)?.logEndOffset === log.logEndOffset,
    );
  }

  private maybeExpandIsr(replica: Replica, nowMs: number): void {
    const { state, leaderLog: log } = this;
    if (!log || state.kind !== 'Committed' || state.isr.includes(replica.brokerId)) return;
    const at = { highWatermark: log.highWatermark, leaderEpochStartOffset: this.leaderEpochStartOffset };
    if (!shouldJoinIsr(replica, at, this.isrView(log, nowMs))) return;
    this.submitAlterPartition(prepareExpand(state, replica.brokerId, this.epochs()));
  }

  /** True when it rose. The caller tells those who wait. */
  private maybeIncrementLeaderHighWatermark(nowMs: number): boolean {
    const log = this.leaderLog;
    if (!log) return false;
    const next =
      this.remoteReplicas.size === 0
        ? log.logEndOffsetMetadata
        : highWatermarkOf(this.remoteReplicas.values(), this.isrView(log, nowMs));
    if (!next || next.messageOffset <= log.highWatermark) return false;
    return log.maybeIncrementHighWatermark(next) !== null;
  }

  private isrView(log: UnifiedLog, nowMs = this.context.clock.nowMs()): IsrView {
    return {
      state: this.state,
      leaderEnd: log.logEndOffsetMetadata,
      nowMs,
      maxLagMs: this.context.maxLagMs(),
      isEligible: (brokerId) => this.context.metadata.hasAliveBroker(brokerId),
    };
  }

  private epochs(): { leaderId: number; leaderEpoch: number; partitionEpoch: number } {
    return {
      leaderId: this.context.brokerId,
      leaderEpoch: this.leaderEpoch,
      partitionEpoch: this.partitionEpoch,
    };
  }

  private submitAlterPartition(proposal: PendingIsr): void {
    assert(this.isLeader, 'only the leader changes the ISR');
    this.state = proposal;
    const { alterPartition } = this.context;
    alterPartition.submit(this.tp, this.topicId, proposal.sent, (result) => this.onAlterPartition(proposal, result));
  }

  private onAlterPartition(proposal: PendingIsr, result: AlterPartitionResult): void {
    // Another state has been set since: by LeaderAndIsr, or because the replica was stopped.
    if (this.state !== proposal) return;
    const { logger, clock, isrExpands, isrShrinks, failedIsrUpdates } = this.context;
    const error = errorName(result.errorCode);
    const outcome = result.leaderAndIsr ? outcomeOfUpdate(result.leaderAndIsr, this) : outcomeOfError(proposal, error);
    if (outcome.kind !== 'committed') failedIsrUpdates.add();
    switch (outcome.kind) {
      case 'committed': {
        this.state = outcome.state;
        this.partitionEpoch = outcome.partitionEpoch;
        (proposal.kind === 'PendingExpandIsr' ? isrExpands : isrShrinks).add();
        logger.info('ISR updated', {
          partition: this.key,
          isr: outcome.state.isr,
          partitionEpoch: this.partitionEpoch,
        });
        if (this.maybeIncrementLeaderHighWatermark(clock.nowMs())) this.context.onChange(this, Change.HighWatermark);
        break;
      }
      case 'reverted':
        logger.info('The controller rejected an ISR change', { partition: this.key, isr: proposal.sent.isr, error });
        this.state = outcome.state;
        this.context.onLagging(this);
        break;
      case 'awaitMetadata':
      case 'ignored':
        logger.debug('An ISR change has no effect: newer metadata is awaited', { partition: this.key, error });
        break;
      case 'retry': {
        logger.warn('An ISR change failed and is tried again', { partition: this.key, isr: proposal.sent.isr, error });
        const retry = (): void => {
          if (this.state === proposal) this.submitAlterPartition(proposal);
        };
        clock.setTimer(ALTER_PARTITION_RETRY_MS, retry, { background: true });
        break;
      }
    }
  }

  // The follower's log

  /** Appends what the leader sent. Offsets are the leader's. */
  appendRecordsToFollower(records: Buffer): LogAppendInfo {
    const log = this.logOrThrow();
    try {
      return log.appendAsFollower(records);
    } catch (error) {
      if (!(error instanceof UnexpectedAppendOffsetError)) throw error;
      const end = log.logEndOffset;
      // The leader's first batch spans the log start that this empty log was begun at (after DeleteRecords inside a batch).
      if (end !== log.logStartOffset || error.firstOffset >= end || error.lastOffset < end) throw error;
      this.context.logger.info('The first batch begins before the log start: starting the log there', {
        partition: this.key,
        logStartOffset: end,
        firstOffset: error.firstOffset,
      });
      this.truncateFullyAndStartAt(error.firstOffset);
      return log.appendAsFollower(records);
    }
  }

  truncateTo(offset: number): void {
    const log = this.logOrThrow();
    if (offset < log.highWatermark) {
      this.context.logger.warn('Truncating below the high watermark', {
        partition: this.key,
        offset,
        highWatermark: log.highWatermark,
      });
    }
    this.context.logManager.truncateTo([[this.tp, offset]]);
    if (this.futureLog && this.futureLog.logEndOffset > offset) {
      this.context.logManager.truncateTo([[this.tp, offset]], true);
    }
    this.context.onChange(this, Change.State | Change.HighWatermark);
  }

  truncateFullyAndStartAt(offset: number): void {
    this.context.logManager.truncateFullyAndStartAt(this.tp, offset);
    if (this.futureLog) this.context.logManager.truncateFullyAndStartAt(this.tp, offset, true);
    this.context.onChange(this, Change.State | Change.HighWatermark);
  }

  logOrThrow(): UnifiedLog {
    if (!this.log) throw new ReplicationError(ErrorCode.NOT_LEADER_OR_FOLLOWER, `No log of ${this.key} is here`);
    return this.log;
  }

  private get minInsyncReplicas(): number {
    return this.context.topicConfig(this.tp.topic).minInsyncReplicas;
  }

  private notLeader(): ReplicationError {
    return new ReplicationError(
      ErrorCode.NOT_LEADER_OR_FOLLOWER,
      `Leader not local for partition ${this.key} on broker ${this.context.brokerId}`,
    );
  }
}

/** A record found by its time. The leader epoch is null when the log does not know it. */
export interface OffsetFound {
  readonly timestamp: number;
  readonly offset: number;
  readonly leaderEpoch: number | null;
}

const LATEST_TIMESTAMP = -1;
const EARLIEST_TIMESTAMP = -2;
const EARLIEST_LOCAL_TIMESTAMP = -4;
const ALTER_PARTITION_RETRY_MS = 50;
const NO_ASSIGNMENT = { replicas: [], addingReplicas: [], removingReplicas: [] };
