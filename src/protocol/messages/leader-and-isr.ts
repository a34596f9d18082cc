/** LeaderAndIsr (API key 4): the controller tells a broker the state of the replicas it holds. */
import {
  array,
  bool,
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

const leaderAndIsrPartitionState = struct('LeaderAndIsrPartitionState', {
  topicName: string('0-1', { ignorable: true }),
  partitionIndex: int32('0+'),
  controllerEpoch: int32('0+'),
  leader: int32('0+'),
  leaderEpoch: int32('0+'),
  isr: array('0+', 'int32'),
  /** The version of the znode, under which the state was written. */
  partitionEpoch: int32('0+'),
  replicas: array('0+', 'int32'),
  /** Replicas that a reassignment adds. */
  addingReplicas: array('3+', 'int32', { ignorable: true }),
  /** Replicas that a reassignment takes away. */
  removingReplicas: array('3+', 'int32', { ignorable: true }),
  /** Brokers create the log only then, unless they would find it. */
  isNew: bool('1+', { default: false, ignorable: true }),
  /** 0 recovered; 1 after an unclean election. */
  leaderRecoveryState: int8('6+', { default: 0 }),
});

/** Leader, epoch, ISR and replicas of partitions, sent by the controller. */
export const leaderAndIsrRequest = message(
  { name: 'LeaderAndIsrRequest', kind: 'request', apiKey: 4, versions: '0-7', flexible: '4+', clusterAction: true },
  {
    controllerId: int32('0+'),
    isKRaftController: bool('7+', { default: false }),
    controllerEpoch: int32('0+'),
    /** Refuses an earlier life of the same broker (KIP-380). */
    brokerEpoch: int64('2+', { default: -1n, ignorable: true }),
    /** 1 incremental; 2 full, then replicas that are missing in it are stopped. */
    type: int8('5+'),
    /** Up to version 1; afterwards `topicStates`. */
    ungroupedPartitionStates: array('0-1', leaderAndIsrPartitionState),
    topicStates: array(
      '2+',
      struct('LeaderAndIsrTopicState', {
        topicName: string('2+'),
        topicId: uuid('5+', { ignorable: true }),
        partitionStates: array('2+', leaderAndIsrPartitionState),
      }),
    ),
    liveLeaders: array(
      '0+',
      struct('LeaderAndIsrLiveLeader', {
        brokerId: int32('0+'),
        hostName: string('0+'),
        port: int32('0+'),
      }),
    ),
  },
);
export type LeaderAndIsrRequest = TypeOf<typeof leaderAndIsrRequest>;
export type LeaderAndIsrRequestInput = InputOf<typeof leaderAndIsrRequest>;
export type LeaderAndIsrPartitionState = LeaderAndIsrRequest['ungroupedPartitionStates'][number];
export type LeaderAndIsrTopicState = LeaderAndIsrRequest['topicStates'][number];
export type LeaderAndIsrLiveLeader = LeaderAndIsrRequest['liveLeaders'][number];

const leaderAndIsrPartitionError = struct('LeaderAndIsrPartitionError', {
  topicName: string('0-4', { ignorable: true }),
  partitionIndex: int32('0+'),
  errorCode: int16('0+'),
});

/**
 * How each partition took the change.
 * Errors: STALE_CONTROLLER_EPOCH, STALE_BROKER_EPOCH, CLUSTER_AUTHORIZATION_FAILED; of a partition KAFKA_STORAGE_ERROR, FENCED_LEADER_EPOCH,
 * STALE_CONTROLLER_EPOCH, UNKNOWN_TOPIC_OR_PARTITION, INCONSISTENT_TOPIC_ID.
 */
export const leaderAndIsrResponse = message(
  { name: 'LeaderAndIsrResponse', kind: 'response', apiKey: 4, versions: '0-7', flexible: '4+' },
  {
    errorCode: int16('0+'),
    partitionErrors: array('0-4', leaderAndIsrPartitionError),
    topics: array(
      '5+',
      struct('LeaderAndIsrTopicError', {
        topicId: uuid('5+', { mapKey: true }),
        partitionErrors: array('5+', leaderAndIsrPartitionError),
      }),
    ),
  },
);
export type LeaderAndIsrResponse = TypeOf<typeof leaderAndIsrResponse>;
export type LeaderAndIsrResponseInput = InputOf<typeof leaderAndIsrResponse>;
export type LeaderAndIsrPartitionError = LeaderAndIsrResponse['partitionErrors'][number];
export type LeaderAndIsrTopicError = LeaderAndIsrResponse['topics'][number];
