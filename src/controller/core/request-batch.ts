import { ZERO_UUID, type Steps, type Uuid } from '../../common/index.js';
import { LEADER_DURING_DELETE, type BrokerInfo } from '../../cluster/index.js';
import {
  ApiKey,
  type LeaderAndIsrRequestInput,
  type StopReplicaRequestInput,
  type UpdateMetadataRequestInput,
} from '../../protocol/index.js';
import type { ControlVersions } from './control-versions.js';
import type { ControllerContext, PartitionEntry } from './controller-context.js';

/** From these versions on partitions are grouped by topic; a StopReplica before version 3 deletes all it names, or none. */
const FIRST_GROUPED_LEADER_AND_ISR = 2;
const FIRST_GROUPED_UPDATE_METADATA = 5;
const FIRST_GROUPED_STOP_REPLICA = 1;
const FIRST_STOP_REPLICA_OF_BOTH_KINDS = 3;
/** From this one on LeaderAndIsr has a type. */
const FIRST_LEADER_AND_ISR_WITH_TYPE = 5;

/** Kafka's `AbstractControlRequest.Type`: FULL and INCREMENTAL are for KRaft migrations, a ZooKeeper controller sends UNKNOWN. */
const REQUEST_TYPE_UNKNOWN = 0;

/** So many states are made in one step. */
const STEP_PARTITIONS = 100;

/** `SecurityProtocol.id`. */
const SECURITY_PROTOCOL_IDS = { PLAINTEXT: 0, SSL: 1, SASL_PLAINTEXT: 2, SASL_SSL: 3 } as const;

/** A request from the controller to a broker, ready to be encoded. */
export type ControlRequest =
  | { readonly apiKey: typeof ApiKey.LeaderAndIsr; readonly version: number; readonly body: LeaderAndIsrRequestInput }
  | {
      readonly apiKey: typeof ApiKey.UpdateMetadata;
      readonly version: number;
      readonly body: UpdateMetadataRequestInput;
    }
  | { readonly apiKey: typeof ApiKey.StopReplica; readonly version: number; readonly body: StopReplicaRequestInput };

type Elements<T> = NonNullable<T> extends readonly (infer E)[] ? E : never;
type LeaderAndIsrTopic = Elements<LeaderAndIsrRequestInput['topicStates']>;
type LeaderAndIsrState = Elements<LeaderAndIsrTopic['partitionStates']>;
type UpdateMetadataState = Elements<Elements<UpdateMetadataRequestInput['topicStates']>['partitionStates']>;
type UpdateMetadataBroker = Elements<UpdateMetadataRequestInput['liveBrokers']>;

interface Stop {
  readonly leaderEpoch: number;
  readonly deletePartition: boolean;
}

interface Topic<P> {
  readonly topicName: string;
  readonly topicId: Uuid;
  readonly partitionStates: P[];
}

/** One request of a batch, and what its answer will be about. */
export interface OutgoingRequest {
  readonly brokerId: number;
  readonly request: ControlRequest;
  /** StopReplica: the partitions whose logs the broker is told to delete. Empty for the rest. */
  readonly deletedPartitions: readonly PartitionEntry[];
}

/**
 * Collects what brokers are to be told (Kafka's `ControllerBrokerRequestBatch`), so that each gets at most one request of each kind
 * however many partitions changed and however often. LeaderAndIsr and UpdateMetadata carry what the context says when the batch is
 * taken, so the last of several changes to a partition is the one that is told.
 */
export class RequestBatch {
  /** By broker, then by partition: whether its replica is new there, and may go to any log directory. */
  private readonly leaderAndIsr = new Map<number, Map<PartitionEntry, boolean>>();
  private readonly stopReplica = new Map<number, Map<PartitionEntry, Stop>>();
  private readonly updateMetadataBrokers = new Set<number>();
  private readonly updateMetadataPartitions = new Set<PartitionEntry>();

  constructor(
    private readonly context: ControllerContext,
    private readonly controllerId: number,
    private readonly interBrokerListenerName: string,
    private readonly versions: ControlVersions,
  ) {}

  get isEmpty(): boolean {
    return this.leaderAndIsr.size === 0 && this.stopReplica.size === 0 && this.updateMetadataBrokers.size === 0;
  }

