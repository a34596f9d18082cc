/** CreateTopics (API key 19): creates topics. */
import {
  array,
  bool,
  int16,
  int32,
  int8,
  message,
  string,
  struct,
  uuid,
  type InputOf,
  type TypeOf,
} from '../notation.js';

/** Topics with counts or a manual assignment, and configs. */
export const createTopicsRequest = message(
  { name: 'CreateTopicsRequest', kind: 'request', apiKey: 19, versions: '0-7', flexible: '5+' },
  {
    topics: array(
      '0+',
      struct('CreatableTopic', {
        name: string('0+', { mapKey: true }),
        /** -1 with a manual assignment, or for the default of the broker. */
        numPartitions: int32('0+'),
        /** -1 with a manual assignment, or for the default of the broker. */
        replicationFactor: int16('0+'),
        assignments: array(
          '0+',
          struct('CreatableReplicaAssignment', {
            partitionIndex: int32('0+', { mapKey: true }),
            brokerIds: array('0+', 'int32'),
          }),
        ),
        configs: array(
          '0+',
          struct('CreateableTopicConfig', {
            name: string('0+', { mapKey: true }),
            value: string('0+', { nullable: '0+' }),
          }),
        ),
      }),
    ),
    timeoutMs: int32('0+', { default: 60000 }),
    validateOnly: bool('1+', { default: false }),
  },
);
export type CreateTopicsRequest = TypeOf<typeof createTopicsRequest>;
export type CreateTopicsRequestInput = InputOf<typeof createTopicsRequest>;
export type CreateTopicsRequestCreatableTopic = CreateTopicsRequest['topics'][number];
export type CreateTopicsRequestCreatableReplicaAssignment = CreateTopicsRequestCreatableTopic['assignments'][number];
export type CreateTopicsRequestCreateableTopicConfig = CreateTopicsRequestCreatableTopic['configs'][number];

/**
 * Id and effective configs of each topic, or the error.
 * Errors: INVALID_TOPIC_EXCEPTION, TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR, INVALID_REPLICA_ASSIGNMENT,
 * INVALID_CONFIG, INVALID_REQUEST, POLICY_VIOLATION, NOT_CONTROLLER, REQUEST_TIMED_OUT (it may exist soon), THROTTLING_QUOTA_EXCEEDED,
 * TOPIC_AUTHORIZATION_FAILED, CLUSTER_AUTHORIZATION_FAILED.
 */
export const createTopicsResponse = message(
  { name: 'CreateTopicsResponse', kind: 'response', apiKey: 19, versions: '0-7', flexible: '5+' },
  {
    throttleTimeMs: int32('2+', { ignorable: true }),
    topics: array(
      '0+',
      struct('CreatableTopicResult', {
        name: string('0+', { mapKey: true }),
        topicId: uuid('7+', { ignorable: true }),
        errorCode: int16('0+'),
        errorMessage: string('1+', { nullable: '0+', ignorable: true }),
        /** Why the configs are left out. */
        topicConfigErrorCode: int16('5+', { ignorable: true, tagged: '5+', tag: 0 }),
        numPartitions: int32('5+', { default: -1, ignorable: true }),
        replicationFactor: int16('5+', { default: -1, ignorable: true }),
        configs: array(
          '5+',
          struct('CreatableTopicConfigs', {
            name: string('5+'),
            value: string('5+', { nullable: '5+' }),
            readOnly: bool('5+'),
            configSource: int8('5+', { default: -1, ignorable: true }),
            isSensitive: bool('5+'),
          }),
          { nullable: '5+', ignorable: true },
        ),
      }),
    ),
  },
);
export type CreateTopicsResponse = TypeOf<typeof createTopicsResponse>;
export type CreateTopicsResponseInput = InputOf<typeof createTopicsResponse>;
export type CreateTopicsResponseCreatableTopicResult = CreateTopicsResponse['topics'][number];
export type CreateTopicsResponseCreatableTopicConfigs = NonNullable<
  CreateTopicsResponseCreatableTopicResult['configs']
>[number];
