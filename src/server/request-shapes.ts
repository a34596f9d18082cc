/** What requests ask, from whichever fields their version has. */
import type { TopicPartition } from '../cluster/index.js';
import { ZERO_UUID, type Uuid } from '../common/index.js';
import type { DeleteTopicsRequest, StopReplicaRequest } from '../protocol/index.js';

export interface StopReplica {
  readonly tp: TopicPartition;
  readonly leaderEpoch: number;
  readonly deletePartition: boolean;
}

/** Before version 3 the leader epoch is not told. */
const NO_EPOCH = -1;

export function stoppedPartitions({
  topicStates,
  topics,
  ungroupedPartitions,
  deletePartitions,
}: StopReplicaRequest): StopReplica[] {
  const old = (topic: string, partition: number): StopReplica => ({
    tp: { topic, partition },
    leaderEpoch: NO_EPOCH,
    deletePartition: deletePartitions,
  });
  return [
    ...topicStates.flatMap(({ topicName, partitionStates }) =>
      partitionStates.map(({ partitionIndex, leaderEpoch, deletePartition }) => ({
        tp: { topic: topicName, partition: partitionIndex },
        leaderEpoch,
        deletePartition,
      })),
    ),
    ...topics.flatMap(({ name, partitionIndexes }) => partitionIndexes.map((partition) => old(name, partition))),
    ...ungroupedPartitions.map(({ topicName, partitionIndex }) => old(topicName, partitionIndex)),
  ];
}

export interface TopicToDelete {
  readonly name: string | null;
  /** The zero id when the topic is named. */
  readonly topicId: Uuid;
}

/** By name or, from version 6 on, by either. */
export function topicsToDelete({ topics, topicNames }: DeleteTopicsRequest, version: number): readonly TopicToDelete[] {
  if (version >= 6) return topics;
  return topicNames.map((name) => ({ name, topicId: ZERO_UUID }));
}