  /** Tells the brokers who leads the partition, and every live broker's metadata cache too. It has a leader (or had one). */
  addLeaderAndIsr(brokerIds: readonly number[], partition: PartitionEntry, isNew: boolean): void {
    for (const brokerId of brokerIds) {
      if (brokerId < 0) continue;
      const partitions = getOrMake(this.leaderAndIsr, brokerId);
      // Once new, new for the whole batch: a later change must not keep the broker from making the replica.
      partitions.set(partition, isNew || (partitions.get(partition) ?? false));
    }
    this.addUpdateMetadata(this.context.liveOrShuttingDownBrokers.keys(), [partition]);
  }

  /** Tells the brokers to stop their replicas, under the leader epoch of now; a deletion asked for before stays asked for. */
  addStopReplica(brokerIds: readonly number[], partition: PartitionEntry, deletePartition: boolean): void {
    const leaderEpoch = this.context.stopReplicaLeaderEpoch(partition);
    for (const brokerId of brokerIds) {
      if (brokerId < 0) continue;
      const partitions = getOrMake(this.stopReplica, brokerId);
      const alreadyDelete = partitions.get(partition)?.deletePartition ?? false;
      partitions.set(partition, { leaderEpoch, deletePartition: alreadyDelete || deletePartition });
    }
  }

  /** Tells the brokers which brokers live, and what is known of the partitions. */
  addUpdateMetadata(brokerIds: Iterable<number>, partitions: Iterable<PartitionEntry>): void {
    for (const brokerId of brokerIds) if (brokerId >= 0) this.updateMetadataBrokers.add(brokerId);
    for (const partition of partitions) this.updateMetadataPartitions.add(partition);
  }

  clear(): void {
    this.leaderAndIsr.clear();
    this.stopReplica.clear();
    this.updateMetadataBrokers.clear();
    this.updateMetadataPartitions.clear();
  }

  /**
   * Empties the batch into requests: all LeaderAndIsr first, then UpdateMetadata, then StopReplica. Dead brokers get none. Nobody may change
   * the context, or add to the batch, between the steps.
   */
  *take(): Steps<OutgoingRequest[]> {
    const requests = [
      ...(yield* this.leaderAndIsrRequests()),
      ...(yield* this.updateMetadataRequests()),
      ...this.stopReplicaRequests(),
    ];
    this.clear();
    return requests;
  }

  private *leaderAndIsrRequests(): Steps<OutgoingRequest[]> {
    const version = this.versions.leaderAndIsr;
    const requests: OutgoingRequest[] = [];
    // Brokers of one partition get the same state, but for `isNew`.
    const newStates = new Map<PartitionEntry, LeaderAndIsrState>();
    const oldStates = new Map<PartitionEntry, LeaderAndIsrState>();
    for (const [brokerId, partitions] of this.leaderAndIsr) {
      const broker = this.context.liveOrShuttingDownBrokers.get(brokerId);
      if (!broker) continue;
      const leaderIds = new Set<number>();
      const topics = new TopicGroups<LeaderAndIsrState>(this.context);
      let count = 0;
      for (const [partition, isNew] of partitions) {
        if (++count % STEP_PARTITIONS === 0) yield;
        const cache = isNew ? newStates : oldStates;
        let state = cache.get(partition);
        if (!state) cache.set(partition, (state = leaderAndIsrState(partition, isNew, this.versions)));
        leaderIds.add(partition.leadership!.leaderAndIsr.leader);
        topics.add(partition, state);
      }
      requests.push({
        brokerId,
        request: {
          apiKey: ApiKey.LeaderAndIsr,
          version,
          body: {
            ...this.header(broker),
            ...(version >= FIRST_LEADER_AND_ISR_WITH_TYPE && { type: REQUEST_TYPE_UNKNOWN }),
            ...(version >= FIRST_GROUPED_LEADER_AND_ISR
              ? { topicStates: topics.list }
              : { ungroupedPartitionStates: topics.ungrouped() }),
            liveLeaders: this.liveLeaders(leaderIds),
          },
        },
        deletedPartitions: [],
      });
    }
    return requests;
  }

