/** Replicas that ZooKeeper does not assign to this broker: which ones go, and which ones stay. */
import type { TopicAssignment } from '../../../src/cluster/index.js';
import { silentLogger } from '../../../src/common/index.js';
import { settle, SimulatedClock } from '../../../src/testing/index.js';
import type { UnifiedLog } from '../../../src/log/index.js';
import type { StopReplicaPartition } from '../../../src/replication/index.js';
import { ControlOrder } from '../../../src/server/control-order.js';
import { dropStrayReplicas, dropStrays, whyStray, type StrayServices } from '../../../src/server/stray-replicas.js';
import { ZkError } from '../../../src/zookeeper/index.js';

const [OLD_ID, NEW_ID] = ['AAAAAAAAAAAAAAAAAAAAEQ', 'AAAAAAAAAAAAAAAAAAAAEg'];
const BROKER = 1;
const CLUSTER = 'oUrClUsTeRoUrClUsTeRoUr';

function assignmentOf(topicId: string | null, partitions: Record<number, readonly number[]>): TopicAssignment {
  const entries = Object.entries(partitions).map(([partition, replicas]) => {
    return [Number(partition), { replicas, adding: [], removing: [] }] as const;
  });
  return { topic: 'orders', topicId, partitions: new Map(entries) };
}

describe('whyStray', () => {
  test.each([
    { title: 'a replica of a topic that is gone', log: OLD_ID, topic: null },
    { title: 'one without id of a topic that is gone', log: null, topic: null },
    {
      title: 'one of a topic that was made again here',
      log: OLD_ID,
      topic: assignmentOf(NEW_ID, { 0: [1] }),
    },
    {
      title: 'one that was moved away',
      log: OLD_ID,
      topic: assignmentOf(OLD_ID, { 0: [2, 3], 1: [1] }),
    },
    { title: 'one whose partition is not there', log: OLD_ID, topic: assignmentOf(OLD_ID, { 1: [1] }) },
    { title: 'one without id of a topic that is elsewhere', log: null, topic: assignmentOf(NEW_ID, { 0: [2] }) },
    { title: 'one with an id of a topic without, elsewhere', log: OLD_ID, topic: assignmentOf(null, { 0: [2] }) },
  ])('$title goes', ({ log, topic }) => {
    expect(whyStray(BROKER, { topic: 'orders', partition: 0 }, log, topic)).not.toBeNull();
  });

  const being = { replicas: [2, 1], adding: [1], removing: [] };
  test.each([
    { title: 'its own replica', log: OLD_ID, topic: assignmentOf(OLD_ID, { 0: [2, 1] }) },
    { title: 'one that is being added', log: OLD_ID, topic: { topicId: OLD_ID, partitions: new Map([[0, being]]) } },
    { title: 'one without id of a topic that is here', log: null, topic: assignmentOf(NEW_ID, { 0: [2, 1] }) },
    { title: 'one with an id of a topic without, here', log: OLD_ID, topic: assignmentOf(null, { 0: [1] }) },
  ])('$title stays', ({ log, topic }) => {
    expect(whyStray(BROKER, { topic: 'orders', partition: 0 }, log, topic)).toBeNull();
  });
});

/** A broker with a log of `orders-0`, whose ZooKeeper answers when the test says so. */
class Broker {
  readonly asked: string[] = [];
  readonly stopped: StopReplicaPartition[] = [];
  readonly forgotten: string[] = [];
  log: Pick<UnifiedLog, 'topicPartition' | 'topicId' | 'dir'> | undefined = {
    topicPartition: { topic: 'orders', partition: 0 },
    topicId: OLD_ID,
    dir: '/data/orders-0',
  };
  hosted: { leaderEpoch: number } | undefined = { leaderEpoch: 4 };
  isOfCluster = true;
  assignment: TopicAssignment | Error | null = assignmentOf(OLD_ID, { 0: [2, 3] });
  isUnreadable = false;
  clusterThere: string | null = CLUSTER;
  answer: () => void = () => undefined;
  readonly order = new ControlOrder();
  readonly clock = new SimulatedClock();

  get services(): StrayServices {
    const logs = () => (this.log ? [this.log] : []);
    const services = {
      brokerId: BROKER,
      clock: this.clock,
      clusterId: CLUSTER,
      controlOrder: this.order,
      hasLogsOfItsCluster: this.isOfCluster,
      logger: silentLogger,
      stateChangeLogger: silentLogger,
      logs: { allLogs: logs, getLog: () => this.log, logsByTopic: logs },
      replicas: {
        controllerEpoch: 7,
        partitionOf: () => this.hosted,
        onlinePartitions: () => [],
        stopReplicas: async (
          { controllerEpoch }: { controllerEpoch: number },
          partitions: readonly StopReplicaPartition[],
          onDeleted: (partition: StopReplicaPartition) => void,
        ) => {
          expect(controllerEpoch).toBe(7);
          this.stopped.push(...partitions);
          this.log = undefined;
          partitions.forEach(onDeleted);
          return { errorCode: 0, partitions: Promise.resolve([]) };
        },
      },
      stores: {
        cluster: { clusterId: () => Promise.resolve(this.clusterThere) },
        topics: {
          catchUp: async () => void this.asked.push('sync'),
          assignments: async (topics: readonly string[]) => {
            this.asked.push(...topics);
            await new Promise<void>((resolve) => (this.answer = resolve));
            if (this.assignment instanceof Error) throw this.assignment;
            return {
              found: new Map(this.assignment && !this.isUnreadable ? [['orders', this.assignment]] : []),
              unreadable: new Map(this.isUnreadable ? [['orders', new Error('no JSON')]] : []),
            };
          },
        },
      },
      topicConfigs: { forget: (topic: string) => void this.forgotten.push(topic) },
    };
    return services as unknown as StrayServices;
  }

