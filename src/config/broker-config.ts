import { validateBeforeListeners, validateListenersAndLater, validateMode } from './broker-validation.js';
import { isProviderName, type VariableResolver } from './config-providers.js';
import {
  BROKER_TABLE,
  baseNameOf,
  definitionBehind,
  definitionOf,
  isKnownName,
  splitListenerName,
  unitSynonymsOf,
} from './config-names.js';
import type { ConfigDefinition, ConfigValue, ValuesOf } from './definition.js';
import type { ListenerEndPoint, ListenerSecurityProtocol, SecurityProtocolMap } from './listeners.js';
import { compareMetadataVersions, resolveMetadataVersion } from './metadata-version.js';
import { groupsConfigOf, type GroupsConfig } from './parts/groups.js';
import { logDefaultsOf, type LogDefaults } from './parts/log.js';
import { networkConfigOf, type NetworkConfig } from './parts/network.js';
import { replicationConfigOf, type ReplicationConfig } from './parts/replication.js';
import { zooKeeperConfigOf, type ZooKeeperConfig, type ZooKeeperConnect } from './parts/zookeeper.js';
import { TopicConfig } from './topic-config.js';
import { checkValue, ConfigError, parseValue, valueToText } from './value.js';

/** The names that `BrokerConfig.get` knows. */
export type BrokerConfigName = keyof typeof BROKER_TABLE;
export type BrokerConfigValues = ValuesOf<typeof BROKER_TABLE>;

export interface ParsedBrokerConfig {
  readonly config: BrokerConfig;
  /** One sentence for each name that is not known, and each variable that stays as it is written. */
  readonly warnings: readonly string[];
}

/** Names and their values as text. */
export type Texts = ReadonlyMap<string, string>;

/** What the parts of a configuration are made from. */
export interface ConfigReader {
  get<K extends BrokerConfigName>(name: K): BrokerConfigValues[K];
  getForListener<K extends BrokerConfigName>(listener: string, name: K, mechanism?: string): BrokerConfigValues[K];
  isSet(name: string): boolean;
}

/** The places that a configuration comes from, the weakest first. */
interface Sources {
  /** As written in the file, variables resolved, with `broker.id` and `node.id` standing in for each other. */
  readonly static: Texts;
  /** Of all brokers, from `/config/brokers/<default>`. */
  readonly dynamicDefault: Texts;
  /** Of this broker, from `/config/brokers/ID`. */
  readonly dynamicBroker: Texts;
}

/**
 * The configuration of a broker: what `server.properties` and `--override` say over the defaults, and dynamic values over them, parsed and
 * checked once (`KafkaConfig`). It never changes; a dynamic change makes another one (`withDynamic`), which is whole before anyone gets it.
 */
export class BrokerConfig implements ConfigReader {
  readonly network: NetworkConfig;
  readonly zooKeeper: ZooKeeperConfig;
  readonly logs: LogDefaults;
  readonly replication: ReplicationConfig;
  readonly groups: GroupsConfig;
  /** What a topic without overrides has. A value that a broker may have and no topic cannot be: Kafka takes it, and then no topic, and no start. */
  readonly topicDefaults: TopicConfig;
  /** The full name, as `3.6-IV2`. */
  readonly interBrokerProtocolVersion: string;
  /** What counts of all sources, by name. */
  readonly texts: Texts;
  /** By name, those with a listener's prefix among them. A long is a bigint. */
  private readonly exactValues = new Map<string, ConfigValue>();
  /** The same as `get` gives them: numbers instead of bigints. */
  private readonly plainValues = new Map<string, unknown>();
  /** What is wrong with a listener's own value. It matters only if there is that listener, as in Kafka. */
  private readonly wrongListenerValues = new Map<string, ConfigError>();

