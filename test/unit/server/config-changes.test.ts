import { settle, silentLogger, SimulatedClock } from '../../../src/common/index.js';
import { BrokerConfig, TopicConfig } from '../../../src/config/index.js';
import type { LogManager } from '../../../src/log/index.js';
import { ConfigChanges, type ConfigTargets } from '../../../src/server/config-changes.js';
import { configChangeZnode } from '../../../src/zookeeper/index.js';
import { newWorld, startManager } from '../log/log-fixture.js';

const TOPICS = Array.from({ length: 30 }, (_, at) => `topic-${at}`);

/** Takes over a changed configuration of broker 1, whose topics have these overrides. */
async function changeBroker(logs: LogManager, overrides: ReadonlyMap<string, TopicConfig>): Promise<void> {
  const { config } = BrokerConfig.parse(new Map([['zookeeper.connect', 'zk:2181']]));
  const defaultConfig = TopicConfig.create(config);
  const none = new Map<string, string>();
  const targets = {
    brokerId: 1,
    stores: { configs: { config: () => Promise.resolve(none) }, zk: {} },
    topicConfigs: {
      defaultConfig,
      configOf: (topic: string) => overrides.get(topic) ?? defaultConfig,
      updateBrokerConfig: () => undefined,
    },
    logs,
    replicas: { updateConfig: () => undefined },
    controller: { updateConfig: () => undefined },
    clock: new SimulatedClock(),
    logger: silentLogger,
    config: () => config,
    setConfig: () => undefined,
  };
  const changes = new ConfigChanges(targets as unknown as ConfigTargets);
  const notification = configChangeZnode.encode('brokers/1');
  await (changes as unknown as { onNotification: (data: Buffer) => Promise<void> }).onNotification(notification);
  await settle();
}

test('a changed configuration of the broker reaches every log in one pass over them', async () => {
  const world = newWorld();
  for (const dir of ['/a', '/b']) world.fs.makeDir(dir);
  const logs = await startManager(world, { logDirs: ['/a', '/b'] });
  for (const topic of TOPICS) {
    for (const partition of [0, 1]) logs.getOrCreateLog({ topic, partition }, { isNew: true });
  }
  const moved = { topic: 'topic-7', partition: 0 };
  const copy = logs.getOrCreateLog(moved, { isNew: true, isFuture: true });
  let passed = 0;
  const { topicPartition } = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(copy) as object);
  const looks = jest.spyOn(Object.getPrototypeOf(copy) as { topicPartition: unknown }, 'topicPartition', 'get');
  looks.mockImplementation(function (this: object): unknown {
    passed++;
    return topicPartition!.get!.call(this);
  });
  const { config } = BrokerConfig.parse(new Map([['zookeeper.connect', 'zk:2181']]));
  const overridden = TopicConfig.create(config, new Map([['retention.ms', '1234']]));
  try {
    await changeBroker(logs, new Map([['topic-7', overridden]]));
    expect(passed).toBeLessThanOrEqual(2 * (2 * TOPICS.length + 1));
  } finally {
    looks.mockRestore();
  }
  for (const log of [...logs.allLogs(), copy]) {
    const isOverridden = log.topicPartition.topic === 'topic-7';
    expect(log.config.retentionMs).toBe(isOverridden ? 1234 : TopicConfig.create(config).retentionMs);
  }
});
