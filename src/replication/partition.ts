/**
 * One replica of a partition on this broker (Kafka's `kafka.cluster.Partition`): its role, its log, and, while it leads, the ISR and what
 * it knows of its followers.
 */
import { NO_LEADER, partitionKey, type LeaderAndIsr, type TopicPartition } from '../cluster/index.js';
import { assert, type Uuid } from '../common/index.js';
import {
  UnexpectedAppendOffsetError,
  type AppendMeans,
  type AppendOrigin,
  type LogAppendInfo,
  LogOffsetMetadata,
  type MovedOffset,
  type UnifiedLog,
  type VerificationGuard,
} from '../log/index.js';
import type { AppendAllowance, PreparedAppend } from '../records/index.js';
import { ErrorCode } from '../protocol/index.js';
import { Change } from './core/partition-change.js';
import { checkCurrentLeaderEpoch } from './core/leadership.js';
import { isrOf, maximalIsrSize } from './core/partition-state.js';
import type { Replica } from './core/replica.js';
import { ReplicationError } from './errors.js';
import type { HighWatermarkLookup, PartitionAssignment, PartitionContext } from './partition-context.js';
import { PartitionIsr } from './partition-isr.js';
import type { EpochEndOffset } from './ports.js';

const NO_EPOCH = -1;

export class Partition {
  /** `topic-partition`. */
  readonly key: string;
  private currentLog: UnifiedLog | null = null;
  private copy: UnifiedLog | null = null;
  private cutCount = 0;
  private seenLogStartOffset = -1;
  private currentLeaderId = NO_LEADER;
  private epochs = { leader: NO_EPOCH, partition: 0 };
  private epochStartOffset: number | null = null;
  private readonly isr: PartitionIsr;
  private assignment: Omit<PartitionAssignment, 'leaderAndIsr' | 'isNew'> = NO_ASSIGNMENT;

  constructor(
    readonly tp: TopicPartition,
    private readonly context: PartitionContext,
  ) {
    this.key = partitionKey(tp);
    this.isr = new PartitionIsr(this, context);
  }

  /**
   * Grows with each truncation. Whoever copies the log cuts the copy after it (`ReplicaAlterLogDirsManager.markPartitionsForTruncation`): the
   * copy's directory, slow or failing, is no trouble of the replica.
   */
  get cuts(): number {
    return this.cutCount;
  }

  /** Null before the first LeaderAndIsr, and when deleted or offline. */
  get log(): UnifiedLog | null {
    return this.currentLog;
  }

  /** The copy in another directory that is to replace the log; null when the replica is not being moved. */
  get futureLog(): UnifiedLog | null {
    return this.copy;
  }

  /** -1 without leader. */
  get leaderId(): number {
    return this.currentLeaderId;
  }

  get leaderEpoch(): number {
    return this.epochs.leader;
  }

  get partitionEpoch(): number {
    return this.epochs.partition;
  }

  /** The log end when this broker became leader in this epoch; null while it follows. */
  get leaderEpochStartOffset(): number | null {
    return this.epochStartOffset;
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
    return isrOf(this.isr.state);
  }

  /** Of the controller that gave the replica its role. */
  get controllerEpoch(): number {
    return this.assignment.controllerEpoch;
  }

  get replicaIds(): readonly number[] {
    return this.assignment.replicas;
  }

  get leaderAndIsr(): LeaderAndIsr {
    return {
      leader: this.leaderId,
      leaderEpoch: this.leaderEpoch,
      isr: isrOf(this.isr.state),
      recovering: this.isr.state.kind === 'Committed' && this.isr.state.recovering,
      partitionEpoch: this.partitionEpoch,
    };
  }

  /** A change of the ISR is on its way to the controller. */
  get isIsrChangePending(): boolean {
    return this.isr.state.kind !== 'Committed';
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
    return this.isLeader && this.replicationFactor > isrOf(this.isr.state).length;
  }

  get isUnderMinIsr(): boolean {
    return this.leaderLog !== null && isrOf(this.isr.state).length < this.minInsyncReplicas;
  }

