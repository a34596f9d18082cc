/** StopReplica (API key 5): the controller tells a broker to stop, and maybe delete, replicas. */
import { array, bool, int16, int32, int64, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Replicas to stop; with the topic deleted or reassigned also to delete. */
export const stopReplicaRequest = message(
  { name: 'StopReplicaRequest', kind: 'request', apiKey: 5, versions: '0-4', flexible: '2+', clusterAction: true },
  {
    controllerId: int32('0+'),
    isKRaftController: bool('4+', { default: false }),
    controllerEpoch: int32('0+'),
    /** Refuses an earlier life of the same broker (KIP-380). */
    brokerEpoch: int64('1+', { default: -1n, ignorable: true }),
    deletePartitions: bool('0-2'),
    ungroupedPartitions: array(
      '0',
      struct('StopReplicaPartitionV0', {
        topicName: string('0'),
        partitionIndex: int32('0'),
      }),
    ),
    topics: array(
      '1-2',
      struct('StopReplicaTopicV1', {
        name: string('1-2'),
        partitionIndexes: array('1-2', 'int32'),
      }),
    ),
    topicStates: array(
      '3+',
      struct('StopReplicaTopicState', {
        topicName: string('3+'),
        partitionStates: array(
          '3+',
          struct('StopReplicaPartitionState', {
            partitionIndex: int32('3+'),
            /** -2 when the topic is being deleted: accept whatever the epoch. */
            leaderEpoch: int32('3+', { default: -1 }),
            deletePartition: bool('3+'),
          }),
        ),
      }),
    ),
  },
);
export type StopReplicaRequest = TypeOf<typeof stopReplicaRequest>;
export type StopReplicaRequestInput = InputOf<typeof stopReplicaRequest>;
export type StopReplicaPartitionV0 = StopReplicaRequest['ungroupedPartitions'][number];
export type StopReplicaTopicV1 = StopReplicaRequest['topics'][number];
export type StopReplicaTopicState = StopReplicaRequest['topicStates'][number];
export type StopReplicaPartitionState = StopReplicaTopicState['partitionStates'][number];

/**
 * How each partition took it.
 * Errors: STALE_CONTROLLER_EPOCH, STALE_BROKER_EPOCH, CLUSTER_AUTHORIZATION_FAILED; of a partition FENCED_LEADER_EPOCH, KAFKA_STORAGE_ERROR.
 */
export const stopReplicaResponse = message(
  { name: 'StopReplicaResponse', kind: 'response', apiKey: 5, versions: '0-4', flexible: '2+' },
  {
    errorCode: int16('0+'),
    partitionErrors: array(
      '0+',
      struct('StopReplicaPartitionError', {
        topicName: string('0+'),
        partitionIndex: int32('0+'),
        errorCode: int16('0+'),
      }),
    ),
  },
);
export type StopReplicaResponse = TypeOf<typeof stopReplicaResponse>;
export type StopReplicaResponseInput = InputOf<typeof stopReplicaResponse>;
export type StopReplicaPartitionError = StopReplicaResponse['partitionErrors'][number];
