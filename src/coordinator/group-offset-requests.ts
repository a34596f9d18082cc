import { unreachable, type Steps } from '../common/index.js';
import { partitionKey, type TopicPartition } from '../cluster/index.js';
import { ErrorCode } from '../protocol/index.js';
import type { GroupMetadata } from './core/group-metadata.js';
import type { GroupOffsets, Removed } from './core/group-offsets.js';
import type { EncodedCommits, GroupStore, TransactionalProducer } from './group-store.js';
import { refuseMember } from './membership.js';
import type { Rebalance } from './rebalance.js';
import { UNKNOWN_MEMBER_ID } from './core/results.js';

/** Who commits: a member of a generation, or (generation -1, no member id) a consumer that assigns its partitions itself. */
export interface Committer {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly generationId: number;
}

/** What is known of a partition's committed offset. */
export interface FetchedOffset {
  readonly errorCode: number;
  readonly committedOffset: bigint;
  readonly committedLeaderEpoch: number;
  readonly metadata: string;
}

/** The offsets of a group, to be taken up bit by bit. */
export interface AllOffsets {
  readonly partitions: Iterable<TopicPartition>;
  readonly offsetOf: (topicPartition: TopicPartition) => FetchedOffset;
}

const NO_OFFSET: FetchedOffset = {
  errorCode: ErrorCode.NONE,
  committedOffset: -1n,
  committedLeaderEpoch: -1,
  metadata: '',
};

/** What OffsetCommit, TxnOffsetCommit, OffsetFetch and OffsetDelete do to a group, in Kafka's order of refusals. */
export class GroupOffsetRequests {
  constructor(
    private readonly store: GroupStore,
    private readonly rebalance: Rebalance,
  ) {}

  /** Answers with an error code for each commit, in their order. */
  commit(groupId: string, committer: Committer, encoded: EncodedCommits, respond: (codes: number[]) => void): void {
    const refuse = (errorCode: number): void => respond(encoded.commits.map(() => errorCode));
    const known = this.store.get(groupId);
    if (!known && committer.generationId >= 0) {
      refuse(ErrorCode.ILLEGAL_GENERATION);
      return;
    }
    // A group that only stores offsets begins with its first commit.
    const group = known ?? this.store.getOrCreate(groupId);
    const refusal = refuseCommit(group, committer, false);
    if (refusal !== ErrorCode.NONE) {
      refuse(refusal);
      return;
    }
    switch (group.state) {
      case 'Empty':
        this.store.storeOffsets(group, encoded, null, respond);
        return;
      case 'Stable':
      case 'PreparingRebalance':
        // Members of the old generation may still say how far they got; their heartbeats tell them to rejoin.
        this.rebalance.heartbeat(group, group.get(committer.memberId));
        this.store.storeOffsets(group, encoded, null, respond);
        return;
      case 'CompletingRebalance':
        refuse(ErrorCode.REBALANCE_IN_PROGRESS);
        return;
      case 'Dead':
        refuse(ErrorCode.COORDINATOR_NOT_AVAILABLE);
        return;
      default:
        unreachable(group.state);
    }
  }

  commitTransactional(
    groupId: string,
    committer: Committer,
    producer: TransactionalProducer,
    encoded: EncodedCommits,
    respond: (codes: number[]) => void,
  ): void {
    const group = this.store.getOrCreate(groupId);
    const refusal = refuseCommit(group, committer, true);
    if (refusal === ErrorCode.NONE) this.store.storeOffsets(group, encoded, producer, respond);
    else respond(encoded.commits.map(() => refusal));
  }

  /** With `requireStable` an offset that an open transaction may still change is refused (KIP-447). */
  fetch(groupId: string, topicPartition: TopicPartition, requireStable: boolean): FetchedOffset {
    const group = this.store.get(groupId);
    return group && !group.is('Dead') ? fetched(group.offsets, topicPartition, requireStable) : NO_OFFSET;
  }

  /** All that the group has committed. What is read of it later is still its own when the group has moved away meanwhile. */
  fetchAll(groupId: string, requireStable: boolean): AllOffsets {
    const group = this.store.get(groupId);
    if (!group || group.is('Dead')) return { partitions: [], offsetOf: () => NO_OFFSET };
    const { offsets } = group;
    return {
      partitions: offsets.committedPartitions(),
      offsetOf: (topicPartition) => fetched(offsets, topicPartition, requireStable),
    };
  }

  /** Forgets offsets of partitions that no one in the group consumes (KIP-496). One code for all, or one for each partition. */
  *delete(
    groupId: string,
    topicPartitions: readonly TopicPartition[],
  ): Steps<{ errorCode: number } | { errorCodes: number[] }> {
    const group = this.store.get(groupId);
    if (!group || group.is('Dead')) {
      const isAbsent = this.store.isKnownToBeAbsent(groupId);
      return { errorCode: isAbsent ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.NOT_COORDINATOR };
    }
    if (!group.is('Empty') && !group.isConsumerGroup) return { errorCode: ErrorCode.NON_EMPTY_GROUP };
    const errorCodes: number[] = [];
    // A group without offsets, whose members have got ids and not joined yet, does not end because nothing was to be removed.
    if (topicPartitions.length === 0) return { errorCodes };
    const isDone = yield* this.store.cleanUp(group, removeUnused(group, topicPartitions, errorCodes));
    return isDone ? { errorCodes } : { errorCode: ErrorCode.NOT_COORDINATOR };
  }
}

/** Takes offsets of those partitions from the group that no one consumes when it is their turn. `errorCodes` gets a code for each. */
function* removeUnused(
  group: GroupMetadata,
  topicPartitions: readonly TopicPartition[],
  errorCodes: number[],
): Iterable<Removed> {
  for (const topicPartition of topicPartitions) {
    const isUsed = !group.is('Empty') && group.isSubscribedTo(topicPartition.topic);
    errorCodes.push(isUsed ? ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC : ErrorCode.NONE);
    yield !isUsed && group.offsets.remove(partitionKey(topicPartition)) ? topicPartition : null;
  }
}

function fetched(offsets: GroupOffsets, topicPartition: TopicPartition, requireStable: boolean): FetchedOffset {
  if (requireStable && offsets.isUnstable(topicPartition)) {
    return { ...NO_OFFSET, errorCode: ErrorCode.UNSTABLE_OFFSET_COMMIT };
  }
  const offset = offsets.get(topicPartition);
  if (!offset) return NO_OFFSET;
  return {
    errorCode: ErrorCode.NONE,
    committedOffset: offset.offset,
    committedLeaderEpoch: offset.leaderEpoch ?? -1,
    metadata: offset.metadata,
  };
}

function refuseCommit(group: GroupMetadata, committer: Committer, isTransactional: boolean): number {
  const { generationId, memberId, groupInstanceId } = committer;
  if (group.is('Dead')) return ErrorCode.COORDINATOR_NOT_AVAILABLE;
  if (generationId < 0 && group.is('Empty')) return ErrorCode.NONE;
  if (generationId >= 0 || memberId !== UNKNOWN_MEMBER_ID || groupInstanceId !== null) {
    const refusal = refuseMember(group, memberId, groupInstanceId);
    if (refusal !== ErrorCode.NONE) return refusal;
    return generationId === group.generationId ? ErrorCode.NONE : ErrorCode.ILLEGAL_GENERATION;
  }
  // Old transactional commits name no member, so they cannot be held to the group.
  return isTransactional || group.is('Empty') ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID;
}
