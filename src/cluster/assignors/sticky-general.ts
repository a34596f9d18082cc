import { partitionKey, type TopicPartition } from '../topic-partition.js';
import {
  compareStrings,
  partitionsOf,
  type AssignableTopics,
  type GroupAssignment,
  type GroupMember,
} from './assignor.js';
import { PartitionMovements } from './partition-movements.js';
import type { RackInfo } from './rack-info.js';

/**
 * The sticky assignment when subscriptions differ (`GeneralAssignmentBuilder`): keep what is valid, give the rest to the least loaded,
 * then move single partitions as long as that improves the balance. `previousOwners` says, by partition key, who owned a partition in an
 * older generation, and gets it back if that does no harm.
 */
export function assignGeneral(
  topics: AssignableTopics,
  rackInfo: RackInfo,
  owned: ReadonlyMap<string, readonly TopicPartition[]>,
  members: readonly GroupMember[],
  previousOwners: ReadonlyMap<string, string>,
): GroupAssignment {
  return new GeneralAssignment(topics, rackInfo, owned, members, previousOwners).build();
}

class GeneralAssignment {
  private assignment: GroupAssignment;
  private readonly membersOfTopic = new Map<string, string[]>();
  private readonly topicsOfMember = new Map<string, string[]>();
  private readonly ownerOf = new Map<string, string>();
  private readonly sortedPartitions: TopicPartition[];
  private readonly order: string[] = [];
  private readonly movements = new PartitionMovements();
  private revocationRequired = false;

  constructor(
    private readonly topics: AssignableTopics,
    private readonly rackInfo: RackInfo,
    owned: ReadonlyMap<string, readonly TopicPartition[]>,
    members: readonly GroupMember[],
    private readonly previousOwners: ReadonlyMap<string, string>,
  ) {
    this.assignment = new Map([...owned].map(([memberId, partitions]) => [memberId, [...partitions]]));
    for (const topic of topics.keys()) this.membersOfTopic.set(topic, []);
    for (const { memberId, topics: subscribed } of members) {
      const existing = subscribed.filter((topic) => topics.has(topic));
      this.topicsOfMember.set(memberId, existing);
      for (const topic of existing) this.membersOfTopic.get(topic)!.push(memberId);
    }
    for (const [memberId, partitions] of this.assignment) {
      for (const partition of partitions) this.ownerOf.set(partitionKey(partition), memberId);
    }
    // Topics with few subscribers first: the others leave more choice.
    const bySubscribers = [...topics.keys()].sort(
      (a, b) => this.membersOfTopic.get(a)!.length - this.membersOfTopic.get(b)!.length || compareStrings(a, b),
    );
    this.sortedPartitions = bySubscribers.flatMap((topic) => partitionsOf(topic, topics.get(topic)!.partitions));
  }

  build(): GroupAssignment {
    const assigned = this.keepValid();
    const unassigned = this.sortedPartitions.filter((partition) => !assigned.has(partitionKey(partition)));
    for (const memberId of this.assignment.keys()) this.enter(memberId);
    if (this.order.length > 0) this.balance(unassigned);
    return this.assignment;
  }

  private keepValid(): Set<string> {
    const assigned = new Set<string>();
    for (const [memberId, partitions] of this.assignment) {
      const valid = partitions.filter((partition) => {
        const isSubscribed = this.topicsOfMember.get(memberId)!.includes(partition.topic);
        return isSubscribed && !this.rackInfo.racksMismatch(memberId, partition);
      });
      if (valid.length < partitions.length) this.revocationRequired = true;
      for (const partition of valid) assigned.add(partitionKey(partition));
      this.assignment.set(memberId, valid);
    }
    return assigned;
  }

  private balance(unassigned: readonly TopicPartition[]): void {
    const initializing = this.sizeOf(this.order.at(-1)!) === 0;
    let rest = unassigned;
    if (this.rackInfo.isUsed) rest = rest.filter((partition) => !this.giveToLeastLoaded(partition, true));
    for (const partition of rest) this.giveToLeastLoaded(partition, false);
    // What only one member can have stays, and members that can neither give nor take are left out.
    const isMovable = ({ topic }: TopicPartition): boolean => this.isContested(topic);
    const movable = this.sortedPartitions.filter(isMovable);
    const fixed: GroupAssignment = new Map();
    for (const memberId of this.topicsOfMember.keys()) {
      if (this.canTakePart(memberId)) continue;
      this.leave(memberId);
      fixed.set(memberId, this.assignment.get(memberId)!);
      this.assignment.delete(memberId);
    }
    const before: GroupAssignment = new Map([...this.assignment].map(([memberId, list]) => [memberId, [...list]]));
    if (!this.revocationRequired) this.reassign(unassigned.filter(isMovable));
    const reassigned = this.reassign(movable);
    if (!initializing && reassigned && balanceScore(this.assignment) >= balanceScore(before)) this.assignment = before;
    for (const [memberId, partitions] of fixed) this.assignment.set(memberId, partitions);
  }

