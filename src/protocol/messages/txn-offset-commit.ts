/** TxnOffsetCommit (API key 28): commits offsets of a group within a transaction. */
import { array, int16, int32, int64, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Offsets that become visible with the commit. */
export const txnOffsetCommitRequest = message(
  { name: 'TxnOffsetCommitRequest', kind: 'request', apiKey: 28, versions: '0-3', flexible: '3+' },
  {
    transactionalId: string('0+'),
    groupId: string('0+'),
    producerId: int64('0+'),
    producerEpoch: int16('0+'),
    generationId: int32('3+', { default: -1 }),
    memberId: string('3+', { default: '' }),
    /** The name of a static member (KIP-345). */
    groupInstanceId: string('3+', { nullable: '3+', default: null }),
    topics: array(
      '0+',
      struct('TxnOffsetCommitRequestTopic', {
        name: string('0+'),
        partitions: array(
          '0+',
          struct('TxnOffsetCommitRequestPartition', {
            partitionIndex: int32('0+'),
            committedOffset: int64('0+'),
            committedLeaderEpoch: int32('2+', { default: -1, ignorable: true }),
            committedMetadata: string('0+', { nullable: '0+' }),
          }),
        ),
      }),
    ),
  },
);
export type TxnOffsetCommitRequest = TypeOf<typeof txnOffsetCommitRequest>;
export type TxnOffsetCommitRequestInput = InputOf<typeof txnOffsetCommitRequest>;
export type TxnOffsetCommitRequestTopic = TxnOffsetCommitRequest['topics'][number];
export type TxnOffsetCommitRequestPartition = TxnOffsetCommitRequestTopic['partitions'][number];

/**
 * An error code for each partition.
 * Errors: COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID,
 * INVALID_PRODUCER_EPOCH, OFFSET_METADATA_TOO_LARGE, INVALID_COMMIT_OFFSET_SIZE, UNSUPPORTED_FOR_MESSAGE_FORMAT, REQUEST_TIMED_OUT,
 * GROUP_AUTHORIZATION_FAILED, TOPIC_AUTHORIZATION_FAILED, TRANSACTIONAL_ID_AUTHORIZATION_FAILED.
 */
export const txnOffsetCommitResponse = message(
  { name: 'TxnOffsetCommitResponse', kind: 'response', apiKey: 28, versions: '0-3', flexible: '3+' },
  {
    throttleTimeMs: int32('0+'),
    topics: array(
      '0+',
      struct('TxnOffsetCommitResponseTopic', {
        name: string('0+'),
        partitions: array(
          '0+',
          struct('TxnOffsetCommitResponsePartition', {
            partitionIndex: int32('0+'),
            errorCode: int16('0+'),
          }),
        ),
      }),
    ),
  },
);
export type TxnOffsetCommitResponse = TypeOf<typeof txnOffsetCommitResponse>;
export type TxnOffsetCommitResponseInput = InputOf<typeof txnOffsetCommitResponse>;
export type TxnOffsetCommitResponseTopic = TxnOffsetCommitResponse['topics'][number];
export type TxnOffsetCommitResponsePartition = TxnOffsetCommitResponseTopic['partitions'][number];
