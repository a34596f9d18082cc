/**
 * The records of `__consumer_offsets` (`GroupMetadataManager` in Kafka): a key's version tells its kind, 0 and 1 an offset commit, 2 a
 * group; a null value removes. Written in the versions that a 3.6 broker writes.
 */
import { toInt64 } from '../records/index.js';
import { MAX_TOPIC_NAME_LENGTH, type TopicPartition } from '../cluster/index.js';
import { assert } from '../common/index.js';
import {
  consumerProtocolSubscription,
  groupMetadataKey,
  groupMetadataValue,
  offsetCommitKey,
  offsetCommitValue,
} from '../protocol/index.js';
import { GroupMetadata } from './core/group-metadata.js';
import type { OffsetAndMetadata } from './core/group-offsets.js';
import { MAX_KEY_LENGTH, MemberMetadata } from './core/member-metadata.js';

const OFFSET_COMMIT_KEY_VERSION = 1;
const GROUP_METADATA_KEY_VERSION = 2;
/** The highest version that is not flexible; Kafka writes no higher one until it needs a tagged field. */
const OFFSET_COMMIT_VALUE_VERSION = 3;
/** Still has the field for a retention that the client set itself. */
const OFFSET_COMMIT_VALUE_VERSION_WITH_EXPIRY = 1;
const GROUP_METADATA_VALUE_VERSION = 3;
const HIGHEST_VALUE_VERSION = { offsetCommit: 4, groupMetadata: 4 } as const;

export type GroupRecordKey =
  | { readonly kind: 'offset'; readonly groupId: string; readonly topicPartition: TopicPartition }
  | { readonly kind: 'group'; readonly groupId: string }
  | { readonly kind: 'unknown'; readonly version: number };

/** Thrown for a value of a version that is not known. */
export class UnknownRecordVersionError extends Error {
  override readonly name = 'UnknownRecordVersionError';
}

export function encodeOffsetCommitKey(groupId: string, { topic, partition }: TopicPartition): Buffer {
  return prefixed(
    OFFSET_COMMIT_KEY_VERSION,
    offsetCommitKey.encode({ group: groupId, topic, partition }, OFFSET_COMMIT_KEY_VERSION),
  );
}

export function encodeOffsetCommitValue(offset: OffsetAndMetadata): Buffer {
  const hasExpiry = offset.expireTimestampMs !== null;
  const version = hasExpiry ? OFFSET_COMMIT_VALUE_VERSION_WITH_EXPIRY : OFFSET_COMMIT_VALUE_VERSION;
  return prefixed(
    version,
    offsetCommitValue.encode(
      {
        offset: offset.offset,
        metadata: offset.metadata,
        commitTimestamp: BigInt(offset.commitTimestampMs),
        leaderEpoch: offset.leaderEpoch ?? -1,
        ...(hasExpiry && { expireTimestamp: BigInt(offset.expireTimestampMs!) }),
      },
      version,
    ),
  );
}

export function encodeGroupMetadataKey(groupId: string): Buffer {
  return prefixed(GROUP_METADATA_KEY_VERSION, groupMetadataKey.encode({ group: groupId }, GROUP_METADATA_KEY_VERSION));
}

/** Less than the record of a group takes, without making it. */
export function leastBytesOfGroup(group: GroupMetadata, assignment: ReadonlyMap<string, Buffer>): number {
  let bytes = group.groupId.length;
  for (const { memberId, clientId, groupInstanceId, ...member } of group.allMembers()) {
    bytes +=
      memberId.length + clientId.length + (groupInstanceId?.length ?? 0) + (assignment.get(memberId)?.length ?? 0);
    const { supportedProtocols } = member;
    bytes += supportedProtocols.find(({ name }) => name === group.protocolName)?.metadata.length ?? 0;
  }
  return bytes;
}

/** The group as it will be once `assignment`, by member id, is in force. */
export function encodeGroupMetadataValue(group: GroupMetadata, assignment: ReadonlyMap<string, Buffer>): Buffer {
  const members = group.allMembers().map((member) => {
    const memberAssignment = assignment.get(member.memberId);
    const subscription = group.protocolName === null ? null : member.metadataFor(group.protocolName);
    assert(memberAssignment !== undefined && subscription !== null, 'a stored member has a protocol and an assignment');
    return {
      memberId: member.memberId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      sessionTimeout: member.sessionTimeoutMs,
      rebalanceTimeout: member.rebalanceTimeoutMs,
      groupInstanceId: member.groupInstanceId,
      subscription,
      assignment: memberAssignment,
    };
  });
  return prefixed(
    GROUP_METADATA_VALUE_VERSION,
    groupMetadataValue.encode(
      {
        protocolType: group.protocolType ?? '',
        generation: group.generationId,
        protocol: group.protocolName,
        leader: group.leaderId,
        currentStateTimestamp: BigInt(group.stateTimestampMs ?? -1),
        members,
      },
      GROUP_METADATA_VALUE_VERSION,
    ),
  );
}