  /** False when no subscriber, or with `matchRacks` none in a rack of the partition, can have it. */
  private giveToLeastLoaded(partition: TopicPartition, matchRacks: boolean): boolean {
    const memberId = this.order.find(
      (candidate) =>
        this.topicsOfMember.get(candidate)!.includes(partition.topic) &&
        !(matchRacks && this.rackInfo.racksMismatch(candidate, partition)),
    );
    if (memberId === undefined) return false;
    this.leave(memberId);
    this.assignment.get(memberId)!.push(partition);
    this.ownerOf.set(partitionKey(partition), memberId);
    this.enter(memberId);
    return true;
  }

  private isContested(topic: string): boolean {
    return this.membersOfTopic.get(topic)!.length >= 2;
  }

  private canTakePart(memberId: string): boolean {
    const partitions = this.assignment.get(memberId)!;
    return partitions.length < this.maxSizeOf(memberId) || partitions.some(({ topic }) => this.isContested(topic));
  }

  private maxSizeOf(memberId: string): number {
    return this.topicsOfMember.get(memberId)!.reduce((sum, topic) => sum + this.topics.get(topic)!.partitions, 0);
  }

  /** Goes through the partitions until nothing can be moved any more. Returns whether anything was. */
  private reassign(partitions: readonly TopicPartition[]): boolean {
    let anyMoved = false;
    for (let moved = true; moved;) {
      moved = false;
      for (const partition of partitions) {
        if (this.isBalanced()) break;
        const target = this.betterOwner(partition);
        if (target === null) continue;
        this.move(partition, target);
        moved = true;
        anyMoved = true;
      }
    }
    return anyMoved;
  }

  private betterOwner(partition: TopicPartition): string | null {
    const key = partitionKey(partition);
    const owner = this.ownerOf.get(key)!;
    const excess = (other: string): boolean => this.sizeOf(owner) > this.sizeOf(other) + 1;
    const previous = this.previousOwners.get(key);
    if (previous !== undefined && this.assignment.has(previous) && excess(previous)) return previous;
    const candidates = this.membersOfTopic.get(partition.topic)!;
    const rack = this.rackInfo.rackOfConsumer(owner);
    const inRack = (other: string): boolean => {
      const otherRack = this.rackInfo.rackOfConsumer(other);
      return otherRack !== null && this.rackInfo.hasRack(partition, otherRack);
    };
    const withinRack = rack !== null && this.rackInfo.hasRack(partition, rack);
    const found = (withinRack && candidates.some((other) => inRack(other) && excess(other))) || candidates.some(excess);
    // Whoever it was that made the move worthwhile, the least loaded subscriber gets it.
    return found ? this.order.find((other) => this.topicsOfMember.get(other)!.includes(partition.topic))! : null;
  }

  private move(partition: TopicPartition, newOwner: string): void {
    const moved = this.movements.partitionToMove(partition, this.ownerOf.get(partitionKey(partition))!, newOwner);
    const key = partitionKey(moved);
    const oldOwner = this.ownerOf.get(key)!;
    this.leave(oldOwner);
    this.leave(newOwner);
    this.movements.move(moved, oldOwner, newOwner);
    const rest = this.assignment.get(oldOwner)!.filter((other) => partitionKey(other) !== key);
    this.assignment.set(oldOwner, rest);
    this.assignment.get(newOwner)!.push(moved);
    this.ownerOf.set(key, newOwner);
    this.enter(newOwner);
    if (oldOwner !== newOwner) this.enter(oldOwner);
  }

  private isBalanced(): boolean {
    const [first] = this.order;
    const last = this.order.at(-1);
    if (first === undefined || last === undefined) return true;
    if (this.sizeOf(first) >= this.sizeOf(last) - 1) return true;
    for (const memberId of this.order) {
      const size = this.sizeOf(memberId);
      if (size === this.maxSizeOf(memberId)) continue;
      for (const topic of this.topicsOfMember.get(memberId)!) {
        for (const partition of partitionsOf(topic, this.topics.get(topic)!.partitions)) {
          const owner = this.ownerOf.get(partitionKey(partition));
          if (owner !== undefined && owner !== memberId && size + 1 < this.sizeOf(owner)) return false;
        }
      }
    }
    return true;
  }

  private sizeOf(memberId: string): number {
    return this.assignment.get(memberId)?.length ?? Infinity;
  }

  /** `order` holds the members by load, then id. A member leaves it before its load changes and enters again after. */
  private enter(memberId: string): void {
    const size = this.sizeOf(memberId);
    const isAfter = (other: string): boolean =>
      this.sizeOf(other) - size > 0 || (this.sizeOf(other) === size && other > memberId);
    const index = this.order.findIndex(isAfter);
    this.order.splice(index < 0 ? this.order.length : index, 0, memberId);
  }

  private leave(memberId: string): void {
    const index = this.order.indexOf(memberId);
    if (index >= 0) this.order.splice(index, 1);
  }
}

/** The sum of the differences in load between all pairs of members. 0 is perfect balance. */
function balanceScore(assignment: GroupAssignment): number {
  const sizes = [...assignment.values()].map((partitions) => partitions.length);
  let score = 0;
  for (const [index, size] of sizes.entries()) {
    for (const other of sizes.slice(index + 1)) score += Math.abs(size - other);
  }
  return score;
}
