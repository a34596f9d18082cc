import { boolean, int, short } from '../definition.js';

/** The transaction coordinator and producers' ids. */
export const TRANSACTION_CONFIGS = {
  'producer.id.expiration.check.interval.ms': int(600_000, 'low', { min: 1, internal: true }),
  'producer.id.expiration.ms': int(86_400_000, 'low', { update: 'cluster-wide', min: 1 }),
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': int(10_000, 'low', { min: 1 }),
  'transaction.max.timeout.ms': int(900_000, 'high', { min: 1 }),
  'transaction.partition.verification.enable': boolean(true, 'low', { update: 'cluster-wide' }),
  'transaction.remove.expired.transaction.cleanup.interval.ms': int(3_600_000, 'low', { min: 1 }),
  'transaction.state.log.load.buffer.size': int(5_242_880, 'high', { min: 1 }),
  'transaction.state.log.min.isr': int(2, 'high', { min: 1 }),
  'transaction.state.log.num.partitions': int(50, 'high', { min: 1 }),
  'transaction.state.log.replication.factor': short(3, 'high', { min: 1 }),
  'transaction.state.log.segment.bytes': int(104_857_600, 'high', { min: 1 }),
  'transactional.id.expiration.ms': int(604_800_000, 'high', { min: 1 }),
} as const;
