import { int, list, long, LONG_MAX, string } from '../definition.js';
import { nonEmptyList } from '../validators.js';

/** What only a KRaft quorum reads. Known so that they are not taken for mistakes; `process.roles` is refused. */
export const KRAFT_CONFIGS = {
  'broker.heartbeat.interval.ms': int(2000, 'medium'),
  'broker.session.timeout.ms': int(9000, 'medium'),
  'controller.listener.names': string(null, 'high'),
  'controller.quorum.append.linger.ms': int(25, 'medium'),
  'controller.quorum.election.backoff.max.ms': int(1000, 'high'),
  'controller.quorum.election.timeout.ms': int(1000, 'high'),
  'controller.quorum.fetch.timeout.ms': int(2000, 'high'),
  'controller.quorum.request.timeout.ms': int(2000, 'medium'),
  'controller.quorum.retry.backoff.ms': int(20, 'low'),
  'controller.quorum.voters': list([], 'high', { validator: nonEmptyList }),
  'early.start.listeners': string(null, 'high'),
  'initial.broker.registration.timeout.ms': int(60_000, 'medium'),
  'metadata.log.dir': string(null, 'high'),
  'metadata.log.max.record.bytes.between.snapshots': long(20_971_520, 'high', { min: 1 }),
  'metadata.log.max.snapshot.interval.ms': long(3_600_000, 'high', { min: 0 }),
  'metadata.log.segment.bytes': int(1_073_741_824, 'high', { min: 12 }),
  'metadata.log.segment.min.bytes': int(8_388_608, 'high', { min: 12, internal: true }),
  'metadata.log.segment.ms': long(604_800_000, 'high'),
  'metadata.max.idle.interval.ms': int(500, 'low', { min: 0 }),
  'metadata.max.retention.bytes': long(104_857_600, 'high'),
  'metadata.max.retention.ms': long(604_800_000, 'high'),
  'process.roles': list([], 'high', { items: ['broker', 'controller'] }),
  'sasl.mechanism.controller.protocol': string('GSSAPI', 'high'),
  'server.max.startup.time.ms': long(LONG_MAX, 'medium', { min: 0, internal: true }),
} as const;
