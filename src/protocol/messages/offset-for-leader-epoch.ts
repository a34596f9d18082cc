/** OffsetForLeaderEpoch (API key 23): finds where a leader epoch ended, for truncation (KIP-101, KIP-279). */
import { array, int16, int32, int64, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Epochs to look up. */
export const offsetForLeaderEpochRequest = message(
  { name: 'OffsetForLeaderEpochRequest', kind: 'request', apiKey: 23, versions: '0-4', flexible: '4+' },
  {
    /** -1 from consumers; -2 debugging. */
    replicaId: int32('3+', { default: -2, ignorable: true }),
    topics: array(
      '0+',
      struct('OffsetForLeaderTopic', {
        topic: string('0+', { mapKey: true }),
        partitions: array(
          '0+',
          struct('OffsetForLeaderPartition', {
            partition: int32('0+'),
            currentLeaderEpoch: int32('2+', { default: -1, ignorable: true }),
            leaderEpoch: int32('0+'),
          }),
        ),
      }),
    ),
  },
);
export type OffsetForLeaderEpochRequest = TypeOf<typeof offsetForLeaderEpochRequest>;
export type OffsetForLeaderEpochRequestInput = InputOf<typeof offsetForLeaderEpochRequest>;
export type OffsetForLeaderEpochRequestOffsetForLeaderTopic = OffsetForLeaderEpochRequest['topics'][number];
export type OffsetForLeaderEpochRequestOffsetForLeaderPartition =
  OffsetForLeaderEpochRequestOffsetForLeaderTopic['partitions'][number];

/**
 * The end offset of the largest epoch not above the one asked for.
 * Errors: UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH, REPLICA_NOT_AVAILABLE,
 * KAFKA_STORAGE_ERROR, TOPIC_AUTHORIZATION_FAILED.
 */
export const offsetForLeaderEpochResponse = message(
  { name: 'OffsetForLeaderEpochResponse', kind: 'response', apiKey: 23, versions: '0-4', flexible: '4+' },
  {
    throttleTimeMs: int32('2+', { ignorable: true }),
    topics: array(
      '0+',
      struct('OffsetForLeaderTopicResult', {
        topic: string('0+', { mapKey: true }),
        partitions: array(
          '0+',
          struct('EpochEndOffset', {
            errorCode: int16('0+'),
            partition: int32('0+'),
            leaderEpoch: int32('1+', { default: -1, ignorable: true }),
            endOffset: int64('0+', { default: -1n }),
          }),
        ),
      }),
    ),
  },
);
export type OffsetForLeaderEpochResponse = TypeOf<typeof offsetForLeaderEpochResponse>;
export type OffsetForLeaderEpochResponseInput = InputOf<typeof offsetForLeaderEpochResponse>;
export type OffsetForLeaderEpochResponseOffsetForLeaderTopicResult = OffsetForLeaderEpochResponse['topics'][number];
export type OffsetForLeaderEpochResponseEpochEndOffset =
  OffsetForLeaderEpochResponseOffsetForLeaderTopicResult['partitions'][number];
