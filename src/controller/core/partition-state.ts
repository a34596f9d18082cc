/** Where the controller believes a partition stands, and every step it may take from there (Kafka's `PartitionStateMachine`). */
export const PARTITION_TRANSITIONS = {
  /** Never created, or created and then deleted. */
  NonExistentPartition: ['NewPartition'],
  /** Has replicas assigned, but neither leader nor ISR yet. */
  NewPartition: ['OnlinePartition', 'OfflinePartition'],
  /** Online again: the leader changed. */
  OnlinePartition: ['OnlinePartition', 'OfflinePartition'],
  /** Had a leader, and the leader died. */
  OfflinePartition: ['OnlinePartition', 'OfflinePartition', 'NonExistentPartition'],
} as const;

export type PartitionState = keyof typeof PARTITION_TRANSITIONS;

/** Whether the table lets a partition step from one state to the other. */
export function isValidPartitionTransition(from: PartitionState, to: PartitionState): boolean {
  return (PARTITION_TRANSITIONS[from] as readonly PartitionState[]).includes(to);
}

/** The states from which `to` may be entered, for the message about a step that is not allowed. */
export function validPreviousPartitionStates(to: PartitionState): PartitionState[] {
  return (Object.keys(PARTITION_TRANSITIONS) as PartitionState[]).filter((from) =>
    isValidPartitionTransition(from, to),
  );
}
