import { boolean, double, int, long, string } from '../definition.js';

/** Tiered storage (KIP-405). */
export const REMOTE_STORAGE_CONFIGS = {
  'log.local.retention.bytes': long(-2, 'medium', { update: 'cluster-wide', min: -2 }),
  'log.local.retention.ms': long(-2, 'medium', { update: 'cluster-wide', min: -2 }),
  'remote.log.index.file.cache.total.size.bytes': long(1_073_741_824, 'low', { min: 1, internal: true }),
  'remote.log.manager.task.interval.ms': long(30_000, 'low', { min: 1 }),
  'remote.log.manager.task.retry.backoff.max.ms': long(30_000, 'low', { min: 1, internal: true }),
  'remote.log.manager.task.retry.backoff.ms': long(500, 'low', { min: 1, internal: true }),
  'remote.log.manager.task.retry.jitter': double(0.2, 'low', { min: 0, max: 0.5, internal: true }),
  'remote.log.manager.thread.pool.size': int(10, 'medium', { min: 1 }),
  'remote.log.metadata.custom.metadata.max.bytes': int(128, 'low', { min: 0 }),
  'remote.log.metadata.manager.class.name': string(
    'org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager',
    'medium',
    { nonEmpty: true },
  ),
  'remote.log.metadata.manager.class.path': string(null, 'medium'),
  'remote.log.metadata.manager.impl.prefix': string('rlmm.config.', 'medium', { nonEmpty: true }),
  'remote.log.metadata.manager.listener.name': string(null, 'medium', { nonEmpty: true }),
  'remote.log.reader.max.pending.tasks': int(100, 'medium', { min: 1 }),
  'remote.log.reader.threads': int(10, 'medium', { min: 1 }),
  'remote.log.storage.manager.class.name': string(null, 'medium', { nonEmpty: true }),
  'remote.log.storage.manager.class.path': string(null, 'medium'),
  'remote.log.storage.manager.impl.prefix': string('rsm.config.', 'medium', { nonEmpty: true }),
  'remote.log.storage.system.enable': boolean(false, 'medium'),
} as const;
