import { className, int } from '../definition.js';

/** Quotas and the windows they are measured in. */
export const QUOTA_CONFIGS = {
  'alter.log.dirs.replication.quota.window.num': int(11, 'low', { min: 1 }),
  'alter.log.dirs.replication.quota.window.size.seconds': int(1, 'low', { min: 1 }),
  'client.quota.callback.class': className(null, 'low'),
  'controller.quota.window.num': int(11, 'low', { min: 1 }),
  'controller.quota.window.size.seconds': int(1, 'low', { min: 1 }),
  'quota.window.num': int(11, 'low', { min: 1 }),
  'quota.window.size.seconds': int(1, 'low', { min: 1 }),
  'replication.quota.window.num': int(11, 'low', { min: 1 }),
  'replication.quota.window.size.seconds': int(1, 'low', { min: 1 }),
} as const;
