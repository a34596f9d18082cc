/** Where the controller believes a replica stands, and every step it may take from there (Kafka's `ReplicaStateMachine`). */
export const REPLICA_TRANSITIONS = {
  NonExistentReplica: ['NewReplica'],
  /** Just assigned: it may be told to follow, not yet to lead. */
  NewReplica: ['OnlineReplica', 'OfflineReplica'],
  OnlineReplica: ['OnlineReplica', 'OfflineReplica'],
  /** Its broker, or the log directory it is in, is gone; or it was told to stop. */
  OfflineReplica: ['OnlineReplica', 'OfflineReplica', 'ReplicaDeletionStarted', 'ReplicaDeletionIneligible'],
  /** Told to stop and to delete its log. */
  ReplicaDeletionStarted: ['ReplicaDeletionSuccessful', 'ReplicaDeletionIneligible'],
  ReplicaDeletionSuccessful: ['NonExistentReplica'],
  /** Its deletion failed, or cannot begin because its broker is down. */
  ReplicaDeletionIneligible: ['OnlineReplica', 'OfflineReplica'],
} as const;

export type ReplicaState = keyof typeof REPLICA_TRANSITIONS;

/** Whether the table lets a replica step from one state to the other. */
export function isValidReplicaTransition(from: ReplicaState, to: ReplicaState): boolean {
  return (REPLICA_TRANSITIONS[from] as readonly ReplicaState[]).includes(to);
}

/** The states from which `to` may be entered, for the message about a step that is not allowed. */
export function validPreviousReplicaStates(to: ReplicaState): ReplicaState[] {
  return (Object.keys(REPLICA_TRANSITIONS) as ReplicaState[]).filter((from) => isValidReplicaTransition(from, to));
}
