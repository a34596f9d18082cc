import { silentLogger, ZERO_UUID } from '../../../src/common/index.js';
import { settle } from '../../../src/testing/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { TopicConfigs } from '../../../src/server/topic-configs.js';
import { ZnodeFormatError, type ConfigStore } from '../../../src/zookeeper/index.js';

const ID = 'sx7Ghl93TiaCGaLSE2wsQw';
const OTHER_ID = 'q2p0a1Z2QfWr0mYl2d6dWQ';

/** As the controller names them. */
const topics = (...names: string[]): Map<string, string> => new Map(names.map((name) => [name, ID]));

function topicConfigs(stored: Record<string, Record<string, string>>): TopicConfigs {
  const config = (topic: string): Map<string, string> => new Map(Object.entries(stored[topic] ?? {}));
  const store = {
    config: (_type: string, topic: string) => Promise.resolve(config(topic)),
    latestConfigs: (_type: string, topics: Iterable<string>) =>
      Promise.resolve({ found: new Map([...topics].map((topic) => [topic, config(topic)])), unreadable: new Map() }),
  };
  const { config: broker } = BrokerConfig.parse(new Map([['zookeeper.connect', 'zk:2181']]), new Map());
  return new TopicConfigs(broker, store as unknown as ConfigStore, silentLogger);
}

test('what a notification says of a topic without replicas here is not kept: the topic may be made again otherwise', async () => {
  const stored: Record<string, Record<string, string>> = { orders: { 'min.insync.replicas': '2' } };
  const configs = topicConfigs(stored);
  expect((await configs.reload('orders')).minInsyncReplicas).toBe(2);
  // Deleted, and created again, now with a replica here.
  stored['orders'] = { 'min.insync.replicas': '3' };
  expect(configs.unknownOf(topics('orders'))).toEqual(topics('orders'));
  await configs.load(configs.unknownOf(topics('orders')));
  expect(configs.configOf('orders').minInsyncReplicas).toBe(3);
});

test('a change of a topic with replicas here is taken over', async () => {
  const stored: Record<string, Record<string, string>> = {};
  const configs = topicConfigs(stored);
  await configs.load(topics('orders'));
  expect(configs.configOf('orders').minInsyncReplicas).toBe(1);
  stored['orders'] = { 'min.insync.replicas': '2' };
  await configs.reload('orders');
  expect(configs.configOf('orders').minInsyncReplicas).toBe(2);
  stored['orders'] = { 'min.insync.replicas': 'many' };
  await configs.reload('orders');
  expect(configs.configOf('orders').minInsyncReplicas).toBe(2);
});

test('a value that cannot be costs no other value, and leaves in force what there was before', async () => {
  const stored: Record<string, Record<string, string>> = {
    orders: { 'retention.ms': '-1', 'segment.bytes': 'x', 'min.insync.replicas': '2' },
  };
  const configs = topicConfigs(stored);
  await configs.load(topics('orders'));
  const { retentionMs, segmentBytes, minInsyncReplicas } = configs.configOf('orders');
  expect([retentionMs, segmentBytes, minInsyncReplicas]).toEqual([-1, 1_073_741_824, 2]);
  stored['orders'] = { 'retention.ms': '5', 'min.insync.replicas': '0' };
  await configs.reload('orders');
  expect([configs.configOf('orders').retentionMs, configs.configOf('orders').minInsyncReplicas]).toEqual([5, 2]);
});

test('one unreadable topic does not keep others from being read', async () => {
  const store = {
    latestConfigs: () =>
      Promise.resolve({
        found: new Map([['orders', new Map([['retention.ms', '7']])]]),
        unreadable: new Map([['bad', new ZnodeFormatError('a config holds no JSON')]]),
      }),
  };
  const { config: broker } = BrokerConfig.parse(new Map([['zookeeper.connect', 'zk:2181']]), new Map());
  const configs = new TopicConfigs(broker, store as unknown as ConfigStore, silentLogger);
  await configs.load(topics('bad', 'orders'));
  expect(configs.configOf('orders').retentionMs).toBe(7);
  // Nothing is known of it: nothing may be deleted by the defaults.
  expect(['bad', 'orders'].map((topic) => configs.configOf(topic).isIncomplete)).toEqual([true, false]);
  expect(configs.unknownOf(topics('bad', 'orders'))).toEqual(topics());
});

describe('what was read for another topic of the name says nothing', () => {
  test('of which the start found a log: the controller may name another one', async () => {
    const stored: Record<string, Record<string, string>> = {};
    const configs = topicConfigs(stored);
    expect(await configs.loadAtStart(['orders'])).toEqual(new Map());
    // Made after the start.
    stored['orders'] = { 'retention.ms': '-1' };
    for (const id of [ID, ZERO_UUID]) {
      expect(configs.unknownOf(new Map([['orders', id]]))).toEqual(new Map([['orders', id]]));
    }
    await configs.load(topics('orders'));
    expect(configs.configOf('orders').retentionMs).toBe(-1);
    expect(configs.unknownOf(topics('orders'))).toEqual(topics());
  });

  test('made again while no one told: by its id it is another one', async () => {
    const stored: Record<string, Record<string, string>> = { orders: { 'retention.ms': '2000' } };
    const configs = topicConfigs(stored);
    await configs.load(topics('orders'));
    stored['orders'] = { 'retention.ms': '-1' };
    const again = new Map([['orders', OTHER_ID]]);
    expect(configs.unknownOf(again)).toEqual(again);
    await configs.load(again);
    expect(configs.configOf('orders').retentionMs).toBe(-1);
    expect([configs.unknownOf(again).size, configs.unknownOf(topics('orders')).size]).toEqual([0, 1]);
  });

  test('but a controller that gives no ids means the one that is known', async () => {
    const configs = topicConfigs({ orders: { 'retention.ms': '2000' } });
    await configs.load(topics('orders'));
    expect(configs.unknownOf(new Map([['orders', ZERO_UUID]])).size).toBe(0);
    await configs.reloadAll();
    expect(configs.unknownOf(topics('orders')).size).toBe(0);
  });
});

