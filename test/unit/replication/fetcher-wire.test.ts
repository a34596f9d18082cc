/** What a follower's fetch says in the versions that name topics, and in those that know them by id. */
import { toFetchRequest } from '../../../src/replication/follow/fetcher-wire.js';

const FOLLOWER = { brokerId: 2, brokerEpoch: 9n, maxWaitMs: 500, minBytes: 1, responseMaxBytes: 1000 };
const [OLD, NEW] = ['00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b'] as const;
const SENT = {
  ...{ key: 'orders-0', topic: 'orders', partition: 0, topicId: NEW, fetchOffset: 0, logStartOffset: 0 },
  ...{ maxBytes: 1000, currentLeaderEpoch: 0, lastFetchedEpoch: -1 },
};
const REQUEST = {
  ...{ sessionId: 7, epoch: 3, toSend: [SENT], canUseTopicIds: true },
  toForget: [{ topic: 'gone', topicId: OLD, partition: 4 }],
  toReplace: [{ topic: 'orders', topicId: OLD, partition: 0 }],
};

test('the partition of a topic that was made again is forgotten under its old id, along with others', () => {
  const { topics, forgottenTopicsData } = toFetchRequest(REQUEST, 15, FOLLOWER);
  expect(topics).toMatchObject([{ topicId: NEW, partitions: [{ partition: 0 }] }]);
  expect(forgottenTopicsData).toEqual([{ topicId: OLD, partitions: [4, 0] }]);
});

test('by name it is the same partition, and is not forgotten', () => {
  const { topics, forgottenTopicsData } = toFetchRequest(REQUEST, 12, FOLLOWER);
  expect(topics).toMatchObject([{ topic: 'orders', partitions: [{ partition: 0 }] }]);
  expect(forgottenTopicsData).toEqual([{ topic: 'gone', partitions: [4] }]);
});
