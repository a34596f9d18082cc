import { silentLogger, type LogFields, type Logger } from '../../../src/common/index.js';
import { BrokerConfig, TopicConfig } from '../../../src/config/index.js';
import type { LogManager } from '../../../src/log/index.js';
import { ConfigChanges, withDynamicConfig, type ConfigTargets } from '../../../src/server/config-changes.js';
import { TopicConfigs } from '../../../src/server/topic-configs.js';
import type { ZkStores } from '../../../src/zookeeper/index.js';
import { writeConfig } from '../../support/write-config.js';
import { newWorld, startManager } from '../log/log-fixture.js';
import { SimulatedZooKeeper } from '../zookeeper/support/simulated-zookeeper.js';

const CONFIG = BrokerConfig.parse(
  new Map([
    ['zookeeper.connect', 'zk:2181'],
    ['broker.id', '1'],
  ]),
).config;

type Values = Readonly<Record<string, string>>;

function recordingLogger() {
  const lines: { message: string; fields: LogFields }[] = [];
  const note = (message: string, fields: LogFields = {}): void => void lines.push({ message, fields });
  return { lines, logger: { ...silentLogger, error: note, info: note } satisfies Logger };
}

/** Broker 1 with what stands in a ZooKeeper that tests write to, and what its parts were told. */
async function brokerOne(setUp: Partial<ConfigTargets> = {}) {
  const zooKeeper = new SimulatedZooKeeper();
  const { zk, stores, network } = await zooKeeper.client();
  await zooKeeper.run(stores.cluster.createTopLevelPaths());
  const { lines, logger } = recordingLogger();
  const topicConfigs = new TopicConfigs(CONFIG, stores.configs, logger);
  const told: string[] = [];
  const tell =
    (what: string) =>
    (name?: unknown): void =>
      void told.push(typeof name === 'string' ? `${what} ${name}` : what);
  let config = CONFIG;
  const targets = {
    brokerId: 1,
    stores,
    topicConfigs,
    logs: {
      updateTopicConfig: tell('logs of'),
      reconfigureDefaultLogConfig: tell('default of logs'),
      updateTopicConfigs: () => Promise.resolve(tell('all logs')()),
      reconfigureProducerState: (state: { producerIdExpirationMs: number }) =>
        told.push(`producers ${state.producerIdExpirationMs}`),
    },
    replicas: { updateConfig: tell('replicas') },
    controller: { updateConfig: tell('controller'), enableTopicUncleanLeaderElection: tell('unclean') },
    updateListeners: () => Promise.resolve(),
    clock: zooKeeper.clock,
    logger,
    config: () => config,
    setConfig: (next: BrokerConfig) => void (config = next),
    ...setUp,
  };
  const changes = new ConfigChanges(targets as unknown as ConfigTargets);
  const write = async (path: string, values: Values, { notify = true } = {}): Promise<void> => {
    const [type, name] = path.split('/') as ['topics' | 'brokers', string];
    if (notify) await zooKeeper.run(stores.configs.changeConfig(type, name, new Map(Object.entries(values))));
    else await zooKeeper.run(writeConfig(zk, type, name, values));
    await zooKeeper.clock.advance(100);
  };
  return { zooKeeper, zk, network, changes, write, told, lines, topicConfigs, now: () => config };
}

describe('a change whose notification is gone', () => {
  test('is read when the broker begins to listen: of topics that have replicas here, and of the broker', async () => {
    const { zooKeeper, changes, write, told, topicConfigs, now } = await brokerOne();
    await write('topics/orders', { 'retention.ms': '3600000' }, { notify: false });
    await zooKeeper.run(topicConfigs.loadAtStart(['orders', 'bills']));
    // Meanwhile the logs recover, for longer than notifications live.
    await write('topics/orders', { 'retention.ms': '-1' }, { notify: false });
    await write('brokers/<default>', { 'log.retention.ms': '60000' }, { notify: false });
    await zooKeeper.run(changes.start());
    expect(topicConfigs.configOf('orders').retentionMs).toBe(-1);
    expect(topicConfigs.configOf('bills').retentionMs).toBe(60_000);
    expect(now().logRetentionMs).toBe(60_000);
    expect(told).toEqual([
      'logs of orders',
      'producers 86400000',
      'replicas',
      'controller',
      'default of logs',
      'all logs',
    ]);
    await zooKeeper.run(changes.close());
  });

  test('is read after the session was lost', async () => {
    const { zooKeeper, zk, network, changes, write, topicConfigs } = await brokerOne();
    const other = await zooKeeper.client();
    await zooKeeper.run(topicConfigs.loadAtStart(['orders']));
    await zooKeeper.run(changes.start());
    network.isCut = true;
    network.resetAll();
    zooKeeper.server.expireSession(zk.sessionId);
    await zooKeeper.run(writeConfig(other.zk, 'topics', 'orders', { 'retention.ms': '-1' }));
    network.isCut = false;
    await zooKeeper.clock.advance(10_000);
    expect(topicConfigs.configOf('orders').retentionMs).toBe(-1);
    await write('topics/orders', {});
    expect(topicConfigs.configOf('orders').retentionMs).toBe(604_800_000);
    await zooKeeper.run(changes.close());
  });
});

