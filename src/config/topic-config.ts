import type { BrokerConfig } from './broker-config.js';
import type { ConfigDefinition, ConfigValue, ValuesOf } from './definition.js';
import { BROKER_SYNONYMS, TOPIC_CONFIGS } from './definitions/topic.js';
import { resolveMetadataVersion } from './metadata-version.js';
import { checkValue, ConfigError, parseValue } from './value.js';

const DEFINITIONS: Readonly<Record<string, ConfigDefinition>> = TOPIC_CONFIGS;

export type TopicConfigName = keyof typeof TOPIC_CONFIGS;
type TopicConfigValues = ValuesOf<typeof TOPIC_CONFIGS>;

/**
 * What a log goes by: the overrides of its topic over the defaults that its broker gives (Kafka's `LogConfig`). Times are in
 * milliseconds, sizes in bytes; a long beyond 2^53 - 1, as `Long.MAX_VALUE` for "never", is cut to that.
 */
export class TopicConfig {
  readonly segmentBytes: number;
  readonly segmentMs: number;
  readonly segmentJitterMs: number;
  readonly segmentIndexBytes: number;
  readonly flushMessages: number;
  readonly flushMs: number;
  /** -1 (any negative) keeps everything. */
  readonly retentionBytes: number;
  /** -1 keeps everything. */
  readonly retentionMs: number;
  readonly maxMessageBytes: number;
  readonly indexIntervalBytes: number;
  readonly deleteRetentionMs: number;
  readonly minCompactionLagMs: number;
  readonly maxCompactionLagMs: number;
  readonly fileDeleteDelayMs: number;
  readonly minCleanableDirtyRatio: number;
  readonly cleanupPolicy: { readonly compact: boolean; readonly delete: boolean };
  readonly uncleanLeaderElectionEnable: boolean;
  readonly minInsyncReplicas: number;
  /** `producer` keeps what the producer chose. */
  readonly compressionType: 'uncompressed' | 'zstd' | 'lz4' | 'snappy' | 'gzip' | 'producer';
  readonly preallocate: boolean;
  readonly messageTimestampType: 'CreateTime' | 'LogAppendTime';
  /**
   * How far a record's time may lie behind and before the broker's, a bigint beyond 2^53: unlimited is int64 max, and a nanosecond clock's times
   * lie so far apart. The deprecated difference counts where these are not set.
   */
  readonly messageTimestampBeforeMaxMs: number | bigint;
  readonly messageTimestampAfterMaxMs: number | bigint;
  readonly messageDownconversionEnable: boolean;
  /** `partition:broker` pairs, or `*`. */
  readonly leaderReplicationThrottledReplicas: readonly string[];
  readonly followerReplicationThrottledReplicas: readonly string[];

  private constructor(
    private readonly values: ReadonlyMap<string, ConfigValue>,
    /** What the topic itself sets, as written. */
    readonly overrides: ReadonlyMap<string, string>,
    /** Not all that the topic sets is known: no retention goes by this, as what was to be kept might be deleted. */
    readonly isIncomplete: boolean,
  ) {
    this.segmentBytes = this.get('segment.bytes');
    this.segmentMs = this.get('segment.ms');
    this.segmentJitterMs = this.get('segment.jitter.ms');
    this.segmentIndexBytes = this.get('segment.index.bytes');
    this.flushMessages = this.get('flush.messages');
    this.flushMs = this.get('flush.ms');
    this.retentionBytes = this.get('retention.bytes');
    this.retentionMs = this.get('retention.ms');
    this.maxMessageBytes = this.get('max.message.bytes');
    this.indexIntervalBytes = this.get('index.interval.bytes');
    this.deleteRetentionMs = this.get('delete.retention.ms');
    this.minCompactionLagMs = this.get('min.compaction.lag.ms');
    this.maxCompactionLagMs = this.get('max.compaction.lag.ms');
    this.fileDeleteDelayMs = this.get('file.delete.delay.ms');
    this.minCleanableDirtyRatio = this.get('min.cleanable.dirty.ratio');
    const policies = this.get('cleanup.policy').map((policy) => policy.toLowerCase());
    this.cleanupPolicy = { compact: policies.includes('compact'), delete: policies.includes('delete') };
    this.uncleanLeaderElectionEnable = this.get('unclean.leader.election.enable');
    this.minInsyncReplicas = this.get('min.insync.replicas');
    this.compressionType = this.get('compression.type') as TopicConfig['compressionType'];
    this.preallocate = this.get('preallocate');
    this.messageTimestampType = this.get('message.timestamp.type') as TopicConfig['messageTimestampType'];
    this.messageTimestampBeforeMaxMs = this.timestampLimit('message.timestamp.before.max.ms');
    this.messageTimestampAfterMaxMs = this.timestampLimit('message.timestamp.after.max.ms');
    this.messageDownconversionEnable = this.get('message.downconversion.enable');
    this.leaderReplicationThrottledReplicas = this.get('leader.replication.throttled.replicas');
    this.followerReplicationThrottledReplicas = this.get('follower.replication.throttled.replicas');
  }

  /**
   * The configuration of a topic with these overrides on a broker. Names nobody knows are kept and have no effect, as in Kafka.
   * Throws `ConfigError` for a value that cannot be.
   */
  static create(
    broker: BrokerConfig,
    overrides: ReadonlyMap<string, string> = new Map(),
    isIncomplete = false,
  ): TopicConfig {
    const values = new Map<string, ConfigValue>();
    for (const [name, definition] of Object.entries(DEFINITIONS)) {
      const text = overrides.get(name);
      const value =
        text === undefined ? brokerDefault(broker, name as TopicConfigName) : parseValue(name, text, definition.type);
      checkValue(name, value, definition);
      values.set(name, value);
    }
    return new TopicConfig(values, overrides, isIncomplete);
  }

