import type { Uuid } from '../../common/index.js';
import {
  EPOCH_DURING_DELETE,
  type BrokerInfo,
  type LeaderIsrAndControllerEpoch,
  type ReplicaAssignment,
  type TopicPartition,
} from '../../cluster/index.js';
import type { PartitionState } from './partition-state.js';
import type { ReplicaState } from './replica-state.js';
import { isBeingReassigned } from './reassignment.js';

/** Kafka's `LeaderAndIsr.NoEpoch`: in StopReplica, a partition that never had a leader. */
const NO_EPOCH = -1;

/**
 * What the controller knows of one partition. Only `ControllerContext` changes it, since counts are kept over all of them. It is a
 * `TopicPartition` itself, so that stores can be handed it as it is.
 */
export interface PartitionEntry extends TopicPartition {
  readonly assignment: ReplicaAssignment;
  /** Undefined until the first leader is elected. */
  readonly leadership: LeaderIsrAndControllerEpoch | undefined;
  readonly state: PartitionState;
  /** By broker id; a replica that is missing is a NonExistentReplica. */
  readonly replicaStates: ReadonlyMap<number, ReplicaState>;
}

/** A replica: a partition on a broker. */
export interface PartitionReplica {
  readonly partition: PartitionEntry;
  readonly replica: number;
}

class MutablePartition implements PartitionEntry {
  leadership: LeaderIsrAndControllerEpoch | undefined = undefined;
  state: PartitionState = 'NonExistentPartition';
  readonly replicaStates = new Map<number, ReplicaState>();

  constructor(
    readonly topic: string,
    readonly partition: number,
    public assignment: ReplicaAssignment,
  ) {}

  toString(): string {
    return `${this.topic}-${this.partition}`;
  }
}

interface TopicEntry {
  id: Uuid | undefined;
  readonly partitions: Map<number, MutablePartition>;
}

/**
 * All that the controller holds in memory while it is active: a copy of what ZooKeeper says, and the states of the two machines
 * (Kafka's `ControllerContext`). At rest it equals ZooKeeper. It is emptied on resignation and filled again on election.
 */
export class ControllerContext {
  /** The epoch of this controller's term; 0 when it is not active. */
  epoch = 0;
  /** The version of `/controller_epoch` in this term, on which every write is conditional. */
  epochZkVersion = 0;
  /** Partitions without a live leader, those of topics under deletion left out. */
  offlinePartitionCount = 0;
  /** Partitions led by another than their preferred replica, those of topics queued for deletion left out. */
  preferredReplicaImbalanceCount = 0;

  readonly topicsToBeDeleted = new Set<string>();
  /** Their partitions are NonExistentPartition already and are counted nowhere. */
  readonly topicsWithDeletionStarted = new Set<string>();
  readonly topicsIneligibleForDeletion = new Set<string>();
  /** Their znodes are there, and no one can read them: so what partitions they have, and where, is not known. */
  readonly unreadableTopics = new Set<string>();
  readonly partitionsBeingReassigned = new Set<PartitionEntry>();
  /** By broker: its replicas in log directories that failed. */
  readonly replicasOnOfflineDirs = new Map<number, Set<PartitionEntry>>();

  private readonly topics = new Map<string, TopicEntry>();
  private readonly topicNamesById = new Map<Uuid, string>();
  private readonly brokers = new Map<number, BrokerInfo>();
  private readonly shuttingDown = new Set<number>();
  private live = new Set<number>();

  // Brokers.

  /** Every registered broker, whether or not it announced its shutdown. */
  get liveOrShuttingDownBrokers(): ReadonlyMap<number, BrokerInfo> {
    return this.brokers;
  }

  get liveOrShuttingDownBrokerIds(): readonly number[] {
    return [...this.brokers.keys()];
  }

  /** Registered brokers that may lead and join ISRs. */
  get liveBrokerIds(): ReadonlySet<number> {
    return this.live;
  }

  get shuttingDownBrokerIds(): ReadonlySet<number> {
    return this.shuttingDown;
  }