  /** `meanwhile` happens between the question and the answer. */
  async look(meanwhile: () => void = () => undefined): Promise<void> {
    const looking = dropStrayReplicas(this.services);
    await settle();
    meanwhile();
    this.answer();
    return looking;
  }
}

test('a replica that ZooKeeper assigns to others is set aside, whatever its epoch is, and the configuration of its topic forgotten', async () => {
  const broker = new Broker();
  await broker.look();
  const tp = { topic: 'orders', partition: 0 };
  expect(broker.stopped).toEqual([{ tp, leaderEpoch: -2, deletePartition: true, isStray: true }]);
  expect(broker.forgotten).toEqual(['orders']);
});

test('what ZooKeeper says is read when our member of the ensemble has caught up', async () => {
  const broker = new Broker();
  await broker.look();
  expect(broker.asked).toEqual(['sync', 'orders']);
});

test.each([
  { title: 'the controller told its role', change: (broker: Broker) => (broker.hosted = { leaderEpoch: 5 }) },
  { title: 'it was taken up', from: undefined, change: (broker: Broker) => (broker.hosted = { leaderEpoch: 4 }) },
  { title: 'its log was made again', change: (broker: Broker) => (broker.log = { ...broker.log! }) },
  { title: 'it was deleted', change: (broker: Broker) => (broker.log = undefined) },
])('a replica stays when $title while ZooKeeper was asked', async ({ change, ...rest }) => {
  const broker = new Broker();
  if ('from' in rest) broker.hosted = rest.from;
  await broker.look(() => void change(broker));
  expect(broker.stopped).toEqual([]);
});

test('a command that came before the answer is carried out first, and keeps the replica that it is about', async () => {
  const broker = new Broker();
  let end = (): void => undefined;
  const looking = broker.look(() => {
    void broker.order.inTurn(() => new Promise<void>((resolve) => (end = resolve)));
  });
  await settle();
  broker.hosted = { leaderEpoch: 5 };
  end();
  await looking;
  expect(broker.stopped).toEqual([]);
});

test('a replica stays whose topic no one can read', async () => {
  const broker = new Broker();
  broker.isUnreadable = true;
  await broker.look();
  expect(broker.stopped).toEqual([]);
});

test('all replicas stay while ZooKeeper does not answer, and it is asked again until it does', async () => {
  const broker = new Broker();
  const { assignment } = broker;
  broker.assignment = new ZkError('SessionExpired', null);
  const looking = dropStrayReplicas(broker.services);
  for (const waitMs of [1_000, 2_000, 4_000]) {
    await settle();
    broker.answer();
    await settle();
    expect(broker.stopped).toEqual([]);
    await broker.clock.advance(waitMs);
  }
  broker.assignment = assignment;
  broker.answer();
  await looking;
  expect(broker.stopped).toHaveLength(1);
});

test('a broker that has stopped asks no more', async () => {
  const broker = new Broker();
  broker.assignment = new ZkError('Closed', null);
  await broker.look();
  expect(broker.asked).toEqual(['sync', 'orders']);
});

test('however many are set aside at once are one line of the log', async () => {
  const broker = new Broker();
  const logs = [0, 1, 2].map((partition) => ({ ...broker.log!, topicPartition: { topic: 'orders', partition } }));
  const lines: string[] = [];
  const log =
    (level: string) =>
    (message: string, fields: object = {}) =>
      void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  const services = {
    ...broker.services,
    logger: { ...silentLogger, warn: log('warn') },
    stateChangeLogger: { ...silentLogger, debug: log('debug') },
    logs: { getLog: ({ partition }: { partition: number }) => logs[partition], logsByTopic: () => [] },
  } as unknown as StrayServices;
  const strays = logs.map((it) => ({ log: it as UnifiedLog, leaderEpoch: 4, reason: 'there is no topic orders' }));
  await dropStrays(services, strays);
  expect(lines.filter((line) => line.startsWith('warn'))).toEqual([
    'warn Setting aside replicas that are not of this broker any more ' +
      '{"replicas":3,"first":"orders-0","dir":"/data/orders-0","reason":"there is no topic orders"}',
  ]);
  expect(lines.filter((line) => line.startsWith('debug'))).toHaveLength(3);
});

test('all replicas stay that may be of another cluster: no meta.properties told', async () => {
  const broker = new Broker();
  broker.isOfCluster = false;
  broker.assignment = null;
  await broker.look();
  expect([broker.stopped, broker.asked]).toEqual([[], []]);
});

test.each([null, 'another'])('all replicas stay when ZooKeeper was emptied: its cluster is %s', async (there) => {
  const broker = new Broker();
  broker.clusterThere = there;
  broker.assignment = null;
  await broker.look();
  expect([broker.stopped, broker.asked]).toEqual([[], ['sync']]);
});