  private *updateMetadataRequests(): Steps<OutgoingRequest[]> {
    if (this.updateMetadataBrokers.size === 0) return [];
    const version = this.versions.updateMetadata;
    const topics = new TopicGroups<UpdateMetadataState>(this.context);
    let count = 0;
    for (const partition of this.updateMetadataPartitions) {
      if (++count % STEP_PARTITIONS === 0) yield;
      const state = this.updateMetadataState(partition);
      if (state) topics.add(partition, state);
    }
    const partitions =
      version >= FIRST_GROUPED_UPDATE_METADATA
        ? { topicStates: topics.list }
        : { ungroupedPartitionStates: topics.ungrouped() };
    const liveBrokers = [...this.context.liveOrShuttingDownBrokers.values()].map(updateMetadataBroker);
    const requests: OutgoingRequest[] = [];
    for (const brokerId of this.updateMetadataBrokers) {
      const broker = this.context.liveOrShuttingDownBrokers.get(brokerId);
      if (!broker) continue;
      requests.push({
        brokerId,
        request: {
          apiKey: ApiKey.UpdateMetadata,
          version,
          body: { ...this.header(broker), type: REQUEST_TYPE_UNKNOWN, ...partitions, liveBrokers },
        },
        deletedPartitions: [],
      });
    }
    return requests;
  }

  private stopReplicaRequests(): OutgoingRequest[] {
    const version = this.versions.stopReplica;
    return [...this.stopReplica].flatMap(([brokerId, partitions]) => {
      const broker = this.context.liveOrShuttingDownBrokers.get(brokerId);
      if (!broker) return [];
      const deleted = [...partitions].filter(([, { deletePartition }]) => deletePartition);
      const deletedPartitions = deleted.map(([partition]) => partition);
      const request = (body: StopReplicaRequestInput, about: readonly PartitionEntry[]): OutgoingRequest => ({
        brokerId,
        request: { apiKey: ApiKey.StopReplica, version, body: { ...this.header(broker), ...body } },
        deletedPartitions: about,
      });
      if (version >= FIRST_STOP_REPLICA_OF_BOTH_KINDS) {
        const topicStates = groupByTopic(partitions, ({ partition }, { leaderEpoch, deletePartition }) => ({
          partitionIndex: partition,
          leaderEpoch,
          deletePartition,
        })).map(([topicName, partitionStates]) => ({ topicName, partitionStates }));
        return [request({ topicStates }, deletedPartitions)];
      }
      const kept = [...partitions].filter(([, { deletePartition }]) => !deletePartition);
      return [
        ...(deleted.length > 0 ? [request(stopReplicaOfOneKind(deleted, true, version), deletedPartitions)] : []),
        ...(kept.length > 0 ? [request(stopReplicaOfOneKind(kept, false, version), [])] : []),
      ];
    });
  }

  private header(broker: BrokerInfo) {
    return {
      controllerId: this.controllerId,
      isKRaftController: false,
      controllerEpoch: this.context.epoch,
      brokerEpoch: broker.epoch,
    };
  }

  private liveLeaders(leaderIds: ReadonlySet<number>): { brokerId: number; hostName: string; port: number }[] {
    const leaders = [];
    for (const broker of this.context.liveOrShuttingDownBrokers.values()) {
      if (!leaderIds.has(broker.id)) continue;
      const endPoint = broker.endPoints.find(({ listenerName }) => listenerName === this.interBrokerListenerName);
      // Kafka fails the whole batch here; a broker without that listener cannot be followed by anyone, the others can.
      if (endPoint) leaders.push({ brokerId: broker.id, hostName: endPoint.host, port: endPoint.port });
    }
    return leaders;
  }

