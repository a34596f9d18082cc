import type { Clock, LoggerFactory, MetricsRegistry, Random, SliceLimits } from '../common/index.js';
import type { TopicPartition } from '../cluster/index.js';
import type { BrokerConfig, TopicConfig } from '../config/index.js';
import type { LogManager } from '../log/index.js';
import type { FetchSlices } from './fetch/fetch-slices.js';
import type { Partition } from './partition.js';
import type {
  AlterPartitionSender,
  LeaderEndpointFactory,
  MetadataSource,
  ReplicaQuota,
  TransactionVerifier,
} from './ports.js';

/** What a `ReplicaManager` is joined to. */
export interface ReplicaManagerOptions {
  readonly brokerId: number;
  readonly config: BrokerConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: LoggerFactory;
  readonly metrics: MetricsRegistry;
  readonly logManager: LogManager;
  /** The effective configuration of a topic: a cheap look-up, asked on every append. */
  readonly topicConfig: (topic: string) => TopicConfig;
  readonly metadata: MetadataSource;
  readonly leaderEndpoints: LeaderEndpointFactory;
  readonly alterPartition: AlterPartitionSender;
  /** The czxid of our registration, which followers tell their leader from Fetch v15 on; -1 when unknown. */
  readonly brokerEpoch: () => bigint;
  readonly quotas?: { readonly leader: ReplicaQuota; readonly follower: ReplicaQuota };
  readonly transactionVerifier?: TransactionVerifier;
  /** A checkpoint could not be written: the directory is to be taken offline, here and in the log manager, and made known. */
  readonly onLogDirFailure: (dir: string) => void;
  /** The partition is led here, in this epoch. Called in the step in which LeaderAndIsr says so, of one that was led before too. */
  readonly onLed?: (partition: Partition) => void;
  /**
   * The partition is led here no more, if it was: another leads it, or it was stopped or deleted, or its directory failed. Called in the step
   * in which that happens, whatever it was; who coordinates by the partition gives up what hangs on it.
   */
  readonly onNotLed?: (tp: TopicPartition) => void;
  /** A bug of ours was met outside of any request: the process is to stop. */
  readonly onFatal: (error: unknown) => void;
  /** After how much of a command, or of a leader's answer, others run. */
  readonly slices?: SliceLimits;
  /** The same for fetches. */
  readonly fetchSlices?: FetchSlices;
  /** What the fetch sessions of consumers may have together, and those of followers; who comes beyond it is served without one. */
  readonly maxFetchSessionPartitions?: number;
}
