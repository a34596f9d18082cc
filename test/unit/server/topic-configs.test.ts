import { settle, silentLogger } from '../../../src/common/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { TopicConfigs } from '../../../src/server/topic-configs.js';
import { ZnodeFormatError, type ConfigStore } from '../../../src/zookeeper/index.js';

function topicConfigs(stored: Record<string, Record<string, string>>): TopicConfigs {
  const config = (topic: string): Map<string, string> => new Map(Object.entries(stored[topic] ?? {}));
  const store = {
    config: (_type: string, topic: string) => Promise.resolve(config(topic)),
    configs: (_type: string, topics: Iterable<string>) =>
      Promise.resolve(new Map([...topics].map((topic) => [topic, config(topic)]))),
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
  expect(configs.unknownOf(['orders'])).toEqual(['orders']);
  await configs.load(configs.unknownOf(['orders']));
  expect(configs.configOf('orders').minInsyncReplicas).toBe(3);
});

test('a change of a topic with replicas here is taken over', async () => {
  const stored: Record<string, Record<string, string>> = {};
  const configs = topicConfigs(stored);
  await configs.load(['orders']);
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
  await configs.load(['orders']);
  const { retentionMs, segmentBytes, minInsyncReplicas } = configs.configOf('orders');
  expect([retentionMs, segmentBytes, minInsyncReplicas]).toEqual([-1, 1_073_741_824, 2]);
  stored['orders'] = { 'retention.ms': '5', 'min.insync.replicas': '0' };
  await configs.reload('orders');
  expect([configs.configOf('orders').retentionMs, configs.configOf('orders').minInsyncReplicas]).toEqual([5, 2]);
});

test('one unreadable topic does not keep others from being read', async () => {
  const config = (topic: string): Promise<Map<string, string>> =>
    topic === 'bad'
      ? Promise.reject(new ZnodeFormatError('a config holds no JSON'))
      : Promise.resolve(new Map([['retention.ms', '7']]));
  const store = {
    config: (_type: string, topic: string) => config(topic),
    configs: async (_type: string, topics: Iterable<string>) =>
      new Map(await Promise.all([...topics].map(async (topic) => [topic, await config(topic)] as const))),
  };
  const { config: broker } = BrokerConfig.parse(new Map([['zookeeper.connect', 'zk:2181']]), new Map());
  const configs = new TopicConfigs(broker, store as unknown as ConfigStore, silentLogger);
  await configs.load(['bad', 'orders']);
  expect([configs.configOf('bad').retentionMs, configs.configOf('orders').retentionMs]).toEqual([604_800_000, 7]);
  expect(configs.unknownOf(['bad', 'orders'])).toEqual([]);
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
      configs: async (_type: string, topics: Iterable<string>) =>
        new Map(await Promise.all([...topics].map(async (topic) => [topic, await answer()] as const))),
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
    const loaded = configs.load(['orders']);
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
    const loaded = configs.load(['orders']);
    await settle();
    configs.forget('orders');
    await arrive();
    await loaded;
    expect(configs.unknownOf(['orders'])).toEqual(['orders']);
  });

  test('do not bring back what was forgotten while they waited for their turn, and read what comes after it', async () => {
    const { stored, configs, arrive } = slowConfigs();
    const first = configs.load(['bills']);
    stored['min.insync.replicas'] = '2';
    const loaded = configs.load(['orders']);
    configs.forget('orders');
    await arrive();
    await Promise.all([first, loaded]);
    expect(configs.unknownOf(['orders'])).toEqual(['orders']);
    const before = configs.load(['bills']);
    configs.forget('orders');
    stored['min.insync.replicas'] = '3';
    const successor = configs.load(['orders']);
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
    await configs.load(['orders']);
    expect(configs.configOf('orders').minInsyncReplicas).toBe(2);
  });
});