describe('a change costs what it touches', () => {
  test('nothing, when what stands in ZooKeeper is what is in force', async () => {
    const { zooKeeper, changes, write, told, topicConfigs } = await brokerOne();
    await write('topics/orders', { 'retention.ms': '1000' }, { notify: false });
    await zooKeeper.run(topicConfigs.loadAtStart(['orders']));
    await zooKeeper.run(changes.start());
    await write('brokers/1', {});
    expect(told).toEqual([]);
    await zooKeeper.run(changes.close());
  });

  test('no log, when topics inherit nothing of it', async () => {
    const { zooKeeper, changes, write, told, now } = await brokerOne();
    await zooKeeper.run(changes.start());
    await write('brokers/1', { 'max.connections': '7', 'producer.id.expiration.ms': '5' });
    expect(now().network.connections.maxConnections).toBe(7);
    expect(told).toEqual(['producers 5', 'replicas', 'controller']);
    await zooKeeper.run(changes.close());
  });

  test('a look at the listeners, when it names other ones, and when it is none: one may not be bound yet', async () => {
    const listening: unknown[] = [];
    const { zooKeeper, changes, write, now } = await brokerOne({
      updateListeners: () => Promise.resolve(void listening.push(now().get('advertised.listeners'))),
    });
    await zooKeeper.run(changes.start());
    await write('brokers/1', { 'advertised.listeners': 'PLAINTEXT://elsewhere:9092' });
    expect(listening).toEqual([null, 'PLAINTEXT://elsewhere:9092']);
    await write('brokers/1', { 'advertised.listeners': 'PLAINTEXT://elsewhere:9092' });
    expect(listening).toHaveLength(3);
    await zooKeeper.run(changes.close());
  });

  test('one pass over the logs, when it is what topics inherit', async () => {
    const world = newWorld();
    for (const dir of ['/a', '/b']) world.fs.makeDir(dir);
    const logs: LogManager = await startManager(world, { logDirs: ['/a', '/b'] });
    const topics = Array.from({ length: 30 }, (_, at) => `topic-${at}`);
    for (const topic of topics) {
      for (const partition of [0, 1]) logs.getOrCreateLog({ topic, partition }, { isNew: true });
    }
    const copy = logs.getOrCreateLog({ topic: 'topic-7', partition: 0 }, { isNew: true, isFuture: true });
    const { zooKeeper, changes, write, topicConfigs } = await brokerOne({ logs });
    await write('topics/topic-7', { 'retention.ms': '1234' }, { notify: false });
    await zooKeeper.run(topicConfigs.loadAtStart(topics));
    await zooKeeper.run(changes.start());
    let passed = 0;
    const { topicPartition } = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(copy) as object);
    const looks = jest.spyOn(Object.getPrototypeOf(copy) as { topicPartition: unknown }, 'topicPartition', 'get');
    looks.mockImplementation(function (this: object): unknown {
      passed++;
      return topicPartition!.get!.call(this);
    });
    try {
      await write('brokers/1', { 'log.retention.ms': '777', 'log.segment.bytes': '5000' });
      await world.clock.advance(100);
      expect(passed).toBeLessThanOrEqual(2 * topics.length + 1);
      // A crowd of changed topics does not pass over all logs each.
      passed = 0;
      for (const topic of topics.slice(10)) await write(`topics/${topic}`, { 'retention.ms': '99' });
      expect(passed).toBeLessThanOrEqual(2 * (2 * topics.length + 1));
    } finally {
      looks.mockRestore();
    }
    for (const log of [...logs.allLogs(), copy]) {
      const number = Number(log.topicPartition.topic.slice('topic-'.length));
      expect(log.config.retentionMs).toBe(number === 7 ? 1234 : number >= 10 ? 99 : 777);
      expect(log.config.segmentBytes).toBe(5000);
    }
    await zooKeeper.run(changes.close());
  });
});

