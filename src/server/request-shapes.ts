/** What requests ask, from whichever fields their version has. */
import type { TopicPartition } from '../cluster/index.js';
import { forEachInSteps, mapInSteps, ZERO_UUID, type Steps, type Uuid } from '../common/index.js';
import type { DeleteTopicsRequest, StopReplicaRequest } from '../protocol/index.js';

export interface StopReplica {
  readonly tp: TopicPartition;
  readonly leaderEpoch: number;
  readonly deletePartition: boolean;
}

/** Before version 3 the leader epoch is not told. */
const NO_EPOCH = -1;

export function* stoppedPartitions(request: StopReplicaRequest): Steps<StopReplica[]> {
  const stopped: StopReplica[] = [];
  for (const { topicName, partitionStates } of request.topicStates) {
    yield* forEachInSteps(partitionStates, ({ partitionIndex, leaderEpoch, deletePartition }) => {
      stopped.push({ tp: { topic: topicName, partition: partitionIndex }, leaderEpoch, deletePartition });
    });
    yield;
  }
  const stopOld = (topic: string, partition: number): void =>
    void stopped.push({
      tp: { topic, partition },
      leaderEpoch: NO_EPOCH,
      deletePartition: request.deletePartitions,
    });
  for (const { name, partitionIndexes } of request.topics) {
    yield* forEachInSteps(partitionIndexes, (partition) => stopOld(name, partition));
    yield;
  }
  yield* forEachInSteps(request.ungroupedPartitions, ({ topicName, partitionIndex }) => {
    stopOld(topicName, partitionIndex);
  });
  return stopped;
}

/** Any other is an error that Kafka does not expect (`IsolationLevel.forId`). */
export function isKnownIsolationLevel(level: number): boolean {
  return level === 0 || level === 1;
}

export interface TopicToDelete {
  readonly name: string | null;
  /** The zero id when the topic is named. */
  readonly topicId: Uuid;
}

/** By name or, from version 6 on, by either. */
export function* topicsToDelete(
  { topics, topicNames }: DeleteTopicsRequest,
  version: number,
): Steps<readonly TopicToDelete[]> {
  if (version >= 6) return topics;
  return yield* mapInSteps(topicNames, (name) => ({ name, topicId: ZERO_UUID }));
}
