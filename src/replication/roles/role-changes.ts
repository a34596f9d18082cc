import { NO_LEADER, partitionKey, type TopicPartition } from '../../cluster/index.js';
import {
  assert,
  AssertionError,
  ZERO_UUID,
  type Clock,
  type Logger,
  type Steps,
  type Uuid,
} from '../../common/index.js';
import { DeletionPendingError, isOutOfHandles, LogError, type LogManager } from '../../log/index.js';
import {
  ErrorCode,
  errorName,
  type LeaderAndIsrPartitionState,
  type LeaderAndIsrRequest,
  type LeaderAndIsrResponseInput,
} from '../../protocol/index.js';
import { decideLeadership, isConsistentTopicId, mayStopReplica } from '../core/leadership.js';
import type { ReplicaFetcherManager } from '../follow/fetcher-manager.js';
import type { InitialFetchState } from '../follow/fetcher-state.js';
import type { HostedPartitions } from '../hosted-partitions.js';
import type { Partition } from '../partition.js';
import type { HighWatermarkLookup, PartitionAssignment } from '../partition-context.js';
import type { MetadataSource } from '../ports.js';
import { PostponedRoles } from './postponed-roles.js';

interface StoppedReplica {
  readonly tp: TopicPartition;
  readonly errorCode: number;
  /** The log directories that held what was deleted. */
  readonly deletedFrom: readonly string[];
}

export interface RoleChangesOptions {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly partitions: HostedPartitions;
  readonly fetchers: ReplicaFetcherManager;
  readonly logManager: LogManager;
  readonly metadata: MetadataSource;
  readonly logger: Logger;
  /** Of each partition; what becomes of a command as a whole is a line of `logger`. */
  readonly stateChangeLogger: Logger;
  readonly isTruncationOnFetchSupported: () => boolean;
  readonly isShuttingDown: () => boolean;
  /** What waits for the partition is answered with the error, fetches look again, and a coordinator that wrote to it gives it up. */
  readonly onNotLeaderAnyMore: (tp: TopicPartition, errorCode: number) => void;
  /** The replica has its log, in whatever role: a new one, or the one that it had in a new epoch. */
  readonly onRoleTaken: (partition: Partition) => void;
  /** The high watermarks that were checkpointed, as they are now. */
  readonly checkpoints: () => HighWatermarkLookup;
  /** Changes of role that were postponed have been tried again. */
  readonly onPostponedTried: () => void;
}

/** A partition of a request, with the topic that some versions name elsewhere. */
interface Requested {
  readonly tp: TopicPartition;
  readonly topicId: Uuid | null;
  readonly state: LeaderAndIsrPartitionState;
}

export interface StopReplicaPartition {
  readonly tp: TopicPartition;
  readonly leaderEpoch: number;
  readonly deletePartition: boolean;
  /** No one has said that it is to go: its files are kept, under another name (`LogManager.deleteLater`). */
  readonly isStray?: boolean;
}

/** What became of a StopReplica. */
export interface StopReplicasResult {
  readonly errorCode: number;
  readonly partitions: Promise<readonly { readonly tp: TopicPartition; readonly errorCode: number }[]>;
}

/** Says which broker's commands count: those of the latest controller only. */
export interface ControllerIdentity {
  readonly controllerId: number;
  readonly controllerEpoch: number;
  readonly correlationId: number;
}

const FIRST_LEADER_AND_ISR_BY_TOPIC_ID = 5;
/** A log that cannot be used: the controller does not ask again, and someone has to look. */
const GRAVE: ReadonlySet<number> = new Set([ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.INCONSISTENT_TOPIC_ID]);

/**
 * Carries out what the controller says: who leads, who follows, what stops (the control half of Kafka's `ReplicaManager`). A command may
 * be about thousands of replicas, so it is carried out in steps, one for each partition, between which others run: clients find
 * each partition in its old role or in its new one, never in between, and each step looks again at what may have changed since the last
 * (directories fail, the broker stops). Commands do not overlap: whoever calls carries out one to its end before the next, as Kafka
 * holds `replicaStateChangeLock`.
 */
