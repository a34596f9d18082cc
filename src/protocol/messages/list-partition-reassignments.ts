/** ListPartitionReassignments (API key 46): lists reassignments that go on. */
import { array, int16, int32, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** The partitions wanted; null stands for all. */
export const listPartitionReassignmentsRequest = message(
  { name: 'ListPartitionReassignmentsRequest', kind: 'request', apiKey: 46, versions: '0', flexible: '0+' },
  {
    timeoutMs: int32('0+', { default: 60000 }),
    topics: array(
      '0+',
      struct('ListPartitionReassignmentsTopics', {
        name: string('0+'),
        partitionIndexes: array('0+', 'int32'),
      }),
      { nullable: '0+', default: null },
    ),
  },
);
export type ListPartitionReassignmentsRequest = TypeOf<typeof listPartitionReassignmentsRequest>;
export type ListPartitionReassignmentsRequestInput = InputOf<typeof listPartitionReassignmentsRequest>;
export type ListPartitionReassignmentsTopics = NonNullable<ListPartitionReassignmentsRequest['topics']>[number];

/**
 * Replicas, and which of them are added and removed.
 * Errors: NOT_CONTROLLER, REQUEST_TIMED_OUT, CLUSTER_AUTHORIZATION_FAILED.
 */
export const listPartitionReassignmentsResponse = message(
  { name: 'ListPartitionReassignmentsResponse', kind: 'response', apiKey: 46, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32('0+'),
    errorCode: int16('0+'),
    errorMessage: string('0+', { nullable: '0+' }),
    topics: array(
      '0+',
      struct('OngoingTopicReassignment', {
        name: string('0+'),
        partitions: array(
          '0+',
          struct('OngoingPartitionReassignment', {
            partitionIndex: int32('0+'),
            replicas: array('0+', 'int32'),
            /** Replicas that a reassignment adds. */
            addingReplicas: array('0+', 'int32'),
            /** Replicas that a reassignment takes away. */
            removingReplicas: array('0+', 'int32'),
          }),
        ),
      }),
    ),
  },
);
export type ListPartitionReassignmentsResponse = TypeOf<typeof listPartitionReassignmentsResponse>;
export type ListPartitionReassignmentsResponseInput = InputOf<typeof listPartitionReassignmentsResponse>;
export type ListPartitionReassignmentsResponseOngoingTopicReassignment =
  ListPartitionReassignmentsResponse['topics'][number];
export type ListPartitionReassignmentsResponseOngoingPartitionReassignment =
  ListPartitionReassignmentsResponseOngoingTopicReassignment['partitions'][number];
