import { runAtOnce, seededRandom, silentLogger } from '../../../src/common/index.js';
import { SimulatedClock } from '../../../src/testing/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { requireFittingAssignment } from '../../../src/server/admin/znode-size.js';
import { TopicAdmin } from '../../../src/server/admin/topic-admin.js';
import { topicZnode } from '../../../src/zookeeper/index.js';

/** What a server of ZooKeeper takes in one request. */
const JUTE_MAX_BUFFER = 0xfffff;

const assignmentOf = (count: number, replicas: readonly number[]) =>
  Array.from({ length: count }, (_, partition) => [partition, replicas] as const);

const isFitting = (assignment: readonly (readonly [number, readonly number[]])[]): boolean => {
  try {
    runAtOnce(requireFittingAssignment(assignment));
    return true;
  } catch {
    return false;
  }
};

test.each([[[1]], [[1, 2, 3]], [[1001, 1002, 1003]], [[2_147_483_647]]])(
  'as many partitions of replicas %j fit as their znode has room for',
  (replicas) => {
    const all = assignmentOf(120_000, replicas);
    let [fits, tooMany] = [1, all.length];
    while (tooMany - fits > 1) {
      const middle = Math.floor((fits + tooMany) / 2);
      if (isFitting(all.slice(0, middle))) fits = middle;
      else tooMany = middle;
    }
    const partitions = new Map(
      all.slice(0, fits).map(([partition, ids]) => [partition, { replicas: ids, adding: [], removing: [] }]),
    );
    const { length } = topicZnode.encode({ topicId: 'AAAAAAAAAAAAAAAAAAAABg', partitions });
    expect(length).toBeLessThan(JUTE_MAX_BUFFER - 3000);
    expect(length).toBeGreaterThan(JUTE_MAX_BUFFER - 5000);
  },
);

describe('a topic whose assignment no znode holds', () => {
  const written: string[] = [];
  const partition = { replicas: [999], adding: [], removing: [] };
  const stores = {
    brokers: { brokers: () => Promise.resolve({ found: new Map([[999, { id: 999, rack: null }]]) }) },
    deletions: { isTopicMarkedForDeletion: () => Promise.resolve(false) },
    topics: {
      topicExists: () => Promise.resolve(false),
      topics: () => Promise.resolve([]),
      createTopic: async () => void written.push('topic'),
      changeAssignment: async (topic: string, change: (current: object) => Promise<object | null>) => {
        if (await change({ topic, topicId: null, partitions: new Map([[0, partition]]) })) written.push('topic');
      },
    },
  };
  const view = {
    hasTopic: () => false,
    partitionInfo: () => undefined,
    aliveBrokers: () => [{ id: 999, rack: null }],
    onUpdate: () => undefined,
  };
  const { config } = BrokerConfig.parse(new Map([['zookeeper.connect', 'zk:2181']]), new Map());
  const clock = new SimulatedClock();
  const deps = { config: () => config, stores, view, clock, random: seededRandom(1), log: silentLogger };
  const admin = new TopicAdmin(deps as unknown as ConstructorParameters<typeof TopicAdmin>[0]);
  const awaitOthers = <T>(wait: Promise<T>) => wait;

  async function during<T>(promise: Promise<T>): Promise<T> {
    let isOver = false;
    void promise.finally(() => (isOver = true)).catch(() => undefined);
    while (!isOver) await clock.advance(1);
    return promise;
  }

  beforeEach(() => void (written.length = 0));

  test('is not made', async () => {
    const topic = { name: 'wide', numPartitions: 100_000, replicationFactor: 1, assignments: [], configs: [] };
    const [result] = await during(admin.createTopics([topic], { timeoutMs: 0, validateOnly: false }));
    expect(result).toMatchObject({ errorCode: ErrorCode.INVALID_PARTITIONS });
    expect(written).toEqual([]);
  });

  test.each([false, true])('does not grow so far (validateOnly %s)', async (validateOnly) => {
    const topic = { name: 'there', count: 100_000, assignments: null };
    const [result] = await during(admin.createPartitions([topic], 0, validateOnly, awaitOthers as never));
    expect(result).toMatchObject({ errorCode: ErrorCode.INVALID_PARTITIONS });
    expect(written).toEqual([]);
  });
});
