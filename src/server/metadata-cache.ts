import { LEADER_DURING_DELETE, type SecurityProtocol, type TopicPartition } from '../cluster/index.js';
import { forEachInSteps, ZERO_UUID, type Steps, type Uuid } from '../common/index.js';
import {
  ErrorCode,
  type MetadataResponsePartition,
  type UpdateMetadataPartitionState,
  type UpdateMetadataRequest,
} from '../protocol/index.js';
import type { MetadataSource } from '../replication/index.js';
import { DraftedMap } from './drafted-map.js';

/** A broker at one of its listeners (`Node`). */
export interface BrokerNode {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

/** What the controller told of a partition. */
export interface PartitionInfo {
  readonly partitionIndex: number;
  readonly leader: number;
  readonly leaderEpoch: number;
  readonly controllerEpoch: number;
  readonly isr: readonly number[];
  readonly replicas: readonly number[];
  readonly offlineReplicas: readonly number[];
  readonly zkVersion: number;
}

interface TopicInfo {
  id: Uuid;
  /** The id came later than some of its partitions, which may be those of another topic. */
  hadNoId: boolean;
  readonly partitions: Map<number, PartitionInfo>;
}

interface AliveBroker {
  readonly id: number;
  readonly rack: string | null;
  readonly nodes: ReadonlyMap<string, BrokerNode>;
}

/** What an update makes of the topics that it names. What is in force does not change with it. */
export interface MetadataDraft {
  readonly request: UpdateMetadataRequest;
  /** Undefined for those that go. */
  readonly topics: Map<string, TopicInfo | undefined>;
  readonly topicNames: Map<Uuid, string | undefined>;
  readonly deleted: TopicPartition[];
  /** In the whole cluster. */
  partitionCount: number;
}

/** So many of the topics that an update names are drafted in one step, or one that has more partitions. */
const TOPICS_A_STEP = 64;

/** How a missing leader or replica is told to a client; it depends on the version of its Metadata request. */
export interface AvailabilityRules {
  /** Version 0: replicas that are down are left out, and reported. */
  readonly errorUnavailableEndpoints: boolean;
  /** Version 6 and later: LISTENER_NOT_FOUND where a live leader lacks the client's listener. */
  readonly errorUnavailableListeners: boolean;
}

const SECURITY_PROTOCOL_NAMES: readonly SecurityProtocol[] = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'];

/**
 * What this broker knows of the cluster: topics, leaders, live brokers and the controller, all from UpdateMetadata (Kafka's
 * `ZkMetadataCache`). Reads see each request's update whole: it is drafted in steps, put in force in one, and merged in steps. Who updates takes turns
 * (`ControlOrder`).
 */
export class MetadataCache implements MetadataSource {
  private readonly topics = new DraftedMap<string, TopicInfo>();
  private readonly topicNames = new DraftedMap<Uuid, string>();
  private brokers = new Map<number, AliveBroker>();
  private currentControllerId = -1;
  private partitionCount = 0;
  private updatedFor: { readonly brokerEpoch: bigint; readonly controllerEpoch: number } | null = null;
  private readonly updateListeners = new Set<() => void>();
  private currentVersion = 0;

  /** Changes with each update: whoever reads in several steps can tell whether what was read belongs together. */
  get version(): number {
    return this.currentVersion;
  }

  /** -1 when none is known. */
  get controllerId(): number {
    return this.currentControllerId;
  }

  /** Of all topics. */
  get numPartitionsInCluster(): number {
    return this.partitionCount;
  }