  /** Adds brokers, or replaces what is known of them. */
  putLiveBrokers(brokers: Iterable<BrokerInfo>): void {
    for (const broker of brokers) this.brokers.set(broker.id, broker);
    this.refreshLive();
  }

  removeLiveBrokers(ids: Iterable<number>): void {
    for (const id of ids) this.brokers.delete(id);
    this.refreshLive();
  }

  addShuttingDownBroker(id: number): void {
    this.shuttingDown.add(id);
    this.refreshLive();
  }

  /** True if the broker had been shutting down. */
  removeShuttingDownBroker(id: number): boolean {
    const was = this.shuttingDown.delete(id);
    this.refreshLive();
    return was;
  }

  /** Whether the replica can serve: its broker is up and not leaving, and its log directory works. */
  isReplicaOnline(replica: number, partition: PartitionEntry): boolean {
    return this.live.has(replica) && !this.isOnOfflineDir(replica, partition);
  }

  /** The brokers on which the partition's replicas could serve. The shared set of live brokers unless a log directory failed. */
  onlineBrokersFor(partition: PartitionEntry, options?: { includeShuttingDown: boolean }): ReadonlySet<number> {
    const candidates = options?.includeShuttingDown ? new Set(this.brokers.keys()) : this.live;
    if (this.replicasOnOfflineDirs.size === 0) return candidates;
    const online = new Set<number>();
    for (const id of candidates) if (!this.isOnOfflineDir(id, partition)) online.add(id);
    return online;
  }

  private isOnOfflineDir(broker: number, partition: PartitionEntry): boolean {
    return this.replicasOnOfflineDirs.get(broker)?.has(partition) ?? false;
  }

  private refreshLive(): void {
    this.live = new Set(this.brokers.keys());
    for (const id of this.shuttingDown) this.live.delete(id);
  }

  // Topics.

  get allTopics(): ReadonlyMap<string, unknown> {
    return this.topics;
  }

  hasTopic(topic: string): boolean {
    return this.topics.has(topic);
  }

  /** Makes the topic known, without partitions yet. */
  addTopic(topic: string): void {
    if (!this.topics.has(topic)) this.topics.set(topic, { id: undefined, partitions: new Map() });
  }

  topicId(topic: string): Uuid | undefined {
    return this.topics.get(topic)?.id;
  }

  topicName(id: Uuid): string | undefined {
    return this.topicNamesById.get(id);
  }

  /** Throws when the topic has another id already, or the id another topic: the znodes contradict what was read before. */
  setTopicId(topic: string, id: Uuid): void {
    const entry = this.topics.get(topic);
    if (!entry) throw new Error(`topic ${topic} is not contained in all topics`);
    if (entry.id !== undefined && entry.id !== id) {
      throw new Error(`topic ${topic} already has the id ${entry.id}, and the new id ${id} does not match it`);
    }
    const other = this.topicNamesById.get(id);
    if (other !== undefined && other !== topic) throw new Error(`the id ${id} of topic ${topic} belongs to ${other}`);
    entry.id = id;
    this.topicNamesById.set(id, topic);
  }

  /** Forgets the topic and everything about its partitions. */
  removeTopic(topic: string): void {
    const entry = this.topics.get(topic);
    for (const partition of entry?.partitions.values() ?? []) {
      if (!this.topicsToBeDeleted.has(topic)) this.countImbalance(partition, -1);
      if (!this.topicsWithDeletionStarted.has(topic) && partition.state === 'OfflinePartition') {
        this.offlinePartitionCount--;
      }
      this.partitionsBeingReassigned.delete(partition);
      for (const offline of this.replicasOnOfflineDirs.values()) offline.delete(partition);
    }
    this.topicsToBeDeleted.delete(topic);
    this.topicsWithDeletionStarted.delete(topic);
    this.topicsIneligibleForDeletion.delete(topic);
    if (entry?.id !== undefined) this.topicNamesById.delete(entry.id);
    this.topics.delete(topic);
  }

  // Partitions.

  partition(topic: string, partition: number): PartitionEntry | undefined {
    return this.topics.get(topic)?.partitions.get(partition);
  }