  /** Null for a partition that has no leader yet: there is nothing to tell. */
  private updateMetadataState(partition: PartitionEntry): UpdateMetadataState | null {
    if (!partition.leadership) return null;
    const { leaderAndIsr, controllerEpoch } = partition.leadership;
    const { replicas } = partition.assignment;
    // A sentinel that tells brokers to drop the partition from their caches; its epochs are 0 whatever the real ones are.
    const beingDeleted = this.context.isTopicQueuedUpForDeletion(partition.topic);
    return {
      partitionIndex: partition.partition,
      controllerEpoch,
      leader: beingDeleted ? LEADER_DURING_DELETE : leaderAndIsr.leader,
      leaderEpoch: beingDeleted ? 0 : leaderAndIsr.leaderEpoch,
      isr: leaderAndIsr.isr,
      zkVersion: beingDeleted ? 0 : leaderAndIsr.partitionEpoch,
      replicas: replicas,
      offlineReplicas: replicas.filter((replica) => !this.context.isReplicaOnline(replica, partition)),
    };
  }
}

/** Groups partitions by topic, in the order in which they come. */
class TopicGroups<P> {
  readonly list: Topic<P>[] = [];
  private readonly byName = new Map<string, Topic<P>>();

  constructor(private readonly context: ControllerContext) {}

  add({ topic: topicName }: PartitionEntry, state: P): void {
    let group = this.byName.get(topicName);
    if (!group) {
      group = { topicName, topicId: this.context.topicId(topicName) ?? ZERO_UUID, partitionStates: [] };
      this.byName.set(topicName, group);
      this.list.push(group);
    }
    group.partitionStates.push(state);
  }

  /** As the oldest versions have them: one list, in which each partition names its topic. */
  ungrouped(): (P & { topicName: string })[] {
    return this.list.flatMap(({ topicName, partitionStates }) =>
      partitionStates.map((state) => ({ ...state, topicName })),
    );
  }
}

function leaderAndIsrState(
  partition: PartitionEntry,
  isNew: boolean,
  { isLeaderRecoverySupported }: ControlVersions,
): LeaderAndIsrState {
  const { leaderAndIsr, controllerEpoch } = partition.leadership!;
  const { replicas, adding, removing } = partition.assignment;
  return {
    partitionIndex: partition.partition,
    controllerEpoch,
    leader: leaderAndIsr.leader,
    leaderEpoch: leaderAndIsr.leaderEpoch,
    isr: leaderAndIsr.isr,
    partitionEpoch: leaderAndIsr.partitionEpoch,
    replicas: replicas,
    addingReplicas: adding,
    removingReplicas: removing,
    isNew,
    leaderRecoveryState: isLeaderRecoverySupported && leaderAndIsr.recovering ? 1 : 0,
  };
}

/** The body of a StopReplica before version 3, which carries no leader epochs. */
function stopReplicaOfOneKind(
  partitions: readonly (readonly [PartitionEntry, Stop])[],
  deletePartitions: boolean,
  version: number,
): StopReplicaRequestInput {
  if (version < FIRST_GROUPED_STOP_REPLICA) {
    const ungroupedPartitions = partitions.map(([{ topic, partition }]) => ({
      topicName: topic,
      partitionIndex: partition,
    }));
    return { deletePartitions, ungroupedPartitions };
  }
  const topics = groupByTopic(partitions, ({ partition }) => partition);
  return { deletePartitions, topics: topics.map(([name, partitionIndexes]) => ({ name, partitionIndexes })) };
}

function groupByTopic<S, T>(
  partitions: Iterable<readonly [PartitionEntry, S]>,
  map: (partition: PartitionEntry, state: S) => T,
): [topic: string, states: T[]][] {
  const topics = new Map<string, T[]>();
  for (const [partition, state] of partitions) {
    const states = topics.get(partition.topic);
    if (states) states.push(map(partition, state));
    else topics.set(partition.topic, [map(partition, state)]);
  }
  return [...topics];
}

function updateMetadataBroker({ id, endPoints, rack }: BrokerInfo): UpdateMetadataBroker {
  return {
    id,
    endpoints: endPoints.map((endPoint) => ({
      port: endPoint.port,
      host: endPoint.host,
      listener: endPoint.listenerName,
      securityProtocol: SECURITY_PROTOCOL_IDS[endPoint.securityProtocol],
    })),
    rack,
  };
}

function getOrMake<V>(map: Map<number, Map<PartitionEntry, V>>, brokerId: number): Map<PartitionEntry, V> {
  let inner = map.get(brokerId);
  if (!inner) map.set(brokerId, (inner = new Map()));
  return inner;
}
