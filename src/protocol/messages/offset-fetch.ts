/** OffsetFetch (API key 9): reads committed offsets of consumer groups. */
import { array, bool, int16, int32, int64, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** The groups and partitions wanted; null topics stand for all. */
export const offsetFetchRequest = message(
  { name: 'OffsetFetchRequest', kind: 'request', apiKey: 9, versions: '0-8', flexible: '6+' },
  {
    groupId: string('0-7'),
    topics: array(
      '0-7',
      struct('OffsetFetchRequestTopic', {
        name: string('0-7'),
        partitionIndexes: array('0-7', 'int32'),
      }),
      { nullable: '2-7' },
    ),
    groups: array(
      '8+',
      struct('OffsetFetchRequestGroup', {
        groupId: string('8+'),
        topics: array(
          '8+',
          struct('OffsetFetchRequestTopics', {
            name: string('8+'),
            partitionIndexes: array('8+', 'int32'),
          }),
          { nullable: '8+' },
        ),
      }),
    ),
    /** Refuses while a transaction could still change an offset. */
    requireStable: bool('7+', { default: false }),
  },
);
export type OffsetFetchRequest = TypeOf<typeof offsetFetchRequest>;
export type OffsetFetchRequestInput = InputOf<typeof offsetFetchRequest>;
export type OffsetFetchRequestTopic = NonNullable<OffsetFetchRequest['topics']>[number];
export type OffsetFetchRequestGroup = OffsetFetchRequest['groups'][number];
export type OffsetFetchRequestTopics = NonNullable<OffsetFetchRequestGroup['topics']>[number];

/**
 * Committed offsets; -1 where there is none.
 * Errors: of the group COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, GROUP_AUTHORIZATION_FAILED; of a partition
 * UNSTABLE_OFFSET_COMMIT (a transaction holds an offset), UNKNOWN_TOPIC_OR_PARTITION, TOPIC_AUTHORIZATION_FAILED.
 */
export const offsetFetchResponse = message(
  { name: 'OffsetFetchResponse', kind: 'response', apiKey: 9, versions: '0-8', flexible: '6+' },
  {
    throttleTimeMs: int32('3+', { ignorable: true }),
    topics: array(
      '0-7',
      struct('OffsetFetchResponseTopic', {
        name: string('0-7'),
        partitions: array(
          '0-7',
          struct('OffsetFetchResponsePartition', {
            partitionIndex: int32('0-7'),
            committedOffset: int64('0-7'),
            committedLeaderEpoch: int32('5-7', { default: -1, ignorable: true }),
            metadata: string('0-7', { nullable: '0-7' }),
            errorCode: int16('0-7'),
          }),
        ),
      }),
    ),
    errorCode: int16('2-7', { default: 0, ignorable: true }),
    groups: array(
      '8+',
      struct('OffsetFetchResponseGroup', {
        groupId: string('8+'),
        topics: array(
          '8+',
          struct('OffsetFetchResponseTopics', {
            name: string('8+'),
            partitions: array(
              '8+',
              struct('OffsetFetchResponsePartitions', {
                partitionIndex: int32('8+'),
                committedOffset: int64('8+'),
                committedLeaderEpoch: int32('8+', { default: -1, ignorable: true }),
                metadata: string('8+', { nullable: '8+' }),
                errorCode: int16('8+'),
              }),
            ),
          }),
        ),
        errorCode: int16('8+', { default: 0 }),
      }),
    ),
  },
);
export type OffsetFetchResponse = TypeOf<typeof offsetFetchResponse>;
export type OffsetFetchResponseInput = InputOf<typeof offsetFetchResponse>;
export type OffsetFetchResponseTopic = OffsetFetchResponse['topics'][number];
export type OffsetFetchResponsePartition = OffsetFetchResponseTopic['partitions'][number];
export type OffsetFetchResponseGroup = OffsetFetchResponse['groups'][number];
export type OffsetFetchResponseTopics = OffsetFetchResponseGroup['topics'][number];
export type OffsetFetchResponsePartitions = OffsetFetchResponseTopics['partitions'][number];
