/** OffsetDelete (API key 47): deletes committed offsets of a group. */
import { array, int16, int32, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** The partitions whose offsets go. */
export const offsetDeleteRequest = message(
  { name: 'OffsetDeleteRequest', kind: 'request', apiKey: 47, versions: '0', flexible: 'none' },
  {
    groupId: string('0+'),
    topics: array(
      '0+',
      struct('OffsetDeleteRequestTopic', {
        name: string('0+', { mapKey: true }),
        partitions: array(
          '0+',
          struct('OffsetDeleteRequestPartition', {
            partitionIndex: int32('0+'),
          }),
        ),
      }),
    ),
  },
);
export type OffsetDeleteRequest = TypeOf<typeof offsetDeleteRequest>;
export type OffsetDeleteRequestInput = InputOf<typeof offsetDeleteRequest>;
export type OffsetDeleteRequestTopic = OffsetDeleteRequest['topics'][number];
export type OffsetDeleteRequestPartition = OffsetDeleteRequestTopic['partitions'][number];

/**
 * An error code for each partition.
 * Errors: COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP, INVALID_GROUP_ID,
 * GROUP_AUTHORIZATION_FAILED; of a partition GROUP_SUBSCRIBED_TO_TOPIC, UNKNOWN_TOPIC_OR_PARTITION, TOPIC_AUTHORIZATION_FAILED.
 */
export const offsetDeleteResponse = message(
  { name: 'OffsetDeleteResponse', kind: 'response', apiKey: 47, versions: '0', flexible: 'none' },
  {
    errorCode: int16('0+'),
    throttleTimeMs: int32('0+', { ignorable: true }),
    topics: array(
      '0+',
      struct('OffsetDeleteResponseTopic', {
        name: string('0+', { mapKey: true }),
        partitions: array(
          '0+',
          struct('OffsetDeleteResponsePartition', {
            partitionIndex: int32('0+', { mapKey: true }),
            errorCode: int16('0+'),
          }),
        ),
      }),
    ),
  },
);
export type OffsetDeleteResponse = TypeOf<typeof offsetDeleteResponse>;
export type OffsetDeleteResponseInput = InputOf<typeof offsetDeleteResponse>;
export type OffsetDeleteResponseTopic = OffsetDeleteResponse['topics'][number];
export type OffsetDeleteResponsePartition = OffsetDeleteResponseTopic['partitions'][number];