  get isAtMinIsr(): boolean {
    return this.leaderLog !== null && isrOf(this.isr.state).length === this.minInsyncReplicas;
  }

  replica(replicaId: number): Replica | undefined {
    return this.isr.replica(replicaId);
  }

  /** Followers that this leader keeps account of. */
  replicas(): Iterable<Replica> {
    return this.isr.replicas();
  }

  // Roles

  /** Takes the lead. True when this broker did not lead before. Throws what the log throws, with the role as it was. */
  makeLeader(next: PartitionAssignment, checkpoints: HighWatermarkLookup, topicId: Uuid | null): boolean {
    const { leaderAndIsr } = next;
    if (leaderAndIsr.partitionEpoch < this.partitionEpoch) return this.skipOld('leader', next);
    const { brokerId, clock, stateChangeLogger } = this.context;
    assert(leaderAndIsr.leader === brokerId, 'a broker is made the leader it is named');
    const nowMs = clock.monotonicMs();
    const isNewLeader = !this.isLeader;
    const log = this.createLogIfNotExists(next.isNew, checkpoints, topicId);
    const startOffset = log.logEndOffset;
    // The epoch's start is written before anything can be appended under it: truncation by epoch relies on it. And before anything else is
    // changed: what the log throws leaves the role as it was.
    if (leaderAndIsr.leaderEpoch > this.leaderEpoch)
      log.maybeAssignEpochStartOffset(leaderAndIsr.leaderEpoch, startOffset);
    this.updateAssignment(next);
    this.isr.lead(leaderAndIsr.isr, next.replicas);
    if (leaderAndIsr.leaderEpoch > this.leaderEpoch) {
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
      for (const replica of this.isr.replicas()) {
        replica.reset(nowMs, startOffset, isNewLeader, leaderAndIsr.isr.includes(replica.brokerId));
      }
      this.epochStartOffset = startOffset;
    }
    this.advance(Math.max(leaderAndIsr.leaderEpoch, this.leaderEpoch), leaderAndIsr.partitionEpoch);
    this.currentLeaderId = brokerId;
    this.noteLagging();
    const raised = this.isr.maybeIncrementHighWatermark(nowMs);
    this.context.onChange(this, raised ? Change.State | Change.HighWatermark : Change.State);
    return isNewLeader;
  }

