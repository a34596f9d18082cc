import { ZERO_UUID } from '../../../src/common/index.js';
import { ErrorCode, updateMetadataRequest, type UpdateMetadataRequestInput } from '../../../src/protocol/index.js';
import { MetadataCache } from '../../../src/server/metadata-cache.js';
import { updateAtOnce } from './metadata-updates.js';

const ID = 'krQW5U1sQHKpMcqj_AhrRg';
const OTHER_ID = 'IfN3DXl7TrOfOrOCeF2Sig';
const MODERN = { errorUnavailableEndpoints: false, errorUnavailableListeners: true };

const BROKERS = [1, 2].map((id) => ({
  id,
  rack: `rack-${id}`,
  endpoints: [
    { host: `host${id}`, port: 9092, listener: 'PLAINTEXT', securityProtocol: 0 },
    ...(id === 1 ? [{ host: 'inside', port: 9093, listener: 'INTERNAL', securityProtocol: 0 }] : []),
  ],
}));

function update(
  cache: MetadataCache,
  request: UpdateMetadataRequestInput,
  version = 8,
): { topic: string; partition: number }[] {
  const full = { controllerId: 1, controllerEpoch: 1, liveBrokers: BROKERS, ...request };
  return updateAtOnce(cache, updateMetadataRequest.decode(updateMetadataRequest.encode(full, version), version));
}

function state(partitionIndex: number, leader: number, replicas = [1, 2], isr = replicas) {
  return { partitionIndex, leader, leaderEpoch: 3, controllerEpoch: 1, isr, zkVersion: 0, replicas };
}

function topic(topicName: string, partitionStates: ReturnType<typeof state>[], topicId = ID) {
  return { topicName, topicId, partitionStates };
}

