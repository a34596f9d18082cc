/** What a request of thousands of elements holds while it waits for others, as long as it likes: members, followers, leaders to be elected. */
import type { TopicPartition } from '../../../src/cluster/index.js';
import { runInSlices, seededRandom, silentLogger, type Steps } from '../../../src/common/index.js';
import { SimulatedClock } from '../../../src/testing/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import type { Request } from '../../../src/network/index.js';
import { ApiKey, ErrorCode, type CreatePartitionsResponse } from '../../../src/protocol/index.js';
import { Deletions } from '../../../src/replication/append/delete-records.js';
import { TopicAdmin } from '../../../src/server/admin/topic-admin.js';
import { LargeRequests } from '../../../src/server/large-requests.js';
import { call } from './request-call.js';

const HOUR_MS = 3_600_000;
/** More than are decoded at once, and fewer. */
const COUNTS = [2500, 1900] as const;
const listOf =
  (count: number) =>
  <T>(make: (at: number) => T): T[] =>
    Array.from({ length: count }, (_, at) => make(at));
const never = (): Promise<never> => new Promise<never>(() => undefined);
function* neverInSteps(): Steps<Promise<never>> {
  yield;
  return never();
}

/** Of partitions whose followers do not follow. */
function replicasBehind(clock: SimulatedClock): object {
  const lowWatermark = 0;
  const behind = ({ partition }: TopicPartition): object => ({
    key: `${partition}`,
    deleteRecordsOnLeader: (requestedOffset: number) => ({ requestedOffset, lowWatermark }),
  });
  const deletions = new Deletions(clock, behind as ConstructorParameters<typeof Deletions>[1], () => undefined);
  const deleteRecords = (...asked: Parameters<Deletions['delete']>): Promise<() => void> =>
    runInSlices(clock, deletions.delete(...asked));
  return { deleteRecords };
}

const { config } = BrokerConfig.parse(new Map([['zookeeper.connect', 'zk:2181']]));

/** Of a cluster in which no partition ever has a leader, and no topic ever goes. */
function topicAdminOf(clock: SimulatedClock): TopicAdmin {
  const partition = { replicas: [999], adding: [], removing: [] };
  const stores = {
    brokers: { brokers: () => Promise.resolve({ found: new Map([[999, { id: 999, rack: null }]]) }) },
    deletions: {
      isTopicMarkedForDeletion: () => Promise.resolve(false),
      createDeleteTopicPath: () => Promise.resolve(),
    },
    topics: {
      topicExists: (name: string) => Promise.resolve(name === 'there'),
      createTopic: () => Promise.resolve(),
      changeAssignment: async (topic: string, change: (current: object) => Promise<object | null>) => {
        const current = { topic, topicId: null, partitions: new Map([[0, partition]]) };
        return (await change(current)) ?? current;
      },
    },
  };
  const view = {
    hasTopic: (name: string) => name === 'there',
    partitionInfo: () => undefined,
    aliveBrokers: () => [{ id: 999, rack: null }],
    onUpdate: () => undefined,
  };
  const deps = { config: () => config, stores, view, clock, random: seededRandom(1), log: silentLogger };
  return new TopicAdmin(deps as unknown as ConstructorParameters<typeof TopicAdmin>[0]);
}

interface Wait {
  readonly name: string;
  readonly apiKey: number;
  readonly version: number;
  readonly body: object;
  readonly services?: object;
}

const waitsOf = (list: ReturnType<typeof listOf>): readonly Wait[] => [
  {
    name: 'CreateTopics',
    apiKey: ApiKey.CreateTopics,
    version: 5,
    body: {
      timeoutMs: HOUR_MS,
      topics: [
        { name: 'x', numPartitions: -1, replicationFactor: -1, assignments: [{ brokerIds: [999] }] },
        ...list(() => ({ name: 'refused', numPartitions: 1, replicationFactor: 1 })),
      ],
    },
  },
  {
    name: 'CreatePartitions',
    apiKey: ApiKey.CreatePartitions,
    version: 3,
    body: {
      timeoutMs: HOUR_MS,
      topics: [{ name: 'there', count: 2, assignments: null }, ...list(() => ({ name: 'refused', count: 2 }))],
    },
  },
  {
    name: 'DeleteTopics',
    apiKey: ApiKey.DeleteTopics,
    version: 5,
    body: { timeoutMs: HOUR_MS, topicNames: list(() => 'there') },
  },
  {
    name: 'ElectLeaders',
    apiKey: ApiKey.ElectLeaders,
    version: 2,
    body: { timeoutMs: HOUR_MS, topicPartitions: [{ topic: 'there', partitions: list((at) => at) }] },
  },
  {
    name: 'JoinGroup',
    apiKey: ApiKey.JoinGroup,
    version: 7,
    body: { groupId: 'g', protocols: list((at) => ({ name: `${at}`, metadata: Buffer.alloc(1) })) },
    services: {
      groups: { joinGroup: () => ({ ended: never() }) },
      topicConfigs: { configOf: () => ({ maxMessageBytes: 1000 }) },
    },
  },
  {
    name: 'SyncGroup',
    apiKey: ApiKey.SyncGroup,
    version: 3,
    body: { groupId: 'g', assignments: list((at) => ({ memberId: `${at}`, assignment: Buffer.alloc(1) })) },
    services: { groups: { syncGroup: neverInSteps } },
  },
  {
    name: 'OffsetCommit',
    apiKey: ApiKey.OffsetCommit,
    version: 8,
    body: { groupId: 'g', topics: [{ name: 't', partitions: partitionsOf(list) }] },
    services: {
      config,
      groups: { commitOffsets: neverInSteps },
      topicConfigs: { configOf: () => ({ maxMessageBytes: 1e6 }) },
    },
  },
  {
    name: 'DeleteRecords',
    apiKey: ApiKey.DeleteRecords,
    version: 1,
    body: { timeoutMs: HOUR_MS, topics: [{ name: 't', partitions: partitionsOf(list) }] },
  },
  {
    name: 'Produce',
    apiKey: ApiKey.Produce,
    version: 8,
    body: {
      acks: -1,
      timeoutMs: HOUR_MS,
      topicData: [{ name: 't', partitionData: partitionsOf(list).map((each) => ({ ...each, records: batch() })) }],
    },
    services: { replicas: { waitForAppends: () => null, isOpen: () => true, appendRecords: () => null } },
  },
  {
    name: 'Fetch',
    apiKey: ApiKey.Fetch,
    version: 12,
    body: { maxWaitMs: HOUR_MS, topics: [{ topic: 't', partitions: partitionsOf(list) }] },
    services: { replicas: { handleFetch: () => ({ giveUp: () => undefined }) } },
  },
];