  /** Follows. True when the leader epoch is new, so that fetching has to start again. Throws what the log throws, with the role as it was. */
  makeFollower(next: PartitionAssignment, checkpoints: HighWatermarkLookup, topicId: Uuid | null): boolean {
    const { leaderAndIsr } = next;
    if (leaderAndIsr.partitionEpoch < this.partitionEpoch || leaderAndIsr.leaderEpoch < this.leaderEpoch) {
      return this.skipOld('follower', next);
    }
    const log = this.createLogIfNotExists(next.isNew, checkpoints, topicId);
    const isNewLeaderEpoch = leaderAndIsr.leaderEpoch > this.leaderEpoch;
    const [previousLeader, previousLeaderEpoch] = [this.leaderId, this.leaderEpoch];
    this.currentLeaderId = leaderAndIsr.leader;
    this.advance(leaderAndIsr.leaderEpoch, leaderAndIsr.partitionEpoch);
    this.epochStartOffset = null;
    this.updateAssignment(next);
    this.isr.forget(leaderAndIsr.recovering);
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
      if (this.log.topicId === null && topicId !== null) this.assignTopicId(topicId);
      return this.log;
    }
    const { logManager, topicConfig } = this.context;
    const log = logManager.getOrCreateLog(this.tp, { config: topicConfig(this.tp.topic), isNew, topicId });
    log.updateHighWatermark(checkpoints(log.parentDir, this.key) ?? 0);
    this.useLog(log);
    this.seenLogStartOffset = log.logStartOffset;
    return log;
  }

  /** The topic of a log of before there were ids has got one: whoever reads it under another is to be refused. */
  assignTopicId(topicId: Uuid): void {
    if (!this.log) return;
    this.log.assignTopicId(topicId);
    this.context.onChange(this, Change.State);
  }

  /** The replica is gone from this broker, or its directory is offline. What waits for it is told by the caller. */
  clear(): void {
    this.isr.forget();
    this.assignment = NO_ASSIGNMENT;
    this.log?.setLogOffsetsListener(null);
    this.currentLog = null;
    this.copy = null;
    this.currentLeaderId = NO_LEADER;
    this.epochStartOffset = null;
  }

  /** The controller has committed a change of the ISR. */
  isrCommitted(partitionEpoch: number): void {
    this.advance(this.leaderEpoch, partitionEpoch);
  }

  private advance(leaderEpoch: number, partitionEpoch: number): void {
    assert(leaderEpoch >= this.leaderEpoch, 'leader epochs never fall');
    assert(partitionEpoch >= this.partitionEpoch, 'partition epochs never fall');
    this.epochs = { leader: leaderEpoch, partition: partitionEpoch };
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
      controllerEpoch: next.controllerEpoch,
      replicas: next.replicas,
      addingReplicas: next.addingReplicas,
      removingReplicas: next.removingReplicas,
    };
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
    { work, prepared, allowance }: AppendMeans = {},
  ): LogAppendInfo {
    const log = this.leaderLog;
    if (!log) throw this.notLeader();
    if (requiredAcks === -1 && isrOf(this.isr.state).length < this.minInsyncReplicas) {
      throw new ReplicationError(
        ErrorCode.NOT_ENOUGH_REPLICAS,
        `The size of the current ISR ${JSON.stringify(isrOf(this.isr.state))} is insufficient to satisfy the min.isr requirement of ` +
          `${this.minInsyncReplicas} for partition ${this.key}`,
      );
    }
    const info = log.appendAsLeader(records, {
      leaderEpoch: this.leaderEpoch,
      origin,
      verificationGuard,
      work,
      prepared,
      allowance,
    });
    info.leaderHwChange = this.isr.maybeIncrementHighWatermark(this.context.clock.monotonicMs()) ? 'increased' : 'same';
    return info;
  }

  /** Does what appending a large batch takes, of the log that is led now. */
  prepareAppend(records: Buffer, origin: AppendOrigin, allowance: AppendAllowance): Promise<PreparedAppend> {
    const log = this.leaderLog;
    if (!log) throw this.notLeader();
    return log.prepareAppend(records, { leaderEpoch: this.leaderEpoch, origin, allowance });
  }

  /**
   * What a producer that waits for `requiredOffset` is to be told once the high watermark has reached it: NONE, or
   * NOT_ENOUGH_REPLICAS_AFTER_APPEND when the ISR has shrunk below `min.insync.replicas` meanwhile.
   */
  acknowledgement(): number {
    return this.minInsyncReplicas <= maximalIsrSize(this.isr.state)
      ? ErrorCode.NONE
      : ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND;
  }

  /** The lowest log start among this broker and its live followers: records before it are deleted everywhere. */
  lowWatermarkIfLeader(): number {
    const log = this.leaderLog;
    if (!log) throw this.notLeader();
    let lowWatermark = log.logStartOffset;
    for (const replica of this.isr.replicas()) {
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

  // Followers, the ISR and the high watermark

  /**
   * The follower fetched from `startMetadata` on: it may join the ISR, and the high watermark may rise. `leaderEndOffset` is the log end
   * when the fetch was read.
   */
  updateFollowerFetchState(
    replica: Replica,
    startMetadata: LogOffsetMetadata,
    followerStartOffset: number,
    nowMs: number,
    leaderEndOffset: number,
  ): void {
    const [oldEnd, oldStart] = [replica.logEndOffset, replica.logStartOffset];
    replica.updateFetchState(startMetadata, followerStartOffset, nowMs, leaderEndOffset);
    // A restarted follower begins below what it had.
    if (replica.logEndOffset < oldEnd) this.noteLagging();
    this.isr.maybeExpand(replica, nowMs);
    let change =
      replica.logEndOffset !== oldEnd && this.isr.maybeIncrementHighWatermark(nowMs) ? Change.HighWatermark : 0;
    if (replica.logStartOffset > oldStart) change |= Change.LowWatermark;
    if (change !== 0) this.context.onChange(this, change);
  }

  /** Proposes to the controller that followers which have fallen behind leave the ISR. False when nothing is left to watch for. */
  maybeShrinkIsr(): boolean {
    return this.isr.maybeShrink();
  }

  /** A follower in the ISR is not at the log end, so that `maybeShrinkIsr` has to look at it. False while the ISR changes. */
  get hasLaggingFollower(): boolean {
    return this.isr.hasLaggingFollower;
  }

  private noteLagging(): void {
    if (this.isLeader && this.isr.hasFollowers) this.context.onLagging(this);
  }

  // The follower's log

  /**
   * Appends what the leader sent. Offsets are the leader's. Null when the log was begun again where the first batch begins: it is to be
   * fetched again once the log has settled.
   */
  appendRecordsToFollower(records: Buffer, leaderLogStartOffset: number): LogAppendInfo | null {
    const log = this.logOrThrow();
    try {
      return log.appendAsFollower(records);
    } catch (error) {
      if (!(error instanceof UnexpectedAppendOffsetError)) throw error;
      const end = log.logEndOffset;
      // The leader's first batch spans its log start (after DeleteRecords inside of a batch), where this log begins, or was cut: all that is
      // here is deleted there. Kafka asks that this log is empty, and gives up a partition whose log is not.
      const isBehindStart = end === log.logStartOffset || end <= leaderLogStartOffset;
      if (!isBehindStart || error.firstOffset >= end || error.lastOffset < end) throw error;
      this.context.logger.info('The first batch begins before the log start: starting the log there', {
        partition: this.key,
        logStartOffset: end,
        firstOffset: error.firstOffset,
      });
      this.truncateFullyAndStartAt(error.firstOffset);
      return null;
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
    this.cutCount++;
    this.context.onChange(this, Change.State | Change.HighWatermark);
  }

  truncateFullyAndStartAt(offset: number): void {
    this.context.logManager.truncateFullyAndStartAt(this.tp, offset);
    this.cutCount++;
    this.context.onChange(this, Change.State | Change.HighWatermark);
  }

  /** The copy has taken the log's place. Places on disk that were noted are those of the old files: only the offsets stay. */
  replaceLog(future: UnifiedLog): void {
    assert(this.copy === future, 'what takes the place of the log is its copy');
    this.useLog(future);
    this.copy = null;
    for (const replica of this.isr.replicas()) {
      if (replica.logEnd) replica.logEnd = new LogOffsetMetadata(replica.logEnd.messageOffset);
    }
  }

  /** The replica is being moved: `copy` is to replace its log. Null: it is not, or not any more. */
  setFutureLog(copy: UnifiedLog | null): void {
    this.copy = copy;
    if (copy === null) this.context.onChange(this, Change.LowWatermark);
  }

  /** True when the log start has moved since this was last asked. */
  takeLogStartChange(): boolean {
    if (!this.log || this.seenLogStartOffset === this.log.logStartOffset) return false;
    this.seenLogStartOffset = this.log.logStartOffset;
    return true;
  }

  logOrThrow(): UnifiedLog {
    if (!this.log) throw new ReplicationError(ErrorCode.NOT_LEADER_OR_FOLLOWER, `No log of ${this.key} is here`);
    return this.log;
  }

  private useLog(log: UnifiedLog): void {
    this.currentLog = log;
    log.setLogOffsetsListener((moved) => {
      // Whatever becomes of the step that moves the end: the followers are behind it.
      if (moved === 'logEnd') this.noteLagging();
      this.context.onOffsetMoved(this, CHANGE_OF[moved]);
    });
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

const CHANGE_OF: { readonly [moved in MovedOffset]: number } = {
  logStart: Change.State,
  logEnd: Change.Appended,
  visibleEnd: Change.HighWatermark,
};

const NO_ASSIGNMENT = { controllerEpoch: 0, replicas: [], addingReplicas: [], removingReplicas: [] };
