import { eventually } from '../support/eventually.js';
import { OttlaCluster } from './support/ottla-cluster.js';
import { kafkaTool } from '../support/processes.js';
import { faultsOf } from './support/replica-logs.js';
import { Reader, Workload } from './support/workload.js';
import { describeIfJava } from '../support/zookeeper-ensemble.js';

const MINUTES = 60_000;
const PARTITIONS = 3;
/** Every broker is preferred leader of one partition and follows in the others. */
const ASSIGNMENT = [
  [1, 2, 3],
  [2, 3, 1],
  [3, 1, 2],
];
const GUEST = 3;
const HOSTS = [1, 2];

const describeWithJava = describeIfJava('the tests of mixed clusters need Java for ZooKeeper and Kafka.');

describeWithJava.each([
  { title: 'a Kafka broker among Ottla brokers', options: { kafkaBrokers: [GUEST] } },
  { title: 'an Ottla broker among Kafka brokers', options: { kafkaBrokers: HOSTS } },
  {
    // None of them reads what brokers of a later protocol send each other, and closes the connection instead.
    title: 'a broker of Kafka 3.0 among Ottla brokers that keep to its protocol',
    options: {
      kafkaBrokers: [GUEST],
      kafkaVersion: '3.0.2',
      properties: { 'inter.broker.protocol.version': '3.0' },
    },
  },
])('$title', ({ options }) => {
  let cluster: OttlaCluster;

  beforeAll(async () => {
    cluster = await OttlaCluster.start(options);
  }, 2 * MINUTES);

  afterAll(async () => {
    await cluster?.stop();
  }, MINUTES);

  const createTopic = (topic: string): Promise<unknown> =>
    cluster.withAdmin((admin) =>
      admin.createTopics({
        waitForLeaders: true,
        topics: [{ topic, replicaAssignment: ASSIGNMENT.map((replicas, partition) => ({ partition, replicas })) }],
      }),
    );

  const untilControlledBy = (ids: readonly number[]): Promise<number> =>
    eventually(
      async () => {
        const id = await cluster.controllerId();
        return ids.includes(id) && id;
      },
      { timeoutMs: MINUTES, everyMs: 200, what: `controller ${ids.join(' or ')}` },
    );

  const untilLeaders = (topic: string, leaders: readonly number[]): Promise<unknown> =>
    eventually(async () => (await cluster.describe(topic)).map(({ leader }) => leader).join() === leaders.join(), {
      timeoutMs: MINUTES,
      everyMs: 200,
      what: `leaders ${leaders.join()} of ${topic}`,
    });

  /** Moves every leadership back to the first replica, through whoever is controller. */
  async function electPreferredLeaders(): Promise<void> {
    const { exitCode, stderr } = await kafkaTool('class', [
      ...['kafka.admin.LeaderElectionCommand', '--bootstrap-server', cluster.bootstrap],
      ...['--election-type', 'preferred', '--all-topic-partitions'],
    ]);
    if (exitCode !== 0) throw new Error(stderr);
  }

  async function committed(groupId: string, topic: string): Promise<number> {
    const [offsets] = await cluster.withAdmin((admin) => admin.fetchOffsets({ groupId, topics: [topic] }));
    return offsets!.partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
  }

  test(
    'each kind follows, leads and controls in turn, and nothing is lost',
    async () => {
      const topic = 'shared';
      const groupId = 'readers';
      await createTopic(topic);
      await cluster.untilInSync(topic);
      await untilControlledBy(HOSTS);
      const workload = await Workload.start(cluster, topic, PARTITIONS);
      const reader = await Reader.start(cluster, topic, groupId);
      try {
        await workload.untilProgress();
        await eventually(() => reader.seen.size > 0, { what: 'the reader to read' });

        // The guest leads one partition and leaves in an orderly way: the hosts' controller moves its leadership before it goes.
        await cluster.broker(GUEST).stop();
        await untilLeaders(topic, [1, 2, 1]);
        await workload.untilProgress();
        await cluster.broker(GUEST).start();
        await cluster.untilInSync(topic);
        await electPreferredLeaders();
        await untilLeaders(topic, [1, 2, 3]);
        await workload.untilProgress();

        // The hosts go one by one: an orderly leave, then a death. The guest is left as leader of all, and as controller.
        await cluster.broker(1).stop();
        await untilLeaders(topic, [2, 2, 3]);
        await workload.untilProgress();
        await cluster.broker(2).kill();
        await untilLeaders(topic, [3, 3, 3]);
        await untilControlledBy([GUEST]);
        await workload.untilProgress();
        const before = await committed(groupId, topic);

        // They come back under the guest's rule, which also makes, grows and deletes topics with them.
        for (const id of HOSTS) await cluster.broker(id).start();
        await cluster.untilInSync(topic);
        await electPreferredLeaders();
        await untilLeaders(topic, [1, 2, 3]);
        await workload.untilProgress();
        await createTopic('passing');
        await cluster.untilInSync('passing');
        await cluster.withAdmin(async (admin) => {
          await admin.createPartitions({ topicPartitions: [{ topic: 'passing', count: 5 }] });
          await eventually(async () => (await cluster.describe('passing')).length === 5, { what: 'five partitions' });
          await admin.deleteTopics({ topics: ['passing'] });
        });
        await eventually(async () => committed(groupId, topic).then((now) => now > before), {
          timeoutMs: MINUTES,
          what: 'the group to go on from its committed offsets',
        });

        // The guest dies as controller and leader.
        await cluster.broker(GUEST).kill();
        await untilControlledBy(HOSTS);
        await untilLeaders(topic, [1, 2, 1]);
        await workload.untilProgress();
        await cluster.broker(GUEST).start();
        await cluster.untilInSync(topic);
        await workload.untilProgress();
      } finally {
        await workload.stop();
        await reader.stop();
      }

      await cluster.untilInSync(topic);
      await eventually(() => faultsOf(cluster, workload, PARTITIONS).length === 0, { timeoutMs: 10_000 }).catch(
        () => undefined,
      );
      expect(faultsOf(cluster, workload, PARTITIONS)).toEqual([]);
      expect(workload.acknowledgedCount).toBeGreaterThan(100);
      const lists = await cluster.withAdmin((admin) => admin.listTopics());
      expect(lists.sort()).toEqual(['__consumer_offsets', topic]);
    },
    5 * MINUTES,
  );
});
