/** Two brokers are asked at once to change the same thing: what either has answered stays. */
import { seededRandom, silentLogger } from '../../../src/common/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { ErrorCode } from '../../../src/protocol/index.js';
import { ConfigAdmin, ResourceType } from '../../../src/server/admin/config-admin.js';
import { TopicAdmin } from '../../../src/server/admin/topic-admin.js';
import { writeConfig } from '../../support/write-config.js';
import { SimulatedZooKeeper } from '../zookeeper/support/simulated-zookeeper.js';

const NAMES = ['retention.ms', 'segment.bytes', 'max.message.bytes', 'flush.ms', 'index.interval.bytes'];
const BROKER_NAMES = ['log.retention.ms', 'log.segment.bytes', 'message.max.bytes', 'log.flush.interval.ms'];

async function twoBrokers() {
  const zooKeeper = new SimulatedZooKeeper();
  const properties = new Map([
    ['zookeeper.connect', 'zk:2181'],
    ['broker.id', '1'],
  ]);
  const { config } = BrokerConfig.parse(properties);
  const view = {
    hasTopic: (topic: string) => topic === 'orders',
    partitionInfo: () => undefined,
    aliveBrokers: () => [{ id: 1, rack: null }],
    onUpdate: () => undefined,
  };
  const asked = async (seed: number) => {
    const { zk, stores, network } = await zooKeeper.client();
    const deps = { config: () => config, stores, view, brokerId: 1, clock: zooKeeper.clock, log: silentLogger };
    return {
      zk,
      stores,
      network,
      configs: new ConfigAdmin(deps as unknown as ConstructorParameters<typeof ConfigAdmin>[0]),
      topics: new TopicAdmin({ ...deps, random: seededRandom(seed) } as unknown as ConstructorParameters<
        typeof TopicAdmin
      >[0]),
    };
  };
  const [one, two] = [await asked(1), await asked(2)];
  await zooKeeper.run(one.stores.cluster.createTopLevelPaths());
  await zooKeeper.run(one.stores.topics.createTopic('orders', null, new Map([[0, [1]]])));
  return { zooKeeper, one, two };
}

const allowed = () => ErrorCode.NONE;
const setting = (resourceType: number, resourceName: string, name: string, value: string) => [
  { resourceType, resourceName, configs: [{ name, configOperation: 0, value }] },
];

test.each([
  ['a topic', ResourceType.TOPIC, 'orders', 'topics', 'orders', NAMES],
  ['a broker', ResourceType.BROKER, '1', 'brokers', '1', BROKER_NAMES],
  ['all brokers', ResourceType.BROKER, '', 'brokers', '<default>', BROKER_NAMES],
] as const)(
  'of many values of %s that are set at once none is lost, and each is told',
  async (_, type, resource, kind, entity, names) => {
    const { zooKeeper, one, two } = await twoBrokers();
    const all = names.map((name, i) =>
      [one, two][i % 2]!.configs.incrementalAlter(setting(type, resource, name, `${1_000_000 + i}`), false, allowed),
    );
    const answers = (await zooKeeper.run(Promise.all(all))).flat();
    expect(answers.map(({ errorMessage }) => errorMessage)).toEqual(names.map(() => null));
    const kept = await zooKeeper.run(one.stores.configs.config(kind, entity));
    expect([...kept.keys()].sort()).toEqual([...names].sort());
    const { children } = await zooKeeper.run(one.zk.children('/config/changes'));
    expect(children).toHaveLength(names.length);
  },
);

test('what is set at one broker beside an AlterConfigs at another is there, or was replaced as a whole', async () => {
  const { zooKeeper, one, two } = await twoBrokers();
  const resource = {
    resourceType: ResourceType.TOPIC,
    resourceName: 'orders',
    configs: [{ name: 'flush.ms', value: '7' }],
  };
  await zooKeeper.run(
    Promise.all([
      one.configs.incrementalAlter(setting(ResourceType.TOPIC, 'orders', 'retention.ms', '5'), false, allowed),
      two.configs.alter([resource], false, allowed),
    ]),
  );
  const kept = await zooKeeper.run(one.stores.configs.config('topics', 'orders'));
  expect(kept.get('flush.ms')).toBe('7');
});

