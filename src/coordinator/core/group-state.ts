/**
 * Where a group stands, and every step it may take from there (`GroupState` in Kafka's GroupMetadata.scala).
 *
 * - `Empty`: no members; only offsets, if any.
 * - `PreparingRebalance`: JoinGroups are parked until all known members have come, or the time is up. Heartbeats answer
 *   REBALANCE_IN_PROGRESS; members of the old generation may still commit.
 * - `CompletingRebalance`: the leader computes the assignment; SyncGroups are parked, commits answer REBALANCE_IN_PROGRESS.
 * - `Stable`: everybody has an assignment.
 * - `Dead`: removed, or moved to another coordinator. Nothing follows.
 */
export const GROUP_TRANSITIONS = {
  Empty: ['PreparingRebalance', 'Dead'],
  PreparingRebalance: ['CompletingRebalance', 'Empty', 'Dead'],
  CompletingRebalance: ['Stable', 'PreparingRebalance', 'Dead'],
  Stable: ['PreparingRebalance', 'Dead'],
  Dead: ['Dead'],
} as const;

export type GroupState = keyof typeof GROUP_TRANSITIONS;

export function mayFollow(from: GroupState, to: GroupState): boolean {
  return (GROUP_TRANSITIONS[from] as readonly GroupState[]).includes(to);
}
