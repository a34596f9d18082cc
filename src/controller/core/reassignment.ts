import type { LeaderAndIsr, ReplicaAssignment } from '../../cluster/index.js';

/**
 * What a `ReplicaAssignment` says while a reassignment is under way (KIP-455): `replicas` are the target ones in their new order,
 * followed by the ones that will go; `adding` and `removing` are parts of it.
 */
export function isBeingReassigned(assignment: ReplicaAssignment): boolean {
  return assignment.adding.length > 0 || assignment.removing.length > 0;
}

/** The replicas from before the reassignment, though not always in their old order. */
export function originReplicas(assignment: ReplicaAssignment): readonly number[] {
  return without(assignment.replicas, assignment.adding);
}

/** The replicas the partition will have, in the order of preference. */
export function targetReplicas(assignment: ReplicaAssignment): readonly number[] {
  return without(assignment.replicas, assignment.removing);
}

/** The assignment on its way to `target`, whatever was under way before. */
export function reassignTo(assignment: ReplicaAssignment, target: readonly number[]): ReplicaAssignment {
  const origin = originReplicas(assignment);
  const replicas = [...new Set([...target, ...origin])];
  return { replicas, adding: without(replicas, origin), removing: without(replicas, target) };
}

/** The assignment that stays when the reassignment is done. */
export function completedAssignment(assignment: ReplicaAssignment): ReplicaAssignment {
  return { replicas: targetReplicas(assignment), adding: [], removing: [] };
}

/** The assignment without a replica whose deletion is complete. */
export function removeReplica(assignment: ReplicaAssignment, replica: number): ReplicaAssignment {
  return {
    replicas: without(assignment.replicas, [replica]),
    adding: without(assignment.adding, [replica]),
    removing: without(assignment.removing, [replica]),
  };
}

/** A reassignment is complete when every target replica is in sync; one that is not under way always is. */
export function isReassignmentComplete(assignment: ReplicaAssignment, current: LeaderAndIsr | undefined): boolean {
  if (!isBeingReassigned(assignment)) return true;
  return current !== undefined && targetReplicas(assignment).every((replica) => current.isr.includes(replica));
}

/** Whether both name the same replicas in the same order and phase. */
export function sameAssignment(a: ReplicaAssignment, b: ReplicaAssignment): boolean {
  return sameIds(a.replicas, b.replicas) && sameIds(a.adding, b.adding) && sameIds(a.removing, b.removing);
}

/** In the same order. */
export function sameIds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}

function without(ids: readonly number[], gone: readonly number[]): readonly number[] {
  return gone.length === 0 ? ids : ids.filter((id) => !gone.includes(id));
}
