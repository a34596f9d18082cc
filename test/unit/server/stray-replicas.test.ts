/** Replicas that ZooKeeper does not assign to this broker: which ones go, and which ones stay. */
import type { TopicAssignment } from '../../../src/cluster/index.js';
import { settle, silentLogger } from '../../../src/common/index.js';
import type { UnifiedLog } from '../../../src/log/index.js';
import type { StopReplicaPartition } from '../../../src/replication/index.js';
import { ControlOrder } from '../../../src/server/control-order.js';
import { dropStrayReplicas, whyStray, type StrayServices } from '../../../src/server/stray-replicas.js';

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
    { title: 'a replica of a topic that is gone', log: OLD_ID, topic: null, isStray: true },
    { title: 'one without id of a topic that is gone', log: null, topic: null, isStray: true },
    {
      title: 'one of a topic that was made again here',
      log: OLD_ID,
      topic: assignmentOf(NEW_ID, { 0: [1] }),
      isStray: true,
    },
    {
      title: 'one that was moved away',
      log: OLD_ID,
      topic: assignmentOf(OLD_ID, { 0: [2, 3], 1: [1] }),
      isStray: true,
    },
    { title: 'one whose partition is not there', log: OLD_ID, topic: assignmentOf(OLD_ID, { 1: [1] }), isStray: true },
  ])('$title goes', ({ log, topic }) => {
    expect(whyStray(BROKER, { topic: 'orders', partition: 0 }, log, topic)).not.toBeNull();
  });

  const being = { replicas: [2, 1], adding: [1], removing: [] };
  test.each([
    { title: 'its own replica', log: OLD_ID, topic: assignmentOf(OLD_ID, { 0: [2, 1] }) },
    { title: 'one that is being added', log: OLD_ID, topic: { topicId: OLD_ID, partitions: new Map([[0, being]]) } },
    { title: 'one without id of a topic that is there', log: null, topic: assignmentOf(NEW_ID, { 0: [2] }) },
    { title: 'one with an id of a topic without', log: OLD_ID, topic: assignmentOf(null, { 0: [2] }) },
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

  get services(): StrayServices {
    const logs = () => (this.log ? [this.log] : []);
    const services = {
      brokerId: BROKER,
      clusterId: CLUSTER,
      controlOrder: this.order,
      hasLogsOfItsCluster: this.isOfCluster,
      logger: silentLogger,
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

  /** Gives whether ZooKeeper could be asked. `meanwhile` happens between the question and the answer. */
  async look(meanwhile: () => void = () => undefined): Promise<boolean> {
    const looking = dropStrayReplicas(this.services);
    await settle();
    meanwhile();
    this.answer();
    return looking;
  }
}

test('a replica that ZooKeeper assigns to others is set aside, whatever its epoch is, and the configuration of its topic forgotten', async () => {
  const broker = new Broker();
  expect(await broker.look()).toBe(true);
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
  expect(await broker.look()).toBe(true);
  expect(broker.stopped).toEqual([]);
});

test('all replicas stay when ZooKeeper does not answer, and it is to be asked again', async () => {
  const broker = new Broker();
  broker.assignment = new Error('the session has ended');
  expect(await broker.look()).toBe(false);
  expect(broker.stopped).toEqual([]);
});

test('all replicas stay that may be of another cluster: no meta.properties told', async () => {
  const broker = new Broker();
  broker.isOfCluster = false;
  broker.assignment = null;
  expect(await broker.look()).toBe(true);
  expect([broker.stopped, broker.asked]).toEqual([[], []]);
});

test.each([null, 'another'])('all replicas stay when ZooKeeper was emptied: its cluster is %s', async (there) => {
  const broker = new Broker();
  broker.clusterThere = there;
  broker.assignment = null;
  expect(await broker.look()).toBe(true);
  expect([broker.stopped, broker.asked]).toEqual([[], ['sync']]);
});
