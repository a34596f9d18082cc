/** UpdateMetadata (API key 6): the controller tells every broker what clients may ask for. */
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

const updateMetadataPartitionState = struct('UpdateMetadataPartitionState', {
  topicName: string('0-4', { ignorable: true }),
  partitionIndex: int32('0+'),
  controllerEpoch: int32('0+'),
  leader: int32('0+'),
  leaderEpoch: int32('0+'),
  isr: array('0+', 'int32'),
  zkVersion: int32('0+'),
  replicas: array('0+', 'int32'),
  offlineReplicas: array('4+', 'int32', { ignorable: true }),
});

/** Live brokers and partition states for the metadata cache. */
export const updateMetadataRequest = message(
  { name: 'UpdateMetadataRequest', kind: 'request', apiKey: 6, versions: '0-8', flexible: '6+', clusterAction: true },
  {
    controllerId: int32('0+'),
    isKRaftController: bool('8+', { default: false }),
    /** 1 incremental; 2 full (KRaft migration). */
    type: int8('8+', { default: 0, tagged: '8+', tag: 0 }),
    controllerEpoch: int32('0+'),
    /** Refuses an earlier life of the same broker (KIP-380). */
    brokerEpoch: int64('5+', { default: -1n, ignorable: true }),
    /** Up to version 4; afterwards `topicStates`. */
    ungroupedPartitionStates: array('0-4', updateMetadataPartitionState),
    topicStates: array(
      '5+',
      struct('UpdateMetadataTopicState', {
        topicName: string('5+'),
        topicId: uuid('7+', { ignorable: true }),
        partitionStates: array('5+', updateMetadataPartitionState),
      }),
    ),
    liveBrokers: array(
      '0+',
      struct('UpdateMetadataBroker', {
        id: int32('0+'),
        v0Host: string('0', { ignorable: true }),
        v0Port: int32('0', { ignorable: true }),
        endpoints: array(
          '1+',
          struct('UpdateMetadataEndpoint', {
            port: int32('1+'),
            host: string('1+'),
            listener: string('3+', { ignorable: true }),
            securityProtocol: int16('1+'),
          }),
          { ignorable: true },
        ),
        rack: string('2+', { nullable: '0+', ignorable: true }),
      }),
    ),
  },
);
export type UpdateMetadataRequest = TypeOf<typeof updateMetadataRequest>;
export type UpdateMetadataRequestInput = InputOf<typeof updateMetadataRequest>;
export type UpdateMetadataPartitionState = UpdateMetadataRequest['ungroupedPartitionStates'][number];
export type UpdateMetadataTopicState = UpdateMetadataRequest['topicStates'][number];
export type UpdateMetadataBroker = UpdateMetadataRequest['liveBrokers'][number];
export type UpdateMetadataEndpoint = UpdateMetadataBroker['endpoints'][number];

/**
 * Whether the metadata was taken.
 * Errors: STALE_CONTROLLER_EPOCH, STALE_BROKER_EPOCH, CLUSTER_AUTHORIZATION_FAILED.
 */
export const updateMetadataResponse = message(
  { name: 'UpdateMetadataResponse', kind: 'response', apiKey: 6, versions: '0-8', flexible: '6+' },
  {
    errorCode: int16('0+'),
  },
);
export type UpdateMetadataResponse = TypeOf<typeof updateMetadataResponse>;
export type UpdateMetadataResponseInput = InputOf<typeof updateMetadataResponse>;
