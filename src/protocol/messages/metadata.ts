/** Metadata (API key 3): tells a client who is in the cluster and who leads what. */
import { array, bool, int16, int32, message, string, struct, uuid, type InputOf, type TypeOf } from '../notation.js';

/** The topics to describe: null stands for all, an empty list for none. */
export const metadataRequest = message(
  { name: 'MetadataRequest', kind: 'request', apiKey: 3, versions: '0-12', flexible: '9+' },
  {
    /** Null stands for all topics. In version 0 that is an empty list. */
    topics: array(
      '0+',
      struct('MetadataRequestTopic', {
        topicId: uuid('10+', { ignorable: true }),
        name: string('0+', { nullable: '10+' }),
      }),
      { nullable: '1+' },
    ),
    /** Lets the broker create what is missing, if its config agrees. */
    allowAutoTopicCreation: bool('4+', { default: true }),
    includeClusterAuthorizedOperations: bool('8-10'),
    includeTopicAuthorizedOperations: bool('8+'),
  },
);
export type MetadataRequest = TypeOf<typeof metadataRequest>;
export type MetadataRequestInput = InputOf<typeof metadataRequest>;
export type MetadataRequestTopic = NonNullable<MetadataRequest['topics']>[number];

/**
 * Live brokers, the controller, and partitions with leader, replicas and ISR.
 * Errors: of a topic INVALID_TOPIC_EXCEPTION, UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID, LEADER_NOT_AVAILABLE (made just now),
 * TOPIC_AUTHORIZATION_FAILED; of a partition LEADER_NOT_AVAILABLE, LISTENER_NOT_FOUND, REPLICA_NOT_AVAILABLE (versions 0 and 1).
 */
export const metadataResponse = message(
  { name: 'MetadataResponse', kind: 'response', apiKey: 3, versions: '0-12', flexible: '9+' },
  {
    throttleTimeMs: int32('3+', { ignorable: true }),
    brokers: array(
      '0+',
      struct('MetadataResponseBroker', {
        nodeId: int32('0+', { mapKey: true }),
        host: string('0+'),
        port: int32('0+'),
        rack: string('1+', { nullable: '1+', default: null, ignorable: true }),
      }),
    ),
    clusterId: string('2+', { nullable: '2+', default: null, ignorable: true }),
    controllerId: int32('1+', { default: -1, ignorable: true }),
    topics: array(
      '0+',
      struct('MetadataResponseTopic', {
        errorCode: int16('0+'),
        name: string('0+', { nullable: '12+', mapKey: true }),
        topicId: uuid('10+', { ignorable: true }),
        isInternal: bool('1+', { default: false, ignorable: true }),
        partitions: array(
          '0+',
          struct('MetadataResponsePartition', {
            errorCode: int16('0+'),
            partitionIndex: int32('0+'),
            leaderId: int32('0+'),
            leaderEpoch: int32('7+', { default: -1, ignorable: true }),
            replicaNodes: array('0+', 'int32'),
            isrNodes: array('0+', 'int32'),
            /** On dead brokers or failed log directories. */
            offlineReplicas: array('5+', 'int32', { ignorable: true }),
          }),
        ),
        /** Bits by AclOperation; -2147483648 when not asked for. */
        topicAuthorizedOperations: int32('8+', { default: -2147483648 }),
      }),
    ),
    /** Bits by AclOperation; -2147483648 when not asked for. */
    clusterAuthorizedOperations: int32('8-10', { default: -2147483648 }),
  },
);
export type MetadataResponse = TypeOf<typeof metadataResponse>;
export type MetadataResponseInput = InputOf<typeof metadataResponse>;
export type MetadataResponseBroker = MetadataResponse['brokers'][number];
export type MetadataResponseTopic = MetadataResponse['topics'][number];
export type MetadataResponsePartition = MetadataResponseTopic['partitions'][number];
