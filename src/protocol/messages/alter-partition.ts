/** AlterPartition (API key 56): a leader asks the controller to change the ISR of its partitions. */
import {
  array,
  int16,
  int32,
  int64,
  int8,
  message,
  string,
  struct,
  uuid,
  type InputOf,
  type TypeOf,
} from '../notation.js';

/** New ISRs, each conditional on its partition epoch. */
export const alterPartitionRequest = message(
  { name: 'AlterPartitionRequest', kind: 'request', apiKey: 56, versions: '0-3', flexible: '0+', clusterAction: true },
  {
    brokerId: int32('0+'),
    /** Refuses an earlier life of the same broker (KIP-380). */
    brokerEpoch: int64('0+', { default: -1n }),
    topics: array(
      '0+',
      struct('TopicData', {
        topicName: string('0-1', { ignorable: true }),
        topicId: uuid('2+', { ignorable: true }),
        partitions: array(
          '0+',
          struct('PartitionData', {
            partitionIndex: int32('0+'),
            leaderEpoch: int32('0+'),
            /** Up to version 2; afterwards with broker epochs. */
            newIsr: array('0-2', 'int32'),
            /** Each with the broker epoch that the leader saw in fetches (KIP-903). */
            newIsrWithEpochs: array(
              '3+',
              struct('BrokerState', {
                brokerId: int32('3+'),
                /** Refuses an earlier life of the same broker (KIP-380). */
                brokerEpoch: int64('3+', { default: -1n }),
              }),
            ),
            /** 0 recovered; 1 after an unclean election. */
            leaderRecoveryState: int8('1+', { default: 0 }),
            /** The version of the znode, under which the state was written. */
            partitionEpoch: int32('0+'),
          }),
        ),
      }),
    ),
  },
);
export type AlterPartitionRequest = TypeOf<typeof alterPartitionRequest>;
export type AlterPartitionRequestInput = InputOf<typeof alterPartitionRequest>;
export type AlterPartitionRequestTopicData = AlterPartitionRequest['topics'][number];
export type AlterPartitionRequestPartitionData = AlterPartitionRequestTopicData['partitions'][number];
export type AlterPartitionRequestBrokerState = AlterPartitionRequestPartitionData['newIsrWithEpochs'][number];

/**
 * The state of each partition that the controller has stored.
 * Errors: STALE_BROKER_EPOCH, NOT_CONTROLLER, CLUSTER_AUTHORIZATION_FAILED; of a partition UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID,
 * INVALID_REQUEST, INVALID_UPDATE_VERSION, FENCED_LEADER_EPOCH, NOT_CONTROLLER, INELIGIBLE_REPLICA (since version 2; before,
 * OPERATION_NOT_ATTEMPTED).
 */
export const alterPartitionResponse = message(
  { name: 'AlterPartitionResponse', kind: 'response', apiKey: 56, versions: '0-3', flexible: '0+' },
  {
    throttleTimeMs: int32('0+'),
    errorCode: int16('0+'),
    topics: array(
      '0+',
      struct('TopicData', {
        topicName: string('0-1', { ignorable: true }),
        topicId: uuid('2+', { ignorable: true }),
        partitions: array(
          '0+',
          struct('PartitionData', {
            partitionIndex: int32('0+'),
            errorCode: int16('0+'),
            leaderId: int32('0+'),
            leaderEpoch: int32('0+'),
            isr: array('0+', 'int32'),
            /** 0 recovered; 1 after an unclean election. */
            leaderRecoveryState: int8('1+', { default: 0, ignorable: true }),
            /** The version of the znode, under which the state was written. */
            partitionEpoch: int32('0+'),
          }),
        ),
      }),
    ),
  },
);
export type AlterPartitionResponse = TypeOf<typeof alterPartitionResponse>;
export type AlterPartitionResponseInput = InputOf<typeof alterPartitionResponse>;
export type AlterPartitionResponseTopicData = AlterPartitionResponse['topics'][number];
export type AlterPartitionResponsePartitionData = AlterPartitionResponseTopicData['partitions'][number];
