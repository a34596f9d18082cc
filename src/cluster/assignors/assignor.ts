/** What the consumer group's leader is given, and gives back: Kafka's `ConsumerPartitionAssignor` without its Java clothes. */
import type { TopicPartition } from '../topic-partition.js';

/** A member's subscription as its join request carried it. */
export interface GroupMember {
  readonly memberId: string;
  readonly groupInstanceId?: string | null;
  readonly rackId?: string | null;
  readonly topics: readonly string[];
  /** What the member still owns (subscription version 1 and up). */
  readonly ownedPartitions?: readonly TopicPartition[];
  /** The generation in which it came to own them (version 2 and up); null or -1 for none. */
  readonly generation?: number | null;
  readonly userData?: Buffer | null;
}

/** A topic that at least one member subscribes to and that exists. */
export interface AssignableTopic {
  readonly partitions: number;
  /** Racks of the replicas, by partition. Absent when brokers have none. */
  readonly racks?: readonly (readonly string[])[];
}

export type GroupAssignment = Map<string, TopicPartition[]>;
export type AssignableTopics = ReadonlyMap<string, AssignableTopic>;

export interface PartitionAssignor {
  /** As it stands in the join request's protocols. */
  readonly name: string;
  /** COOPERATIVE members keep consuming while they rebalance. */
  readonly protocol: 'EAGER' | 'COOPERATIVE';
  /** Every member has an entry in the result. Topics that are not in `topics` are left out. */
  assign(topics: AssignableTopics, members: readonly GroupMember[]): GroupAssignment;
}

/** By UTF-16 code units, as Java sorts strings. */
export function compareStrings(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Static members first, by instance id; then by member id (`AbstractPartitionAssignor.MemberInfo`). */
export function compareMembers(a: GroupMember, b: GroupMember): number {
  const left = a.groupInstanceId ?? null;
  const right = b.groupInstanceId ?? null;
  if (left !== null && right !== null) return compareStrings(left, right);
  if (left !== null) return -1;
  if (right !== null) return 1;
  return compareStrings(a.memberId, b.memberId);
}

export function comparePartitions(a: TopicPartition, b: TopicPartition): number {
  return compareStrings(a.topic, b.topic) || a.partition - b.partition;
}

export function partitionsOf(topic: string, count: number): TopicPartition[] {
  return Array.from({ length: count }, (_, partition) => ({ topic, partition }));
}

export function racksOf(topics: AssignableTopics, { topic, partition }: TopicPartition): readonly string[] {
  return topics.get(topic)?.racks?.[partition] ?? [];
}

/** An empty rack id is none. */
export function rackOf(member: GroupMember): string | null {
  return member.rackId === undefined || member.rackId === '' ? null : member.rackId;
}

/**
 * Racks matter only if consumers and replicas share some, and not every partition is in all racks (`useRackAwareAssignment`).
 */
export function isRackAware(
  consumerRacks: ReadonlySet<string>,
  partitionRacks: readonly ReadonlySet<string>[],
): boolean {
  const all = new Set(partitionRacks.flatMap((racks) => [...racks]));
  if (![...consumerRacks].some((rack) => all.has(rack))) return false;
  return !partitionRacks.every((racks) => racks.size === all.size);
}
