import { partitionKey, type TopicPartition } from '../topic-partition.js';
import { isRackAware, partitionsOf, rackOf, racksOf, type AssignableTopics, type GroupMember } from './assignor.js';

/** What the sticky assignors know of racks (`AbstractStickyAssignor.RackInfo`). Without use for racks it matches everything. */
export class RackInfo {
  /** True when assignments prefer members in a rack of a replica. */
  readonly isUsed: boolean;
  private readonly consumerRacks = new Map<string, string>();
  private readonly partitionRacks = new Map<string, ReadonlySet<string>>();
  /** Members in the racks of a partition's replicas: those with few are assigned first. Empty when no member has a rack. */
  private readonly consumersOfPartition = new Map<string, number>();

  constructor(topics: AssignableTopics, members: readonly GroupMember[]) {
    const consumersByRack = new Map<string, number>();
    for (const member of members) {
      const rack = rackOf(member);
      if (rack === null) continue;
      consumersByRack.set(rack, (consumersByRack.get(rack) ?? 0) + 1);
      this.consumerRacks.set(member.memberId, rack);
    }
    if (consumersByRack.size === 0) {
      this.isUsed = false;
      return;
    }
    for (const [topic, { partitions }] of topics) {
      for (const partition of partitionsOf(topic, partitions)) {
        const racks = new Set(racksOf(topics, partition));
        const consumers = [...racks].reduce((sum, rack) => sum + (consumersByRack.get(rack) ?? 0), 0);
        this.partitionRacks.set(partitionKey(partition), racks);
        this.consumersOfPartition.set(partitionKey(partition), consumers);
      }
    }
    this.isUsed = isRackAware(new Set(consumersByRack.keys()), [...this.partitionRacks.values()]);
    if (this.isUsed) return;
    this.consumerRacks.clear();
    this.partitionRacks.clear();
  }

  /** Null when racks are not used or the member has none. */
  rackOfConsumer(memberId: string): string | null {
    return this.consumerRacks.get(memberId) ?? null;
  }

  hasRack(partition: TopicPartition, rack: string): boolean {
    return this.partitionRacks.get(partitionKey(partition))?.has(rack) ?? false;
  }

  racksMismatch(memberId: string, partition: TopicPartition): boolean {
    const rack = this.rackOfConsumer(memberId);
    return rack !== null && !this.hasRack(partition, rack);
  }

  sortByRackConsumers(partitions: readonly TopicPartition[]): TopicPartition[] {
    const count = (partition: TopicPartition): number => this.consumersOfPartition.get(partitionKey(partition)) ?? 0;
    return [...partitions].sort((a, b) => count(a) - count(b));
  }

  /** The index of the first member, from `firstIndex` round, in a rack of the partition; -1 for none. */
  nextRackConsumer(partition: TopicPartition, members: readonly string[], firstIndex: number): number {
    for (let i = 0; i < members.length; i++) {
      const index = (firstIndex + i) % members.length;
      const rack = this.rackOfConsumer(members[index]!);
      if (rack !== null && this.hasRack(partition, rack)) return index;
    }
    return -1;
  }
}
