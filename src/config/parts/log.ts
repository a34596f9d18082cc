import type { ConfigReader } from '../broker-config.js';
import { parseCsvList } from '../listeners.js';

/** What logs go by that several names give (the log's part of `KafkaConfig`); what topics inherit is a `TopicConfig`. */
export interface LogDefaults {
  readonly dirs: readonly string[];
  /** `Long.MAX_VALUE` is cut to 2^53 - 1; -1 is forever. ms wins over minutes over hours. */
  readonly retentionMs: number;
  readonly rollMs: number;
  readonly rollJitterMs: number;
  /** `producer.id.expiration.ms` */
  readonly producerIdExpirationMs: number;
  /** `transaction.partition.verification.enable` */
  readonly transactionVerificationEnabled: boolean;
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

export function logDefaultsOf(config: ConfigReader): LogDefaults {
  const minutes = config.get('log.retention.minutes');
  const orLonger = minutes !== null ? minutes * MINUTE_MS : config.get('log.retention.hours') * HOUR_MS;
  const retentionMs = config.get('log.retention.ms') ?? orLonger;
  return Object.freeze({
    dirs: Object.freeze(parseCsvList(config.get('log.dirs') ?? config.get('log.dir'))),
    retentionMs: retentionMs < 0 ? -1 : retentionMs,
    rollMs: config.get('log.roll.ms') ?? config.get('log.roll.hours') * HOUR_MS,
    rollJitterMs: config.get('log.roll.jitter.ms') ?? config.get('log.roll.jitter.hours') * HOUR_MS,
    producerIdExpirationMs: config.get('producer.id.expiration.ms'),
    transactionVerificationEnabled: config.get('transaction.partition.verification.enable'),
  });
}