export function decodeGroupRecordKey(key: Buffer): GroupRecordKey {
  const version = key.readInt16BE(0);
  if (version === 0 || version === OFFSET_COMMIT_KEY_VERSION) {
    const { group, topic, partition } = offsetCommitKey.decode(key, version, 2);
    return { kind: 'offset', groupId: group, topicPartition: { topic, partition } };
  }
  if (version === GROUP_METADATA_KEY_VERSION) {
    return { kind: 'group', groupId: groupMetadataKey.decode(key, version, 2).group };
  }
  return { kind: 'unknown', version };
}

export function decodeOffsetCommitValue(value: Buffer): OffsetAndMetadata {
  const version = value.readInt16BE(0);
  if (version < 0 || version > HIGHEST_VALUE_VERSION.offsetCommit) {
    throw new UnknownRecordVersionError(
      `offset commit of version ${version}; known are 0 to ${HIGHEST_VALUE_VERSION.offsetCommit}`,
    );
  }
  const { offset, metadata, commitTimestamp, leaderEpoch, expireTimestamp } = offsetCommitValue.decode(
    value,
    version,
    2,
  );
  return {
    offset,
    metadata,
    commitTimestampMs: toInt64(commitTimestamp),
    leaderEpoch: leaderEpoch === -1 ? null : leaderEpoch,
    expireTimestampMs: expireTimestamp === -1n ? null : toInt64(expireTimestamp),
  };
}

/** Restores a group, its members each with the one protocol that was in force. */
export function decodeGroupMetadataValue(groupId: string, value: Buffer, nowMs: number): GroupMetadata {
  const version = value.readInt16BE(0);
  if (version < 0 || version > HIGHEST_VALUE_VERSION.groupMetadata) {
    throw new UnknownRecordVersionError(
      `group of version ${version}; known are 0 to ${HIGHEST_VALUE_VERSION.groupMetadata}`,
    );
  }
  const stored = groupMetadataValue.decode(value, version, 2);
  const group = new GroupMetadata(groupId, stored.members.length === 0 ? 'Empty' : 'Stable', nowMs);
  group.generationId = stored.generation;
  group.protocolName = stored.protocol;
  group.stateTimestampMs = stored.currentStateTimestamp === -1n ? null : toInt64(stored.currentStateTimestamp);
  for (const member of stored.members) {
    const { groupInstanceId } = member;
    const restored = new MemberMetadata(
      member.memberId,
      // One that Kafka took, and nobody may join with here: its member stays until its session is over.
      groupInstanceId !== null && groupInstanceId.length > MAX_KEY_LENGTH ? null : groupInstanceId,
      member.clientId,
      member.clientHost,
      version === 0 ? member.sessionTimeout : member.rebalanceTimeout,
      member.sessionTimeout,
      stored.protocolType,
      // Copied, or each member would keep all that was read with it.
      [{ name: stored.protocol ?? '', metadata: Buffer.from(member.subscription) }],
    );
    restored.assignment = Buffer.from(member.assignment);
    group.add(restored);
  }
  // A group that only stores offsets has none, which the record cannot say otherwise: its offsets expire by their own time.
  group.protocolType = stored.protocolType === '' ? null : stored.protocolType;
  group.leaderId = stored.leader;
  group.computeSubscribedTopics(readSubscribedTopics);
  return group;
}

/**
 * The topics of a consumer's subscription (any version: the topics come first); null when it is none, or names too much. Those of all members are
 * read in one step.
 */
export function readSubscribedTopics(metadata: Buffer, maxNames: number): readonly string[] | null {
  try {
    if (namesNoTopic(metadata)) return null;
    return consumerProtocolSubscription.decodeUpTo(maxNames, metadata, 0, 2)?.topics ?? null;
  } catch (error) {
    // Other clients of the `consumer` type may put what they like here; Kafka then treats all topics as subscribed.
    if (error instanceof Error) return null;
    throw error;
  }
}

/** A name is longer than any topic's. Long ones make a list of a set, and megabytes of texts for each JoinGroup. */
function namesNoTopic(metadata: Buffer): boolean {
  let left = metadata.length < 6 ? 0 : metadata.readInt32BE(2);
  // Whoever reads them complains of bytes that are missing.
  for (let at = 6; left > 0 && at + 2 <= metadata.length; left--) {
    const length = metadata.readInt16BE(at);
    if (length > MAX_TOPIC_NAME_LENGTH) return true;
    at += 2 + Math.max(0, length);
  }
  return false;
}

function prefixed(version: number, body: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(2 + body.length);
  bytes.writeInt16BE(version, 0);
  body.copy(bytes, 2);
  return bytes;
}
