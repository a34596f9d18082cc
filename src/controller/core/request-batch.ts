import { ZERO_UUID, type Uuid } from '../../common/index.js';
import { LEADER_DURING_DELETE, type BrokerInfo } from '../../cluster/index.js';
import {
  ApiKey,
  type LeaderAndIsrRequestInput,
  type StopReplicaRequestInput,
  type UpdateMetadataRequestInput,
} from '../../protocol/index.js';
import type { ControllerContext, PartitionEntry } from './controller-context.js';

/** The versions that a controller at inter-broker protocol 3.6 sends, whatever the receiver could do. */
export const LEADER_AND_ISR_VERSION = 7;
export const UPDATE_METADATA_VERSION = 8;
export const STOP_REPLICA_VERSION = 4;

/** Kafka's `AbstractControlRequest.Type`: FULL and INCREMENTAL are for KRaft migrations, a ZooKeeper controller sends UNKNOWN. */
const REQUEST_TYPE_UNKNOWN = 0;

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
type StopReplicaState = Elements<Elements<StopReplicaRequestInput['topicStates']>['partitionStates']>;

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
  private readonly stopReplica = new Map<
    number,
    Map<PartitionEntry, { readonly leaderEpoch: number; readonly deletePartition: boolean }>
  >();
  private readonly updateMetadataBrokers = new Set<number>();
  private readonly updateMetadataPartitions = new Set<PartitionEntry>();

  constructor(
    private readonly context: ControllerContext,
    private readonly controllerId: number,
    private readonly interBrokerListenerName: string,
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

  /** Empties the batch into requests: all LeaderAndIsr first, then UpdateMetadata, then StopReplica. Dead brokers get none. */
  take(): OutgoingRequest[] {
    const requests = [...this.leaderAndIsrRequests(), ...this.updateMetadataRequests(), ...this.stopReplicaRequests()];
    this.clear();
    return requests;
  }

  private leaderAndIsrRequests(): OutgoingRequest[] {
    const requests: OutgoingRequest[] = [];
    // Brokers of one partition get the same state, but for `isNew`.
    const newStates = new Map<PartitionEntry, LeaderAndIsrState>();
    const oldStates = new Map<PartitionEntry, LeaderAndIsrState>();
    for (const [brokerId, partitions] of this.leaderAndIsr) {
      const broker = this.context.liveOrShuttingDownBrokers.get(brokerId);
      if (!broker) continue;
      const leaderIds = new Set<number>();
      const topics = new TopicGroups<LeaderAndIsrState>(this.context);
      for (const [partition, isNew] of partitions) {
        const cache = isNew ? newStates : oldStates;
        let state = cache.get(partition);
        if (!state) cache.set(partition, (state = leaderAndIsrState(partition, isNew)));
        leaderIds.add(partition.leadership!.leaderAndIsr.leader);
        topics.add(partition, state);
      }
      requests.push({
        brokerId,
        request: {
          apiKey: ApiKey.LeaderAndIsr,
          version: LEADER_AND_ISR_VERSION,
          body: {
            ...this.header(broker),
            type: REQUEST_TYPE_UNKNOWN,
            topicStates: topics.list,
            liveLeaders: this.liveLeaders(leaderIds),
          },
        },
        deletedPartitions: [],
      });
    }
    return requests;
  }

  private updateMetadataRequests(): OutgoingRequest[] {
    if (this.updateMetadataBrokers.size === 0) return [];
    const topics = new TopicGroups<UpdateMetadataState>(this.context);
    for (const partition of this.updateMetadataPartitions) {
      const state = this.updateMetadataState(partition);
      if (state) topics.add(partition, state);
    }
    const liveBrokers = [...this.context.liveOrShuttingDownBrokers.values()].map(updateMetadataBroker);
    const requests: OutgoingRequest[] = [];
    for (const brokerId of this.updateMetadataBrokers) {
      const broker = this.context.liveOrShuttingDownBrokers.get(brokerId);
      if (!broker) continue;
      requests.push({
        brokerId,
        request: {
          apiKey: ApiKey.UpdateMetadata,
          version: UPDATE_METADATA_VERSION,
          body: { ...this.header(broker), type: REQUEST_TYPE_UNKNOWN, topicStates: topics.list, liveBrokers },
        },
        deletedPartitions: [],
      });
    }
    return requests;
  }

  private stopReplicaRequests(): OutgoingRequest[] {
    const requests: OutgoingRequest[] = [];
    for (const [brokerId, partitions] of this.stopReplica) {
      const broker = this.context.liveOrShuttingDownBrokers.get(brokerId);
      if (!broker) continue;
      const topics = new Map<string, { topicName: string; partitionStates: StopReplicaState[] }>();
      const deletedPartitions: PartitionEntry[] = [];
      for (const [partition, { leaderEpoch, deletePartition }] of partitions) {
        let topic = topics.get(partition.topic);
        if (!topic) topics.set(partition.topic, (topic = { topicName: partition.topic, partitionStates: [] }));
        topic.partitionStates.push({ partitionIndex: partition.partition, leaderEpoch, deletePartition });
        if (deletePartition) deletedPartitions.push(partition);
      }
      requests.push({
        brokerId,
        request: {
          apiKey: ApiKey.StopReplica,
          version: STOP_REPLICA_VERSION,
          body: { ...this.header(broker), topicStates: [...topics.values()] },
        },
        deletedPartitions,
      });
    }
    return requests;
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
}

function leaderAndIsrState(partition: PartitionEntry, isNew: boolean): LeaderAndIsrState {
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
    leaderRecoveryState: leaderAndIsr.recovering ? 1 : 0,
  };
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
