/** Requests of whoever may do nothing, in all versions, and what they are told. */
import { ApiKey } from '../../../src/protocol/index.js';
import { batchOf } from '../../unit/replication/replica-cluster.js';
import {
  NONE,
  TOPIC,
  GROUP,
  CLUSTER,
  TRANSACTIONAL_ID,
  DENIED,
  DENIED_GROUP,
  TOPIC_RESOURCE,
  BROKER_RESOURCE,
  NOTHING,
  refused,
  named,
} from './denied.js';

export interface Case {
  readonly apiKey: number;
  /** What is asked, when the API is asked for more than one thing. */
  readonly of?: string;
  readonly versions?: readonly [number, number];
  readonly body: (version: number, topicId: string) => object;
  readonly answer: (version: number, topicId: string) => object;
}

const command = { controllerId: 1, controllerEpoch: 9, brokerEpoch: -1n };
const configs = [
  { resourceType: TOPIC_RESOURCE, resourceName: DENIED },
  { resourceType: BROKER_RESOURCE, resourceName: '1' },
];
const refusedConfigs = [
  { ...configs[0], errorCode: TOPIC },
  { ...configs[1], errorCode: CLUSTER },
];

export const ALL_DENIED: readonly Case[] = [
  {
    apiKey: ApiKey.Produce,
    body: () => ({
      acks: 1,
      timeoutMs: 1000,
      topicData: [{ name: DENIED, partitionData: [{ index: 0, records: batchOf(['more']) }] }],
    }),
    answer: () => ({
      responses: [{ name: DENIED, partitionResponses: [{ index: 0, errorCode: TOPIC, baseOffset: -1n }] }],
    }),
  },
  {
    apiKey: ApiKey.Fetch,
    body: (version, topicId) => ({
      maxWaitMs: 0,
      minBytes: 0,
      topics: [
        {
          ...(version < 13 ? { topic: DENIED } : { topicId }),
          partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }],
        },
      ],
    }),
    answer: (version, topicId) => ({
      responses: [
        { ...(version < 13 ? { topic: DENIED } : { topicId }), partitions: [{ ...refused, highWatermark: -1n }] },
      ],
    }),
  },
  {
    apiKey: ApiKey.ListOffsets,
    body: () => ({ replicaId: -1, topics: named([{ partitionIndex: 0, timestamp: -1n }]) }),
    answer: () => ({ topics: named([refused]) }),
  },
  {
    apiKey: ApiKey.Metadata,
    of: 'topics by name',
    body: () => ({ topics: [{ name: DENIED }, { name: 'missing' }] }),
    answer: () => ({
      topics: [
        { name: DENIED, errorCode: TOPIC, partitions: [] },
        { name: 'missing', errorCode: TOPIC, partitions: [] },
      ],
    }),
  },
  {
    apiKey: ApiKey.Metadata,
    of: 'all topics',
    body: (version) => ({ topics: version === 0 ? [] : null }),
    answer: () => ({ topics: [] }),
  },
  {
    apiKey: ApiKey.Metadata,
    of: 'topics by id',
    versions: [12, 12],
    body: (_version, topicId) => ({ topics: [{ topicId, name: null }] }),
    answer: (_version, topicId) => ({ topics: [{ topicId, name: null, errorCode: TOPIC, partitions: [] }] }),
  },
  ...[ApiKey.LeaderAndIsr, ApiKey.StopReplica, ApiKey.UpdateMetadata].map((apiKey) => ({
    apiKey,
    body: () => command,
    answer: () => ({ errorCode: CLUSTER }),
  })),
  {
    apiKey: ApiKey.ControlledShutdown,
    body: () => ({ brokerId: 1 }),
    answer: () => ({ errorCode: CLUSTER, remainingPartitions: [] }),
  },
  {
    apiKey: ApiKey.OffsetCommit,
    body: () => ({ groupId: DENIED_GROUP, topics: named([{ partitionIndex: 0, committedOffset: 9n }]) }),
    answer: () => ({ topics: named([{ partitionIndex: 0, errorCode: GROUP }]) }),
  },
  {
    apiKey: ApiKey.OffsetFetch,
    body: (version) => {
      const group = { groupId: DENIED_GROUP, topics: [{ name: DENIED, partitionIndexes: [0] }] };
      return version < 8 ? group : { groups: [group] };
    },
    answer: (version) => {
      if (version < 2) return { topics: named([{ partitionIndex: 0, errorCode: GROUP, committedOffset: -1n }]) };
      if (version < 8) return { errorCode: GROUP, topics: [] };
      return { groups: [{ groupId: DENIED_GROUP, errorCode: GROUP, topics: [] }] };
    },
  },
  {
    apiKey: ApiKey.FindCoordinator,
    of: 'a group',
    body: (version) => (version < 4 ? { key: DENIED_GROUP } : { coordinatorKeys: [DENIED_GROUP] }),
    answer: (version) => {
      const none = { errorCode: GROUP, nodeId: -1, port: -1 };
      return version < 4 ? none : { coordinators: [{ key: DENIED_GROUP, ...none }] };
    },
  },
  {
    apiKey: ApiKey.FindCoordinator,
    of: 'a transaction',
    versions: [1, 4],
    body: (version) => ({ keyType: 1, ...(version < 4 ? { key: 't' } : { coordinatorKeys: ['t'] }) }),
    answer: (version) => {
      const none = { errorCode: TRANSACTIONAL_ID, nodeId: -1, port: -1 };
      return version < 4 ? none : { coordinators: [{ key: 't', ...none }] };
    },
  },
  {
    apiKey: ApiKey.JoinGroup,
    body: () => ({
      groupId: DENIED_GROUP,
      sessionTimeoutMs: 10_000,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: NOTHING }],
    }),
    answer: () => ({ errorCode: GROUP, memberId: '', generationId: -1, members: [] }),
  },
  {
    apiKey: ApiKey.Heartbeat,
    body: () => ({ groupId: DENIED_GROUP, generationId: 1, memberId: 'm' }),
    answer: () => ({ errorCode: GROUP }),
  },
  {
    apiKey: ApiKey.LeaveGroup,
    body: (version) => ({
      groupId: DENIED_GROUP,
      ...(version < 3 ? { memberId: 'm' } : { members: [{ memberId: 'm' }] }),
    }),
    answer: () => ({ errorCode: GROUP }),
  },
  {
    apiKey: ApiKey.SyncGroup,
    body: (version) => ({
      groupId: DENIED_GROUP,
      generationId: 1,
      memberId: 'm',
      ...(version >= 5 && { protocolType: 'consumer', protocolName: 'range' }),
    }),
    answer: () => ({ errorCode: GROUP, assignment: NOTHING }),
  },
  {
    apiKey: ApiKey.DescribeGroups,
    body: () => ({ groups: [DENIED_GROUP] }),
    answer: () => ({ groups: [{ groupId: DENIED_GROUP, errorCode: GROUP, groupState: '', members: [] }] }),
  },
  { apiKey: ApiKey.ListGroups, body: () => ({}), answer: () => ({ errorCode: NONE, groups: [] }) },
  // Anyone may ask which versions there are.
  {
    apiKey: ApiKey.ApiVersions,
    body: () => ({ clientSoftwareName: 'c', clientSoftwareVersion: '1' }),
    answer: () => ({ errorCode: NONE }),
  },
  {
    apiKey: ApiKey.CreateTopics,
    body: () => ({ timeoutMs: 1000, topics: [{ name: 'made', numPartitions: 1, replicationFactor: 1 }] }),
    answer: () => ({ topics: [{ name: 'made', errorCode: TOPIC }] }),
  },
  {
    apiKey: ApiKey.DeleteTopics,
    of: 'topics by name',
    body: (version) => ({
      timeoutMs: 1000,
      ...(version < 6 ? { topicNames: [DENIED] } : { topics: [{ name: DENIED }] }),
    }),
    answer: () => ({ responses: [{ name: DENIED, errorCode: TOPIC }] }),
  },
  {
    apiKey: ApiKey.DeleteTopics,
    of: 'topics by id',
    versions: [6, 6],
    body: (_version, topicId) => ({ timeoutMs: 1000, topics: [{ name: null, topicId }] }),
    answer: (_version, topicId) => ({ responses: [{ name: null, topicId, errorCode: TOPIC }] }),
  },
  {
    apiKey: ApiKey.DeleteRecords,
    body: () => ({ timeoutMs: 1000, topics: named([{ partitionIndex: 0, offset: -1n }]) }),
    answer: () => ({ topics: named([{ ...refused, lowWatermark: -1n }]) }),
  },
  {
    apiKey: ApiKey.InitProducerId,
    of: 'an idempotent producer',
    body: () => ({ transactionalId: null, transactionTimeoutMs: 1000 }),
    answer: () => ({ errorCode: CLUSTER, producerId: -1n }),
  },
  {
    apiKey: ApiKey.InitProducerId,
    of: 'a transactional producer',
    body: () => ({ transactionalId: 't', transactionTimeoutMs: 1000 }),
    answer: () => ({ errorCode: TRANSACTIONAL_ID, producerId: -1n }),
  },
  {
    apiKey: ApiKey.OffsetForLeaderEpoch,
    body: () => ({ topics: [{ topic: DENIED, partitions: [{ partition: 0, leaderEpoch: 0 }] }] }),
    answer: () => ({ topics: [{ topic: DENIED, partitions: [{ partition: 0, errorCode: TOPIC, endOffset: -1n }] }] }),
  },
  {
    apiKey: ApiKey.DescribeConfigs,
    body: () => ({ resources: configs.map((resource) => ({ ...resource, configurationKeys: null })) }),
    answer: () => ({ results: refusedConfigs.map((result) => ({ ...result, configs: [] })) }),
  },
  {
    apiKey: ApiKey.AlterConfigs,
    body: () => ({
      resources: configs.map((resource) => ({ ...resource, configs: [{ name: 'retention.ms', value: '5' }] })),
    }),
    answer: () => ({ responses: refusedConfigs }),
  },
  {
    apiKey: ApiKey.IncrementalAlterConfigs,
    body: () => ({
      resources: configs.map((resource) => ({
        ...resource,
        configs: [{ name: 'retention.ms', configOperation: 0, value: '5' }],
      })),
    }),
    answer: () => ({ responses: refusedConfigs }),
  },
  {
    apiKey: ApiKey.CreatePartitions,
    body: () => ({ timeoutMs: 1000, topics: [{ name: DENIED, count: 2, assignments: null }] }),
    answer: () => ({ results: [{ name: DENIED, errorCode: TOPIC }] }),
  },
  {
    apiKey: ApiKey.DeleteGroups,
    body: () => ({ groupsNames: [DENIED_GROUP] }),
    answer: () => ({ results: [{ groupId: DENIED_GROUP, errorCode: GROUP }] }),
  },
  {
    apiKey: ApiKey.ElectLeaders,
    body: () => ({ timeoutMs: 1000, topicPartitions: [{ topic: DENIED, partitions: [0] }] }),
    answer: (version) => ({
      ...(version >= 1 && { errorCode: CLUSTER }),
      replicaElectionResults: [{ topic: DENIED, partitionResult: [{ partitionId: 0, errorCode: CLUSTER }] }],
    }),
  },
  {
    apiKey: ApiKey.OffsetDelete,
    body: () => ({ groupId: DENIED_GROUP, topics: named([{ partitionIndex: 0 }]) }),
    answer: () => ({ errorCode: GROUP, topics: [] }),
  },
  {
    apiKey: ApiKey.AlterPartition,
    body: () => ({ brokerId: 1, brokerEpoch: 1n, topics: [] }),
    answer: () => ({ errorCode: CLUSTER, topics: [] }),
  },
  {
    apiKey: ApiKey.DescribeCluster,
    body: () => ({ includeClusterAuthorizedOperations: true }),
    answer: () => ({ errorCode: NONE, clusterAuthorizedOperations: 0 }),
  },
  {
    apiKey: ApiKey.AllocateProducerIds,
    body: () => ({ brokerId: 1, brokerEpoch: 1n }),
    answer: () => ({ errorCode: CLUSTER, producerIdLen: 0 }),
  },
];
