/** CreatePartitions (API key 37): adds partitions to topics. */
import { array, bool, int16, int32, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Topics with their new total counts. */
export const createPartitionsRequest = message(
  { name: 'CreatePartitionsRequest', kind: 'request', apiKey: 37, versions: '0-3', flexible: '2+' },
  {
    topics: array(
      '0+',
      struct('CreatePartitionsTopic', {
        name: string('0+', { mapKey: true }),
        /** The new total. */
        count: int32('0+'),
        assignments: array(
          '0+',
          struct('CreatePartitionsAssignment', {
            brokerIds: array('0+', 'int32'),
          }),
          { nullable: '0+' },
        ),
      }),
    ),
    timeoutMs: int32('0+'),
    validateOnly: bool('0+'),
  },
);
export type CreatePartitionsRequest = TypeOf<typeof createPartitionsRequest>;
export type CreatePartitionsRequestInput = InputOf<typeof createPartitionsRequest>;
export type CreatePartitionsTopic = CreatePartitionsRequest['topics'][number];
export type CreatePartitionsAssignment = NonNullable<CreatePartitionsTopic['assignments']>[number];

/**
 * An error for each topic.
 * Errors: UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS, INVALID_REPLICA_ASSIGNMENT, REASSIGNMENT_IN_PROGRESS, INVALID_REQUEST, POLICY_VIOLATION,
 * NOT_CONTROLLER, REQUEST_TIMED_OUT, THROTTLING_QUOTA_EXCEEDED, TOPIC_AUTHORIZATION_FAILED.
 */
export const createPartitionsResponse = message(
  { name: 'CreatePartitionsResponse', kind: 'response', apiKey: 37, versions: '0-3', flexible: '2+' },
  {
    throttleTimeMs: int32('0+'),
    results: array(
      '0+',
      struct('CreatePartitionsTopicResult', {
        name: string('0+'),
        errorCode: int16('0+'),
        errorMessage: string('0+', { nullable: '0+', default: null }),
      }),
    ),
  },
);
export type CreatePartitionsResponse = TypeOf<typeof createPartitionsResponse>;
export type CreatePartitionsResponseInput = InputOf<typeof createPartitionsResponse>;
export type CreatePartitionsTopicResult = CreatePartitionsResponse['results'][number];
