/** DeleteTopics by id is about the topic that has the id, and no other one that has its name by now. */
import { seededRandom, silentLogger, ZERO_UUID } from '../../../src/common/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { ApiKey, ErrorCode, type DeleteTopicsResponse } from '../../../src/protocol/index.js';
import { TopicAdmin } from '../../../src/server/admin/topic-admin.js';
import { LargeRequests } from '../../../src/server/large-requests.js';
import { ANY_VERSION, OPEN_ACL_UNSAFE } from '../../../src/zookeeper/index.js';
import { ControllerLab } from '../../support/controller-lab.js';
import { call } from './request-call.js';

const [FIRST, SECOND] = ['AAAAAAAAAAAAAAAAAAAABg', 'AAAAAAAAAAAAAAAAAAAABw'] as const;
const { config } = BrokerConfig.parse(new Map([['zookeeper.connect', 'zk:2181']]));

let lab: ControllerLab;
let topicsOfController: Map<string, string>;
let topicsOfMetadata: Map<string, string>;
beforeEach(async () => {
  lab = await (await new ControllerLab().start()).createTopLevelPaths();
  topicsOfController = new Map([[FIRST, 'orders']]);
  topicsOfMetadata = new Map([[FIRST, 'orders']]);
});
afterEach(() => lab.stop());

const create = (topicId: string | null): Promise<void> =>
  lab.adminStores.topics.createTopic('orders', topicId, new Map([[0, [1]]]));

const isMarked = (): Promise<boolean> => lab.during(lab.adminStores.deletions.isTopicMarkedForDeletion('orders'));

async function deleteTopics(...topics: { name?: string; topicId?: string }[]) {
  const view = {
    hasTopic: (name: string) => [...topicsOfMetadata.values()].includes(name),
    topicName: (id: string) => topicsOfMetadata.get(id),
    partitionInfo: () => undefined,
    aliveBrokers: () => [],
    onUpdate: () => undefined,
  };
  const { clock, adminStores: stores } = lab;
  const random = seededRandom(1);
  const topicAdmin = new TopicAdmin({ config: () => config, stores, view, clock, random, log: silentLogger });
  const outcome = await call({
    apiKey: ApiKey.DeleteTopics,
    version: 6,
    body: { timeoutMs: 100, topics: topics.map(({ name = null, topicId = ZERO_UUID }) => ({ name, topicId })) },
    services: {
      clock,
      config,
      largeRequests: new LargeRequests(clock, 1e8),
      controller: { isActive: true, topicName: (id: string) => topicsOfController.get(id) },
      metadata: view,
      topicAdmin,
    },
  });
  for (let i = 0; i < 10_000 && outcome.answer === null; i++) await clock.advance(1);
  return (outcome.answer as DeleteTopicsResponse).responses.map(({ name, errorCode }) => [name, errorCode]);
}

test('the topic of the id is asked to be deleted', async () => {
  await lab.during(create(FIRST));
  expect(await deleteTopics({ topicId: FIRST })).toEqual([['orders', ErrorCode.REQUEST_TIMED_OUT]]);
  expect(await isMarked()).toBe(true);
  expect(await deleteTopics({ topicId: FIRST })).toEqual([['orders', ErrorCode.REQUEST_TIMED_OUT]]);
});

test('whoever has its name by now stays, however little this broker has heard of that', async () => {
  await lab.during(create(SECOND));
  expect(await deleteTopics({ topicId: FIRST })).toEqual([[null, ErrorCode.UNKNOWN_TOPIC_ID]]);
  expect(await isMarked()).toBe(false);
});

test('and so when it is made again just before the deletion is marked', async () => {
  await lab.during(create(FIRST));
  const { core } = lab.zooKeeper;
  const step = core.step.bind(core);
  core.step = (session, request, ...rest) => {
    if (request.op !== 'multi') return step(session, request, ...rest);
    core.step = step;
    // Its node goes, and comes again; somebody has written it since.
    step(session, { op: 'delete', path: '/brokers/topics/orders', version: ANY_VERSION }, ...rest);
    const data = Buffer.from(`{"version":3,"partitions":{"0":[1]},"topic_id":"${SECOND}"}`);
    const make = {
      op: 'create',
      path: '/brokers/topics/orders',
      data,
      acl: OPEN_ACL_UNSAFE,
      mode: 'persistent',
    } as const;
    expect(step(session, make, ...rest).response.op).toBe('create');
    step(session, { op: 'set', path: '/brokers/topics/orders', data, version: ANY_VERSION }, ...rest);
    return step(session, request, ...rest);
  };
  expect(await deleteTopics({ topicId: FIRST })).toEqual([[null, ErrorCode.UNKNOWN_TOPIC_ID]]);
  expect(await isMarked()).toBe(false);
});

test('an id is looked up where the controller knows it, and the metadata may not', async () => {
  await lab.during(create(SECOND));
  topicsOfController = new Map([[SECOND, 'orders']]);
  expect(await deleteTopics({ topicId: FIRST }, { topicId: SECOND })).toEqual([
    [null, ErrorCode.UNKNOWN_TOPIC_ID],
    ['orders', ErrorCode.REQUEST_TIMED_OUT],
  ]);
  expect(await isMarked()).toBe(true);
});

test('by name whoever has the name is, also beside an id that is no one’s', async () => {
  await lab.during(create(null));
  expect(await deleteTopics({ topicId: FIRST }, { name: 'orders' })).toEqual([
    [null, ErrorCode.UNKNOWN_TOPIC_ID],
    ['orders', ErrorCode.REQUEST_TIMED_OUT],
  ]);
  expect(await isMarked()).toBe(true);
});