export class RoleChanges {
  /** The highest controller epoch seen; commands of an older controller are refused. */
  controllerEpoch = 0;
  private isUnderWay = false;
  /** Changes of role that only want time. */
  private readonly postponed: PostponedRoles<Requested>;

  constructor(private readonly options: RoleChangesOptions) {
    this.postponed = new PostponedRoles({
      clock: options.clock,
      isOver: options.isShuttingDown,
      // A command has its turns: it may be about the same partitions.
      isBusy: () => this.isUnderWay,
      beginTries: () => {
        const checkpoints = options.checkpoints();
        return (requested) => void this.changeRole(requested, checkpoints);
      },
      onTried: options.onPostponedTried,
    });
  }

  /** Some partitions that may have a log have yet to take the role that the controller gave them. */
  get hasPostponed(): boolean {
    return this.postponed.wantHandles;
  }

  /** True, and the epoch remembered, unless the command comes from a controller that was replaced. */
  acceptController(controllerEpoch: number, request: string): boolean {
    if (controllerEpoch < this.controllerEpoch) {
      this.options.stateChangeLogger.warn('Ignoring a request of an old controller', {
        request,
        controllerEpoch,
        known: this.controllerEpoch,
      });
      return false;
    }
    this.controllerEpoch = controllerEpoch;
    return true;
  }

  /** When the broker stops in between, what is left keeps its role and answers NOT_LEADER_OR_FOLLOWER. */
  *becomeLeaderOrFollower(
    request: LeaderAndIsrRequest,
    version: number,
    checkpoints: HighWatermarkLookup,
  ): Steps<LeaderAndIsrResponseInput> {
    const requested = requestedPartitions(request);
    if (!this.acceptController(request.controllerEpoch, 'LeaderAndIsr')) {
      const errorCode = ErrorCode.STALE_CONTROLLER_EPOCH;
      return toResponse(
        version,
        errorCode,
        requested.map((one) => ({ ...one, errorCode })),
      );
    }
    const results: (Requested & { errorCode: number })[] = [];
    yield* this.alone(requested, (one) => {
      const errorCode = this.options.isShuttingDown()
        ? ErrorCode.NOT_LEADER_OR_FOLLOWER
        : this.changeRole(one, checkpoints);
      results.push({ ...one, errorCode });
    });
    this.options.fetchers.closeIdle();
    this.tell(request, results);
    return toResponse(version, ErrorCode.NONE, results);
  }

  private tell(
    { controllerId, controllerEpoch }: LeaderAndIsrRequest,
    results: readonly (Requested & { errorCode: number })[],
  ): void {
    if (results.length === 0) return;
    const counts: Record<string, number> = {};
    for (const { state, errorCode } of results) {
      const role = state.leader === this.options.brokerId ? 'leaders' : 'followers';
      // A new controller says all of what the one before it has said.
      const isKnown = errorCode === ErrorCode.STALE_CONTROLLER_EPOCH;
      const what = errorCode === ErrorCode.NONE ? role : isKnown ? 'known' : errorName(errorCode);
      counts[what] = (counts[what] ?? 0) + 1;
    }
    const level = results.some(({ errorCode }) => GRAVE.has(errorCode)) ? 'error' : 'info';
    const fields = { controller: controllerId, controllerEpoch, ...counts };
    this.options.logger[level]('Took the roles that the controller gave', fields);
  }

  /**
   * Results in the order given; `onDeleted` is called in the step that deletes a partition. When the broker stops in between, what is left
   * stays, and answers NOT_LEADER_OR_FOLLOWER. What is deleted is so for certain after `makeDeletionsDurable`.
   */
  *stopReplicas(
    requested: readonly StopReplicaPartition[],
    onDeleted: (partition: StopReplicaPartition) => void,
  ): Steps<StoppedReplica[]> {
    const { fetchers, isShuttingDown } = this.options;
    const results: StoppedReplica[] = [];
    yield* this.alone(requested, (one) => {
      const deletedFrom = one.deletePartition ? this.options.logManager.dirsOf(one.tp) : [];
      const errorCode = isShuttingDown() ? ErrorCode.NOT_LEADER_OR_FOLLOWER : this.stopReplica(one);
      results.push({ tp: one.tp, errorCode, deletedFrom });
      if (one.deletePartition && errorCode === ErrorCode.NONE) onDeleted(one);
    });
    fetchers.closeIdle();
    return results;
  }