  /** What the request changes: to be put in force before anything else is changed. Versions of the request before 5 are understood too. */
  *draft(request: UpdateMetadataRequest): Steps<MetadataDraft> {
    const draft: MetadataDraft = {
      request,
      topics: new Map(),
      topicNames: new Map(),
      deleted: [],
      partitionCount: this.partitionCount,
    };
    let left = TOPICS_A_STEP;
    for (const { topicName, topicId, partitionStates } of request.topicStates) {
      yield* this.draftTopicId(draft, topicName, topicId);
      yield* this.draftPartitions(draft, topicName, topicId, partitionStates);
      if (--left > 0) continue;
      yield;
      left = TOPICS_A_STEP;
    }
    for (const state of request.ungroupedPartitionStates) {
      yield* this.draftPartitions(draft, state.topicName, ZERO_UUID, [state]);
      if (--left > 0) continue;
      yield;
      left = TOPICS_A_STEP;
    }
    return draft;
  }

  /** From now on what was drafted is seen, and nothing of what it replaces. Gives the partitions that were deleted. `merge` is to follow. */
  putInForce({ request, topics, topicNames, deleted, partitionCount }: MetadataDraft): readonly TopicPartition[] {
    this.currentVersion++;
    this.currentControllerId = request.controllerId < 0 ? -1 : request.controllerId;
    this.brokers = new Map(request.liveBrokers.map((broker) => [broker.id, aliveBroker(broker)]));
    this.topics.putInForce(topics);
    this.topicNames.putInForce(topicNames);
    this.partitionCount = partitionCount;
    for (const listener of this.updateListeners) listener();
    return deleted;
  }

  /** Before the next update is drafted. */
  *merge(): Steps<void> {
    yield* this.topics.merge();
    yield* this.topicNames.merge();
  }

  /** Forgets topics whose names are others' by the request, and returns their partitions. (Another id is another topic.) */
  *forgetReplaced({ topicStates }: UpdateMetadataRequest): Steps<TopicPartition[]> {
    const replaced: TopicPartition[] = [];
    let left = TOPICS_A_STEP;
    for (const { topicName: topic, topicId } of topicStates) {
      if (--left === 0) {
        yield;
        left = TOPICS_A_STEP;
      }
      const info = this.topics.get(topic);
      if (!info || info.id === topicId || info.id === ZERO_UUID || topicId === ZERO_UUID) continue;
      // Whoever looked before has to look again: until the update is in force there is neither the one nor the other.
      this.currentVersion++;
      this.removeTopic(topic, info);
      yield* forEachInSteps(info.partitions.keys(), (partition) => void replaced.push({ topic, partition }));
    }
    return replaced;
  }

  /** No controller has told anything yet. */
  get isFirst(): boolean {
    return this.updatedFor === null;
  }

  /**
   * An update came for our registration of `brokerEpoch` from the controller of `controllerEpoch`. True when it is the first of a later
   * registration or a later controller: what was deleted before may have been told to others only, or by a controller that did not
   * get to us.
   */
  isFirstAfterChange(brokerEpoch: bigint, controllerEpoch: number): boolean {
    const before = this.updatedFor;
    this.updatedFor = {
      brokerEpoch: brokerEpoch >= 0n ? brokerEpoch : (before?.brokerEpoch ?? brokerEpoch),
      controllerEpoch,
    };
    if (before === null) return false;
    return brokerEpoch > before.brokerEpoch || controllerEpoch > before.controllerEpoch;
  }

  /** What is known of all partitions now, by topic, for `forget`. */
  allPartitions(): Map<string, PartitionInfo[]> {
    const all = new Map<string, PartitionInfo[]>();
    for (const [topic, { partitions }] of this.topics.entries()) all.set(topic, [...partitions.values()]);
    return all;
  }

  /** Forgets partitions, each unless the controller has told of it since, and returns them: under their names there may be others by now. */
  forget(known: ReadonlyMap<string, readonly PartitionInfo[]>): TopicPartition[] {
    const forgotten: TopicPartition[] = [];
    this.currentVersion++;
    for (const [topic, partitions] of known) {
      for (const info of partitions) {
        const tp = { topic, partition: info.partitionIndex };
        if (this.partitionInfo(tp) === info && this.removePartition(tp)) forgotten.push(tp);
      }
    }
    return forgotten;
  }

