import { boolean, double, DOUBLE_MAX, int, list, long, LONG_MAX, string } from '../definition.js';
import { metadataVersionValidator } from '../metadata-version.js';

/** Logs: segments, indexes, retention, cleaning, flushing. */
export const LOG_CONFIGS = {
  'compression.type': string('producer', 'high', {
    update: 'cluster-wide',
    oneOf: ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'],
  }),
  'log.cleaner.backoff.ms': long(15_000, 'medium', { update: 'cluster-wide', min: 0 }),
  'log.cleaner.dedupe.buffer.size': long(134_217_728, 'medium', { update: 'cluster-wide' }),
  'log.cleaner.delete.retention.ms': long(86_400_000, 'medium', { update: 'cluster-wide', min: 0 }),
  'log.cleaner.enable': boolean(true, 'medium'),
  'log.cleaner.io.buffer.load.factor': double(0.9, 'medium', { update: 'cluster-wide' }),
  'log.cleaner.io.buffer.size': int(524_288, 'medium', { update: 'cluster-wide', min: 0 }),
  'log.cleaner.io.max.bytes.per.second': double(DOUBLE_MAX, 'medium', { update: 'cluster-wide' }),
  'log.cleaner.max.compaction.lag.ms': long(LONG_MAX, 'medium', { update: 'cluster-wide', min: 1 }),
  'log.cleaner.min.cleanable.ratio': double(0.5, 'medium', { update: 'cluster-wide', min: 0, max: 1 }),
  'log.cleaner.min.compaction.lag.ms': long(0, 'medium', { update: 'cluster-wide', min: 0 }),
  'log.cleaner.threads': int(1, 'medium', { update: 'cluster-wide', min: 0 }),
  'log.cleanup.policy': list(['delete'], 'medium', { update: 'cluster-wide', items: ['compact', 'delete'] }),
  'log.dir': string('/tmp/kafka-logs', 'high'),
  'log.dirs': string(null, 'high'),
  'log.flush.interval.messages': long(LONG_MAX, 'high', { update: 'cluster-wide', min: 1 }),
  'log.flush.interval.ms': long(null, 'high', {
    update: 'cluster-wide',
    synonyms: ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'],
  }),
  'log.flush.offset.checkpoint.interval.ms': int(60_000, 'high', { min: 0 }),
  'log.flush.scheduler.interval.ms': long(LONG_MAX, 'high'),
  'log.flush.start.offset.checkpoint.interval.ms': int(60_000, 'high', { min: 0 }),
  'log.index.interval.bytes': int(4096, 'medium', { update: 'cluster-wide', min: 0 }),
  'log.index.size.max.bytes': int(10_485_760, 'medium', { update: 'cluster-wide', min: 4 }),
  'log.message.downconversion.enable': boolean(true, 'low', { update: 'cluster-wide' }),
  'log.message.format.version': string('3.0-IV1', 'medium', { validator: metadataVersionValidator }),
  'log.message.timestamp.after.max.ms': long(LONG_MAX, 'medium', { update: 'cluster-wide', min: 0 }),
  'log.message.timestamp.before.max.ms': long(LONG_MAX, 'medium', { update: 'cluster-wide', min: 0 }),
  'log.message.timestamp.difference.max.ms': long(LONG_MAX, 'medium', { update: 'cluster-wide', min: 0 }),
  'log.message.timestamp.type': string('CreateTime', 'medium', {
    update: 'cluster-wide',
    oneOf: ['CreateTime', 'LogAppendTime'],
  }),
  'log.preallocate': boolean(false, 'medium', { update: 'cluster-wide' }),
  'log.retention.bytes': long(-1, 'high', { update: 'cluster-wide' }),
  'log.retention.check.interval.ms': long(300_000, 'medium', { min: 1 }),
  'log.retention.hours': int(168, 'high', {
    synonyms: ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours'],
  }),
  'log.retention.minutes': int(null, 'high', {
    synonyms: ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours'],
  }),
  'log.retention.ms': long(null, 'high', {
    update: 'cluster-wide',
    synonyms: ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours'],
  }),
  'log.roll.hours': int(168, 'high', { min: 1, synonyms: ['log.roll.ms', 'log.roll.hours'] }),
  'log.roll.jitter.hours': int(0, 'high', { min: 0, synonyms: ['log.roll.jitter.ms', 'log.roll.jitter.hours'] }),
  'log.roll.jitter.ms': long(null, 'high', {
    update: 'cluster-wide',
    synonyms: ['log.roll.jitter.ms', 'log.roll.jitter.hours'],
  }),
  'log.roll.ms': long(null, 'high', { update: 'cluster-wide', synonyms: ['log.roll.ms', 'log.roll.hours'] }),
  'log.segment.bytes': int(1_073_741_824, 'high', { update: 'cluster-wide', min: 14 }),
  'log.segment.delete.delay.ms': long(60_000, 'high', { update: 'cluster-wide', min: 0 }),
  'message.max.bytes': int(1_048_588, 'high', { update: 'cluster-wide', min: 0 }),
  'num.recovery.threads.per.data.dir': int(1, 'high', { update: 'cluster-wide', min: 1 }),
} as const;
