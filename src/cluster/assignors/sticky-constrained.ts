import { assert } from '../../common/index.js';
import { partitionKey, type TopicPartition } from '../topic-partition.js';
import { compareStrings, partitionsOf, type AssignableTopics, type GroupAssignment } from './assignor.js';
import type { RackInfo } from './rack-info.js';

export interface ConstrainedResult {
  readonly assignment: GroupAssignment;
  /** Partition key to new owner, where another member must revoke first. */
  readonly transferring: ReadonlyMap<string, string>;
}

/**
 * The sticky assignment when all members subscribe to the same topics (`ConstrainedAssignmentBuilder`): everyone keeps what it owns up to
 * its quota, and the rest is dealt round, first to members in a rack of a replica.
 */
export function assignConstrained(
  topics: AssignableTopics,
  rackInfo: RackInfo,
  owned: ReadonlyMap<string, readonly TopicPartition[]>,
  claimedTwice: ReadonlySet<string>,
): ConstrainedResult {
  return new ConstrainedAssignment(topics, rackInfo, owned, claimedTwice).build();
}

class ConstrainedAssignment {
  private readonly assignment: GroupAssignment;
  private readonly transferring = new Map<string, string>();
  private readonly assignedKeys = new Set<string>();
  private readonly revokedKeys = new Set<string>();
  private readonly allPartitions: TopicPartition[];
  private readonly minQuota: number;
  private readonly maxQuota: number;
  /** How many members may have more than `minQuota`; 0 when the quotas are equal. */
  private readonly membersOverMinQuota: number;
  private currentOverMinQuota = 0;
  private underMinQuota: string[] = [];
  private atMinQuota: string[] = [];

  constructor(
    topics: AssignableTopics,
    private readonly rackInfo: RackInfo,
    private readonly owned: ReadonlyMap<string, readonly TopicPartition[]>,
    private readonly claimedTwice: ReadonlySet<string>,
  ) {
    this.assignment = new Map([...owned.keys()].map((memberId) => [memberId, []]));
    const names = [...topics.keys()].sort(compareStrings);
    this.allPartitions = names.flatMap((topic) => partitionsOf(topic, topics.get(topic)!.partitions));
    const total = this.allPartitions.length;
    this.minQuota = Math.floor(total / owned.size);
    this.maxQuota = Math.ceil(total / owned.size);
    this.membersOverMinQuota = total % owned.size;
  }

  build(): ConstrainedResult {
    if (this.owned.size === 0) return { assignment: this.assignment, transferring: this.transferring };
    for (const [memberId, partitions] of this.owned) this.keepOwned(memberId, partitions);
    this.underMinQuota.sort(compareStrings);
    this.atMinQuota.sort(compareStrings);
    const unassigned = this.allPartitions.filter((partition) => !this.assignedKeys.has(partitionKey(partition)));
    const sorted = this.rackInfo.sortByRackConsumers(unassigned);
    this.dealRound(this.rackInfo.isUsed ? this.dealWithinRacks(sorted) : sorted);
    return { assignment: this.assignment, transferring: this.transferring };
  }

  private keepOwned(memberId: string, partitions: readonly TopicPartition[]): void {
    const owned = partitions.filter(
      (partition) =>
        !this.rackInfo.racksMismatch(memberId, partition) && !this.claimedTwice.has(partitionKey(partition)),
    );
    let keep = this.minQuota;
    if (owned.length < this.minQuota) {
      keep = owned.length;
      this.underMinQuota.push(memberId);
    } else if (owned.length >= this.maxQuota && this.currentOverMinQuota < this.membersOverMinQuota) {
      keep = this.maxQuota;
      this.currentOverMinQuota++;
      // Nobody else may have more than the minimum now.
      if (this.currentOverMinQuota === this.membersOverMinQuota) this.atMinQuota = [];
    } else if (this.currentOverMinQuota < this.membersOverMinQuota) {
      this.atMinQuota.push(memberId);
    }
    for (const [index, partition] of owned.entries()) {
      const key = partitionKey(partition);
      if (index >= keep) {
        this.revokedKeys.add(key);
        continue;
      }
      this.assignment.get(memberId)!.push(partition);
      this.assignedKeys.add(key);
    }
  }

  /** Returns what could not be matched to a rack within the quotas. */
  private dealWithinRacks(unassigned: readonly TopicPartition[]): TopicPartition[] {
    const left: TopicPartition[] = [];
    let next = 0;
    for (const partition of unassigned) {
      const index = this.rackInfo.nextRackConsumer(partition, this.underMinQuota, next);
      if (index >= 0) {
        const memberId = this.underMinQuota[index]!;
        next = index;
        const count = this.give(partition, memberId);
        if (count >= this.minQuota) {
          this.underMinQuota.splice(index, 1);
          if (count < this.maxQuota) this.atMinQuota.push(memberId);
        } else {
          next++;
        }
        next = this.underMinQuota.length === 0 ? 0 : next % this.underMinQuota.length;
        continue;
      }
      const atMin = this.rackInfo.nextRackConsumer(partition, this.atMinQuota, 0);
      if (atMin < 0) {
        left.push(partition);
        continue;
      }
      const count = this.give(partition, this.atMinQuota[atMin]!);
      if (count === this.maxQuota) this.atMinQuota.splice(atMin, 1);
    }
    return left;
  }

  private dealRound(unassigned: readonly TopicPartition[]): void {
    let next = 0;
    for (const partition of unassigned) {
      if (next >= this.underMinQuota.length) next = 0;
      const isUnder = this.underMinQuota.length > 0;
      const memberId = isUnder ? this.underMinQuota[next]! : this.atMinQuota.shift();
      assert(memberId !== undefined, 'the quotas leave room for every partition');
      const count = this.give(partition, memberId);
      if (isUnder && count === this.minQuota) {
        this.underMinQuota.splice(next, 1);
        this.atMinQuota.push(memberId);
      } else {
        next++;
      }
    }
  }

  private give(partition: TopicPartition, memberId: string): number {
    const key = partitionKey(partition);
    const list = this.assignment.get(memberId)!;
    list.push(partition);
    if (this.revokedKeys.has(key) || this.claimedTwice.has(key)) this.transferring.set(key, memberId);
    return list.length;
  }
}
