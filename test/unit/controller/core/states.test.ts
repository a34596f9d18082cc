import {
  isValidPartitionTransition,
  PARTITION_TRANSITIONS,
  validPreviousPartitionStates,
  type PartitionState,
} from '../../../../src/controller/core/partition-state.js';
import {
  isValidReplicaTransition,
  REPLICA_TRANSITIONS,
  validPreviousReplicaStates,
  type ReplicaState,
} from '../../../../src/controller/core/replica-state.js';

/** Kafka's `PartitionState.validPreviousStates`. */
const PARTITION_PREVIOUS: Record<PartitionState, PartitionState[]> = {
  NewPartition: ['NonExistentPartition'],
  OnlinePartition: ['NewPartition', 'OnlinePartition', 'OfflinePartition'],
  OfflinePartition: ['NewPartition', 'OnlinePartition', 'OfflinePartition'],
  NonExistentPartition: ['OfflinePartition'],
};
/** Kafka's `ReplicaState.validPreviousStates`. */
const REPLICA_PREVIOUS: Record<ReplicaState, ReplicaState[]> = {
  NewReplica: ['NonExistentReplica'],
  OnlineReplica: ['NewReplica', 'OnlineReplica', 'OfflineReplica', 'ReplicaDeletionIneligible'],
  OfflineReplica: ['NewReplica', 'OnlineReplica', 'OfflineReplica', 'ReplicaDeletionIneligible'],
  ReplicaDeletionStarted: ['OfflineReplica'],
  ReplicaDeletionSuccessful: ['ReplicaDeletionStarted'],
  ReplicaDeletionIneligible: ['OfflineReplica', 'ReplicaDeletionStarted'],
  NonExistentReplica: ['ReplicaDeletionSuccessful'],
};

const pairs = <S extends string>(table: Record<S, unknown>): [S, S][] => {
  const states = Object.keys(table) as S[];
  return states.flatMap((from) => states.map((to): [S, S] => [from, to]));
};

describe('a partition', () => {
  test.each(pairs(PARTITION_TRANSITIONS))('steps from %s to %s as Kafka lets it', (from, to) => {
    expect(isValidPartitionTransition(from, to)).toBe(PARTITION_PREVIOUS[to].includes(from));
  });

  test.each(Object.keys(PARTITION_TRANSITIONS) as PartitionState[])('is told whence %s may be entered', (to) => {
    expect(validPreviousPartitionStates(to).sort()).toEqual([...PARTITION_PREVIOUS[to]].sort());
  });
});

describe('a replica', () => {
  test.each(pairs(REPLICA_TRANSITIONS))('steps from %s to %s as Kafka lets it', (from, to) => {
    expect(isValidReplicaTransition(from, to)).toBe(REPLICA_PREVIOUS[to].includes(from));
  });

  test.each(Object.keys(REPLICA_TRANSITIONS) as ReplicaState[])('is told whence %s may be entered', (to) => {
    expect(validPreviousReplicaStates(to).sort()).toEqual([...REPLICA_PREVIOUS[to]].sort());
  });
});
