import { GENERAL_CONFIGS } from './general.js';
import { GROUP_CONFIGS } from './group.js';
import { KRAFT_CONFIGS } from './kraft.js';
import { LOG_CONFIGS } from './log.js';
import { METRICS_CONFIGS } from './metrics.js';
import { NETWORK_CONFIGS } from './network.js';
import { QUOTA_CONFIGS } from './quota.js';
import { REMOTE_STORAGE_CONFIGS } from './remote-storage.js';
import { REPLICATION_CONFIGS } from './replication.js';
import { SASL_CONFIGS } from './sasl.js';
import { SECURITY_CONFIGS } from './security.js';
import { SSL_CONFIGS } from './ssl.js';
import { TRANSACTION_CONFIGS } from './transaction.js';
import { ZOOKEEPER_CONFIGS } from './zookeeper.js';

/** Every configuration of a broker, as Kafka 3.6.1 has them, by subject. */
export const BROKER_CONFIGS = {
  ...GENERAL_CONFIGS,
  ...ZOOKEEPER_CONFIGS,
  ...NETWORK_CONFIGS,
  ...LOG_CONFIGS,
  ...REPLICATION_CONFIGS,
  ...GROUP_CONFIGS,
  ...TRANSACTION_CONFIGS,
  ...QUOTA_CONFIGS,
  ...SECURITY_CONFIGS,
  ...SSL_CONFIGS,
  ...SASL_CONFIGS,
  ...METRICS_CONFIGS,
  ...REMOTE_STORAGE_CONFIGS,
  ...KRAFT_CONFIGS,
} as const;
