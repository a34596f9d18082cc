/** The assignors that keep what members own (KIP-54), eagerly or cooperatively (KIP-429). */
import { javaStringHashCode } from '../../common/index.js';
import { partitionKey, type TopicPartition } from '../topic-partition.js';
import type { AssignableTopics, GroupAssignment, GroupMember, PartitionAssignor } from './assignor.js';
import { RackInfo } from './rack-info.js';
import { assignConstrained } from './sticky-constrained.js';
import { assignGeneral } from './sticky-general.js';
import { decodeCooperativeStickyUserData, decodeStickyUserData, type StickyMemberData } from './user-data.js';

const DEFAULT_GENERATION = -1;

/** Keeps assignments through rebalances; members revoke everything before they join again (`StickyAssignor`). */
export const stickyAssignor: PartitionAssignor = {
  name: 'sticky',
  protocol: 'EAGER',
  assign: (topics, members) => assignSticky(topics, members, eagerMemberData).assignment,
};

/**
 * Keeps assignments, and lets members keep consuming meanwhile (`CooperativeStickyAssignor`). A partition that changes hands is in
 * nobody's assignment first: it is assigned in the rebalance that follows its revocation.
 */
export const cooperativeStickyAssignor: PartitionAssignor = {
  name: 'cooperative-sticky',
  protocol: 'COOPERATIVE',
  assign(topics, members) {
    const { assignment, transferring } = assignSticky(topics, members, cooperativeMemberData);
    const held = transferring ?? transferringOwnership(members, assignment);
    for (const [memberId, partitions] of assignment) {
      assignment.set(
        memberId,
        partitions.filter((partition) => held.get(partitionKey(partition)) !== memberId),
      );
    }
    return assignment;
  },
};

/** The eager assignor trusts its user data alone: by the time a member joins it owns nothing any more. */
function eagerMemberData(member: GroupMember): StickyMemberData {
  return decodeStickyUserData(member.userData ?? null);
}

function cooperativeMemberData(member: GroupMember): StickyMemberData {
  const partitions = member.ownedPartitions ?? [];
  const stated = generationOf(member);
  const generation = stated ?? decodeCooperativeStickyUserData(member.userData ?? null);
  return { partitions, generation };
}

function generationOf(member: GroupMember): number | null {
  return member.generation === undefined || member.generation === DEFAULT_GENERATION ? null : member.generation;
}

interface StickyResult {
  readonly assignment: GroupAssignment;
  /** Partition key to its new owner, for partitions another member must revoke first. Null when it was not kept track of. */
  readonly transferring: ReadonlyMap<string, string> | null;
}

function assignSticky(
  allTopics: AssignableTopics,
  joined: readonly GroupMember[],
  memberDataOf: (member: GroupMember) => StickyMemberData,
): StickyResult {
  const members = inHashOrder(joined);
  const subscribed = new Set(members.flatMap((member) => member.topics));
  const topics = new Map([...allTopics].filter(([topic]) => subscribed.has(topic)));
  const memberData = new Map(members.map((member) => [member.memberId, memberDataOf(member)]));
  const { owned, claimedTwice } = ownedPartitions(topics, members, memberData);
  const rackInfo = new RackInfo(topics, members);
  if (allSubscriptionsEqual(members)) return assignConstrained(topics, rackInfo, owned, claimedTwice);
  const generations = [...memberData.values()].map(({ generation }) => generation ?? DEFAULT_GENERATION);
  const maxGeneration = Math.max(DEFAULT_GENERATION, ...generations);
  return {
    assignment: assignGeneral(topics, rackInfo, owned, members, previousOwners(memberData, maxGeneration)),
    transferring: null,
  };
}

/**
 * The order in which Java's `HashMap` lists the members. Kafka goes through one, and when quotas do not divide evenly, it decides who keeps
 * one partition more: a group with members of both kinds must not be shuffled when its leader changes.
 */
function inHashOrder(members: readonly GroupMember[]): GroupMember[] {
  let capacity = 16;
  while (members.length > capacity * 0.75) capacity *= 2;
  const bucketOf = ({ memberId }: GroupMember): number => {
    const hash = javaStringHashCode(memberId);
    return (hash ^ (hash >>> 16)) & (capacity - 1);
  };
  return [...members].sort((a, b) => bucketOf(a) - bucketOf(b));
}

function allSubscriptionsEqual(members: readonly GroupMember[]): boolean {
  const first = new Set(members[0]?.topics);
  return members.every(({ topics }) => topics.length === first.size && topics.every((topic) => first.has(topic)));
}

interface Owned {
  /** By member: what it owns of topics that exist. */
  readonly owned: Map<string, TopicPartition[]>;
  /** Keys of partitions that two members claim in the same generation: neither keeps them. */
  readonly claimedTwice: ReadonlySet<string>;
}

function ownedPartitions(
  topics: AssignableTopics,
  members: readonly GroupMember[],
  memberData: ReadonlyMap<string, StickyMemberData>,
): Owned {
  const owned = new Map<string, TopicPartition[]>();
  const claimedTwice = new Set<string>();
  const ownerOf = new Map<string, GroupMember>();
  const disown = (member: GroupMember, key: string): void => {
    const kept = owned.get(member.memberId)!.filter((partition) => partitionKey(partition) !== key);
    owned.set(member.memberId, kept);
  };
  for (const member of members) {
    const { memberId } = member;
    const { partitions, generation } = memberData.get(memberId)!;
    const memberGeneration = generation ?? DEFAULT_GENERATION;
    owned.set(memberId, []);
    for (const partition of partitions) {
      if (!topics.has(partition.topic)) continue;
      const key = partitionKey(partition);
      const other = ownerOf.get(key);
      // Kafka compares with what the other's subscription states, not with its user data.
      const otherGeneration = other === undefined ? null : (generationOf(other) ?? DEFAULT_GENERATION);
      if (other !== undefined && memberGeneration === otherGeneration) {
        claimedTwice.add(key);
        disown(other, key);
        ownerOf.set(key, member);
      } else if (other === undefined || memberGeneration > otherGeneration!) {
        if (other !== undefined) disown(other, key);
        owned.get(memberId)!.push(partition);
        ownerOf.set(key, member);
      }
    }
  }
  return { owned, claimedTwice };
}

/** Who owned a partition in the latest generation before the current one. */
function previousOwners(memberData: ReadonlyMap<string, StickyMemberData>, maxGeneration: number): Map<string, string> {
  const owners = new Map<string, { memberId: string; generation: number }>();
  for (const [memberId, data] of memberData) {
    const generation = data.generation ?? DEFAULT_GENERATION;
    if (generation >= maxGeneration) continue;
    for (const partition of data.partitions) {
      const key = partitionKey(partition);
      const known = owners.get(key);
      if (known === undefined || generation > known.generation) owners.set(key, { memberId, generation });
    }
  }
  return new Map([...owners].map(([key, { memberId }]) => [key, memberId]));
}

function transferringOwnership(members: readonly GroupMember[], assignment: GroupAssignment): Map<string, string> {
  const added = new Map<string, string>();
  const revoked = new Set<string>();
  for (const member of members) {
    const ownedKeys = new Set((member.ownedPartitions ?? []).map(partitionKey));
    const assignedKeys = new Set(assignment.get(member.memberId)!.map(partitionKey));
    for (const key of assignedKeys) if (!ownedKeys.has(key)) added.set(key, member.memberId);
    for (const key of ownedKeys) if (!assignedKeys.has(key)) revoked.add(key);
  }
  return new Map([...added].filter(([key]) => revoked.has(key)));
}