  /** Is called after each update. Returns how to stop. */
  onUpdate(listener: () => void): () => void {
    this.updateListeners.add(listener);
    return () => this.updateListeners.delete(listener);
  }

  hasTopic(topic: string): boolean {
    return this.topics.has(topic);
  }

  contains({ topic, partition }: TopicPartition): boolean {
    return this.topics.get(topic)?.partitions.has(partition) ?? false;
  }

  topicsInCluster(): Iterable<string> {
    return this.topics.keys();
  }

  /** Undefined for a topic that is not known. */
  numPartitions(topic: string): number | undefined {
    return this.topics.get(topic)?.partitions.size;
  }

  partitionInfo({ topic, partition }: TopicPartition): PartitionInfo | undefined {
    return this.topics.get(topic)?.partitions.get(partition);
  }

  partitionsOf(topic: string): Iterable<PartitionInfo> {
    return this.topics.get(topic)?.partitions.values() ?? [];
  }

  /** The zero id for a topic without one, or an unknown one. */
  topicId(topic: string): Uuid {
    return this.topics.get(topic)?.id ?? ZERO_UUID;
  }

  /** Whether all that is known of the topic came under the id that it has. */
  isKnownById(topic: string): boolean {
    const info = this.topics.get(topic);
    return info !== undefined && info.id !== ZERO_UUID && !info.hadNoId;
  }

  topicName(topicId: Uuid): string | undefined {
    return this.topicNames.get(topicId);
  }

  hasAliveBroker(brokerId: number): boolean {
    return this.brokers.has(brokerId);
  }

  aliveBrokers(): Iterable<{ readonly id: number; readonly rack: string | null }> {
    return this.brokers.values();
  }

  /** Undefined when the broker is not alive or has no such listener. */
  aliveBrokerNode(brokerId: number, listenerName: string): BrokerNode | undefined {
    return this.brokers.get(brokerId)?.nodes.get(listenerName);
  }

  aliveBrokerNodes(listenerName: string): BrokerNode[] {
    const nodes: BrokerNode[] = [];
    for (const broker of this.brokers.values()) {
      const node = broker.nodes.get(listenerName);
      if (node) nodes.push(node);
    }
    return nodes;
  }

  rackOf(brokerId: number, listenerName: string): string | null | undefined {
    return this.aliveBrokerNode(brokerId, listenerName)?.rack;
  }

  /** The partitions of a topic as Metadata answers them; null for an unknown topic. */
  partitionMetadata(topic: string, listenerName: string, rules: AvailabilityRules): MetadataResponsePartition[] | null {
    const info = this.topics.get(topic);
    if (!info) return null;
    const partitions: MetadataResponsePartition[] = [];
    for (const partition of info.partitions.values()) {
      partitions.push(this.describePartition(partition, listenerName, rules));
    }
    return partitions;
  }

  private describePartition(
    partition: PartitionInfo,
    listenerName: string,
    { errorUnavailableEndpoints, errorUnavailableListeners }: AvailabilityRules,
  ): MetadataResponsePartition {
    const { leader } = partition;
    const available = (ids: readonly number[]): number[] =>
      errorUnavailableEndpoints ? ids.filter((id) => this.aliveBrokerNode(id, listenerName)) : (ids as number[]);
    const replicaNodes = available(partition.replicas);
    const isrNodes = available(partition.isr);
    const hasLeader = this.aliveBrokerNode(leader, listenerName) !== undefined;
    let errorCode: number = ErrorCode.NONE;
    if (!hasLeader) {
      errorCode =
        this.brokers.has(leader) && errorUnavailableListeners
          ? ErrorCode.LISTENER_NOT_FOUND
          : ErrorCode.LEADER_NOT_AVAILABLE;
    } else if (replicaNodes.length < partition.replicas.length || isrNodes.length < partition.isr.length) {
      errorCode = ErrorCode.REPLICA_NOT_AVAILABLE;
    }
    return {
      errorCode,
      partitionIndex: partition.partitionIndex,
      leaderId: hasLeader ? leader : -1,
      leaderEpoch: partition.leaderEpoch,
      replicaNodes,
      isrNodes,
      offlineReplicas: partition.offlineReplicas as number[],
    };
  }

