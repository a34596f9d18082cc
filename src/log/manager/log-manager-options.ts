import type { Clock, FileSystem, Logger, MetricsRegistry, Random, Uuid } from '../../common/index.js';
import type { BrokerConfig } from '../../config/index.js';
import type { LogConfig } from '../log-config.js';

/** How a broker keeps its logs. Times in milliseconds. */
export interface LogManagerSettings {
  /** `log.dirs`, in order, absolute. */
  readonly logDirs: readonly string[];
  readonly retentionCheckIntervalMs: number;
  /** How often logs are looked through for such as `flush.ms` makes durable. */
  readonly flushSchedulerIntervalMs: number;
  readonly flushOffsetCheckpointIntervalMs: number;
  readonly flushStartOffsetCheckpointIntervalMs: number;
  readonly producerIdExpirationMs: number;
  readonly producerIdExpirationCheckIntervalMs: number;
  readonly maxTransactionTimeoutMs: number;
  readonly transactionVerificationEnabled: boolean;
  /** Files open at once. */
  readonly maxOpenFiles?: number;
  /** Bytes of log ends in memory, of all logs together. */
  readonly tailCacheBytes?: number;
}

export interface LogManagerOptions extends LogManagerSettings {
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: MetricsRegistry;
  /** What a topic without overrides gets. */
  readonly defaultConfig: LogConfig;
  /** Directories that could not be read before: they are offline, and what they hold is not made anew elsewhere. */
  readonly initialOfflineDirs?: readonly string[];
  /** A directory failed and is offline; its logs are gone from the manager already. Not called for those offline from the start. */
  readonly onLogDirFailure?: (logDir: string) => void;
}

/** The configurations of those of the topics that have overrides. */
export type TopicConfigsLookup = (topics: ReadonlySet<string>) => Promise<ReadonlyMap<string, LogConfig>>;

export interface CreateLogOptions {
  /** The topic's, which a log that is there takes over. When not given, a new one gets the default. */
  readonly config?: LogConfig;
  /** The partition was made just now: no other directory, offline or not, can have it. */
  readonly isNew?: boolean;
  readonly topicId?: Uuid | null;
  /** Make the copy that is to replace the log in another directory. */
  readonly isFuture?: boolean;
}

/** The settings that a broker's configuration gives; the directories are absolute paths. */
export function logManagerSettingsOf(config: BrokerConfig, logDirs: readonly string[]): LogManagerSettings {
  return {
    logDirs,
    retentionCheckIntervalMs: config.get('log.retention.check.interval.ms'),
    flushSchedulerIntervalMs: config.get('log.flush.scheduler.interval.ms'),
    flushOffsetCheckpointIntervalMs: config.get('log.flush.offset.checkpoint.interval.ms'),
    flushStartOffsetCheckpointIntervalMs: config.get('log.flush.start.offset.checkpoint.interval.ms'),
    producerIdExpirationMs: config.logs.producerIdExpirationMs,
    producerIdExpirationCheckIntervalMs: config.get('producer.id.expiration.check.interval.ms'),
    maxTransactionTimeoutMs: config.get('transaction.max.timeout.ms'),
    transactionVerificationEnabled: config.logs.transactionVerificationEnabled,
    maxOpenFiles: config.get('ottla.log.open.files.max'),
    tailCacheBytes: config.get('ottla.log.tail.memory.bytes'),
  };
}
