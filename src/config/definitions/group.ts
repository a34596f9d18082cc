import { boolean, int, list, long, short } from '../definition.js';

/** The group coordinator and committed offsets. */
export const GROUP_CONFIGS = {
  'group.consumer.assignors': list(['org.apache.kafka.coordinator.group.assignor.RangeAssignor'], 'medium', {
    internal: true,
  }),
  'group.consumer.heartbeat.interval.ms': int(5000, 'medium', { min: 1, internal: true }),
  'group.consumer.max.heartbeat.interval.ms': int(15_000, 'medium', { min: 1, internal: true }),
  'group.consumer.max.session.timeout.ms': int(60_000, 'medium', { min: 1, internal: true }),
  'group.consumer.max.size': int(2_147_483_647, 'medium', { min: 1, internal: true }),
  'group.consumer.min.heartbeat.interval.ms': int(5000, 'medium', { min: 1, internal: true }),
  'group.consumer.min.session.timeout.ms': int(45_000, 'medium', { min: 1, internal: true }),
  'group.consumer.session.timeout.ms': int(45_000, 'medium', { min: 1, internal: true }),
  'group.coordinator.new.enable': boolean(false, 'medium', { internal: true }),
  'group.coordinator.threads': int(1, 'medium', { min: 1, internal: true }),
  'group.initial.rebalance.delay.ms': int(3000, 'medium'),
  'group.max.session.timeout.ms': int(1_800_000, 'medium'),
  'group.max.size': int(2_147_483_647, 'medium', { min: 1 }),
  'group.min.session.timeout.ms': int(6000, 'medium'),
  'offset.metadata.max.bytes': int(4096, 'high'),
  'offsets.commit.required.acks': short(-1, 'high'),
  'offsets.commit.timeout.ms': int(5000, 'high', { min: 1 }),
  'offsets.load.buffer.size': int(5_242_880, 'high', { min: 1 }),
  'offsets.retention.check.interval.ms': long(600_000, 'high', { min: 1 }),
  'offsets.retention.minutes': int(10_080, 'high', { min: 1 }),
  'offsets.topic.compression.codec': int(0, 'high'),
  'offsets.topic.num.partitions': int(50, 'high', { min: 1 }),
  'offsets.topic.replication.factor': short(3, 'high', { min: 1 }),
  'offsets.topic.segment.bytes': int(104_857_600, 'high', { min: 1 }),
} as const;
