/** Requests, in the highest version, of whoever may not touch one topic, one group, and the cluster, and what they are told. */
import { ApiKey, ErrorCode } from '../../../src/protocol/index.js';
import { batchOf } from '../../unit/replication/replica-cluster.js';
import {
  NONE,
  TOPIC,
  GROUP,
  UNKNOWN,
  DENIED,
  ALLOWED,
  DENIED_GROUP,
  ALLOWED_GROUP,
  TOPIC_RESOURCE,
  refused,
  named,
} from './denied.js';

export const PARTLY_DENIED: readonly {
  readonly apiKey: number;
  readonly of?: string;
  readonly body: object;
  readonly answer: object;
}[] = [
  {
    apiKey: ApiKey.Produce,
    body: {
      acks: 1,
      timeoutMs: 1000,
      topicData: [
        { name: DENIED, partitionData: [{ index: 0, records: batchOf(['more']) }] },
        // No partition of it is there.
        { name: ALLOWED, partitionData: [{ index: 7, records: batchOf(['more']) }] },
      ],
    },
    answer: both(
      'responses',
      'partitionResponses',
      [{ index: 0, errorCode: TOPIC }],
      [{ index: 7, errorCode: UNKNOWN }],
    ),
  },
  {
    apiKey: ApiKey.ListOffsets,
    body: { replicaId: -1, topics: ofBoth([{ partitionIndex: 0, timestamp: -1n }]) },
    answer: both('topics', 'partitions', [refused], [{ errorCode: NONE, offset: 1n }]),
  },
  {
    apiKey: ApiKey.Metadata,
    of: 'topics by name',
    body: { topics: [{ name: DENIED }, { name: ALLOWED }] },
    answer: {
      topics: [
        { name: ALLOWED, errorCode: NONE, partitions: [{ partitionIndex: 0 }] },
        { name: DENIED, errorCode: TOPIC, partitions: [] },
      ],
    },
  },
  {
    apiKey: ApiKey.Metadata,
    of: 'all topics',
    body: { topics: null },
    answer: { topics: [{ name: ALLOWED }, { name: '__consumer_offsets' }] },
  },
  {
    apiKey: ApiKey.OffsetCommit,
    body: { groupId: ALLOWED_GROUP, topics: ofBoth([{ partitionIndex: 0, committedOffset: 1n }]) },
    answer: both('topics', 'partitions', [refused], [{ errorCode: NONE }]),
  },
  {
    apiKey: ApiKey.OffsetFetch,
    of: 'named topics',
    body: {
      groups: [DENIED_GROUP, ALLOWED_GROUP].map((groupId) => ({
        groupId,
        topics: [DENIED, ALLOWED].map((name) => ({ name, partitionIndexes: [0] })),
      })),
    },
    answer: {
      groups: [
        { groupId: DENIED_GROUP, errorCode: GROUP, topics: [] },
        {
          groupId: ALLOWED_GROUP,
          errorCode: NONE,
          topics: [
            { name: ALLOWED, partitions: [{ committedOffset: 1n, errorCode: NONE }] },
            { name: DENIED, partitions: [{ ...refused, committedOffset: -1n }] },
          ],
        },
      ],
    },
  },
  {
    apiKey: ApiKey.OffsetFetch,
    of: 'all topics',
    body: { groups: [{ groupId: ALLOWED_GROUP, topics: null }] },
    answer: { groups: [{ topics: [{ name: ALLOWED, partitions: [{ committedOffset: 1n }] }] }] },
  },
  {
    apiKey: ApiKey.DescribeGroups,
    body: { groups: [DENIED_GROUP, ALLOWED_GROUP] },
    answer: { groups: [{ errorCode: GROUP }, { groupId: ALLOWED_GROUP, errorCode: NONE, groupState: 'Empty' }] },
  },
  { apiKey: ApiKey.ListGroups, body: {}, answer: { groups: [{ groupId: ALLOWED_GROUP }] } },
  {
    apiKey: ApiKey.DeleteRecords,
    body: { timeoutMs: 1000, topics: ofBoth([{ partitionIndex: 0, offset: 0n }]) },
    answer: both('topics', 'partitions', [{ ...refused, lowWatermark: -1n }], [{ errorCode: NONE, lowWatermark: 0n }]),
  },
  {
    apiKey: ApiKey.DescribeConfigs,
    body: {
      resources: [DENIED, ALLOWED].map((resourceName) => ({
        resourceType: TOPIC_RESOURCE,
        resourceName,
        configurationKeys: ['retention.ms'],
      })),
    },
    answer: {
      results: [
        { errorCode: TOPIC, configs: [] },
        { errorCode: NONE, configs: [{ name: 'retention.ms' }] },
      ],
    },
  },
  {
    apiKey: ApiKey.IncrementalAlterConfigs,
    body: {
      validateOnly: true,
      resources: [DENIED, ALLOWED].map((resourceName) => ({
        resourceType: TOPIC_RESOURCE,
        resourceName,
        configs: [{ name: 'retention.ms', configOperation: 0, value: '5' }],
      })),
    },
    answer: { responses: [{ errorCode: TOPIC }, { errorCode: NONE }] },
  },
  {
    apiKey: ApiKey.CreatePartitions,
    body: {
      timeoutMs: 1000,
      validateOnly: true,
      topics: [DENIED, ALLOWED].map((name) => ({ name, count: 2, assignments: null })),
    },
    answer: {
      results: [
        { name: DENIED, errorCode: TOPIC },
        { name: ALLOWED, errorCode: NONE },
      ],
    },
  },
  {
    apiKey: ApiKey.DeleteGroups,
    body: { groupsNames: [DENIED_GROUP, 'missing'] },
    answer: {
      results: expect.arrayContaining([
        { groupId: DENIED_GROUP, errorCode: GROUP },
        { groupId: 'missing', errorCode: ErrorCode.GROUP_ID_NOT_FOUND },
      ]) as unknown,
    },
  },
  {
    apiKey: ApiKey.OffsetDelete,
    body: { groupId: ALLOWED_GROUP, topics: named([{ partitionIndex: 0 }]) },
    answer: { errorCode: NONE, topics: named([refused]) },
  },
];

function ofBoth(partitions: readonly object[]): object[] {
  return [DENIED, ALLOWED].map((name) => ({ name, partitions }));
}

/** What is told of the topic that is denied, and of the other. */
function both(topics: string, partitions: string, denied: readonly object[], allowed: readonly object[]): object {
  return {
    [topics]: [
      { name: DENIED, [partitions]: denied },
      { name: ALLOWED, [partitions]: allowed },
    ],
  };
}
