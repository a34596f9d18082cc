import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import {
  BROKER_CONFIGS,
  BROKER_SYNONYMS,
  BrokerConfig,
  noEffectNotes,
  OTTLA_CONFIGS,
  reasonOfNoEffect,
  reasonOfNoTopicEffect,
  TOPIC_CONFIGS,
  type TopicConfigName,
} from '../../../src/config/index.js';

const source = path.join(__dirname, '../../../src');
/** These name configurations without giving them an effect. */
const MERE_MENTIONS = [
  'config/broker-validation.ts',
  'config/config-names.ts',
  'config/reconfiguration.ts',
  'config/no-effect.ts',
  'config/definitions/',
];
const code = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !MERE_MENTIONS.some((mention) => file.startsWith(mention)))
  .map((file) => readFileSync(path.join(source, file), 'utf8'))
  .join('\n');

const topicNames = Object.keys(TOPIC_CONFIGS) as TopicConfigName[];
/** Broker configurations that take effect as the default of a topic's. */
const defaultsOfTopics: ReadonlySet<string> = new Set(
  topicNames
    .filter((name) => reasonOfNoTopicEffect(name) === null)
    .flatMap((name) => BROKER_SYNONYMS[name]?.map((synonym) => synonym.name) ?? []),
);
const isRead = (name: string) => code.includes(`'${name}'`) || defaultsOfTopics.has(name);

test.each(Object.keys({ ...BROKER_CONFIGS, ...OTTLA_CONFIGS }))(
  '%s is read by some code, or said to have no effect',
  (name) => {
    expect({ name, isRead: isRead(name) || reasonOfNoEffect(name) !== null }).toEqual({ name, isRead: true });
  },
);

test('what is said to have no effect is read by no code', () => {
  const names = Object.keys(BROKER_CONFIGS).filter((name) => reasonOfNoEffect(name) !== null);
  // Checked at the start and never looked at again.
  const checkedOnly = ['process.roles', 'controller.listener.names'];
  expect(names.filter((name) => isRead(name) && !checkedOnly.includes(name))).toEqual([]);
});

test('names what is set and has no effect, and nothing else', () => {
  const { config } = BrokerConfig.parse(
    new Map([
      ['zookeeper.connect', 'localhost'],
      ['num.network.threads', '3'],
      ['log.segment.bytes', '1000'],
      ['ssl.keystore.type', 'PEM'],
    ]),
  );
  expect(noEffectNotes(config)).toEqual([
    {
      name: 'num.network.threads',
      sentence: 'This configuration has no effect: one thread does the work of all of them',
    },
    { name: 'ssl.keystore.type', sentence: 'This configuration has no effect: listeners do not speak TLS yet' },
  ]);
});
