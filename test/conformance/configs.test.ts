import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  BROKER_CONFIGS,
  BROKER_SYNONYMS,
  BrokerConfig,
  CLIENT_CONFIGS,
  ConfigSource,
  describeBrokerConfig,
  describeBrokerDefaults,
  describeTopicConfig,
  DYNAMIC_ONLY_BROKER_CONFIGS,
  IP_CONFIGS,
  TOPIC_CONFIGS,
  TopicConfig,
  USER_CONFIGS,
  type ConfigDefinition,
  type ConfigDescription,
} from '../../src/config/index.js';

interface Golden {
  name: string;
  type: string;
  default: unknown;
  importance: string;
  updateMode?: string;
  range?: { min: number | null; max: number | null };
  validValues?: string[];
  validItems?: string[];
  validator?: string;
  nonEmpty?: boolean;
  internal?: boolean;
  synonyms?: string[];
  serverDefault?: string | null;
  brokerSynonyms?: { name: string; convert?: string }[];
}

const golden = JSON.parse(
  readFileSync(path.join(__dirname, '..', '.fixtures', 'protocol', 'configs.json'), 'utf8'),
) as Record<string, Golden[]>;

const TABLES: Record<string, Readonly<Record<string, ConfigDefinition>>> = {
  broker: BROKER_CONFIGS,
  brokerDynamicOnly: DYNAMIC_ONLY_BROKER_CONFIGS,
  topic: TOPIC_CONFIGS,
  user: USER_CONFIGS,
  client: CLIENT_CONFIGS,
  ip: IP_CONFIGS,
};

/** A definition of ours in the form of the golden data. */
function asGolden(kind: string, name: string, definition: ConfigDefinition): Golden {
  const { min, max } = definition;
  const value = definition.default;
  const plain =
    typeof value !== 'bigint' ? value : Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  const synonyms = kind === 'topic' ? BROKER_SYNONYMS[name as keyof typeof TOPIC_CONFIGS] : undefined;
  return {
    name,
    type: definition.type,
    default: plain,
    importance: definition.importance,
    ...(kind === 'broker' && { updateMode: definition.updateMode }),
    ...((min !== undefined || max !== undefined) && { range: { min: min ?? null, max: max ?? null } }),
    ...(definition.validValues && { validValues: [...definition.validValues] }),
    ...(definition.validItems && { validItems: [...definition.validItems] }),
    ...(definition.validator && { validator: definition.validator.description }),
    ...(definition.nonEmpty && { nonEmpty: true }),
    ...(definition.internal && { internal: true }),
    ...(definition.synonyms && { synonyms: [...definition.synonyms] }),
    ...(kind === 'topic' && { serverDefault: synonyms?.[0]?.name ?? null }),
    ...(synonyms && {
      brokerSynonyms: synonyms.map((synonym) => ({
        name: synonym.name,
        ...(synonym.unit && { convert: `${synonym.unit}ToMs` }),
      })),
    }),
  };
}

describe.each(Object.keys(TABLES))('%s configurations', (kind) => {
  const table = TABLES[kind]!;

  test('are the ones that Kafka 3.6.1 has', () => {
    expect(Object.keys(table).sort()).toEqual(golden[kind]!.map(({ name }) => name).sort());
  });

  test.each(golden[kind]!.map((entry) => [entry.name, entry] as const))('%s is defined as in Kafka', (name, entry) => {
    expect(asGolden(kind, name, table[name]!)).toEqual(entry);
  });
});

test('every kind of configuration is compared', () => {
  expect(Object.keys(golden).sort()).toEqual(Object.keys(TABLES).sort());
});

describe('DescribeConfigs', () => {
  interface Recorded {
    name: string;
    stdout: string;
  }
  const recordings = JSON.parse(
    readFileSync(path.join(__dirname, '..', '.fixtures', 'reference', 'tools', 'configs.json'), 'utf8'),
  ) as Recorded[];
  const linesOf = (name: string) =>
    recordings
      .find((it) => it.name === name)!
      .stdout.trimEnd()
      .split('\n')
      .slice(1);
  const SOURCES = Object.fromEntries(Object.entries(ConfigSource).map(([name, id]) => [id, name]));
  /** As kafka-configs.sh prints an entry. */
  const print = ({ name, value, isSensitive, synonyms }: ConfigDescription) =>
    `  ${name}=${value} sensitive=${isSensitive} synonyms={${synonyms
      .map((it) => `${SOURCES[it.source]}:${it.name}=${it.value}`)
      .join(', ')}}`;
  /** What stood in the file of the recorded broker. */
  const statics = new Map(
    linesOf('describe broker --all').flatMap((line) => {
      const match = /STATIC_BROKER_CONFIG:([^=]+)=([^}]*?)(?:, DEFAULT_CONFIG.*)?\}$/.exec(line);
      return match ? [[match[1]!, match[2]!] as const] : [];
    }),
  );
  const { config } = BrokerConfig.parse(statics);

  test('describes a broker as Kafka does, entry by entry', () => {
    expect(describeBrokerConfig(config).map(print)).toEqual(linesOf('describe broker --all'));
  });

  test('describes a topic as Kafka does, entry by entry', () => {
    const overrides = new Map(
      linesOf('describe topic').map((line) => /^ {2}([^=]+)=(.*) sensitive=/.exec(line)!.slice(1) as [string, string]),
    );
    const topic = TopicConfig.create(config, overrides);
    expect(describeTopicConfig(config, topic).map(print)).toEqual(linesOf('describe topic --all'));
  });

  test('describes dynamic values of a broker as Kafka does', () => {
    const dynamic = config.withDynamic(
      new Map([['max.connections.per.ip', '500']]),
      new Map([
        ['log.cleaner.threads', '2'],
        ['log.retention.ms', '77777777'],
      ]),
    );
    const own = describeBrokerConfig(dynamic).filter(
      ({ configSource }) => configSource === ConfigSource.DYNAMIC_BROKER_CONFIG,
    );
    expect(own.map(print)).toEqual(linesOf('describe broker after'));
    expect(describeBrokerDefaults(dynamic).map(print)).toEqual(linesOf('describe broker default'));
  });
});
