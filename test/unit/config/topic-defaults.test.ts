/** What topics inherit from their broker: a value that no topic can have is none for a broker either. */
import { applyDynamicConfig, BrokerConfig, ConfigError, TOPIC_CONFIGS } from '../../../src/config/index.js';
import { validateDynamicConfig } from '../../../src/config/dynamic-broker-config.js';
import { BROKER_SYNONYMS } from '../../../src/config/definitions/topic.js';
import { whyInvalidTopicValue, type TopicConfigName } from '../../../src/config/topic-config.js';
import { valueToText } from '../../../src/config/value.js';

const broker = (properties: Record<string, string> = {}): BrokerConfig =>
  BrokerConfig.parse(new Map(Object.entries({ 'zookeeper.connect': 'localhost:2181', ...properties }))).config;
const PROBES = [
  '-2',
  '-1',
  '0',
  '1',
  '2',
  '2147483647',
  '9223372036854775807',
  '-9223372036854775808',
  '1.5',
  'none',
  '',
];
const NEVER = { 'log.flush.interval.ms': '-1' };
const SENTENCE = 'Invalid value -1 for configuration flush.ms: Value must be at least 0';

const synonyms = Object.entries(BROKER_SYNONYMS).flatMap(([topicName, names]) =>
  names.map(({ name }) => ({ name, topicName: topicName as TopicConfigName })),
);

test.each(synonyms)('what a broker takes for $name a topic can have', ({ name, topicName }) => {
  const { type } = TOPIC_CONFIGS[topicName];
  let taken = 0;
  for (const text of PROBES) {
    try {
      const value = broker({ [name]: text }).topicDefaults.exactValue(topicName);
      taken++;
      expect(whyInvalidTopicValue(topicName, valueToText(value, type)!)).toBeNull();
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
    }
  }
  if (type === 'int' || type === 'long') expect(taken).toBeGreaterThan(0);
});

test.each(['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'])('%s=-1 is refused in the file', (name) => {
  expect(() => broker({ [name]: '-1' })).toThrow(SENTENCE);
});

test('is refused as a change', () => {
  const texts = new Map(Object.entries(NEVER));
  for (const scope of ['cluster-wide', 'per-broker'] as const) {
    expect(() => validateDynamicConfig(broker(), texts, scope)).toThrow(SENTENCE);
  }
});

test('where it stands in ZooKeeper it alone has no effect', () => {
  const defaults = new Map(Object.entries({ ...NEVER, 'message.max.bytes': '5000' }));
  const { config, ignored } = applyDynamicConfig(broker(), { defaults, own: new Map() });
  expect(ignored.flatMap(({ names }) => names)).toEqual(['log.flush.interval.ms']);
  expect(config.topicDefaults).toMatchObject({ maxMessageBytes: 5000, flushMs: Number.MAX_SAFE_INTEGER });
});
