import { partitionKey, type TopicPartition } from '../cluster/index.js';
import { ZERO_UUID, type Logger, type Uuid } from '../common/index.js';
import { LogError, type LogManager } from '../log/index.js';
import {
  ErrorCode,
  type LeaderAndIsrPartitionState,
  type LeaderAndIsrRequest,
  type LeaderAndIsrResponseInput,
} from '../protocol/index.js';
import { decideLeadership, mayStopReplica } from './core/leadership.js';
import type { ReplicaFetcherManager } from './fetcher-manager.js';
import type { InitialFetchState } from './fetcher-state.js';
import type { HostedPartitions } from './hosted-partitions.js';
import type { HighWatermarkLookup, Partition, PartitionAssignment } from './partition.js';
import type { MetadataSource } from './ports.js';

export interface RoleChangesOptions {
  readonly brokerId: number;
  readonly partitions: HostedPartitions;
  readonly fetchers: ReplicaFetcherManager;
  readonly logManager: LogManager;
  readonly metadata: MetadataSource;
  readonly stateChangeLogger: Logger;
  readonly isTruncationOnFetchSupported: () => boolean;
  readonly isShuttingDown: () => boolean;
  /** What waits for the partition is answered with the error, and fetches look again. */
  readonly onNotLeaderAnyMore: (key: string, errorCode: number) => void;
  /** The replica has its log, in whatever role. */
  readonly onRoleTaken: (partition: Partition) => void;
}

export type LeadershipListener = (becameLeader: readonly Partition[], becameFollower: readonly Partition[]) => void;

/** A partition of a LeaderAndIsr request that has passed the checks. */
interface Change {
  readonly partition: Partition;
  readonly state: LeaderAndIsrPartitionState;
  readonly topicId: Uuid | null;
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
}

/** Says which broker's commands count: those of the latest controller only. */
export interface ControllerIdentity {
  readonly controllerId: number;
  readonly controllerEpoch: number;
  readonly correlationId: number;
}

const FIRST_LEADER_AND_ISR_BY_TOPIC_ID = 5;

/**
 * Carries out what the controller says: who leads, who follows, what stops (the control half of Kafka's `ReplicaManager`). Nothing here
 * awaits: a request is carried out whole before anything else happens.
 */
export class RoleChanges {
  /** The highest controller epoch seen; commands of an older controller are refused. */
  controllerEpoch = 0;

  constructor(private readonly options: RoleChangesOptions) {}

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

  becomeLeaderOrFollower(
    request: LeaderAndIsrRequest,
    version: number,
    checkpoints: HighWatermarkLookup,
    onLeadershipChange: LeadershipListener,
  ): LeaderAndIsrResponseInput {
    const requested = requestedPartitions(request);
    if (!this.acceptController(request.controllerEpoch, 'LeaderAndIsr')) {
      const errorCode = ErrorCode.STALE_CONTROLLER_EPOCH;
      return toResponse(
        version,
        errorCode,
        requested.map((one) => ({ ...one, errorCode })),
      );
    }
    const errors = new Map<string, number>();
    const leaders: Change[] = [];
    const followers: Change[] = [];
    for (const one of requested) {
      errors.set(partitionKey(one.tp), this.classify(one, leaders, followers));
    }
    const lookups = { checkpoints, errors };
    const becameLeader = this.makeLeaders(leaders, lookups);
    const becameFollower = this.makeFollowers(followers, lookups);
    for (const { partition } of [...leaders, ...followers]) this.options.onRoleTaken(partition);
    this.options.fetchers.closeIdle();
    onLeadershipChange(becameLeader, becameFollower);
    const results = requested.map((one) => ({ ...one, errorCode: errors.get(partitionKey(one.tp))! }));
    return toResponse(version, ErrorCode.NONE, results);
  }

  /** Results in the order given. */
  stopReplicas(requested: readonly StopReplicaPartition[]): { tp: TopicPartition; errorCode: number }[] {
    const { partitions, stateChangeLogger } = this.options;
    const stopped: StopReplicaPartition[] = [];
    const errors = new Map<string, number>();
    for (const one of requested) {
      const partition = partitions.get(one.tp);
      const key = partitionKey(one.tp);
      if (partitions.isOffline(one.tp)) {
        errors.set(key, ErrorCode.KAFKA_STORAGE_ERROR);
      } else if (partition && !mayStopReplica(one.leaderEpoch, partition.leaderEpoch)) {
        stateChangeLogger.warn('Ignoring StopReplica with an old leader epoch', {
          partition: key,
          leaderEpoch: one.leaderEpoch,
          known: partition.leaderEpoch,
        });
        errors.set(key, ErrorCode.FENCED_LEADER_EPOCH);
      } else {
        stopped.push(one);
        errors.set(key, ErrorCode.NONE);
      }
    }
    for (const tp of this.stopPartitions(stopped)) errors.set(partitionKey(tp), ErrorCode.KAFKA_STORAGE_ERROR);
    this.options.fetchers.closeIdle();
    return requested.map(({ tp }) => ({ tp, errorCode: errors.get(partitionKey(tp))! }));
  }