  /** The value in the type of its definition. */
  get<K extends TopicConfigName>(name: K): TopicConfigValues[K] {
    const value = this.exactValue(name);
    if (typeof value !== 'bigint') return value as TopicConfigValues[K];
    return Number(value > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : value) as TopicConfigValues[K];
  }

  private timestampLimit(name: TopicConfigName): number | bigint {
    const own = this.exactValue(name) as bigint;
    const ms =
      own === DEFINITIONS[name]!.default ? (this.exactValue('message.timestamp.difference.max.ms') as bigint) : own;
    return ms > Number.MAX_SAFE_INTEGER ? ms : Number(ms);
  }

  /** The value with a long as `bigint`: what clients are shown. Null for a name nobody knows. */
  exactValue(name: string): ConfigValue {
    return this.values.get(name) ?? null;
  }

  /** Whether all values are the same; the overrides may still differ. */
  equals(other: TopicConfig): boolean {
    for (const [name, value] of this.values) {
      const otherValue = other.values.get(name)!;
      const isSame = Array.isArray(value) ? String(value) === String(otherValue) : value === otherValue;
      if (!isSame) return false;
    }
    return true;
  }

  /** The longest a segment may take records: compaction with a bound on its lag must not wait for the segment's own time. */
  get maxSegmentMs(): number {
    if (this.cleanupPolicy.compact && this.maxCompactionLagMs > 0) {
      return Math.min(this.maxCompactionLagMs, this.segmentMs);
    }
    return this.segmentMs;
  }
}

/** The definition of a topic configuration; undefined for a name that nobody knows. */
export function topicDefinitionOf(name: string): ConfigDefinition | undefined {
  return Object.hasOwn(DEFINITIONS, name) ? DEFINITIONS[name] : undefined;
}

/** Why a topic cannot have this value; null when it can, or the name is not known and so has no effect. */
export function whyInvalidTopicValue(name: string, text: string): ConfigError | null {
  const definition = topicDefinitionOf(name);
  if (!definition) return null;
  try {
    checkValue(name, parseValue(name, text, definition.type), definition);
    return null;
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

/**
 * Checks what somebody wants to set on a topic, over the defaults of the broker that is asked (`LogConfig.validate`). Throws
 * `ConfigError` with the text that CreateTopics and AlterConfigs answer.
 */
export function validateTopicConfig(broker: BrokerConfig, overrides: ReadonlyMap<string, string>): TopicConfig {
  for (const name of overrides.keys()) {
    if (!topicDefinitionOf(name)) throw new ConfigError(`Unknown topic config name: ${name}`);
  }
  const config = TopicConfig.create(broker, overrides);
  const minLag = config.exactValue('min.compaction.lag.ms') as bigint;
  const maxLag = config.exactValue('max.compaction.lag.ms') as bigint;
  if (minLag > maxLag) {
    throw new ConfigError(
      `conflict topic config setting min.compaction.lag.ms (${minLag}) > max.compaction.lag.ms (${maxLag})`,
    );
  }
  if (config.get('remote.storage.enable')) validateRemoteStorage(broker, config);
  return config;
}

function validateRemoteStorage(broker: BrokerConfig, config: TopicConfig): void {
  if (!broker.get('remote.log.storage.system.enable')) {
    throw new ConfigError(
      'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.',
    );
  }
  if (config.cleanupPolicy.compact) throw new ConfigError('Remote log storage is unsupported for the compacted topics');
  for (const unit of ['bytes', 'ms'] as const) {
    const [retention, local] = [config.get(`retention.${unit}`), config.get(`local.retention.${unit}`)];
    if (retention <= -1 || local === -2) continue;
    const name = `local.retention.${unit}`;
    if (local === -1) {
      throw ConfigError.invalidValue(
        name,
        local,
        `Value must not be -1 as retention.${unit} value is set as ${retention}.`,
      );
    }
    if (local > retention) {
      throw ConfigError.invalidValue(
        name,
        local,
        `Value must not be more than retention.${unit} property value: ${retention}`,
      );
    }
  }
}

/** What a topic without an override has on this broker (`KafkaConfig.extractLogConfigMap`). */
function brokerDefault(broker: BrokerConfig, name: TopicConfigName): ConfigValue {
  const synonyms = BROKER_SYNONYMS[name];
  if (!synonyms) return DEFINITIONS[name]!.default;
  switch (name) {
    case 'retention.ms': {
      const ms = broker.exactValue('log.retention.ms');
      if (ms !== null) return (ms as bigint) < 0n ? -1n : ms;
      return BigInt(broker.logRetentionMs);
    }
    case 'message.timestamp.before.max.ms':
    case 'message.timestamp.after.max.ms': {
      const own = broker.exactValue(`log.${name}`);
      return own === DEFINITIONS[name]!.default ? broker.exactValue('log.message.timestamp.difference.max.ms') : own;
    }
    case 'message.format.version':
      // From 3.0 on the format is always the newest and the configuration says nothing (KIP-724).
      if (broker.interBrokerProtocolAtLeast('3.0-IV1')) return DEFINITIONS[name]!.default;
      return resolveMetadataVersion(broker.get('log.message.format.version'));
    default: {
      for (const synonym of synonyms) {
        const value = broker.exactValue(synonym.name);
        if (value === null) continue;
        return synonym.unit === undefined
          ? value
          : BigInt(Number(value)) * (synonym.unit === 'hours' ? 3_600_000n : 60_000n);
      }
      return DEFINITIONS[name]!.default;
    }
  }
}
