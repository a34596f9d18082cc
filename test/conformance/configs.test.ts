import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  BROKER_CONFIGS,
  BROKER_SYNONYMS,
  CLIENT_CONFIGS,
  DYNAMIC_ONLY_BROKER_CONFIGS,
  IP_CONFIGS,
  TOPIC_CONFIGS,
  USER_CONFIGS,
  type ConfigDefinition,
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
