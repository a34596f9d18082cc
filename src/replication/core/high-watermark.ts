/**
 * How far a partition is replicated, and who is in sync (the rules inside Kafka's `Partition`).
 */
import type { LogOffsetMetadata } from '../../log/index.js';
import { isInMaximalIsr, isrOf, type PartitionState } from './partition-state.js';
import type { Replica } from './replica.js';

/** What the rules need to know of the partition and the cluster. */
export interface IsrView {
  readonly state: PartitionState;
  readonly leaderEnd: LogOffsetMetadata;
  readonly nowMs: number;
  /** `replica.lag.time.max.ms`. */
  readonly maxLagMs: number;
  /** The broker of the replica is alive as far as the metadata tells. */
  readonly isEligible: (brokerId: number) => boolean;
}

/**
 * The place up to which every replica has the log that is in sync, or about to be: a caught-up replica outside the ISR holds the
 * high watermark back too, or the ISR of a fast log could never grow (KAFKA-3323). Never above the leader's end. Null while the
 * progress of one of them is unknown. The caller only ever raises its high watermark.
 */
export function highWatermarkOf(remoteReplicas: Iterable<Replica>, view: IsrView): LogOffsetMetadata | null {
  const leaderEndOffset = view.leaderEnd.messageOffset;
  let highWatermark: LogOffsetMetadata | null = view.leaderEnd;
  for (const replica of remoteReplicas) {
    if (highWatermark === null || replica.logEndOffset >= highWatermark.messageOffset) continue;
    const holdsBack =
      isInMaximalIsr(view.state, replica.brokerId) ||
      (replica.isCaughtUp(leaderEndOffset, view.nowMs, view.maxLagMs) && view.isEligible(replica.brokerId));
    if (holdsBack) highWatermark = replica.logEnd;
  }
  return highWatermark;
}

/** The members of the ISR that have fallen behind and should leave it. Empty while a change is under way: one at a time. */
export function outOfSyncReplicas(
  replicaOf: (id: number) => Replica | undefined,
  leaderId: number,
  view: IsrView,
): number[] {
  if (view.state.kind !== 'Committed') return [];
  return view.state.isr.filter(
    (id) => id !== leaderId && !replicaOf(id)?.isCaughtUp(view.leaderEnd.messageOffset, view.nowMs, view.maxLagMs),
  );
}

/**
 * Whether a follower that has just fetched should join the ISR: it has all that was acknowledged, and all that was there when the
 * leader's epoch began (so that it cannot miss records of an earlier epoch that the leader has yet to commit).
 */
export function shouldJoinIsr(
  replica: Replica,
  at: { readonly highWatermark: number; readonly leaderEpochStartOffset: number | null },
  view: IsrView,
): boolean {
  return (
    view.state.kind === 'Committed' &&
    !isrOf(view.state).includes(replica.brokerId) &&
    view.isEligible(replica.brokerId) &&
    at.leaderEpochStartOffset !== null &&
    replica.logEndOffset >= at.highWatermark &&
    replica.logEndOffset >= at.leaderEpochStartOffset
  );
}
