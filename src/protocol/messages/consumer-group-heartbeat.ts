/** ConsumerGroupHeartbeat (API key 68): the one request of the new group protocol (KIP-848). Defined in 3.6.1, not offered. */
import {
  array,
  bool,
  bytes,
  int16,
  int32,
  int8,
  message,
  nested,
  string,
  struct,
  uuid,
  type InputOf,
  type TypeOf,
} from '../notation.js';

/** What changed since the last heartbeat of the member. */
export const consumerGroupHeartbeatRequest = message(
  {
    name: 'ConsumerGroupHeartbeatRequest',
    kind: 'request',
    apiKey: 68,
    versions: '0',
    flexible: '0+',
    latestVersionUnstable: true,
  },
  {
    groupId: string('0+'),
    memberId: string('0+'),
    memberEpoch: int32('0+'),
    instanceId: string('0+', { nullable: '0+', default: null }),
    rackId: string('0+', { nullable: '0+', default: null }),
    rebalanceTimeoutMs: int32('0+', { default: -1 }),
    subscribedTopicNames: array('0+', 'string', { nullable: '0+', default: null }),
    subscribedTopicRegex: string('0+', { nullable: '0+', default: null }),
    serverAssignor: string('0+', { nullable: '0+', default: null }),
    clientAssignors: array(
      '0+',
      struct('Assignor', {
        name: string('0+'),
        minimumVersion: int16('0+'),
        maximumVersion: int16('0+'),
        reason: int8('0+'),
        metadataVersion: int16('0+'),
        metadataBytes: bytes('0+'),
      }),
      { nullable: '0+', default: null },
    ),
    topicPartitions: array(
      '0+',
      struct('TopicPartitions', {
        topicId: uuid('0+'),
        partitions: array('0+', 'int32'),
      }),
      { nullable: '0+', default: null },
    ),
  },
);
export type ConsumerGroupHeartbeatRequest = TypeOf<typeof consumerGroupHeartbeatRequest>;
export type ConsumerGroupHeartbeatRequestInput = InputOf<typeof consumerGroupHeartbeatRequest>;
export type ConsumerGroupHeartbeatRequestAssignor = NonNullable<
  ConsumerGroupHeartbeatRequest['clientAssignors']
>[number];
export type ConsumerGroupHeartbeatRequestTopicPartitions = NonNullable<
  ConsumerGroupHeartbeatRequest['topicPartitions']
>[number];

const topicPartitions = struct('TopicPartitions', {
  topicId: uuid('0+'),
  partitions: array('0+', 'int32'),
});

/** The target assignment, when it changed. */
export const consumerGroupHeartbeatResponse = message(
  { name: 'ConsumerGroupHeartbeatResponse', kind: 'response', apiKey: 68, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32('0+'),
    errorCode: int16('0+'),
    errorMessage: string('0+', { nullable: '0+', default: null }),
    memberId: string('0+', { nullable: '0+', default: null }),
    memberEpoch: int32('0+'),
    shouldComputeAssignment: bool('0+'),
    heartbeatIntervalMs: int32('0+'),
    assignment: nested(
      '0+',
      struct('Assignment', {
        error: int8('0+'),
        assignedTopicPartitions: array('0+', topicPartitions),
        pendingTopicPartitions: array('0+', topicPartitions),
        metadataVersion: int16('0+'),
        metadataBytes: bytes('0+'),
      }),
      { nullable: '0+', default: null },
    ),
  },
);
export type ConsumerGroupHeartbeatResponse = TypeOf<typeof consumerGroupHeartbeatResponse>;
export type ConsumerGroupHeartbeatResponseInput = InputOf<typeof consumerGroupHeartbeatResponse>;
export type ConsumerGroupHeartbeatResponseAssignment = NonNullable<ConsumerGroupHeartbeatResponse['assignment']>;
export type ConsumerGroupHeartbeatResponseTopicPartitions =
  ConsumerGroupHeartbeatResponseAssignment['assignedTopicPartitions'][number];
