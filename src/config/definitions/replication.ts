import { boolean, int, long, string } from '../definition.js';
import { metadataVersionValidator } from '../metadata-version.js';

/** Replication, leaders and the controller's work on them. */
export const REPLICATION_CONFIGS = {
  'auto.leader.rebalance.enable': boolean(true, 'high'),
  'controlled.shutdown.enable': boolean(true, 'medium'),
  'controlled.shutdown.max.retries': int(3, 'medium'),
  'controlled.shutdown.retry.backoff.ms': long(5000, 'medium'),
  'controller.socket.timeout.ms': int(30_000, 'medium'),
  'default.replication.factor': int(1, 'medium'),
  'delete.records.purgatory.purge.interval.requests': int(1, 'medium'),
  'fetch.purgatory.purge.interval.requests': int(1000, 'medium'),
  'inter.broker.protocol.version': string('3.6-IV2', 'medium', { validator: metadataVersionValidator }),
  'leader.imbalance.check.interval.seconds': long(300, 'high', { min: 1 }),
  'leader.imbalance.per.broker.percentage': int(10, 'high'),
  'min.insync.replicas': int(1, 'high', { update: 'cluster-wide', min: 1 }),
  'num.replica.alter.log.dirs.threads': int(null, 'high'),
  'num.replica.fetchers': int(1, 'high', { update: 'cluster-wide' }),
  'producer.purgatory.purge.interval.requests': int(1000, 'medium'),
  'replica.fetch.backoff.ms': int(1000, 'medium', { min: 0 }),
  'replica.fetch.max.bytes': int(1_048_576, 'medium', { min: 0 }),
  'replica.fetch.min.bytes': int(1, 'high'),
  'replica.fetch.response.max.bytes': int(10_485_760, 'medium', { min: 0 }),
  'replica.fetch.wait.max.ms': int(500, 'high'),
  'replica.high.watermark.checkpoint.interval.ms': long(5000, 'high'),
  'replica.lag.time.max.ms': long(30_000, 'high'),
  'replica.selector.class': string(null, 'medium'),
  'replica.socket.receive.buffer.bytes': int(65_536, 'high'),
  'replica.socket.timeout.ms': int(30_000, 'high'),
  'unclean.leader.election.enable': boolean(false, 'high', { update: 'cluster-wide' }),
} as const;
