import { double, int, long, LONG_MAX, string } from '../definition.js';

/** Configurations of a broker that exist only as dynamic ones, never in `server.properties`. */
export const DYNAMIC_ONLY_BROKER_CONFIGS = {
  'follower.replication.throttled.rate': long(LONG_MAX, 'medium', { min: 0 }),
  'leader.replication.throttled.rate': long(LONG_MAX, 'medium', { min: 0 }),
  'replica.alter.log.dirs.io.max.bytes.per.second': long(LONG_MAX, 'medium', { min: 0 }),
} as const;

/** Quotas and credentials of a user, under `/config/users`. */
export const USER_CONFIGS = {
  'SCRAM-SHA-256': string(null, 'medium'),
  'SCRAM-SHA-512': string(null, 'medium'),
  consumer_byte_rate: long(LONG_MAX, 'medium'),
  controller_mutation_rate: double(2147483647, 'medium'),
  producer_byte_rate: long(LONG_MAX, 'medium'),
  request_percentage: double(2147483647, 'medium'),
} as const;

/** Quotas of a client id, under `/config/clients`. */
export const CLIENT_CONFIGS = {
  consumer_byte_rate: long(LONG_MAX, 'medium'),
  controller_mutation_rate: double(2147483647, 'medium'),
  producer_byte_rate: long(LONG_MAX, 'medium'),
  request_percentage: double(2147483647, 'medium'),
} as const;

/** Limits of an address, under `/config/ips`. */
export const IP_CONFIGS = {
  connection_creation_rate: int(2_147_483_647, 'medium', { min: 0 }),
} as const;
