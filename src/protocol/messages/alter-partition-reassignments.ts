/** AlterPartitionReassignments (API key 45): starts, changes or cancels reassignments of partitions (KIP-455). */
import { array, int16, int32, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Target replicas; null cancels. */
export const alterPartitionReassignmentsRequest = message(
  { name: 'AlterPartitionReassignmentsRequest', kind: 'request', apiKey: 45, versions: '0', flexible: '0+' },
  {
    timeoutMs: int32('0+', { default: 60000 }),
    topics: array(
      '0+',
      struct('ReassignableTopic', {
        name: string('0+'),
        partitions: array(
          '0+',
          struct('ReassignablePartition', {
            partitionIndex: int32('0+'),
            /** Null cancels the reassignment. */
            replicas: array('0+', 'int32', { nullable: '0+', default: null }),
          }),
        ),
      }),
    ),
  },
);
export type AlterPartitionReassignmentsRequest = TypeOf<typeof alterPartitionReassignmentsRequest>;
export type AlterPartitionReassignmentsRequestInput = InputOf<typeof alterPartitionReassignmentsRequest>;
export type AlterPartitionReassignmentsRequestReassignableTopic = AlterPartitionReassignmentsRequest['topics'][number];
export type AlterPartitionReassignmentsRequestReassignablePartition =
  AlterPartitionReassignmentsRequestReassignableTopic['partitions'][number];

/**
 * The outcome for each partition.
 * Errors: INVALID_REPLICA_ASSIGNMENT, NO_REASSIGNMENT_IN_PROGRESS, UNKNOWN_TOPIC_OR_PARTITION, NOT_CONTROLLER, REQUEST_TIMED_OUT,
 * CLUSTER_AUTHORIZATION_FAILED.
 */
export const alterPartitionReassignmentsResponse = message(
  { name: 'AlterPartitionReassignmentsResponse', kind: 'response', apiKey: 45, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32('0+'),
    errorCode: int16('0+'),
    errorMessage: string('0+', { nullable: '0+' }),
    responses: array(
      '0+',
      struct('ReassignableTopicResponse', {
        name: string('0+'),
        partitions: array(
          '0+',
          struct('ReassignablePartitionResponse', {
            partitionIndex: int32('0+'),
            errorCode: int16('0+'),
            errorMessage: string('0+', { nullable: '0+' }),
          }),
        ),
      }),
    ),
  },
);
export type AlterPartitionReassignmentsResponse = TypeOf<typeof alterPartitionReassignmentsResponse>;
export type AlterPartitionReassignmentsResponseInput = InputOf<typeof alterPartitionReassignmentsResponse>;
export type AlterPartitionReassignmentsResponseReassignableTopicResponse =
  AlterPartitionReassignmentsResponse['responses'][number];
export type AlterPartitionReassignmentsResponseReassignablePartitionResponse =
  AlterPartitionReassignmentsResponseReassignableTopicResponse['partitions'][number];