  partitionsOf(topic: string): PartitionEntry[] {
    return [...(this.topics.get(topic)?.partitions.values() ?? [])];
  }

  *allPartitions(): Generator<PartitionEntry> {
    for (const topic of this.topics.values()) yield* topic.partitions.values();
  }

  /** Sets who holds the partition, making it known if it was not. Gives the entry. */
  putAssignment(tp: TopicPartition, assignment: ReplicaAssignment): PartitionEntry {
    this.addTopic(tp.topic);
    const { partitions } = this.topics.get(tp.topic)!;
    let partition = partitions.get(tp.partition);
    if (!partition) {
      partition = new MutablePartition(tp.topic, tp.partition, assignment);
      partitions.set(tp.partition, partition);
      return partition;
    }
    this.recount(partition, () => {
      partition.assignment = assignment;
    });
    return partition;
  }

  putLeadership(partition: PartitionEntry, leadership: LeaderIsrAndControllerEpoch): void {
    const entry = partition as MutablePartition;
    this.recount(entry, () => {
      entry.leadership = leadership;
    });
  }

  putPartitionState(partition: PartitionEntry, state: PartitionState): void {
    const entry = partition as MutablePartition;
    if (!this.topicsWithDeletionStarted.has(entry.topic)) {
      if (entry.state !== 'OfflinePartition' && state === 'OfflinePartition') this.offlinePartitionCount++;
      if (entry.state === 'OfflinePartition' && state !== 'OfflinePartition') this.offlinePartitionCount--;
    }
    entry.state = state;
  }

  /** The leader epoch that StopReplica carries: a sentinel while the topic is queued for deletion, which overrides any epoch. */
  stopReplicaLeaderEpoch(partition: PartitionEntry): number {
    if (this.topicsToBeDeleted.has(partition.topic)) return EPOCH_DURING_DELETE;
    return partition.leadership?.leaderAndIsr.leaderEpoch ?? NO_EPOCH;
  }

  /** Partitions in one of the states, those of topics queued for deletion left out. */
  electablePartitions(states: readonly PartitionState[], topic?: string): PartitionEntry[] {
    const among = topic === undefined ? this.allPartitions() : this.partitionsOf(topic);
    const found: PartitionEntry[] = [];
    for (const partition of among) {
      if (states.includes(partition.state) && !this.topicsToBeDeleted.has(partition.topic)) found.push(partition);
    }
    return found;
  }

  /** Partitions that ever had a leader; those of topics queued for deletion left out. */
  partitionsWithLeaders(): PartitionEntry[] {
    return this.filterPartitions((p) => p.leadership !== undefined && !this.topicsToBeDeleted.has(p.topic));
  }

  /** Partitions whose leader, as far as known, cannot serve; those of topics queued for deletion left out. */
  partitionsWithOfflineLeader(): PartitionEntry[] {
    return this.filterPartitions(
      (p) =>
        p.leadership !== undefined &&
        !this.isReplicaOnline(p.leadership.leaderAndIsr.leader, p) &&
        !this.topicsToBeDeleted.has(p.topic),
    );
  }

  /** What a broker that shuts down still leads, of the partitions that others could lead. */
  partitionLeadersOnBroker(broker: number): PartitionEntry[] {
    return this.filterPartitions(
      (p) =>
        p.leadership?.leaderAndIsr.leader === broker &&
        p.assignment.replicas.length > 1 &&
        !this.topicsToBeDeleted.has(p.topic),
    );
  }

  partitionsOnBroker(broker: number): PartitionEntry[] {
    return this.filterPartitions((p) => p.assignment.replicas.includes(broker));
  }

  /** How many partitions have, or had, a leader. */
  partitionWithLeadersCount(): number {
    let count = 0;
    for (const partition of this.allPartitions()) if (partition.leadership !== undefined) count++;
    return count;
  }

  private filterPartitions(keep: (partition: PartitionEntry) => boolean): PartitionEntry[] {
    const kept: PartitionEntry[] = [];
    for (const partition of this.allPartitions()) if (keep(partition)) kept.push(partition);
    return kept;
  }

