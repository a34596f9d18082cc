/** ListOffsets (API key 2): finds offsets by timestamp, or the ends of a log. */
import { array, int16, int32, int64, int8, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Timestamps to look for; the negative ones stand for ends of the log. */
export const listOffsetsRequest = message(
  { name: 'ListOffsetsRequest', kind: 'request', apiKey: 2, versions: '0-8', flexible: '6+' },
  {
    replicaId: int32('0+'),
    /** 0: read uncommitted; 1: read committed. */
    isolationLevel: int8('2+'),
    topics: array(
      '0+',
      struct('ListOffsetsTopic', {
        name: string('0+'),
        partitions: array(
          '0+',
          struct('ListOffsetsPartition', {
            partitionIndex: int32('0+'),
            currentLeaderEpoch: int32('4+', { default: -1, ignorable: true }),
            /** -1 latest, -2 earliest, -3 of the largest timestamp, -4 earliest local. */
            timestamp: int64('0+'),
            maxNumOffsets: int32('0', { default: 1 }),
          }),
        ),
      }),
    ),
  },
);
export type ListOffsetsRequest = TypeOf<typeof listOffsetsRequest>;
export type ListOffsetsRequestInput = InputOf<typeof listOffsetsRequest>;
export type ListOffsetsTopic = ListOffsetsRequest['topics'][number];
export type ListOffsetsPartition = ListOffsetsTopic['partitions'][number];

/**
 * The offset found for each partition.
 * Errors: UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH, REPLICA_NOT_AVAILABLE,
 * KAFKA_STORAGE_ERROR, TOPIC_AUTHORIZATION_FAILED, OFFSET_NOT_AVAILABLE (a new leader does not know the high watermark yet; up to version 4
 * LEADER_NOT_AVAILABLE), UNSUPPORTED_FOR_MESSAGE_FORMAT, INVALID_REQUEST.
 */
export const listOffsetsResponse = message(
  { name: 'ListOffsetsResponse', kind: 'response', apiKey: 2, versions: '0-8', flexible: '6+' },
  {
    throttleTimeMs: int32('2+', { ignorable: true }),
    topics: array(
      '0+',
      struct('ListOffsetsTopicResponse', {
        name: string('0+'),
        partitions: array(
          '0+',
          struct('ListOffsetsPartitionResponse', {
            partitionIndex: int32('0+'),
            errorCode: int16('0+'),
            oldStyleOffsets: array('0', 'int64'),
            timestamp: int64('1+', { default: -1n }),
            offset: int64('1+', { default: -1n }),
            leaderEpoch: int32('4+', { default: -1 }),
          }),
        ),
      }),
    ),
  },
);
export type ListOffsetsResponse = TypeOf<typeof listOffsetsResponse>;
export type ListOffsetsResponseInput = InputOf<typeof listOffsetsResponse>;
export type ListOffsetsTopicResponse = ListOffsetsResponse['topics'][number];
export type ListOffsetsPartitionResponse = ListOffsetsTopicResponse['partitions'][number];