  /** False when it was not there. */
  private removePartition({ topic, partition }: TopicPartition): boolean {
    const info = this.topics.get(topic);
    if (!info?.partitions.delete(partition)) return false;
    this.partitionCount--;
    if (info.partitions.size === 0) this.removeTopic(topic, info);
    return true;
  }

  private removeTopic(topic: string, { id, partitions }: TopicInfo): void {
    this.topics.delete(topic);
    this.topicNames.delete(id);
    this.partitionCount -= partitions.size;
  }

  /** The topic as far as it is drafted: a copy of what is in force, at first. */
  private *drafted({ topics }: MetadataDraft, topic: string): Steps<TopicInfo | undefined> {
    if (topics.has(topic)) return topics.get(topic);
    const info = this.topics.get(topic);
    if (!info) return undefined;
    const partitions = new Map<number, PartitionInfo>();
    yield* forEachInSteps(info.partitions, ([partition, state]) => void partitions.set(partition, state));
    const copy = { ...info, partitions };
    topics.set(topic, copy);
    return copy;
  }

  /** A topic without an id may have been given one, or be told of by a controller that knows none. */
  private *draftTopicId(draft: MetadataDraft, topic: string, topicId: Uuid): Steps<void> {
    const info = yield* this.drafted(draft, topic);
    if (!info || info.id === topicId) return;
    draft.topicNames.set(info.id, undefined);
    info.hadNoId ||= info.id === ZERO_UUID;
    info.id = topicId;
    if (topicId !== ZERO_UUID) draft.topicNames.set(topicId, topic);
  }

  private *draftPartitions(
    draft: MetadataDraft,
    topic: string,
    topicId: Uuid,
    states: readonly UpdateMetadataPartitionState[],
  ): Steps<void> {
    let info = yield* this.drafted(draft, topic);
    yield* forEachInSteps(states, (state) => {
      const partition = state.partitionIndex;
      if (state.leader === LEADER_DURING_DELETE) {
        draft.deleted.push({ topic, partition });
        if (!info?.partitions.delete(partition)) return;
        draft.partitionCount--;
        if (info.partitions.size > 0) return;
        draft.topics.set(topic, undefined);
        draft.topicNames.set(info.id, undefined);
        info = undefined;
        return;
      }
      if (!info) {
        draft.topics.set(topic, (info = { id: topicId, hadNoId: false, partitions: new Map() }));
        if (topicId !== ZERO_UUID) draft.topicNames.set(topicId, topic);
      }
      if (!info.partitions.has(partition)) draft.partitionCount++;
      info.partitions.set(partition, partitionInfo(state));
    });
  }
}

function partitionInfo(state: UpdateMetadataPartitionState): PartitionInfo {
  return {
    partitionIndex: state.partitionIndex,
    leader: state.leader,
    leaderEpoch: state.leaderEpoch,
    controllerEpoch: state.controllerEpoch,
    isr: state.isr,
    replicas: state.replicas,
    offlineReplicas: state.offlineReplicas,
    zkVersion: state.zkVersion,
  };
}

function aliveBroker(broker: UpdateMetadataRequest['liveBrokers'][number]): AliveBroker {
  const { id } = broker;
  const rack = broker.rack ?? null;
  const nodes = new Map<string, BrokerNode>();
  for (const { host, port, listener, securityProtocol } of broker.endpoints) {
    // Before version 3 a listener is named for its protocol.
    const name = listener !== '' ? listener : (SECURITY_PROTOCOL_NAMES[securityProtocol] ?? 'PLAINTEXT');
    nodes.set(name, { id, host, port, rack });
  }
  if (nodes.size === 0) nodes.set('PLAINTEXT', { id, host: broker.v0Host, port: broker.v0Port, rack });
  return { id, rack, nodes };
}