const partitionsOf = (list: ReturnType<typeof listOf>) =>
  list((index) => ({ index, partition: index, partitionIndex: index, offset: 1n }));

/** All, but that a fetch of few is counted by the replica manager (`large-fetches.test.ts`). */
const waits = COUNTS.flatMap((count) =>
  waitsOf(listOf(count))
    .filter(({ name }) => name !== 'Fetch' || count === COUNTS[0])
    .map((wait) => ({ ...wait, count })),
);

/** The header of one batch. */
function batch(): Buffer {
  const bytes = Buffer.alloc(61);
  bytes.writeInt32BE(61 - 12, 8);
  bytes[16] = 2;
  return bytes;
}

test.each(waits)(
  '$name of $count that waits keeps no one waiting, and holds nothing when its client is gone',
  async (wait) => {
    const clock = new SimulatedClock();
    const largeRequests = new LargeRequests(clock, 1e8);
    const topicAdmin = topicAdminOf(clock);
    const electLeaders = (asked: object[]): Promise<object[]> =>
      Promise.resolve(asked.map((each) => ({ ...each, leader: 7, errorCode: ErrorCode.NONE, errorMessage: null })));
    const metadata = {
      contains: () => true,
      topicId: () => '',
      hasTopic: () => true,
      partitionInfo: () => ({ leader: -1 }),
      onUpdate: () => () => undefined,
    };
    const controller = { isActive: true, isTopicQueuedForDeletion: () => false, electLeaders };
    const replicas = replicasBehind(clock);
    let holdsFrame = true;
    let request: Request | null = null;
    const outcome = await call({
      ...wait,
      services: { clock, largeRequests, config, controller, metadata, topicAdmin, replicas, ...wait.services },
      onRequest: (handed) => {
        request = handed;
        const release = (): void => void (holdsFrame = false);
        // When the handler has returned.
        queueMicrotask(() => handed.handedOut({ releaseMemory: release, end: release }));
      },
    });
    await clock.advance(1000);
    expect(outcome).toMatchObject({ answer: null, closed: null });
    expect([holdsFrame, largeRequests.usedBytes]).toEqual([false, 0]);
    expect(largeRequests.keptBytes).toBeGreaterThan(0);
    request!.abandon();
    await clock.advance(1000);
    expect([largeRequests.keptBytes, clock.nextTimerMs()]).toEqual([0, null]);
  },
);

test('CreatePartitions says of those topics alone that they are not grown in time that there are', async () => {
  const clock = new SimulatedClock();
  const names = listOf(COUNTS[0])((at) => (at === 1000 ? 'there' : `no topic ${at}`));
  const outcome = await call({
    apiKey: ApiKey.CreatePartitions,
    version: 3,
    body: { timeoutMs: 100, topics: names.map((name) => ({ name, count: 2, assignments: null })) },
    services: {
      clock,
      largeRequests: new LargeRequests(clock, 1e8),
      controller: { isActive: true, isTopicQueuedForDeletion: () => false },
      topicAdmin: topicAdminOf(clock),
    },
  });
  await clock.advance(1000);
  const { results } = outcome.answer as CreatePartitionsResponse;
  const { REQUEST_TIMED_OUT, UNKNOWN_TOPIC_OR_PARTITION } = ErrorCode;
  expect(results.map(({ name, errorCode }) => [name, errorCode])).toEqual(
    names.map((name) => [name, name === 'there' ? REQUEST_TIMED_OUT : UNKNOWN_TOPIC_OR_PARTITION]),
  );
});
