import type { ConfigReader } from '../broker-config.js';

/** Leaders, followers and what is fetched from them (the replication's part of `KafkaConfig`). */
export interface ReplicationConfig {
  /** `replica.lag.time.max.ms` */
  readonly maxLagMs: number;
  /** What followers ask their leaders for. */
  readonly fetcher: FetcherConfig;
  /** `fetch.max.bytes`: the most that one client gets at once. */
  readonly fetchMaxBytes: number;
  /** `max.incremental.fetch.session.cache.slots` */
  readonly fetchSessions: number;
  /** `replica.selector.class` */
  readonly selectorClass: string | null;
  /** `replica.high.watermark.checkpoint.interval.ms` */
  readonly highWatermarkCheckpointIntervalMs: number;
}

/** `replica.fetch.*` */
export interface FetcherConfig {
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly responseMaxBytes: number;
  readonly partitionMaxBytes: number;
  readonly backoffMs: number;
}

export function replicationConfigOf(config: ConfigReader): ReplicationConfig {
  return Object.freeze({
    maxLagMs: config.get('replica.lag.time.max.ms'),
    fetcher: Object.freeze({
      maxWaitMs: config.get('replica.fetch.wait.max.ms'),
      minBytes: config.get('replica.fetch.min.bytes'),
      responseMaxBytes: config.get('replica.fetch.response.max.bytes'),
      partitionMaxBytes: config.get('replica.fetch.max.bytes'),
      backoffMs: config.get('replica.fetch.backoff.ms'),
    }),
    fetchMaxBytes: config.get('fetch.max.bytes'),
    fetchSessions: config.get('max.incremental.fetch.session.cache.slots'),
    selectorClass: config.get('replica.selector.class'),
    highWatermarkCheckpointIntervalMs: config.get('replica.high.watermark.checkpoint.interval.ms'),
  });
}
