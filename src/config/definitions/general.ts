import { boolean, className, int, string } from '../definition.js';

/** The broker itself and topics in general. */
export const GENERAL_CONFIGS = {
  'alter.config.policy.class.name': className(null, 'low'),
  'auto.create.topics.enable': boolean(true, 'high'),
  'background.threads': int(10, 'high', { update: 'cluster-wide', min: 1 }),
  'broker.id': int(-1, 'high'),
  'broker.id.generation.enable': boolean(true, 'medium'),
  'broker.rack': string(null, 'medium'),
  'create.topic.policy.class.name': className(null, 'low'),
  'delete.topic.enable': boolean(true, 'high'),
  'node.id': int(-1, 'high'),
  'num.partitions': int(1, 'medium', { min: 1 }),
  'reserved.broker.max.id': int(1000, 'medium', { min: 0 }),
  'unstable.api.versions.enable': boolean(false, 'low', { internal: true }),
} as const;
