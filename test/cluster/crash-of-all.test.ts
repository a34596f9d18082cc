/** Every process is killed, and the same brokers are started again: from the first answer on they tell of all that there is. */
import { eventually, pause } from '../support/eventually.js';
import { describeIfJava } from '../support/zookeeper-ensemble.js';
import type { BrokerProcess } from './support/broker-process.js';
import { QUESTIONS, type Known, type Question } from './support/first-answers.js';
import { OttlaCluster } from './support/ottla-cluster.js';
import { WireClient } from './support/wire-client.js';

const MINUTES = 120_000;
const TOPICS = ['orders', 'payments', 'clicks'];
const [TOPIC] = TOPICS as [string];
const PARTITIONS = 3;
const RECORDS = 20;
const GROUP = 'readers';
const COMMITTED = 7;
const describeWithJava = describeIfJava('tests of crashed clusters need Java for ZooKeeper.');

/** Asks a broker again and again, from the moment at which it accepts connections, until it has said what is so, or `isOver`. */
async function askUntilTrue(
  { port, id }: BrokerProcess,
  { title, ask }: Question,
  known: Known,
  isOver: () => boolean,
): Promise<boolean> {
  while (!isOver()) {
    const client = await eventually(() => WireClient.connect(port).catch(() => null), {
      what: `port ${port}`,
      everyMs: 5,
    });
    try {
      for (;;) {
        const verdict = await ask(client, id, known);
        if (verdict === 'true') return true;
        if (verdict === null || isOver()) break;
        if (verdict !== 'later') throw new Error(`broker ${id} answered ${title}: ${json(verdict.lie)}`);
        await pause(5);
      }
    } finally {
      await client.close();
    }
  }
  return false;
}

/** Until each question was answered by one of the brokers at least; rejects with the first answer that is not so. */
async function askAll(brokers: readonly BrokerProcess[], known: Known): Promise<void> {
  const unanswered = new Set(QUESTIONS);
  let failure: unknown;
  let isOver = false;
  const asking = QUESTIONS.flatMap((question) =>
    brokers.map(async (broker) => {
      try {
        const isAnswered = (): boolean => isOver || !unanswered.has(question);
        if (await askUntilTrue(broker, question, known, isAnswered)) unanswered.delete(question);
      } catch (error) {
        failure ??= error;
      }
    }),
  );
  try {
    await eventually(
      () => {
        const left = [...unanswered].map(({ title }) => title);
        if (failure === undefined && left.length > 0) throw new Error(left.join(', '));
        return true;
      },
      { what: 'every question to be answered', timeoutMs: 60_000 },
    );
  } finally {
    isOver = true;
    await Promise.all(asking);
  }
  if (failure !== undefined) throw failure;
}

const json = (value: unknown): string =>
  JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? Number(each) : each)).slice(0, 2000);

describeWithJava('a cluster whose brokers were all killed', () => {
  let cluster: OttlaCluster;

  beforeAll(async () => {
    cluster = await OttlaCluster.start({ brokers: 3 });
    for (const topic of TOPICS) await cluster.createTopic(topic, PARTITIONS, 3);
    const kafka = cluster.client();
    const producer = kafka.producer();
    await producer.connect();
    const messages = Array.from({ length: PARTITIONS * RECORDS }, (_, i) => ({
      value: `${i}`,
      partition: i % PARTITIONS,
    }));
    await producer.send({ topic: TOPIC, messages, acks: -1 });
    await producer.disconnect();
    await cluster.withAdmin((admin) =>
      admin.setOffsets({
        groupId: GROUP,
        topic: TOPIC,
        partitions: Array.from({ length: PARTITIONS }, (_, partition) => ({ partition, offset: String(COMMITTED) })),
      }),
    );
  }, MINUTES);

  afterAll(async () => {
    await cluster?.stop();
  }, MINUTES);

  /** Each may lead then, alone. */
  const untilInSync = (): Promise<unknown> =>
    eventually(
      async () => {
        const partitions = (await Promise.all([TOPIC, '__consumer_offsets'].map((it) => cluster.describe(it)))).flat();
        return partitions.every(({ isr }) => isr.length === 3);
      },
      { what: 'all replicas in sync' },
    );

  test.each([
    { title: 'all of them at once', first: [1, 2, 3] },
    { title: 'one, which leads alone', first: [2] },
  ])(
    'answers nothing that is not so: $title',
    async ({ first }) => {
      const doomed = `doomed-${first.length}`;
      await cluster.createTopic(doomed, 1, 3);
      const known: Known = {
        topics: TOPICS,
        topic: TOPIC,
        partitions: PARTITIONS,
        records: RECORDS,
        group: GROUP,
        committed: COMMITTED,
        doomed,
        offsetsPartitions: (await cluster.describe('__consumer_offsets')).length,
      };
      await untilInSync();
      await Promise.all(cluster.all().map((broker) => broker.kill()));
      const started = first.map((id) => cluster.broker(id));
      for (const broker of started) broker.launch();
      try {
        await askAll(started, known);
      } finally {
        for (const broker of cluster.all()) if (!broker.isRunning) broker.launch();
        await cluster.untilComplete();
      }
    },
    MINUTES,
  );
});
