/** Every process is killed, and the same brokers are started again: from the first answer on they tell of all that there is. */
import { ApiKey, type FindCoordinatorResponse, type MetadataResponse } from '../../src/protocol/index.js';
import { eventually } from '../support/eventually.js';
import { describeIfJava } from '../support/zookeeper-ensemble.js';
import type { BrokerProcess } from './support/broker-process.js';
import { OttlaCluster } from './support/ottla-cluster.js';
import { ask, WireClient } from './support/wire-client.js';

const MINUTES = 120_000;
const TOPIC = 'orders';
const describeWithJava = describeIfJava('tests of crashed clusters need Java for ZooKeeper.');

/** What the broker answers first, once it accepts a connection; null when it closes that instead. */
async function firstMetadata(
  { port }: BrokerProcess,
  topics: { name: string }[] | null,
): Promise<MetadataResponse | null> {
  const client = await eventually(() => WireClient.connect(port).catch(() => null), { what: `port ${port} to accept` });
  const answer = await client.request<MetadataResponse>(ApiKey.Metadata, 8, { topics, allowAutoTopicCreation: false });
  await client.close();
  return answer;
}

describeWithJava('a cluster whose brokers were all killed', () => {
  let cluster: OttlaCluster;

  beforeAll(async () => {
    cluster = await OttlaCluster.start({ brokers: 3 });
    for (let i = 0; i < 5; i++) await cluster.createTopic(`${TOPIC}-${i}`, 3, 2);
    await eventually(
      async () =>
        (
          await ask<FindCoordinatorResponse>(cluster.broker(1).port, ApiKey.FindCoordinator, 3, {
            key: 'g',
            keyType: 0,
          })
        )?.errorCode === 0,
      { what: 'a coordinator' },
    );
  }, MINUTES);

  afterAll(async () => {
    await cluster?.stop();
  }, MINUTES);

  test.each([
    { title: 'all of them at once', first: [1, 2, 3] },
    { title: 'one, which leads alone', first: [2] },
  ])(
    'answers nothing that is not so: $title',
    async ({ first }) => {
      await Promise.all(cluster.all().map((broker) => broker.kill()));
      const started = first.map((id) => cluster.broker(id));
      for (const broker of started) broker.launch();
      const topics = Array.from({ length: 5 }, (_, i) => `${TOPIC}-${i}`);
      const answers = await Promise.all(
        started.flatMap((broker) => [
          firstMetadata(broker, null),
          firstMetadata(
            broker,
            topics.map((name) => ({ name })),
          ),
        ]),
      );
      const names = answers.map((answer) =>
        answer?.topics?.filter((it) => it.errorCode === 0).map((it) => it.name ?? ''),
      );
      for (const found of names) expect(found).toEqual(expect.arrayContaining(topics));
      for (const broker of cluster.all()) if (!broker.isRunning) broker.launch();
      await cluster.untilComplete();
    },
    MINUTES,
  );
});