describe('the metadata cache', () => {
  test('tells the first update of a later registration, and of a later controller', () => {
    const cache = new MetadataCache();
    const first = (brokerEpoch: bigint, controllerEpoch: number) =>
      cache.isFirstAfterChange(brokerEpoch, controllerEpoch);
    expect([first(5n, 1), first(5n, 1), first(-1n, 1), first(8n, 1), first(8n, 1), first(8n, 2), first(8n, 2)]).toEqual(
      [false, false, false, true, false, true, false],
    );
  });

  test.each([
    { title: 'with ids', ids: [ID, OTHER_ID] },
    { title: 'without ids', ids: [ZERO_UUID, ZERO_UUID] },
  ])('forgets partitions $title, but none that the controller has told of since', ({ ids: [a, b] }) => {
    const cache = new MetadataCache();
    update(cache, { topicStates: [topic('a', [state(0, 1), state(1, 2)], a), topic('b', [state(0, 1)], b)] });
    const known = cache.allPartitions();
    // Made again, or just changed: it is there.
    update(cache, { topicStates: [topic('a', [state(1, 2)], a)] });
    expect(cache.forget(known)).toEqual([
      { topic: 'a', partition: 0 },
      { topic: 'b', partition: 0 },
    ]);
    expect([...cache.topicsInCluster()]).toEqual(['a']);
    expect([cache.topicName(OTHER_ID), cache.topicId('a'), cache.numPartitionsInCluster]).toEqual([undefined, a, 1]);
  });

  test('knows a topic by its id when all of its partitions came under it', () => {
    const cache = new MetadataCache();
    update(cache, { topicStates: [topic('a', [state(0, 1), state(1, 2)], ZERO_UUID), topic('b', [state(0, 1)])] });
    expect(['a', 'b', 'c'].map((name) => cache.isKnownById(name))).toEqual([false, true, false]);
    // Given an id, or made again with one partition.
    update(cache, { topicStates: [topic('a', [state(0, 1)], OTHER_ID)] });
    expect([cache.isKnownById('a'), cache.numPartitions('a')]).toEqual([false, 2]);
  });

  test('keeps nothing of a topic whose name another one has, and says that it was deleted', () => {
    const cache = new MetadataCache();
    update(cache, { topicStates: [topic('a', [state(0, 1), state(1, 2), state(2, 2)])] });
    const deleted = update(cache, { topicStates: [topic('a', [state(0, 2)], OTHER_ID)] });
    expect(deleted).toEqual([0, 1, 2].map((partition) => ({ topic: 'a', partition })));
    expect(cache.partitionMetadata('a', 'PLAINTEXT', MODERN)!.map(({ partitionIndex }) => partitionIndex)).toEqual([0]);
    expect([cache.topicId('a'), cache.topicName(ID), cache.topicName(OTHER_ID)]).toEqual([OTHER_ID, undefined, 'a']);
    expect(cache.numPartitionsInCluster).toBe(1);
  });

  test('keeps nothing of a topic whose name another one had, which is deleted', () => {
    const cache = new MetadataCache();
    update(cache, { topicStates: [topic('a', [state(0, 1), state(1, 2)])] });
    update(cache, { topicStates: [topic('a', [state(0, -2)], OTHER_ID)] });
    expect([cache.hasTopic('a'), cache.numPartitionsInCluster, cache.topicName(ID)]).toEqual([false, 0, undefined]);
  });

  test.each([
    { title: 'is given one', ids: [ZERO_UUID, ID] },
    { title: 'is told without it', ids: [ID, ZERO_UUID] },
  ])('keeps the partitions of a topic with an id that $title', ({ ids }) => {
    const cache = new MetadataCache();
    update(cache, { topicStates: [topic('a', [state(0, 1), state(1, 2)], ids[0])] });
    expect(update(cache, { topicStates: [topic('a', [state(0, 2)], ids[1])] })).toEqual([]);
    expect([cache.numPartitions('a'), cache.topicId('a')]).toEqual([2, ids[1]]);
  });

  test('keeps what an update does not mention', () => {
    const cache = new MetadataCache();
    update(cache, { topicStates: [topic('a', [state(0, 1), state(1, 2)])] });
    update(cache, { topicStates: [topic('a', [state(1, 1)])], controllerId: 2 });
    expect([0, 1].map((partition) => cache.partitionInfo({ topic: 'a', partition })?.leader)).toEqual([1, 1]);
    expect(cache.controllerId).toBe(2);
    expect(cache.numPartitionsInCluster).toBe(2);
  });

  test('forgets a partition with leader -2, and the topic with its last one', () => {
    const cache = new MetadataCache();
    update(cache, { topicStates: [topic('a', [state(0, 1), state(1, 1)])] });
    expect(update(cache, { topicStates: [topic('a', [state(0, -2)])] })).toEqual([{ topic: 'a', partition: 0 }]);
    expect(cache.hasTopic('a')).toBe(true);
    update(cache, { topicStates: [topic('a', [state(1, -2)])] });
    expect(cache.hasTopic('a')).toBe(false);
    expect(cache.topicName(ID)).toBeUndefined();
    expect(cache.numPartitionsInCluster).toBe(0);
  });

  test('follows a topic that was deleted and made again to its new id', () => {
    const cache = new MetadataCache();
    update(cache, { topicStates: [topic('a', [state(0, 1)])] });
    update(cache, { topicStates: [topic('a', [state(0, 1)], OTHER_ID)] });
    expect([cache.topicName(ID), cache.topicName(OTHER_ID), cache.topicId('a')]).toEqual([undefined, 'a', OTHER_ID]);
  });

  test('understands the requests of old controllers', () => {
    const cache = new MetadataCache();
    const ungroupedPartitionStates = [{ topicName: 'old', ...state(0, 1) }];
    update(cache, { ungroupedPartitionStates }, 2);
    expect(cache.contains({ topic: 'old', partition: 0 })).toBe(true);
    expect(cache.topicId('old')).toBe(ZERO_UUID);
    expect(cache.aliveBrokerNode(2, 'PLAINTEXT')?.host).toBe('host2');
  });

  test.each([
    { title: 'a live leader', leader: 1, listener: 'PLAINTEXT', rules: MODERN, code: ErrorCode.NONE, id: 1 },
    {
      title: 'no leader',
      leader: -1,
      listener: 'PLAINTEXT',
      rules: MODERN,
      code: ErrorCode.LEADER_NOT_AVAILABLE,
      id: -1,
    },
    {
      title: 'a leader without the listener',
      leader: 2,
      listener: 'INTERNAL',
      rules: MODERN,
      code: ErrorCode.LISTENER_NOT_FOUND,
      id: -1,
    },
    {
      title: 'the same to an old client',
      leader: 2,
      listener: 'INTERNAL',
      rules: { ...MODERN, errorUnavailableListeners: false },
      code: ErrorCode.LEADER_NOT_AVAILABLE,
      id: -1,
    },
  ])('tells of $title', ({ leader, listener, rules, code, id }) => {
    const cache = new MetadataCache();
    update(cache, { topicStates: [topic('a', [state(0, leader)])] });
    const [partition] = cache.partitionMetadata('a', listener, rules)!;
    expect(partition).toMatchObject({ errorCode: code, leaderId: id, replicaNodes: [1, 2] });
  });

  test('leaves dead replicas out of what Metadata 0 answers, and says so', () => {
    const cache = new MetadataCache();
    update(cache, { topicStates: [topic('a', [state(0, 1, [1, 3])])] });
    const [partition] = cache.partitionMetadata('a', 'PLAINTEXT', {
      errorUnavailableEndpoints: true,
      errorUnavailableListeners: false,
    })!;
    expect(partition).toMatchObject({ errorCode: ErrorCode.REPLICA_NOT_AVAILABLE, replicaNodes: [1], isrNodes: [1] });
  });
});