describe('a configuration of which not all is known lets nothing be deleted', () => {
  const invalid = { 'retention.ms': 'forever', 'segment.bytes': '2000' };

  test('of a start that finds an invalid value, until it is mended, whatever the broker inherits to topics meanwhile', async () => {
    const stored: Record<string, Record<string, string>> = { orders: invalid, bills: { 'retention.ms': '5' } };
    const configs = topicConfigs(stored);
    const read = await configs.loadAtStart(['orders', 'bills']);
    expect([...read].map(([topic, { isIncomplete }]) => [topic, isIncomplete])).toEqual([
      ['orders', true],
      ['bills', false],
    ]);
    const isIncomplete = (): boolean => configs.configOf('orders').isIncomplete;
    await configs.load(topics('orders'));
    expect([isIncomplete(), configs.configOf('orders').segmentBytes]).toEqual([true, 2000]);
    const properties = { 'zookeeper.connect': 'zk:2181', 'log.retention.ms': '7' };
    configs.updateBrokerConfig(BrokerConfig.parse(new Map(Object.entries(properties)), new Map()).config);
    expect([isIncomplete(), configs.configOf('orders').retentionMs]).toEqual([true, 7]);
    await configs.reload('orders');
    expect(isIncomplete()).toBe(true);
    stored['orders'] = { 'retention.ms': '9' };
    await configs.reload('orders');
    expect([isIncomplete(), configs.configOf('orders').retentionMs]).toEqual([false, 9]);
  });

  test('of one that becomes invalid, what was in force is known', async () => {
    const stored: Record<string, Record<string, string>> = { orders: { 'segment.bytes': '2000' } };
    const configs = topicConfigs(stored);
    await configs.load(topics('orders'));
    stored['orders'] = invalid;
    await configs.reload('orders');
    expect(configs.configOf('orders').isIncomplete).toBe(false);
    // Nothing of it is known for another topic.
    await configs.load(new Map([['orders', OTHER_ID]]));
    expect(configs.configOf('orders').isIncomplete).toBe(true);
  });
});

describe('reads that run beside each other', () => {
  /** Answers each read with what is stored when it is asked, as soon as the test lets it. */
  function slowConfigs() {
    const stored: Record<string, string> = {};
    const waiting: (() => void)[] = [];
    const answer = async (): Promise<Map<string, string>> => {
      const now = new Map(Object.entries(stored));
      await new Promise<void>((resolve) => waiting.push(resolve));
      return now;
    };
    const store = {
      config: answer,
      // The answers to several questions take more turns than one does.
      latestConfigs: async (_type: string, topics: Iterable<string>) => ({
        found: new Map(await Promise.all([...topics].map(async (topic) => [topic, await answer()] as const))),
        unreadable: new Map(),
      }),
    };
    const { config: broker } = BrokerConfig.parse(new Map([['zookeeper.connect', 'zk:2181']]), new Map());
    const configs = new TopicConfigs(broker, store as unknown as ConfigStore, silentLogger);
    /** All answers that are there arrive in one go. */
    const arrive = async (): Promise<void> => {
      for (let at = 0; at < 3; at++) {
        await settle();
        for (const resolve of waiting.splice(0)) resolve();
      }
      await settle();
    };
    return { stored, configs, arrive };
  }

  test('leave the newer configuration, though both are answered in one go', async () => {
    const { stored, configs, arrive } = slowConfigs();
    stored['min.insync.replicas'] = '2';
    const loaded = configs.load(topics('orders'));
    await settle();
    stored['min.insync.replicas'] = '3';
    const reloaded = configs.reload('orders');
    await arrive();
    await loaded;
    expect((await reloaded).minInsyncReplicas).toBe(3);
    expect(configs.configOf('orders').minInsyncReplicas).toBe(3);
  });

  test('do not bring back what was forgotten meanwhile', async () => {
    const { stored, configs, arrive } = slowConfigs();
    stored['min.insync.replicas'] = '2';
    const loaded = configs.load(topics('orders'));
    await settle();
    configs.forget('orders');
    await arrive();
    await loaded;
    expect(configs.unknownOf(topics('orders'))).toEqual(topics('orders'));
  });

  test('do not bring back what was forgotten while they waited for their turn, and read what comes after it', async () => {
    const { stored, configs, arrive } = slowConfigs();
    const first = configs.load(topics('bills'));
    stored['min.insync.replicas'] = '2';
    const loaded = configs.load(topics('orders'));
    configs.forget('orders');
    await arrive();
    await Promise.all([first, loaded]);
    expect(configs.unknownOf(topics('orders'))).toEqual(topics('orders'));
    const before = configs.load(topics('bills'));
    configs.forget('orders');
    stored['min.insync.replicas'] = '3';
    const successor = configs.load(topics('orders'));
    await arrive();
    await Promise.all([before, successor]);
    expect(configs.configOf('orders').minInsyncReplicas).toBe(3);
  });

  test('go on after one that failed', async () => {
    const stored = { orders: { 'min.insync.replicas': '2' } };
    const configs = topicConfigs(stored);
    const reading = jest.spyOn((configs as unknown as { store: ConfigStore }).store, 'config');
    reading.mockRejectedValueOnce(new Error('the session expired'));
    await expect(configs.reload('orders')).rejects.toThrow('the session expired');
    await configs.load(topics('orders'));
    expect(configs.configOf('orders').minInsyncReplicas).toBe(2);
  });
});
