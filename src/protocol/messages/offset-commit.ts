/** OffsetCommit (API key 8): commits offsets of a consumer group. */
import { array, int16, int32, int64, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Offsets of a group or of a lone consumer. */
export const offsetCommitRequest = message(
  {
    name: 'OffsetCommitRequest',
    kind: 'request',
    apiKey: 8,
    versions: '0-9',
    flexible: '8+',
    latestVersionUnstable: true,
  },
  {
    groupId: string('0+'),
    /** -1 from a consumer outside group management. */
    generationIdOrMemberEpoch: int32('1+', { default: -1, ignorable: true }),
    memberId: string('1+', { ignorable: true }),
    /** The name of a static member (KIP-345). */
    groupInstanceId: string('7+', { nullable: '7+', default: null }),
    retentionTimeMs: int64('2-4', { default: -1n, ignorable: true }),
    topics: array(
      '0+',
      struct('OffsetCommitRequestTopic', {
        name: string('0+'),
        partitions: array(
          '0+',
          struct('OffsetCommitRequestPartition', {
            partitionIndex: int32('0+'),
            committedOffset: int64('0+'),
            committedLeaderEpoch: int32('6+', { default: -1, ignorable: true }),
            commitTimestamp: int64('1', { default: -1n }),
            committedMetadata: string('0+', { nullable: '0+' }),
          }),
        ),
      }),
    ),
  },
);
export type OffsetCommitRequest = TypeOf<typeof offsetCommitRequest>;
export type OffsetCommitRequestInput = InputOf<typeof offsetCommitRequest>;
export type OffsetCommitRequestTopic = OffsetCommitRequest['topics'][number];
export type OffsetCommitRequestPartition = OffsetCommitRequestTopic['partitions'][number];

/**
 * An error code for each partition.
 * Errors: COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID,
 * REBALANCE_IN_PROGRESS, INVALID_GROUP_ID, OFFSET_METADATA_TOO_LARGE, INVALID_COMMIT_OFFSET_SIZE, UNKNOWN_TOPIC_OR_PARTITION,
 * TOPIC_AUTHORIZATION_FAILED, GROUP_AUTHORIZATION_FAILED.
 */
export const offsetCommitResponse = message(
  { name: 'OffsetCommitResponse', kind: 'response', apiKey: 8, versions: '0-9', flexible: '8+' },
  {
    throttleTimeMs: int32('3+', { ignorable: true }),
    topics: array(
      '0+',
      struct('OffsetCommitResponseTopic', {
        name: string('0+'),
        partitions: array(
          '0+',
          struct('OffsetCommitResponsePartition', {
            partitionIndex: int32('0+'),
            errorCode: int16('0+'),
          }),
        ),
      }),
    ),
  },
);
export type OffsetCommitResponse = TypeOf<typeof offsetCommitResponse>;
export type OffsetCommitResponseInput = InputOf<typeof offsetCommitResponse>;
export type OffsetCommitResponseTopic = OffsetCommitResponse['topics'][number];
export type OffsetCommitResponsePartition = OffsetCommitResponseTopic['partitions'][number];
