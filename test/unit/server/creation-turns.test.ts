/** ZooKeeper answers many at one time: what administrators asked for is checked a few a turn nevertheless. */
import { seededRandom, silentLogger } from '../../../src/common/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { ApiKey, ErrorCode } from '../../../src/protocol/index.js';
import { TopicAdmin } from '../../../src/server/admin/topic-admin.js';
import { call } from './request-call.js';
import { COUNT, MOST_A_TURN, TurnWork } from './turn-work.js';

const { config } = BrokerConfig.parse(new Map([['zookeeper.connect', 'zk:2181']]));

/** Each look at the broker's configuration, or at all that a topic has, stands for the work that is done with it. */
class Work extends TurnWork {
  /** What is there of a topic that is to be grown. */
  private current(topic: string): object {
    const partitions = new Map([[0, { replicas: [0], adding: [], removing: [] }]]);
    const entries = partitions.entries.bind(partitions);
    partitions[Symbol.iterator] = () => this.work(entries());
    return { topic, topicId: null, partitions };
  }

  private readonly stores = {
    brokers: { brokers: () => this.answered({ found: new Map([[0, { id: 0, rack: null }]]) }) },
    deletions: { isTopicMarkedForDeletion: () => this.answered(false) },
    topics: {
      topicExists: () => this.answered(false),
      changeAssignment: async (topic: string, change: (current: object) => Promise<object | null>) => {
        const current = await this.answered(this.current(topic));
        await change(current);
        return current;
      },
    },
  };

  readonly services = {
    clock: this.busy,
    controller: { isActive: true, isTopicQueuedForDeletion: () => false },
    topicAdmin: new TopicAdmin({
      config: () => this.work(config),
      stores: this.stores,
      view: { hasTopic: () => false, aliveBrokers: () => [{ id: 0, rack: null }], onUpdate: () => undefined },
      clock: this.busy,
      random: seededRandom(1),
      log: silentLogger,
    } as unknown as ConstructorParameters<typeof TopicAdmin>[0]),
  };
}

const list = <T>(make: (at: number) => T): T[] => Array.from({ length: COUNT }, (_, at) => make(at));

test('a crowd that would create topics', async () => {
  const work = new Work();
  const asked = list((at) => {
    const topics = [{ name: `t${at}`, numPartitions: 1, replicationFactor: 1 }];
    const body = { validateOnly: true, timeoutMs: 1000, topics };
    return call({ apiKey: ApiKey.CreateTopics, version: 4, body, services: work.services });
  });
  const outcomes = await work.done(asked);
  expect(outcomes).toMatchObject(list(() => ({ answer: { topics: [{ errorCode: ErrorCode.NONE }] } })));
  expect(work.total).toBeGreaterThanOrEqual(COUNT);
  expect(work.most).toBeLessThanOrEqual(MOST_A_TURN);
});

test('topics that one request would grow', async () => {
  const work = new Work();
  const topics = list((at) => ({ name: `t${at}`, count: 2, assignments: null }));
  const body = { validateOnly: true, timeoutMs: 1000, topics };
  const asked = call({ apiKey: ApiKey.CreatePartitions, version: 3, body, services: work.services });
  const outcomes = await work.done([asked]);
  expect(outcomes).toMatchObject([{ answer: { results: list(() => ({ errorCode: ErrorCode.NONE })) } }]);
  expect(work.total).toBeGreaterThanOrEqual(COUNT);
  expect(work.most).toBeLessThanOrEqual(MOST_A_TURN);
});
