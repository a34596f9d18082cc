import type { Uuid } from '../common/index.js';

/** No leader: the partition is offline. */
export const NO_LEADER = -1;
/** In UpdateMetadata, the partition is being deleted. */
export const LEADER_DURING_DELETE = -2;
/** The leader epoch in StopReplica while a partition is being deleted. */
export const EPOCH_DURING_DELETE = -2;
export const INITIAL_LEADER_EPOCH = 0;

/** Who leads a partition, and who is in sync: `/brokers/topics/T/partitions/P/state`. */
export interface LeaderAndIsr {
  readonly leader: number;
  readonly leaderEpoch: number;
  readonly isr: readonly number[];
  /** Elected uncleanly and not yet recovered (KIP-704). */
  readonly recovering: boolean;
  /** The version of the znode. */
  readonly partitionEpoch: number;
}

export interface LeaderIsrAndControllerEpoch {
  readonly leaderAndIsr: LeaderAndIsr;
  readonly controllerEpoch: number;
}

/** The replicas of a partition in order of preference; `adding` and `removing` are not empty only during a reassignment. */
export interface ReplicaAssignment {
  readonly replicas: readonly number[];
  readonly adding: readonly number[];
  readonly removing: readonly number[];
}

/** The assignment of a whole topic: `/brokers/topics/T`. */
export interface TopicAssignment {
  readonly topic: string;
  /** Null for a topic made by a version without topic ids. */
  readonly topicId: Uuid | null;
  /** By partition number. */
  readonly partitions: ReadonlyMap<number, ReplicaAssignment>;
}