  private constructor(
    private readonly sources: Sources,
    private readonly variables: VariableResolver | null,
    private readonly generatedBrokerId: number | null,
  ) {
    this.texts = effectiveTexts(sources, variables);
    for (const [name, definition] of Object.entries<ConfigDefinition>(BROKER_TABLE)) {
      const text = this.texts.get(name);
      this.setValue(name, text === undefined ? definition.default : parseChecked(name, text, definition));
    }
    if (generatedBrokerId !== null) for (const name of ['broker.id', 'node.id']) this.setValue(name, generatedBrokerId);
    this.parseListenerValues();
    validateMode(this);
    this.zooKeeper = zooKeeperConfigOf(this);
    this.logs = logDefaultsOf(this);
    this.replication = replicationConfigOf(this);
    this.groups = groupsConfigOf(this);
    this.interBrokerProtocolVersion = resolveMetadataVersion(this.get('inter.broker.protocol.version'))!;
    validateBeforeListeners(this);
    this.network = networkConfigOf(this);
    this.refuseWrongListenerValues();
    validateListenersAndLater(this);
    this.topicDefaults = TopicConfig.create(this);
  }

  /**
   * Reads properties, with `overrides` winning over them. Variables are resolved by `variables` (`VariableResolver.create`), if given.
   * Throws `ConfigError` for the first value that cannot be.
   */
  static parse(
    properties: Texts,
    overrides: Texts = new Map(),
    variables: VariableResolver | null = null,
  ): ParsedBrokerConfig {
    const written = new Map([...properties, ...overrides]);
    const texts = new Map(variables?.resolveAll(written) ?? written);
    const [brokerId, nodeId] = [texts.get('broker.id'), texts.get('node.id')];
    if (brokerId === undefined && nodeId !== undefined) texts.set('broker.id', nodeId);
    if (nodeId === undefined && brokerId !== undefined) texts.set('node.id', brokerId);
    const sources = { static: texts, dynamicDefault: new Map(), dynamicBroker: new Map() };
    const config = new BrokerConfig(sources, variables, null);
    const listeners = new Set(config.listeners.map(({ listenerName }) => listenerName.toLowerCase()));
    const warnings = [...written.keys()].flatMap((name) => {
      const listener = splitListenerName(name)?.listener;
      if (listener !== undefined && !listeners.has(listener)) {
        return [`The configuration '${name}' has no effect: there is no listener ${listener}.`];
      }
      return isKnownName(name) || (variables !== null && isProviderName(name))
        ? []
        : [`The configuration '${name}' was supplied but isn't a known config.`];
    });
    return { config, warnings: [...(variables?.warningsAbout(texts) ?? []), ...warnings] };
  }

  /** The value, in the type of its definition. A long beyond ±(2^53 - 1), as `Long.MAX_VALUE`, is cut to that. */
  get<K extends BrokerConfigName>(name: K): BrokerConfigValues[K] {
    return this.plainValues.get(name) as BrokerConfigValues[K];
  }

  /** The value with a long as `bigint`: what clients are shown. Null for a name that is not known. */
  exactValue(name: string): ConfigValue {
    return this.exactValues.get(name) ?? null;
  }

  /** The value as text, as written for a name that is not known; null when there is none. */
  text(name: string): string | null {
    const definition = definitionOf(name);
    return definition ? valueToText(this.exactValue(name), definition.type) : (this.texts.get(name) ?? null);
  }

  /** True when it stands in the file, an override or a dynamic configuration, whatever its value. */
  isSet(name: string): boolean {
    return this.texts.has(name);
  }

  /** What a listener has of its own (`listener.name.NAME.KEY`, also `listener.name.NAME.MECHANISM.KEY`), else the general value. */
  getForListener<K extends BrokerConfigName>(
    listenerName: string,
    name: K,
    saslMechanism?: string,
  ): BrokerConfigValues[K] {
    const prefix = `listener.name.${listenerName.toLowerCase()}.`;
    const own = saslMechanism ? [`${prefix}${saslMechanism.toLowerCase()}.${name}`, prefix + name] : [prefix + name];
    for (const key of own) {
      const wrong = this.wrongListenerValues.get(key);
      if (wrong) throw wrong;
      if (this.plainValues.has(key)) return this.plainValues.get(key) as BrokerConfigValues[K];
    }
    return this.get(name);
  }

  get staticTexts(): Texts {
    return this.sources.static;
  }

  /** Dynamic defaults of all brokers, from `/config/brokers/<default>`. */
  get dynamicDefaultTexts(): Texts {
    return this.sources.dynamicDefault;
  }

