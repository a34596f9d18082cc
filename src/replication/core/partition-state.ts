/**
 * The ISR as a leader believes it to be, with at most one change to it under way (Kafka's `PartitionState`, KIP-497).
 */
import { assert } from '../../common/index.js';
import type { LeaderAndIsr } from '../../cluster/index.js';

/** What the controller last confirmed. */
export interface CommittedIsr {
  readonly kind: 'Committed';
  readonly isr: readonly number[];
  readonly recovering: boolean;
}

/** A replica joins: until the controller confirms, it counts for the high watermark already, but not for min.insync.replicas. */
export interface PendingExpandIsr {
  readonly kind: 'PendingExpandIsr';
  readonly newInSyncReplicaId: number;
  readonly sent: LeaderAndIsr;
  readonly lastCommitted: CommittedIsr;
}

/** Replicas leave: until the controller confirms, they still hold the high watermark back. */
export interface PendingShrinkIsr {
  readonly kind: 'PendingShrinkIsr';
  readonly outOfSyncReplicaIds: readonly number[];
  readonly sent: LeaderAndIsr;
  readonly lastCommitted: CommittedIsr;
}

export type PendingIsr = PendingExpandIsr | PendingShrinkIsr;
/** A change is only ever proposed from a committed state, and ends in one: one at a time. */
export type PartitionState = CommittedIsr | PendingIsr;

/** The state of a partition that nobody has told us of yet. */
export const UNKNOWN_ISR: CommittedIsr = { kind: 'Committed', isr: [], recovering: false };

/** The members that are in sync whatever becomes of the change under way. */
export function isrOf(state: PartitionState): readonly number[] {
  return state.kind === 'Committed' ? state.isr : state.lastCommitted.isr;
}

/** True when the replica is in the ISR, or would be after the change under way: all whose progress the high watermark waits for. */
export function isInMaximalIsr(state: PartitionState, replicaId: number): boolean {
  if (state.kind === 'PendingExpandIsr' && state.newInSyncReplicaId === replicaId) return true;
  return isrOf(state).includes(replicaId);
}

/** How many the maximal ISR has. */
export function maximalIsrSize(state: PartitionState): number {
  return isrOf(state).length + (state.kind === 'PendingExpandIsr' ? 1 : 0);
}

/** The epochs that a proposal names, so that the controller can tell whether it was made in knowledge of the present. */
export interface LeadershipEpochs {
  readonly leaderId: number;
  readonly leaderEpoch: number;
  readonly partitionEpoch: number;
}

/** Proposes that a replica joins the ISR. */
export function prepareExpand(
  current: CommittedIsr,
  newInSyncReplicaId: number,
  at: LeadershipEpochs,
): PendingExpandIsr {
  assert(!current.isr.includes(newInSyncReplicaId), 'a member of the ISR does not join it again');
  const sent = sentState(current, [...current.isr, newInSyncReplicaId], at);
  return { kind: 'PendingExpandIsr', newInSyncReplicaId, sent, lastCommitted: current };
}

/** Proposes that replicas leave the ISR. The leader itself never does. */
export function prepareShrink(
  current: CommittedIsr,
  outOfSyncReplicaIds: readonly number[],
  at: LeadershipEpochs,
): PendingShrinkIsr {
  assert(!outOfSyncReplicaIds.includes(at.leaderId), 'a leader stays in its own ISR');
  const isr = current.isr.filter((id) => !outOfSyncReplicaIds.includes(id));
  return { kind: 'PendingShrinkIsr', outOfSyncReplicaIds, sent: sentState(current, isr, at), lastCommitted: current };
}

function sentState(current: CommittedIsr, isr: readonly number[], at: LeadershipEpochs): LeaderAndIsr {
  return {
    leader: at.leaderId,
    leaderEpoch: at.leaderEpoch,
    isr,
    recovering: current.recovering,
    partitionEpoch: at.partitionEpoch,
  };
}

/** What to do with the controller's answer to a proposal. */
export type AlterPartitionOutcome =
  | { readonly kind: 'committed'; readonly state: CommittedIsr; readonly partitionEpoch: number }
  /** An answer out of another time: the proposal stays as it is, and newer metadata will replace it. */
  | { readonly kind: 'ignored' }
  /** Refused for good, with our knowledge intact: back to what was committed; a later fetch or check proposes anew. */
  | { readonly kind: 'reverted'; readonly state: CommittedIsr }
  /** Refused because our knowledge is old: nothing more is proposed until LeaderAndIsr brings the new state. */
  | { readonly kind: 'awaitMetadata' }
  | { readonly kind: 'retry' };

/** The controller committed the change: true when it speaks of our epoch and is not older than what we know. */
export function outcomeOfUpdate(
  answer: LeaderAndIsr,
  at: { readonly leaderEpoch: number; readonly partitionEpoch: number },
): AlterPartitionOutcome {
  if (answer.leaderEpoch !== at.leaderEpoch || answer.partitionEpoch < at.partitionEpoch) return { kind: 'ignored' };
  return {
    kind: 'committed',
    state: { kind: 'Committed', isr: answer.isr, recovering: answer.recovering },
    partitionEpoch: answer.partitionEpoch,
  };
}

/** How each refusal is taken. Names are Kafka's errors; what is not listed is retried. */
const OUTCOME_BY_ERROR: Readonly<Record<string, 'reverted' | 'awaitMetadata'>> = {
  OPERATION_NOT_ATTEMPTED: 'reverted',
  INELIGIBLE_REPLICA: 'reverted',
  UNKNOWN_TOPIC_OR_PARTITION: 'awaitMetadata',
  UNKNOWN_TOPIC_ID: 'awaitMetadata',
  FENCED_LEADER_EPOCH: 'awaitMetadata',
  INVALID_UPDATE_VERSION: 'awaitMetadata',
  INVALID_REQUEST: 'awaitMetadata',
  // The change was made, but completing a reassignment removed this replica: LeaderAndIsr or StopReplica follows.
  NEW_LEADER_ELECTED: 'awaitMetadata',
};

/** The controller refused the change with the error of that name. */
export function outcomeOfError(pending: PendingIsr, error: string): AlterPartitionOutcome {
  const kind = OUTCOME_BY_ERROR[error];
  if (kind === 'reverted') return { kind, state: pending.lastCommitted };
  return kind ? { kind } : { kind: 'retry' };
}