  /** Stops fetching, and deletes where asked. Gives those whose logs could not be deleted: their directories go offline. */
  private stopPartitions(stopped: readonly StopReplicaPartition[]): TopicPartition[] {
    const { partitions, fetchers, logManager, onNotLeaderAnyMore } = this.options;
    fetchers.removePartitions(stopped.map(({ tp }) => partitionKey(tp)));
    const deleted = stopped.filter(({ deletePartition }) => deletePartition).map(({ tp }) => tp);
    for (const tp of deleted) partitions.remove(tp);
    for (const { tp, deletePartition } of stopped) {
      onNotLeaderAnyMore(partitionKey(tp), deletePartition ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.NONE);
    }
    logManager.asyncDeleteAll(deleted);
    logManager.asyncDeleteAll(deleted, true);
    // The controller must not believe them gone: they would be there again when the directory is.
    return deleted.filter((tp) => logManager.getLog(tp) ?? logManager.getLog(tp, true));
  }

  /** Sorts a partition of the request by what is to become of it; gives its error code so far. */
  private classify({ tp, topicId, state }: Requested, leaders: Change[], followers: Change[]): number {
    const { partitions, fetchers, brokerId, stateChangeLogger, metadata } = this.options;
    const isOffline = partitions.isOffline(tp);
    const existing = partitions.get(tp);
    const hosted = {
      isOffline,
      leaderEpoch: existing?.leaderEpoch ?? -1,
      topicId: existing ? existing.topicId : (this.options.logManager.getLog(tp)?.topicId ?? null),
      hasLog: existing?.log !== null && existing?.log !== undefined,
    };
    const { leaderEpoch, leader, replicas } = state;
    const decision = decideLeadership(brokerId, hosted, { leaderEpoch, leader, replicas, topicId });
    switch (decision.kind) {
      case 'becomeLeader':
        leaders.push({ partition: partitions.getOrCreate(tp), state, topicId });
        return ErrorCode.NONE;
      case 'becomeFollower':
        followers.push({ partition: partitions.getOrCreate(tp), state, topicId });
        return ErrorCode.NONE;
      case 'assignTopicId':
        existing?.log?.assignTopicId(topicId!);
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

  private makeLeaders(
    changes: readonly Change[],
    { checkpoints, errors }: { checkpoints: HighWatermarkLookup; errors: Map<string, number> },
  ): Partition[] {
    this.options.fetchers.removePartitions(changes.map(({ partition }) => partition.key));
    const changed: Partition[] = [];
    for (const { partition, state, topicId } of changes) {
      this.guarded(partition, errors, () => {
        if (partition.makeLeader(toAssignment(state), checkpoints, topicId)) changed.push(partition);
      });
    }
    return changed;
  }

  private makeFollowers(
    changes: readonly Change[],
    { checkpoints, errors }: { checkpoints: HighWatermarkLookup; errors: Map<string, number> },
  ): Partition[] {
    const { metadata, fetchers, stateChangeLogger, isShuttingDown, onNotLeaderAnyMore } = this.options;
    const changed: { partition: Partition; topicId: Uuid | null }[] = [];
    for (const { partition, state, topicId } of changes) {
      this.guarded(partition, errors, () => {
        if (metadata.hasAliveBroker(state.leader)) {
          if (partition.makeFollower(toAssignment(state), checkpoints, topicId)) changed.push({ partition, topicId });
          return;
        }
        // No leader to follow; the log is made all the same, so that its high watermark is checkpointed.
        stateChangeLogger.error('Cannot follow: the leader is not alive', {
          partition: partition.key,
          leader: state.leader,
        });
        partition.createLogIfNotExists(state.isNew, checkpoints, topicId);
      });
    }
    fetchers.removePartitions(changed.map(({ partition }) => partition.key));
    for (const { partition } of changed) onNotLeaderAnyMore(partition.key, ErrorCode.NOT_LEADER_OR_FOLLOWER);
    if (!isShuttingDown()) {
      fetchers.addPartitions(changed.map(({ partition, topicId }) => this.initialFetchState(partition, topicId)));
    }
    return changed.map(({ partition }) => partition);
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

  /** A disk that fails takes the partition offline, not the request. */
  private guarded(partition: Partition, errors: Map<string, number>, step: () => void): void {
    try {
      step();
    } catch (error) {
      if (!(error instanceof LogError) || error.kind !== 'KAFKA_STORAGE_ERROR') throw error;
      this.options.stateChangeLogger.error('Skipped a change of role: the replica is offline', {
        partition: partition.key,
        error,
      });
      this.options.partitions.markOffline(partition.tp);
      this.options.onNotLeaderAnyMore(partition.key, ErrorCode.KAFKA_STORAGE_ERROR);
      errors.set(partition.key, ErrorCode.KAFKA_STORAGE_ERROR);
    }
  }
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
