import { silentLogger } from '../../../src/common/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { TopicConfigs } from '../../../src/server/topic-configs.js';
import type { ConfigStore } from '../../../src/zookeeper/index.js';

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

test('what a notification says of a topic without replicas here is not kept: the topic may be made anew otherwise', async () => {
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
