/** Topics that go, and come again under their names, while a commit for them is on its way to the coordinator. */
import { ApiKey, type UpdateMetadataRequest } from '../../../src/protocol/index.js';
import { MetadataCache } from '../../../src/server/metadata-cache.js';
import { updateAtOnce } from './metadata-updates.js';
import { call } from './request-call.js';

const [OLD, NEW] = ['AAAAAAAAAAAAAAAAAAAABg', 'AAAAAAAAAAAAAAAAAAAABw'];
const LEADER_DURING_DELETE = -2;

function update(metadata: MetadataCache, topicId: string, leader: number): void {
  const state = { partitionIndex: 0, leader, leaderEpoch: 0, isr: [1], replicas: [1], offlineReplicas: [] };
  const topicStates = [{ topicName: 'orders', topicId, partitionStates: [state] }];
  updateAtOnce(metadata, {
    controllerId: 1,
    liveBrokers: [],
    topicStates,
    ungroupedPartitionStates: [],
  } as unknown as UpdateMetadataRequest);
}

test.each([
  { title: 'lives on', change: (metadata: MetadataCache) => update(metadata, OLD, 2), isThere: true },
  {
    title: 'is deleted',
    change: (metadata: MetadataCache) => update(metadata, OLD, LEADER_DURING_DELETE),
    isThere: false,
  },
  {
    title: 'is deleted and made again',
    change: (metadata: MetadataCache) => {
      update(metadata, OLD, LEADER_DURING_DELETE);
      update(metadata, NEW, 1);
    },
    isThere: false,
  },
])('a commit for a topic that $title before it is stored is for one that is there: $isThere', async (one) => {
  const metadata = new MetadataCache();
  update(metadata, OLD, 1);
  const found: boolean[] = [];
  const commitOffsets = function* (
    _context: object,
    { topics }: object & { topics: object[] },
    isThere: (topicPartition: { topic: string; partition: number }) => boolean,
  ) {
    found.push(isThere({ topic: 'orders', partition: 0 }));
    one.change(metadata);
    yield;
    found.push(isThere({ topic: 'orders', partition: 0 }));
    return Promise.resolve({ topics });
  };
  await call({
    apiKey: ApiKey.OffsetCommit,
    version: 8,
    body: { groupId: 'g', topics: [{ name: 'orders', partitions: [{ partitionIndex: 0 }] }] },
    services: {
      metadata,
      config: { groups: { offsets: { compressionId: 0 } } },
      topicConfigs: { configOf: () => ({ maxMessageBytes: 1_000_000 }) },
      groups: { commitOffsets },
    },
  });
  expect(found).toEqual([true, one.isThere]);
});