  /** Dynamic values of this broker, from `/config/brokers/ID`. */
  get dynamicBrokerTexts(): Texts {
    return this.sources.dynamicBroker;
  }

  /** The same broker under other dynamic configurations, which are taken as they are. Throws `ConfigError` when they cannot be. */
  withDynamic(dynamicDefault: Texts, dynamicBroker: Texts): BrokerConfig {
    return new BrokerConfig({ ...this.sources, dynamicDefault, dynamicBroker }, this.variables, this.generatedBrokerId);
  }

  /** The same configuration with the id that ZooKeeper gave (or `meta.properties` remembered) in place of -1. */
  withBrokerId(brokerId: number): BrokerConfig {
    return new BrokerConfig(this.sources, this.variables, brokerId);
  }

  /** -1 when it is to be generated. */
  get brokerId(): number {
    return this.get('broker.id');
  }

  get rack(): string | null {
    return this.get('broker.rack');
  }

  get logDirs(): readonly string[] {
    return this.logs.dirs;
  }

  get zookeeperConnect(): ZooKeeperConnect {
    return this.zooKeeper.connect;
  }

  get zookeeperConnectionTimeoutMs(): number {
    return this.zooKeeper.connectionTimeoutMs;
  }

  get securityProtocolMap(): SecurityProtocolMap {
    return this.network.securityProtocolMap;
  }

  get listeners(): readonly ListenerEndPoint[] {
    return this.network.listeners;
  }

  get advertisedListeners(): readonly ListenerEndPoint[] {
    return this.network.advertisedListeners;
  }

  get interBrokerListenerName(): string {
    return this.network.interBrokerListenerName;
  }

  get interBrokerSecurityProtocol(): ListenerSecurityProtocol {
    return this.network.interBrokerSecurityProtocol;
  }

  get controlPlaneListenerName(): string | null {
    return this.network.controlPlaneListenerName;
  }

  get logRetentionMs(): number {
    return this.logs.retentionMs;
  }

  get logRollMs(): number {
    return this.logs.rollMs;
  }

  get logRollJitterMs(): number {
    return this.logs.rollJitterMs;
  }

  /** Whether the other brokers are all known to speak at least `version` (a full name). */
  interBrokerProtocolAtLeast(version: string): boolean {
    return compareMetadataVersions(this.interBrokerProtocolVersion, version) >= 0;
  }

  private setValue(name: string, value: ConfigValue): void {
    this.exactValues.set(name, value);
    this.plainValues.set(name, typeof value === 'bigint' ? clamp(value) : value);
  }

  private parseListenerValues(): void {
    for (const [name, text] of this.texts) {
      const definition = splitListenerName(name) ? definitionBehind(name) : undefined;
      if (!definition) continue;
      try {
        this.setValue(name, parseChecked(baseNameOf(name)!, text, definition));
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        const { clientMessage } = ConfigError.notReconfigurable(error.message);
        this.wrongListenerValues.set(name, new ConfigError(`${name}: ${error.message}`, clientMessage));
      }
    }
  }

  private refuseWrongListenerValues(): void {
    for (const [name, error] of this.wrongListenerValues) {
      const listener = splitListenerName(name)!.listener;
      if (this.listeners.some(({ listenerName }) => listenerName.toLowerCase() === listener)) throw error;
    }
  }
}

/**
 * Dynamic values take the place of the file's, and of what the file says by another name (`DynamicBrokerConfig.overrideProps`): a dynamic
 * `log.flush.interval.ms` puts a `log.flush.scheduler.interval.ms` of the file out of force.
 */
function effectiveTexts(sources: Sources, variables: VariableResolver | null): Texts {
  const texts = new Map(sources.static);
  for (const source of [sources.dynamicDefault, sources.dynamicBroker]) {
    for (const [name, text] of source) {
      for (const synonym of unitSynonymsOf(name)) texts.delete(synonym);
      texts.set(name, variables?.resolve(text) ?? text);
    }
  }
  return texts;
}

function parseChecked(name: string, text: string, definition: ConfigDefinition): ConfigValue {
  const value = parseValue(name, text, definition.type);
  checkValue(name, value, definition);
  return value;
}

function clamp(value: bigint): number {
  const number = Number(value);
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, number));
}
