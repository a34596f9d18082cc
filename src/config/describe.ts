import type { BrokerConfig } from './broker-config.js';
import { definitionBehind, definitionOf, isSensitive as isSensitiveName, synonymsOf } from './config-names.js';
import { BROKER_CONFIGS } from './definitions/broker.js';
import { DYNAMIC_ONLY_BROKER_CONFIGS } from './definitions/entities.js';
import { BROKER_SYNONYMS, TOPIC_CONFIGS } from './definitions/topic.js';
import type { ConfigDefinition } from './definition.js';
import { topicDefinitionOf, type TopicConfig, type TopicConfigName } from './topic-config.js';
import { valueToText } from './value.js';

/** Where a value comes from, as DescribeConfigs numbers it (`DescribeConfigsResponse.ConfigSource`). */
export const ConfigSource = {
  UNKNOWN: 0,
  DYNAMIC_TOPIC_CONFIG: 1,
  DYNAMIC_BROKER_CONFIG: 2,
  DYNAMIC_DEFAULT_BROKER_CONFIG: 3,
  STATIC_BROKER_CONFIG: 4,
  DEFAULT_CONFIG: 5,
  DYNAMIC_BROKER_LOGGER_CONFIG: 6,
} as const;

/** The types as DescribeConfigs numbers them (`DescribeConfigsResponse.ConfigType`). */
const TYPE_IDS = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  class: 8,
  password: 9,
} as const;
const UNKNOWN_TYPE_ID = 0;

export interface ConfigSynonym {
  readonly name: string;
  readonly value: string | null;
  readonly source: number;
}

/** One entry of a DescribeConfigs answer. Secrets, and what nobody knows, have a null value. */
export interface ConfigDescription {
  readonly name: string;
  readonly value: string | null;
  readonly configSource: number;
  readonly isSensitive: boolean;
  readonly readOnly: boolean;
  /** Every place that gives a value, the one that counts first. */
  readonly synonyms: readonly ConfigSynonym[];
  readonly configType: number;
}

/** Describes a topic's configurations, all of them or those in `names` (`ConfigHelper.createTopicConfigEntry`). */
export function describeTopicConfig(
  broker: BrokerConfig,
  topic: TopicConfig,
  names: ReadonlySet<string> | null = null,
): ConfigDescription[] {
  const all = new Set([...Object.keys(TOPIC_CONFIGS), ...topic.overrides.keys()]);
  return selected(all, names).map((name) => {
    const definition = topicDefinitionOf(name);
    const isSensitive = isSecret(definition);
    const value = isSensitive ? null : valueToText(topic.exactValue(name), definition?.type);
    const serverName = BROKER_SYNONYMS[name as TopicConfigName]?.[0]?.name;
    const fromBroker = serverName === undefined ? [] : brokerSynonyms(broker, serverName, isSensitive);
    const synonyms = topic.overrides.has(name)
      ? [{ name, value, source: ConfigSource.DYNAMIC_TOPIC_CONFIG }, ...fromBroker]
      : fromBroker;
    return describe(name, value, definition, synonyms, false);
  });
}

/** Describes this broker's configurations, all that are not internal or those in `names`. */
export function describeBrokerConfig(
  broker: BrokerConfig,
  names: ReadonlySet<string> | null = null,
): ConfigDescription[] {
  const definitions: Readonly<Record<string, ConfigDefinition>> = BROKER_CONFIGS;
  const all = new Set(Object.keys(definitions).filter((name) => !definitions[name]!.internal));
  for (const name of broker.texts.keys()) all.add(name);
  return selected(all, names).map((name) => {
    const isSensitive = isSensitiveName(name);
    const value = isSensitive ? null : broker.text(name);
    return describe(name, value, definitionBehind(name), brokerSynonyms(broker, name, isSensitive), isReadOnly(name));
  });
}

/** Describes the dynamic defaults of all brokers: what is asked for with an empty broker id. */
export function describeBrokerDefaults(
  broker: BrokerConfig,
  names: ReadonlySet<string> | null = null,
): ConfigDescription[] {
  return selected(broker.dynamicDefaultTexts.keys(), names).map((name) => {
    const isSensitive = isSensitiveName(name);
    const value = isSensitive ? null : broker.dynamicDefaultTexts.get(name)!;
    const synonyms = brokerSynonyms(broker, name, isSensitive).filter(
      ({ source }) => source === ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG,
    );
    return describe(name, value, definitionBehind(name), synonyms, isReadOnly(name));
  });
}

/** Kafka says so of names with a listener's prefix, of the throttles and of what it does not know, though they can change. */
function isReadOnly(name: string): boolean {
  return (definitionOf(name)?.updateMode ?? 'read-only') === 'read-only';
}

function selected(all: Iterable<string>, names: ReadonlySet<string> | null): string[] {
  const sorted = [...all].sort();
  return names === null || names.size === 0 ? sorted : sorted.filter((name) => names.has(name));
}

/** What Kafka does not know it hides, for it might be somebody's password. */
function isSecret(definition: ConfigDefinition | undefined): boolean {
  return definition === undefined || definition.type === 'password';
}

function describe(
  name: string,
  value: string | null,
  definition: ConfigDefinition | undefined,
  synonyms: readonly ConfigSynonym[],
  readOnly: boolean,
): ConfigDescription {
  return {
    name,
    value,
    configSource: synonyms[0]?.source ?? ConfigSource.DEFAULT_CONFIG,
    isSensitive: isSecret(definition),
    readOnly,
    synonyms,
    configType: definition === undefined ? UNKNOWN_TYPE_ID : TYPE_IDS[definition.type],
  };
}

/**
 * Every value that `name` or one of its synonyms has, by place. Kafka then drops what comes before the first entry of the name itself,
 * so a default that only a synonym gives (`log.retention.hours`) does not show for `log.retention.ms`.
 */
function brokerSynonyms(broker: BrokerConfig, name: string, isSensitive: boolean): ConfigSynonym[] {
  const names = synonymsOf(name);
  const found: ConfigSynonym[] = [];
  const add = (textOf: (synonym: string) => string | null | undefined, source: number): void => {
    for (const synonym of names) {
      const text = textOf(synonym);
      if (text !== null && text !== undefined) {
        found.push({ name: synonym, value: isSensitive ? null : text, source });
      }
    }
  };
  add((synonym) => broker.dynamicBrokerTexts.get(synonym), ConfigSource.DYNAMIC_BROKER_CONFIG);
  add((synonym) => broker.dynamicDefaultTexts.get(synonym), ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG);
  add((synonym) => broker.staticTexts.get(synonym), ConfigSource.STATIC_BROKER_CONFIG);
  add((synonym) => defaultText(synonym), ConfigSource.DEFAULT_CONFIG);
  const first = found.findIndex((synonym) => synonym.name === name);
  return first < 0 ? [] : found.slice(first);
}

/** Null for what can only be dynamic: Kafka's defaults are those of `KafkaConfig`. */
function defaultText(name: string): string | null {
  const definition = Object.hasOwn(DYNAMIC_ONLY_BROKER_CONFIGS, name) ? undefined : definitionOf(name);
  return definition === undefined ? null : valueToText(definition.default, definition.type);
}
