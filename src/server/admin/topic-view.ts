import type { AssignableBroker, TopicPartition } from '../../cluster/index.js';

/** What administration needs to know of the cluster's metadata; the metadata cache has it. */
export interface TopicView {
  hasTopic(topic: string): boolean;
  /** A leader of -1 is none; undefined for a partition that is not known. */
  partitionInfo(partition: TopicPartition): { readonly leader: number } | undefined;
  aliveBrokers(): Iterable<AssignableBroker>;
  /** Calls `listener` after every change. */
  onUpdate(listener: () => void): unknown;
}
