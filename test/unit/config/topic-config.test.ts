import {
  BrokerConfig,
  ConfigError,
  ConfigSource,
  describeBrokerConfig,
  describeBrokerDefaults,
  describeTopicConfig,
  TopicConfig,
  validateTopicConfig,
} from '../../../src/config/index.js';

const broker = (properties: Record<string, string> = {}) =>
  BrokerConfig.parse(new Map(Object.entries({ 'zookeeper.connect': 'localhost:2181', ...properties }))).config;
const overrides = (entries: Record<string, string>) => new Map(Object.entries(entries));

describe('TopicConfig', () => {
  test.each([
    ['9007199254740991', 9007199254740991],
    ['9007199254740992', 9007199254740992n],
    ['9007199254740993', 9007199254740993n],
    ['9223372036854775806', 9223372036854775806n],
  ])('how far times may lie apart is exact: %s', (text, ms) => {
    const limits = new Map([['message.timestamp.before.max.ms', text]]);
    expect(TopicConfig.create(broker({}), limits)).toMatchObject({
      messageTimestampBeforeMaxMs: ms,
      messageTimestampAfterMaxMs: 2n ** 63n - 1n,
    });
  });

  test('takes its defaults from the broker, whatever the unit', () => {
    const config = TopicConfig.create(
      broker({
        'log.roll.hours': '2',
        'log.retention.minutes': '3',
        'log.segment.delete.delay.ms': '4',
        'message.max.bytes': '5',
        'log.flush.scheduler.interval.ms': '6',
        'log.message.timestamp.difference.max.ms': '7',
      }),
    );
    expect(config).toMatchObject({
      segmentMs: 7_200_000,
      retentionMs: 180_000,
      fileDeleteDelayMs: 4,
      maxMessageBytes: 5,
      flushMs: 6,
      messageTimestampBeforeMaxMs: 7,
      messageTimestampAfterMaxMs: 7,
      segmentBytes: 1_073_741_824,
      flushMessages: Number.MAX_SAFE_INTEGER,
      cleanupPolicy: { compact: false, delete: true },
    });
  });

  test('lets the topic win', () => {
    const config = TopicConfig.create(
      broker({ 'log.segment.bytes': '1000' }),
      overrides({ 'segment.bytes': '2000', 'cleanup.policy': 'compact', 'max.compaction.lag.ms': '50' }),
    );
    expect(config.segmentBytes).toBe(2000);
    expect(config.cleanupPolicy).toEqual({ compact: true, delete: false });
    expect(config.maxSegmentMs).toBe(50);
  });

  test('keeps a name nobody knows without effect, for another version may have written it', () => {
    expect(TopicConfig.create(broker(), overrides({ 'future.config': 'x' })).overrides.get('future.config')).toBe('x');
  });

  test.each([
    [{ nonsense: '1' }, 'Unknown topic config name: nonsense'],
    [{ 'retention.ms': '-5' }, 'Invalid value -5 for configuration retention.ms: Value must be at least -1'],
    [{ 'retention.ms': 'x' }, 'Invalid value x for configuration retention.ms: Not a number of type LONG'],
    [
      { 'cleanup.policy': 'foo' },
      'Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete',
    ],
    [
      { 'min.cleanable.dirty.ratio': '1.5' },
      'Invalid value 1.5 for configuration min.cleanable.dirty.ratio: Value must be no more than 1',
    ],
    [
      { 'leader.replication.throttled.replicas': '0:1,x' },
      "Invalid value [0:1, x] for configuration leader.replication.throttled.replicas: leader.replication.throttled.replicas must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...",
    ],
    [
      { 'min.compaction.lag.ms': '10', 'max.compaction.lag.ms': '5' },
      'conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)',
    ],
    [
      { 'remote.storage.enable': 'true' },
      'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.',
    ],
  ])('refuses %j in the words of Kafka', (entries, message) => {
    expect(() => validateTopicConfig(broker(), overrides(entries as Record<string, string>))).toThrow(
      new ConfigError(message),
    );
  });
});

describe('describeTopicConfig', () => {
  const { DYNAMIC_TOPIC_CONFIG, STATIC_BROKER_CONFIG, DEFAULT_CONFIG } = ConfigSource;
  const describeOne = (base: BrokerConfig, name: string, entries: Record<string, string> = {}) =>
    describeTopicConfig(base, TopicConfig.create(base, overrides(entries)), new Set([name]))[0];

  test('lists where a value comes from, nearest first', () => {
    const base = broker({ 'log.segment.bytes': '1000' });
    expect(describeOne(base, 'segment.bytes', { 'segment.bytes': '2000' })).toEqual({
      name: 'segment.bytes',
      value: '2000',
      configSource: DYNAMIC_TOPIC_CONFIG,
      isSensitive: false,
      readOnly: false,
      configType: 3,
      synonyms: [
        { name: 'segment.bytes', value: '2000', source: DYNAMIC_TOPIC_CONFIG },
        { name: 'log.segment.bytes', value: '1000', source: STATIC_BROKER_CONFIG },
        { name: 'log.segment.bytes', value: '1073741824', source: DEFAULT_CONFIG },
      ],
    });
  });

  test('leaves out a default that only a synonym of another unit gives, as Kafka does', () => {
    expect(describeOne(broker(), 'retention.ms')).toMatchObject({
      value: '604800000',
      configSource: DEFAULT_CONFIG,
      synonyms: [],
    });
  });

  test('shows longs and doubles as Java writes them', () => {
    expect(describeOne(broker(), 'flush.messages')!.value).toBe('9223372036854775807');
    expect(describeOne(broker(), 'min.cleanable.dirty.ratio', { 'min.cleanable.dirty.ratio': '1' })!.value).toBe('1.0');
  });

  test('describes every topic configuration when none is named', () => {
    const base = broker();
    expect(describeTopicConfig(base, TopicConfig.create(base))).toHaveLength(31);
  });
});

describe('describeBrokerConfig', () => {
  const base = broker({ 'ssl.key.password': 'secret', 'someones.own': 'x', 'log.cleaner.threads': '2' }).withDynamic(
    new Map([['log.cleaner.threads', '3']]),
    new Map(),
  );
  const describeOne = (name: string) => describeBrokerConfig(base, new Set([name]))[0];

  test('never shows a secret, nor what it does not know', () => {
    expect(describeOne('ssl.key.password')).toMatchObject({ value: null, isSensitive: true });
    expect(describeOne('ssl.key.password')!.synonyms).toEqual([
      { name: 'ssl.key.password', value: null, source: ConfigSource.STATIC_BROKER_CONFIG },
    ]);
    expect(describeOne('someones.own')).toMatchObject({ value: null, isSensitive: true, configType: 0 });
  });

  test('says what can change while the broker runs', () => {
    expect(describeOne('log.cleaner.threads')).toMatchObject({
      value: '3',
      readOnly: false,
      configSource: ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG,
    });
    expect(describeOne('num.partitions')).toMatchObject({ value: '1', readOnly: true });
    expect(describeBrokerDefaults(base).map(({ name }) => name)).toEqual(['log.cleaner.threads']);
  });

  test('hides internal configurations unless they are set', () => {
    expect(describeOne('group.coordinator.threads')).toBeUndefined();
    expect(
      describeBrokerConfig(broker({ 'group.coordinator.threads': '2' }), new Set(['group.coordinator.threads'])),
    ).toHaveLength(1);
  });
});
