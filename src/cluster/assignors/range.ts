import type { TopicPartition } from '../topic-partition.js';
import {
  compareMembers,
  comparePartitions,
  isRackAware,
  rackOf,
  type AssignableTopic,
  type AssignableTopics,
  type GroupAssignment,
  type GroupMember,
  type PartitionAssignor,
} from './assignor.js';

/**
 * Each topic on its own: its partitions in ranges over its sorted subscribers (`RangeAssignor`). With racks (KIP-881), partitions that can
 * be matched to a member's rack go first, and topics with equal partition counts and subscribers stay co-partitioned.
 */
export const rangeAssignor: PartitionAssignor = {
  name: 'range',
  protocol: 'EAGER',
  assign(topics: AssignableTopics, members: readonly GroupMember[]): GroupAssignment {
    const assignment: GroupAssignment = new Map(members.map(({ memberId }) => [memberId, []]));
    const states: TopicState[] = [];
    for (const [topic, metadata] of topics) {
      const subscribers = members.filter((member) => member.topics.includes(topic)).sort(compareMembers);
      if (metadata.partitions > 0) states.push(new TopicState(topic, metadata, subscribers, assignment));
    }
    const usesRacks = states.some((state) => state.needsRackAwareAssignment);
    if (usesRacks) assignWithRackMatching(states);
    for (const state of states) state.assignRanges(false);
    if (usesRacks) for (const partitions of assignment.values()) partitions.sort(comparePartitions);
    return assignment;
  },
};

function assignWithRackMatching(states: readonly TopicState[]): void {
  const groups = new Map<string, TopicState[]>();
  for (const state of states) {
    // Kafka compares the subscribers with their racks, and the number of partitions whose racks it looked at.
    const key = JSON.stringify([
      state.subscribers.map(({ memberId }) => memberId).sort(),
      state.hasRacks ? state.partitionCount : 0,
    ]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [state]);
    else group.push(state);
  }
  for (const group of groups.values()) {
    if (group.length > 1) assignCoPartitioned(group);
    else if (group[0]!.needsRackAwareAssignment) group[0]!.assignRanges(true);
  }
}

/** Partition p of all these topics to one member whose rack has them all, as long as there is one. */
function assignCoPartitioned(group: readonly TopicState[]): void {
  const first = group[0]!;
  const remaining = new Set(first.subscribers);
  const partitionCount = first.hasRacks ? first.partitionCount : 0;
  for (let partition = 0; partition < partitionCount && remaining.size > 0; partition++) {
    for (const member of remaining) {
      const fits = group.every((state) => state.racksMatch(member, partition) && state.maxAssignable(member) > 0);
      if (!fits) continue;
      for (const state of group) state.take(member, [partition]);
      if (group.every((state) => state.maxAssignable(member) === 0)) remaining.delete(member);
      break;
    }
  }
}

/** How far the assignment of one topic has come. */
class TopicState {
  readonly needsRackAwareAssignment: boolean;
  readonly hasRacks: boolean;
  readonly partitionCount: number;
  private readonly racks: readonly ReadonlySet<string>[];
  private readonly unassigned: Set<number>;
  private readonly assignedCount = new Map<GroupMember, number>();
  private readonly minPerMember: number;
  private membersWithExtra: number;

  constructor(
    private readonly topic: string,
    metadata: AssignableTopic,
    readonly subscribers: readonly GroupMember[],
    private readonly assignment: GroupAssignment,
  ) {
    this.partitionCount = metadata.partitions;
    this.unassigned = new Set(Array.from({ length: metadata.partitions }, (_, partition) => partition));
    this.minPerMember = subscribers.length === 0 ? 0 : Math.floor(metadata.partitions / subscribers.length);
    this.membersWithExtra = subscribers.length === 0 ? 0 : metadata.partitions % subscribers.length;
    const memberRacks = new Set(subscribers.map(rackOf).filter((rack) => rack !== null));
    this.hasRacks = memberRacks.size > 0;
    this.racks = Array.from(
      { length: this.hasRacks ? metadata.partitions : 0 },
      (_, i) => new Set(metadata.racks?.[i]),
    );
    this.needsRackAwareAssignment = this.hasRacks && isRackAware(memberRacks, this.racks);
  }

  racksMatch(member: GroupMember, partition: number): boolean {
    const rack = rackOf(member);
    return rack === null || (this.racks[partition]?.has(rack) ?? false);
  }

  maxAssignable(member: GroupMember): number {
    const max = this.minPerMember + (this.membersWithExtra > 0 ? 1 : 0) - (this.assignedCount.get(member) ?? 0);
    return Math.max(0, max);
  }

  take(member: GroupMember, partitions: readonly number[]): void {
    const taken: TopicPartition[] = partitions.map((partition) => ({ topic: this.topic, partition }));
    this.assignment.get(member.memberId)!.push(...taken);
    const count = (this.assignedCount.get(member) ?? 0) + partitions.length;
    this.assignedCount.set(member, count);
    if (count > this.minPerMember) this.membersWithExtra--;
    for (const partition of partitions) this.unassigned.delete(partition);
  }

  assignRanges(onlyMatchingRacks: boolean): void {
    for (const member of this.subscribers) {
      const max = this.maxAssignable(member);
      const partitions: number[] = [];
      for (const partition of this.unassigned) {
        if (partitions.length === max) break;
        if (!onlyMatchingRacks || this.racksMatch(member, partition)) partitions.push(partition);
      }
      if (partitions.length > 0) this.take(member, partitions);
    }
  }
}
