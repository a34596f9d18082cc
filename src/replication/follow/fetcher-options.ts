/** What a fetcher needs of its broker and of the configuration. */
import type { Clock, Logger, SliceLimits } from '../../common/index.js';
import type { TopicPartition } from '../../cluster/index.js';
import type { FollowerIdentity } from './fetcher-wire.js';
import type { Partition } from '../partition.js';
import type { LeaderEndpoint, ReplicaQuota } from '../ports.js';

/** What a fetcher needs of its broker. */
export interface FetcherOptions {
  readonly leader: LeaderEndpoint;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: () => FetcherSettings;
  readonly partitionOf: (tp: TopicPartition) => Partition | undefined;
  readonly quota: ReplicaQuota | null;
  readonly onHighWatermark: (partition: Partition) => void;
  /** The partition is given up until the next LeaderAndIsr. */
  readonly onFailed: (key: string) => void;
  readonly onBytes: (bytes: number) => void;
  /** A bug of ours: the process is to stop. */
  readonly onFatal: (error: unknown) => void;
  /** How an answer for many partitions is cut into slices; the default when left out. */
  readonly slices?: SliceLimits | undefined;
}

/** What the configuration says; read again for every request. Times in ms, sizes in bytes. */
export interface FetcherSettings extends FollowerIdentity {
  readonly partitionMaxBytes: number;
  readonly backoffMs: number;
  readonly fetchVersion: number;
  readonly isTruncationOnFetchSupported: boolean;
}
