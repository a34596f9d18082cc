import { boolean, double, int, list, long, LONG_MAX, string } from '../definition.js';
import { metadataVersionValidator } from '../metadata-version.js';
import { throttledReplicas } from '../validators.js';
import type { BROKER_CONFIGS } from './broker.js';

/** Every configuration of a topic, in the order in which Kafka checks them. */
export const TOPIC_CONFIGS = {
  'segment.bytes': int(1_073_741_824, 'medium', { min: 14 }),
  'segment.ms': long(604_800_000, 'medium', { min: 1 }),
  'segment.jitter.ms': long(0, 'medium', { min: 0 }),
  'segment.index.bytes': int(10_485_760, 'medium', { min: 4 }),
  'flush.messages': long(LONG_MAX, 'medium', { min: 1 }),
  'flush.ms': long(LONG_MAX, 'medium', { min: 0 }),
  'retention.bytes': long(-1, 'medium'),
  'retention.ms': long(604_800_000, 'medium', { min: -1 }),
  'max.message.bytes': int(1_048_588, 'medium', { min: 0 }),
  'index.interval.bytes': int(4096, 'medium', { min: 0 }),
  'delete.retention.ms': long(86_400_000, 'medium', { min: 0 }),
  'min.compaction.lag.ms': long(0, 'medium', { min: 0 }),
  'max.compaction.lag.ms': long(LONG_MAX, 'medium', { min: 1 }),
  'file.delete.delay.ms': long(60_000, 'medium', { min: 0 }),
  'min.cleanable.dirty.ratio': double(0.5, 'medium', { min: 0, max: 1 }),
  'cleanup.policy': list(['delete'], 'medium', { items: ['compact', 'delete'] }),
  'unclean.leader.election.enable': boolean(false, 'medium'),
  'min.insync.replicas': int(1, 'medium', { min: 1 }),
  'compression.type': string('producer', 'medium', {
    oneOf: ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'],
  }),
  preallocate: boolean(false, 'medium'),
  'message.format.version': string('3.0-IV1', 'medium', { validator: metadataVersionValidator }),
  'message.timestamp.type': string('CreateTime', 'medium', { oneOf: ['CreateTime', 'LogAppendTime'] }),
  'message.timestamp.difference.max.ms': long(LONG_MAX, 'medium', { min: 0 }),
  'message.timestamp.before.max.ms': long(LONG_MAX, 'medium', { min: 0 }),
  'message.timestamp.after.max.ms': long(LONG_MAX, 'medium', { min: 0 }),
  'leader.replication.throttled.replicas': list([], 'medium', { validator: throttledReplicas }),
  'follower.replication.throttled.replicas': list([], 'medium', { validator: throttledReplicas }),
  'message.downconversion.enable': boolean(true, 'low'),
  'remote.storage.enable': boolean(false, 'medium'),
  'local.retention.ms': long(-2, 'medium', { min: -2 }),
  'local.retention.bytes': long(-2, 'medium', { min: -2 }),
} as const;

/**
 * The broker configurations that give a topic's default, the one that wins first. `hours` and `minutes` name the unit of one that is
 * not in milliseconds (`ServerTopicConfigSynonyms`). A topic configuration that is missing here has no default from the broker.
 */
export const BROKER_SYNONYMS: Readonly<Partial<Record<keyof typeof TOPIC_CONFIGS, readonly BrokerSynonym[]>>> = {
  'segment.bytes': [{ name: 'log.segment.bytes' }],
  'segment.ms': [{ name: 'log.roll.ms' }, { name: 'log.roll.hours', unit: 'hours' }],
  'segment.jitter.ms': [{ name: 'log.roll.jitter.ms' }, { name: 'log.roll.jitter.hours', unit: 'hours' }],
  'segment.index.bytes': [{ name: 'log.index.size.max.bytes' }],
  'flush.messages': [{ name: 'log.flush.interval.messages' }],
  'flush.ms': [{ name: 'log.flush.interval.ms' }, { name: 'log.flush.scheduler.interval.ms' }],
  'retention.bytes': [{ name: 'log.retention.bytes' }],
  'retention.ms': [
    { name: 'log.retention.ms' },
    { name: 'log.retention.minutes', unit: 'minutes' },
    { name: 'log.retention.hours', unit: 'hours' },
  ],
  'max.message.bytes': [{ name: 'message.max.bytes' }],
  'index.interval.bytes': [{ name: 'log.index.interval.bytes' }],
  'delete.retention.ms': [{ name: 'log.cleaner.delete.retention.ms' }],
  'min.compaction.lag.ms': [{ name: 'log.cleaner.min.compaction.lag.ms' }],
  'max.compaction.lag.ms': [{ name: 'log.cleaner.max.compaction.lag.ms' }],
  'file.delete.delay.ms': [{ name: 'log.segment.delete.delay.ms' }],
  'min.cleanable.dirty.ratio': [{ name: 'log.cleaner.min.cleanable.ratio' }],
  'cleanup.policy': [{ name: 'log.cleanup.policy' }],
  'unclean.leader.election.enable': [{ name: 'unclean.leader.election.enable' }],
  'min.insync.replicas': [{ name: 'min.insync.replicas' }],
  'compression.type': [{ name: 'compression.type' }],
  preallocate: [{ name: 'log.preallocate' }],
  'message.format.version': [{ name: 'log.message.format.version' }],
  'message.timestamp.type': [{ name: 'log.message.timestamp.type' }],
  'message.timestamp.difference.max.ms': [{ name: 'log.message.timestamp.difference.max.ms' }],
  'message.timestamp.before.max.ms': [{ name: 'log.message.timestamp.before.max.ms' }],
  'message.timestamp.after.max.ms': [{ name: 'log.message.timestamp.after.max.ms' }],
  'message.downconversion.enable': [{ name: 'log.message.downconversion.enable' }],
  'local.retention.ms': [{ name: 'log.local.retention.ms' }],
  'local.retention.bytes': [{ name: 'log.local.retention.bytes' }],
};

export interface BrokerSynonym {
  readonly name: keyof typeof BROKER_CONFIGS;
  readonly unit?: 'hours' | 'minutes';
}
