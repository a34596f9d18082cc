import type { ConfigReader } from '../broker-config.js';

/** Consumer groups and their offsets (the coordinator's part of `KafkaConfig`). */
export interface GroupsConfig {
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  /** `group.max.size` */
  readonly maxSize: number;
  readonly initialRebalanceDelayMs: number;
  readonly offsets: OffsetsConfig;
}

/** How offsets are kept. */
export interface OffsetsConfig {
  readonly metadataMaxBytes: number;
  readonly loadBufferBytes: number;
  readonly retentionMs: number;
  readonly retentionCheckIntervalMs: number;
  readonly commitTimeoutMs: number;
  readonly commitRequiredAcks: number;
  /** `offsets.topic.compression.codec`, by Kafka's ids. */
  readonly compressionId: number;
}

const MINUTE_MS = 60_000;

export function groupsConfigOf(config: ConfigReader): GroupsConfig {
  return Object.freeze({
    minSessionTimeoutMs: config.get('group.min.session.timeout.ms'),
    maxSessionTimeoutMs: config.get('group.max.session.timeout.ms'),
    maxSize: config.get('group.max.size'),
    initialRebalanceDelayMs: config.get('group.initial.rebalance.delay.ms'),
    offsets: Object.freeze({
      metadataMaxBytes: config.get('offset.metadata.max.bytes'),
      loadBufferBytes: config.get('offsets.load.buffer.size'),
      retentionMs: config.get('offsets.retention.minutes') * MINUTE_MS,
      retentionCheckIntervalMs: config.get('offsets.retention.check.interval.ms'),
      commitTimeoutMs: config.get('offsets.commit.timeout.ms'),
      commitRequiredAcks: config.get('offsets.commit.required.acks'),
      compressionId: config.get('offsets.topic.compression.codec'),
    }),
  });
}