  /** The results of `stopReplicas` once the deletions are durable, with KAFKA_STORAGE_ERROR for those that are not. */
  async makeDeletionsDurable(stopped: readonly StoppedReplica[]): Promise<{ tp: TopicPartition; errorCode: number }[]> {
    const dirs = stopped.flatMap(({ errorCode, deletedFrom }) => (errorCode === ErrorCode.NONE ? deletedFrom : []));
    const failed = await this.options.logManager.makeDeletionsDurable(dirs);
    return stopped.map(({ tp, errorCode, deletedFrom }) => {
      // A loss of power may bring it back, as when its folder could not be renamed.
      const isLost = errorCode === ErrorCode.NONE && deletedFrom.some((dir) => failed.has(dir));
      return { tp, errorCode: isLost ? ErrorCode.KAFKA_STORAGE_ERROR : errorCode };
    });
  }

  /** A step for each, after which others may run. */
  private *alone<T>(items: readonly T[], step: (item: T) => void): Steps<void> {
    assert(!this.isUnderWay, 'a command of the controller is carried out before the next begins');
    this.isUnderWay = true;
    try {
      for (const item of items) {
        step(item);
        yield;
      }
    } finally {
      this.isUnderWay = false;
    }
  }

  private stopReplica(one: StopReplicaPartition): number {
    const { partitions, fetchers, logManager, onNotLeaderAnyMore, stateChangeLogger } = this.options;
    const { tp, leaderEpoch, deletePartition, isStray } = one;
    const key = partitionKey(tp);
    const partition = partitions.get(tp);
    if (partitions.isOffline(tp)) return ErrorCode.KAFKA_STORAGE_ERROR;
    if (partition && !mayStopReplica(leaderEpoch, partition.leaderEpoch)) {
      const known = partition.leaderEpoch;
      stateChangeLogger.warn('Ignoring StopReplica with an old leader epoch', { partition: key, leaderEpoch, known });
      return ErrorCode.FENCED_LEADER_EPOCH;
    }
    this.postponed.delete(key);
    fetchers.removePartitions([key]);
    if (!deletePartition) {
      onNotLeaderAnyMore(tp, ErrorCode.NONE);
      return ErrorCode.NONE;
    }
    partitions.remove(tp);
    onNotLeaderAnyMore(tp, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    const areGone = [{ isStray }, { isFuture: true }].map((what) => logManager.deleteLater(tp, what)).every(Boolean);
    // The controller must not believe it gone: it would be there again when its directory is.
    return areGone ? ErrorCode.NONE : ErrorCode.KAFKA_STORAGE_ERROR;
  }

  /**
   * Gives a partition the role that the request says, if it may. Gives its error code. A disk that fails takes the partition offline, not the
   * request.
   */
  private changeRole(requested: Requested, checkpoints: HighWatermarkLookup): number {
    const { stateChangeLogger } = this.options;
    const key = partitionKey(requested.tp);
    const waiting = this.postponed.get(key);
    if (waiting && isOlder(requested, waiting)) {
      stateChangeLogger.info('Ignoring a partition of LeaderAndIsr: a newer role of it is postponed', {
        partition: key,
        leaderEpoch: requested.state.leaderEpoch,
        postponed: waiting.state.leaderEpoch,
      });
      return ErrorCode.STALE_CONTROLLER_EPOCH;
    }
    try {
      const errorCode = this.maybeTakeRole(requested, checkpoints);
      // What is refused changes nothing, so that the role that waits goes on waiting.
      if (errorCode === ErrorCode.NONE || waiting === requested) this.postponed.delete(key);
      return errorCode;
    } catch (error) {
      if (error instanceof LogError && error.kind === 'INCONSISTENT_TOPIC_ID') {
        // Tried again it would be refused again, and those that wait behind it would wait on.
        if (waiting === requested) this.postponed.delete(key);
        stateChangeLogger.error('Refused a change of role: the log is of another topic', { partition: key, error });
        return ErrorCode.INCONSISTENT_TOPIC_ID;
      }
      // Whatever else it is, a damaged batch for one: the controller does not say the command again for the partitions behind this one.
      if (error instanceof AssertionError) throw error;
      const wantsHandles = isOutOfHandles(error);
      if (wantsHandles || error instanceof DeletionPendingError) {
        // The controller is not told: for KAFKA_STORAGE_ERROR it would count the replica as lost with its directory, and the only replica of
        // a partition would not be elected again when it is back.
        if (waiting !== requested) stateChangeLogger.warn('Postponed a change of role', { partition: key, error });
        this.postponed.postpone(key, requested, wantsHandles);
        return ErrorCode.NONE;
      }
      return this.takeOffline(requested.tp, error);
    }
  }

  /** The replica answers KAFKA_STORAGE_ERROR from now on. */
  private takeOffline(tp: TopicPartition, error: unknown): number {
    const { stateChangeLogger, partitions, onNotLeaderAnyMore } = this.options;
    const key = partitionKey(tp);
    stateChangeLogger.error('Skipped a change of role: the replica is offline', { partition: key, error });
    this.postponed.delete(key);
    partitions.markOffline(tp);
    onNotLeaderAnyMore(tp, ErrorCode.KAFKA_STORAGE_ERROR);
    return ErrorCode.KAFKA_STORAGE_ERROR;
  }

  private maybeTakeRole({ tp, topicId, state }: Requested, checkpoints: HighWatermarkLookup): number {
    const { partitions, fetchers, brokerId, stateChangeLogger, metadata } = this.options;
    const existing = partitions.get(tp);
    const hosted = {
      isOffline: partitions.isOffline(tp),
      leaderEpoch: existing?.leaderEpoch ?? -1,
      topicId: existing ? existing.topicId : (this.options.logManager.getLog(tp)?.topicId ?? null),
      hasLog: existing?.log !== null && existing?.log !== undefined,
    };
    const { leaderEpoch, leader, replicas } = state;
    const decision = decideLeadership(brokerId, hosted, { leaderEpoch, leader, replicas, topicId });
    switch (decision.kind) {
      case 'becomeLeader':
      case 'becomeFollower': {
        const partition = partitions.getOrCreate(tp);
        if (decision.kind === 'becomeLeader') this.makeLeader(partition, state, checkpoints, topicId);
        else this.makeFollower(partition, state, checkpoints, topicId);
        this.options.onRoleTaken(partition);
        return ErrorCode.NONE;
      }
      case 'assignTopicId':
        existing?.assignTopicId(topicId!);
        if (decision.isFollower && metadata.hasAliveBroker(leader)) fetchers.updateTopicId(tp, topicId);
        return ErrorCode.NONE;
      case 'dropTopicId':
        if (metadata.hasAliveBroker(leader)) fetchers.updateTopicId(tp, null);
        return ErrorCode.NONE;
      case 'refuse':
        stateChangeLogger.info('Ignoring a partition of LeaderAndIsr', {
          partition: partitionKey(tp),
          error: decision.error,
          leaderEpoch,
          known: hosted.leaderEpoch,
        });
        return ErrorCode[decision.error];
    }
  }

  private makeLeader(
    partition: Partition,
    state: LeaderAndIsrPartitionState,
    checkpoints: HighWatermarkLookup,
    topicId: Uuid | null,
  ): void {
    this.options.fetchers.removePartitions([partition.key]);
    partition.makeLeader(toAssignment(state), checkpoints, topicId);
  }

  /**
   * A replica leads no more once it is told that another does, or none, whatever is known of that one. In Kafka it goes on under its old epoch
   * when the broker that leads is not alive to its knowledge; with KRaft it steps down.
   */
  private makeFollower(
    partition: Partition,
    state: LeaderAndIsrPartitionState,
    checkpoints: HighWatermarkLookup,
    topicId: Uuid | null,
  ): void {
    const { metadata, fetchers, stateChangeLogger, onNotLeaderAnyMore } = this.options;
    const { leader } = state;
    if (!metadata.hasAliveBroker(leader)) {
      stateChangeLogger.warn('Cannot follow yet: the leader is not alive', { partition: partition.key, leader });
    }
    if (!partition.makeFollower(toAssignment(state), checkpoints, topicId)) return;
    fetchers.removePartitions([partition.key]);
    onNotLeaderAnyMore(partition.tp, ErrorCode.NOT_LEADER_OR_FOLLOWER);
    // One that is not alive is asked again until it is.
    if (leader !== NO_LEADER) fetchers.addPartitions([this.initialFetchState(partition, topicId)]);
  }

  /** By epoch the follower's whole log may stand, and the leader says where to cut; without, only what was committed is kept. */
  private initialFetchState(partition: Partition, topicId: Uuid | null): InitialFetchState {
    const log = partition.logOrThrow();
    const keepsAll = this.options.isTruncationOnFetchSupported() && log.latestEpoch !== null;
    return {
      tp: partition.tp,
      topicId,
      leaderId: partition.leaderId,
      currentLeaderEpoch: partition.leaderEpoch,
      fetchOffset: keepsAll ? log.logEndOffset : log.highWatermark,
    };
  }
}

/** The same partition, not one of another topic that had its name, in an earlier epoch. */
function isOlder(requested: Requested, waiting: Requested): boolean {
  return (
    requested.state.leaderEpoch < waiting.state.leaderEpoch && isConsistentTopicId(requested.topicId, waiting.topicId)
  );
}

function requestedPartitions(request: LeaderAndIsrRequest): Requested[] {
  const requested: Requested[] = [];
  for (const state of request.ungroupedPartitionStates) {
    requested.push({ tp: { topic: state.topicName, partition: state.partitionIndex }, topicId: null, state });
  }
  for (const topic of request.topicStates) {
    const topicId = topic.topicId === ZERO_UUID ? null : topic.topicId;
    for (const state of topic.partitionStates) {
      requested.push({ tp: { topic: topic.topicName, partition: state.partitionIndex }, topicId, state });
    }
  }
  return requested;
}

function toAssignment(state: LeaderAndIsrPartitionState): PartitionAssignment {
  return {
    leaderAndIsr: {
      leader: state.leader,
      leaderEpoch: state.leaderEpoch,
      isr: state.isr,
      recovering: state.leaderRecoveryState === 1,
      partitionEpoch: state.partitionEpoch,
    },
    controllerEpoch: state.controllerEpoch,
    replicas: state.replicas,
    addingReplicas: state.addingReplicas,
    removingReplicas: state.removingReplicas,
    isNew: state.isNew,
  };
}

function toResponse(
  version: number,
  errorCode: number,
  results: readonly (Requested & { errorCode: number })[],
): LeaderAndIsrResponseInput {
  if (version < FIRST_LEADER_AND_ISR_BY_TOPIC_ID) {
    const partitionErrors = results.map((result) => ({
      topicName: result.tp.topic,
      partitionIndex: result.tp.partition,
      errorCode: result.errorCode,
    }));
    return { errorCode, partitionErrors };
  }
  const topics = new Map<Uuid, { topicId: Uuid; partitionErrors: { partitionIndex: number; errorCode: number }[] }>();
  for (const result of results) {
    const topicId = result.topicId ?? ZERO_UUID;
    let topic = topics.get(topicId);
    if (!topic) topics.set(topicId, (topic = { topicId, partitionErrors: [] }));
    topic.partitionErrors.push({ partitionIndex: result.tp.partition, errorCode: result.errorCode });
  }
  return { errorCode, topics: [...topics.values()] };
}
