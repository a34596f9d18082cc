/** What a `Partition` is given: by its broker once, and by the controller with each role. */
import type { LeaderAndIsr } from '../cluster/index.js';
import type { Clock, Counter, Logger } from '../common/index.js';
import type { TopicConfig } from '../config/index.js';
import type { LogManager } from '../log/index.js';
import type { Partition } from './partition.js';
import type { AlterPartitionSender, MetadataSource } from './ports.js';

/** What all partitions of a broker share, and how they tell the replica manager of changes. */
export interface PartitionContext {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stateChangeLogger: Logger;
  readonly logManager: LogManager;
  readonly metadata: MetadataSource;
  readonly alterPartition: AlterPartitionSender;
  readonly topicConfig: (topic: string) => TopicConfig;
  /** `replica.lag.time.max.ms`. */
  readonly maxLagMs: () => number;
  /** Something (`Change`) happened that waiting requests may care for. */
  readonly onChange: (partition: Partition, change: number) => void;
  /**
   * An offset up to which, or from which on, someone reads the log has moved. Called by the log, in the middle of the step that moves it:
   * notes are taken, nothing else. What such a step is announced with (`onChange`) comes after it, or not at all when it throws.
   */
  readonly onOffsetMoved: (partition: Partition, change: number) => void;
  /**
   * The partition may have followers in the ISR that are not at the log end: `maybeShrinkIsr` has to look at it. To be called in each step
   * that may make it so: a new role, an ISR that is committed or taken back, a log end that moves, a follower that goes back.
   */
  readonly onLagging: (partition: Partition) => void;
  readonly isrExpands: Counter;
  readonly isrShrinks: Counter;
  readonly failedIsrUpdates: Counter;
}

/** What LeaderAndIsr says of a partition, whatever the version of the request. */
export interface PartitionAssignment {
  readonly leaderAndIsr: LeaderAndIsr;
  /** Of the controller that decided it. */
  readonly controllerEpoch: number;
  readonly replicas: readonly number[];
  readonly addingReplicas: readonly number[];
  readonly removingReplicas: readonly number[];
  /** The replica is made for the first time: it may be placed anywhere, even with a directory offline. */
  readonly isNew: boolean;
}

/** The checkpointed high watermark of a partition in a directory; undefined when there is none. */
export type HighWatermarkLookup = (logDir: string, key: string) => number | undefined;
