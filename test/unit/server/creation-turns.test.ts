/** ZooKeeper answers many at one time: what administrators asked for is checked a few a turn nevertheless. */
import { seededRandom, silentLogger, SimulatedClock } from '../../../src/common/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { ApiKey, ErrorCode } from '../../../src/protocol/index.js';
import { TopicAdmin } from '../../../src/server/admin/topic-admin.js';
import { call, type Outcome } from './request-call.js';

const WORK_MS = 5;
/** Of a turn of 10 ms. */
const MOST_A_TURN = 4;
const COUNT = 50;

const { config } = BrokerConfig.parse(new Map([['zookeeper.connect', 'zk:2181']]));

/** Each look at the broker's configuration, or at all that a topic has, stands for the work that is done with it. */
class Work {
  readonly clock = new SimulatedClock();
  private nowMs = 0;
  private sinceTurn = 0;
  most = 0;
  total = 0;
  private readonly answers: (() => void)[] = [];

  private readonly busy = {
    monotonicMs: () => this.nowMs,
    defer: (task: () => void): void =>
      this.clock.defer(() => {
        this.sinceTurn = 0;
        task();
      }),
    setTimer: this.clock.setTimer.bind(this.clock),
  };

  private work<T>(result: T): T {
    this.nowMs += WORK_MS;
    this.total++;
    this.most = Math.max(this.most, ++this.sinceTurn);
    return result;
  }

  private answered<T>(result: T): Promise<T> {
    return new Promise((resolve) => this.answers.push(() => resolve(result)));
  }

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

  async done(outcomes: Promise<Outcome>[]): Promise<object[]> {
    for (let turn = 0; turn < 4 * COUNT; turn++) {
      for (const answer of this.answers.splice(0)) answer();
      await this.clock.advance(1);
    }
    return (await Promise.all(outcomes)).map(({ answer }) => answer as object);
  }
}

const list = <T>(make: (at: number) => T): T[] => Array.from({ length: COUNT }, (_, at) => make(at));

test('a crowd that would create topics', async () => {
  const work = new Work();
  const asked = list((at) => {
    const topics = [{ name: `t${at}`, numPartitions: 1, replicationFactor: 1 }];
    const body = { validateOnly: true, timeoutMs: 1000, topics };
    return call({ apiKey: ApiKey.CreateTopics, version: 4, body, services: work.services });
  });
  const answers = await work.done(asked);
  expect(answers).toMatchObject(list(() => ({ topics: [{ errorCode: ErrorCode.NONE }] })));
  expect(work.total).toBeGreaterThanOrEqual(COUNT);
  expect(work.most).toBeLessThanOrEqual(MOST_A_TURN);
});

test('topics that one request would grow', async () => {
  const work = new Work();
  const topics = list((at) => ({ name: `t${at}`, count: 2, assignments: null }));
  const body = { validateOnly: true, timeoutMs: 1000, topics };
  const asked = call({ apiKey: ApiKey.CreatePartitions, version: 3, body, services: work.services });
  const answers = await work.done([asked]);
  expect(answers).toMatchObject([{ results: list(() => ({ errorCode: ErrorCode.NONE })) }]);
  expect(work.total).toBeGreaterThanOrEqual(COUNT);
  expect(work.most).toBeLessThanOrEqual(MOST_A_TURN);
});
