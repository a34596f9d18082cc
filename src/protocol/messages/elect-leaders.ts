/** ElectLeaders (API key 43): elects preferred or unclean leaders. */
import { array, int16, int32, int8, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** The kind of election and the partitions; null stands for all. */
export const electLeadersRequest = message(
  { name: 'ElectLeadersRequest', kind: 'request', apiKey: 43, versions: '0-2', flexible: '2+' },
  {
    electionType: int8('1+'),
    topicPartitions: array(
      '0+',
      struct('TopicPartitions', {
        topic: string('0+', { mapKey: true }),
        partitions: array('0+', 'int32'),
      }),
      { nullable: '0+' },
    ),
    timeoutMs: int32('0+', { default: 60000 }),
  },
);
export type ElectLeadersRequest = TypeOf<typeof electLeadersRequest>;
export type ElectLeadersRequestInput = InputOf<typeof electLeadersRequest>;
export type ElectLeadersRequestTopicPartitions = NonNullable<ElectLeadersRequest['topicPartitions']>[number];

/**
 * The outcome for each partition.
 * Errors: UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION (it is being deleted), ELECTION_NOT_NEEDED, PREFERRED_LEADER_NOT_AVAILABLE,
 * ELIGIBLE_LEADERS_NOT_AVAILABLE, NOT_CONTROLLER, REQUEST_TIMED_OUT, CLUSTER_AUTHORIZATION_FAILED.
 */
export const electLeadersResponse = message(
  { name: 'ElectLeadersResponse', kind: 'response', apiKey: 43, versions: '0-2', flexible: '2+' },
  {
    throttleTimeMs: int32('0+'),
    errorCode: int16('1+'),
    replicaElectionResults: array(
      '0+',
      struct('ReplicaElectionResult', {
        topic: string('0+'),
        partitionResult: array(
          '0+',
          struct('PartitionResult', {
            partitionId: int32('0+'),
            errorCode: int16('0+'),
            errorMessage: string('0+', { nullable: '0+' }),
          }),
        ),
      }),
    ),
  },
);
export type ElectLeadersResponse = TypeOf<typeof electLeadersResponse>;
export type ElectLeadersResponseInput = InputOf<typeof electLeadersResponse>;
export type ElectLeadersResponseReplicaElectionResult = ElectLeadersResponse['replicaElectionResults'][number];
export type ElectLeadersResponsePartitionResult = ElectLeadersResponseReplicaElectionResult['partitionResult'][number];