describe('what stands in ZooKeeper for brokers', () => {
  const under = (defaults: Values, own: Values = {}, logger: Logger = silentLogger): Promise<BrokerConfig> => {
    const config = (_type: string, name: string): Promise<Map<string, string>> =>
      Promise.resolve(new Map(Object.entries(name === '1' ? own : defaults)));
    return withDynamicConfig(CONFIG, 1, { configs: { config } } as unknown as ZkStores, logger);
  };

  test('has no effect where it may not stand, and the log names it without its value', async () => {
    const { lines, logger } = recordingLogger();
    const config = await under(
      { 'num.partitions': '7', 'advertised.listeners': 'PLAINTEXT://elsewhere:1', 'log.retention.ms': '60000' },
      { 'zookeeper.session.timeout.ms': '1000', 'ssl.keystore.password': 'hunter2', 'log.segment.bytes': '5000' },
      logger,
    );
    expect(config.get('num.partitions')).toBe(1);
    expect(config.get('advertised.listeners')).toBeNull();
    expect(config.get('zookeeper.session.timeout.ms')).toBe(18_000);
    expect(config.get('ssl.keystore.password')).toBeNull();
    expect([config.logRetentionMs, config.get('log.segment.bytes')]).toEqual([60_000, 5000]);
    expect(lines.map(({ message, fields }) => [message, fields['configs']])).toEqual([
      ['Non-dynamic configs configured in ZooKeeper will be ignored', ['num.partitions']],
      ['Per-broker configs defined at default cluster level will be ignored', ['advertised.listeners']],
      ['Non-dynamic configs configured in ZooKeeper will be ignored', ['zookeeper.session.timeout.ms']],
      [
        'Security configs can be dynamically updated only using listener prefix, base configs will be ignored',
        ['ssl.keystore.password'],
      ],
    ]);
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });

  test.each<[string, Values, string]>([
    ['does not parse', { 'log.cleaner.threads': 'two' }, 'log.cleaner.threads'],
    [
      'does not parse for a listener',
      { 'listener.name.plaintext.max.connections': 'x' },
      'listener.name.plaintext.max.connections',
    ],
    ['contradicts another one', { 'max.connections.per.ip': '0' }, 'max.connections.per.ip'],
    ['names a listener that is not there', { 'advertised.listeners': 'OTHER://a:1' }, 'advertised.listeners'],
  ])('costs that one value when it %s', async (_title, bad, name) => {
    const { lines, logger } = recordingLogger();
    const config = await under({ 'log.retention.ms': '60000' }, { ...bad, 'log.segment.bytes': '5000' }, logger);
    expect([config.logRetentionMs, config.get('log.segment.bytes')]).toEqual([60_000, 5000]);
    expect(config.dynamicBrokerTexts.has(name)).toBe(false);
    expect(lines.map(({ fields }) => fields['configs'])).toEqual([[name]]);
  });

  test('counts in its order: the broker before all brokers before the file', async () => {
    const config = await under({ 'log.retention.ms': '2', 'log.segment.bytes': '5000' }, { 'log.retention.ms': '3' });
    expect([config.logRetentionMs, config.get('log.segment.bytes')]).toEqual([3, 5000]);
  });

  test('changes threads by half or the double at most while the broker runs, as Kafka, and all else with them', async () => {
    const { zooKeeper, changes, write, now } = await brokerOne();
    await zooKeeper.run(changes.start());
    await write('brokers/1', { 'num.io.threads': '17', 'log.retention.ms': '5' });
    expect([now().get('num.io.threads'), now().logRetentionMs]).toEqual([8, 5]);
    await write('brokers/1', { 'num.io.threads': '16', 'log.retention.ms': '5' });
    expect(now().get('num.io.threads')).toBe(16);
    await write('brokers/1', { 'num.io.threads': '32', 'log.retention.ms': '5' });
    // Gone, it would be less than half: it stays, and costs nothing else.
    await write('brokers/<default>', { 'log.segment.bytes': '5000', 'background.threads': '500' });
    await write('brokers/1', { 'log.retention.ms': '6' });
    expect([now().get('num.io.threads'), now().get('background.threads')]).toEqual([32, 10]);
    expect([now().logRetentionMs, now().get('log.segment.bytes')]).toEqual([6, 5000]);
    await zooKeeper.run(changes.close());
  });

  test('is let alone by a node that cannot be read', async () => {
    const { zooKeeper, zk, changes, write, now, topicConfigs } = await brokerOne();
    await write('brokers/1', { 'log.retention.ms': '5' });
    await zooKeeper.run(topicConfigs.loadAtStart(['orders']));
    await zooKeeper.run(changes.start());
    await zooKeeper.run(zk.set('/config/brokers/1', Buffer.from('malformed'), -1));
    await write('brokers/<default>', { 'log.segment.bytes': '5000' });
    expect([now().logRetentionMs, now().get('log.segment.bytes')]).toEqual([5, 5000]);
    await zooKeeper.run(changes.close());
  });
});

test('an unknown value in a topic is not shown in the log', async () => {
  const { zooKeeper, changes, write, lines, topicConfigs } = await brokerOne();
  await zooKeeper.run(topicConfigs.loadAtStart(['orders']));
  await zooKeeper.run(changes.start());
  await write('topics/orders', { 'retention.ms': '5', 'connector.password': 'hunter2' });
  const { fields } = lines.find(({ message }) => message === 'Processing a changed topic configuration')!;
  expect(fields['overrides']).toEqual({ 'retention.ms': '5', 'connector.password': '[hidden]' });
  expect(topicConfigs.configOf('orders')).toBeInstanceOf(TopicConfig);
  await zooKeeper.run(changes.close());
});

test.each([
  ['true', ['unclean orders']],
  ['TRUE', ['unclean orders']],
  ['False', []],
])(
  'the controller hears of a topic that allows unclean elections, as whoever wrote it spells it: %s',
  async (text, heard) => {
    const { zooKeeper, changes, write, told } = await brokerOne();
    await zooKeeper.run(changes.start());
    await write('topics/orders', { 'unclean.leader.election.enable': text });
    expect(told.filter((line) => line.startsWith('unclean'))).toEqual(heard);
    await zooKeeper.run(changes.close());
  },
);