  // Replicas.

  replicaState({ partition, replica }: PartitionReplica): ReplicaState {
    return partition.replicaStates.get(replica) ?? 'NonExistentReplica';
  }

  putReplicaState({ partition, replica }: PartitionReplica, state: ReplicaState): void {
    const states = (partition as MutablePartition).replicaStates;
    if (state === 'NonExistentReplica') states.delete(replica);
    else states.set(replica, state);
  }

  replicasOnBrokers(brokers: ReadonlySet<number>): PartitionReplica[] {
    const found: PartitionReplica[] = [];
    for (const partition of this.allPartitions()) {
      for (const replica of partition.assignment.replicas) if (brokers.has(replica)) found.push({ partition, replica });
    }
    return found;
  }

  replicasForTopic(topic: string): PartitionReplica[] {
    return replicasOf(this.partitionsOf(topic));
  }

  replicasInState(topic: string, state: ReplicaState): PartitionReplica[] {
    return this.replicasForTopic(topic).filter((replica) => this.replicaState(replica) === state);
  }

  areAllReplicasInState(topic: string, state: ReplicaState): boolean {
    return this.replicasForTopic(topic).every((replica) => this.replicaState(replica) === state);
  }

  isAnyReplicaInState(topic: string, state: ReplicaState): boolean {
    return this.replicasForTopic(topic).some((replica) => this.replicaState(replica) === state);
  }

  // Deletion.

  /** Queues topics for deletion; ones that are queued already stay as they are. From now on they are counted as balanced. */
  queueTopicDeletion(topics: Iterable<string>): void {
    for (const topic of topics) {
      if (this.topicsToBeDeleted.has(topic)) continue;
      for (const partition of this.partitionsOf(topic)) this.countImbalance(partition, -1);
      this.topicsToBeDeleted.add(topic);
    }
  }

  isTopicQueuedUpForDeletion(topic: string): boolean {
    return this.topicsToBeDeleted.has(topic);
  }

  /** Forgets everything: the controller is no longer, or not yet, active. */
  reset(): void {
    this.epoch = 0;
    this.epochZkVersion = 0;
    this.offlinePartitionCount = 0;
    this.preferredReplicaImbalanceCount = 0;
    this.topicsToBeDeleted.clear();
    this.topicsWithDeletionStarted.clear();
    this.topicsIneligibleForDeletion.clear();
    this.unreadableTopics.clear();
    this.partitionsBeingReassigned.clear();
    this.replicasOnOfflineDirs.clear();
    this.topics.clear();
    this.topicNamesById.clear();
    this.brokers.clear();
    this.shuttingDown.clear();
    this.refreshLive();
  }

  private recount(partition: MutablePartition, change: () => void): void {
    if (!this.topicsToBeDeleted.has(partition.topic)) this.countImbalance(partition, -1);
    change();
    if (!this.topicsToBeDeleted.has(partition.topic)) this.countImbalance(partition, +1);
  }

  private countImbalance(partition: PartitionEntry, by: 1 | -1): void {
    if (partition.leadership !== undefined && !hasPreferredLeader(partition, partition.leadership)) {
      this.preferredReplicaImbalanceCount += by;
    }
  }
}

/** All replicas of the partitions, in their order. */
export function replicasOf(partitions: Iterable<PartitionEntry>): PartitionReplica[] {
  const replicas: PartitionReplica[] = [];
  for (const partition of partitions) {
    for (const replica of partition.assignment.replicas) replicas.push({ partition, replica });
  }
  return replicas;
}

function hasPreferredLeader({ assignment }: PartitionEntry, { leaderAndIsr }: LeaderIsrAndControllerEpoch): boolean {
  const preferred = assignment.replicas[0];
  if (preferred === undefined) return true;
  // A replica that is still being added cannot lead yet: not imbalanced until it has joined the ISR.
  if (isBeingReassigned(assignment) && assignment.adding.includes(preferred)) {
    return !leaderAndIsr.isr.includes(preferred);
  }
  return leaderAndIsr.leader === preferred;
}