test('a configuration that no one can read can be replaced, not added to', async () => {
  const { zooKeeper, one } = await twoBrokers();
  await zooKeeper.run(one.zk.set('/config/topics/orders', Buffer.from('oops'), -1));
  const add = one.configs.incrementalAlter(setting(ResourceType.TOPIC, 'orders', 'retention.ms', '5'), false, allowed);
  expect((await zooKeeper.run(add))[0]!.errorCode).toBe(ErrorCode.UNKNOWN_SERVER_ERROR);
  const configs = [{ name: 'flush.ms', value: '7' }];
  const resource = { resourceType: ResourceType.TOPIC, resourceName: 'orders', configs };
  expect((await zooKeeper.run(one.configs.alter([resource], false, allowed)))[0]!.errorCode).toBe(ErrorCode.NONE);
  expect(await zooKeeper.run(one.stores.configs.config('topics', 'orders'))).toEqual(new Map([['flush.ms', '7']]));
});

test('a topic that is deleted meanwhile leaves no configuration to the next of its name', async () => {
  const { zooKeeper, one, two } = await twoBrokers();
  const { zkVersion } = await zooKeeper.run(two.stores.controller.registerControllerAndIncrementControllerEpoch(2));
  await zooKeeper.run(two.stores.topics.deleteTopic('orders', zkVersion));
  await zooKeeper.run(two.stores.configs.deleteTopicConfigs(['orders'], zkVersion));
  // This broker has not heard of it.
  const change = one.configs.incrementalAlter(
    setting(ResourceType.TOPIC, 'orders', 'retention.ms', '5'),
    false,
    allowed,
  );
  expect((await zooKeeper.run(change))[0]!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  expect(await zooKeeper.run(one.zk.exists('/config/topics/orders'))).toBeNull();
});

test('a configuration that no znode holds is refused before it is sent', async () => {
  const { zooKeeper, one } = await twoBrokers();
  const changes: string[] = [];
  one.zk.onStateChange((change) => changes.push(change));
  const replicas = Array.from({ length: 150_000 }, (_, i) => `${i}:1`).join(',');
  const name = 'follower.replication.throttled.replicas';
  const result = await zooKeeper.run(
    one.configs.incrementalAlter(setting(ResourceType.TOPIC, 'orders', name, replicas), false, allowed),
  );
  const topic = {
    name: 'wide',
    numPartitions: 1,
    replicationFactor: 1,
    assignments: [],
    configs: [{ name, value: replicas }],
  };
  const [created] = await zooKeeper.run(one.topics.createTopics([topic], { timeoutMs: 0, validateOnly: false }));
  expect([result[0]!.errorCode, created!.errorCode, changes]).toEqual([
    ErrorCode.INVALID_CONFIG,
    ErrorCode.INVALID_CONFIG,
    [],
  ]);
});

describe('a topic that is created', () => {
  const topicOf = (value: string) => ({
    name: 'fresh',
    numPartitions: 1,
    replicationFactor: 1,
    assignments: [],
    configs: [{ name: 'cleanup.policy', value }],
  });
  // What was written is not waited for here, as no one leads: it answers REQUEST_TIMED_OUT.
  const options = { timeoutMs: 0, validateOnly: false };

  test('by two at once is made by one, with his configuration', async () => {
    const { zooKeeper, one, two } = await twoBrokers();
    const answers = await zooKeeper.run(
      Promise.all([
        one.topics.createTopics([topicOf('compact')], options),
        two.topics.createTopics([topicOf('delete')], options),
      ]),
    );
    const [first, second] = answers.map(([answer]) => answer!);
    const isFirst = first!.errorCode === ErrorCode.REQUEST_TIMED_OUT;
    expect([first!.errorCode, second!.errorCode].sort((a, b) => a - b)).toEqual([
      ErrorCode.REQUEST_TIMED_OUT,
      ErrorCode.TOPIC_ALREADY_EXISTS,
    ]);
    const kept = await zooKeeper.run(one.stores.configs.config('topics', 'fresh'));
    expect(kept.get('cleanup.policy')).toBe(isFirst ? 'compact' : 'delete');
    expect((await zooKeeper.run(one.stores.topics.assignment('fresh')))!.topicId).toBe(
      (isFirst ? first : second)!.topicId,
    );
  });

  test('has its own configuration, not what a former one left', async () => {
    const { zooKeeper, one, two } = await twoBrokers();
    await zooKeeper.run(writeConfig(two.zk, 'topics', 'fresh', { 'retention.ms': '1' }));
    await zooKeeper.run(one.topics.createTopics([topicOf('compact')], options));
    expect(await zooKeeper.run(one.stores.configs.config('topics', 'fresh'))).toEqual(
      new Map([['cleanup.policy', 'compact']]),
    );
  });

  test('is there, though the answer to the write was lost with the connection', async () => {
    const { zooKeeper, one } = await twoBrokers();
    zooKeeper.loseNextAnswer(one.network);
    const [answer] = await zooKeeper.run(one.topics.createTopics([topicOf('compact')], options));
    expect(answer!.errorCode).toBe(ErrorCode.REQUEST_TIMED_OUT);
  });
});
