/**
 * Where two logs part, by leader epoch (KIP-101, KIP-279, KIP-595's truncation on fetch): what a leader answers, and where a follower cuts.
 */

export interface EpochEnd {
  readonly epoch: number;
  readonly endOffset: number;
}

/** What a leader finds when a follower says "I am at `fetchOffset`, and my last record is of `lastFetchedEpoch`". */
export type Divergence =
  | { readonly kind: 'none' }
  /** The follower has records that the leader has not: its log must be cut, at `endOffset` of `epoch` at the latest. */
  | { readonly kind: 'diverging'; readonly epoch: number; readonly endOffset: number }
  /** The leader's epochs do not reach back so far. */
  | { readonly kind: 'unknown' };

/** `epochEnd` is the end of the largest epoch not above `lastFetchedEpoch` in the leader's log, or null when it has none. */
export function divergenceOf(epochEnd: EpochEnd | null, lastFetchedEpoch: number, fetchOffset: number): Divergence {
  if (!epochEnd || epochEnd.endOffset < 0 || epochEnd.epoch < 0) return { kind: 'unknown' };
  if (epochEnd.epoch < lastFetchedEpoch || epochEnd.endOffset < fetchOffset) return { kind: 'diverging', ...epochEnd };
  return { kind: 'none' };
}

export interface Truncation {
  readonly offset: number;
  /** False when the leader must be asked again with the epoch that the log then ends in. */
  readonly completed: boolean;
}

/** What a follower's own log says, for `truncationPoint`. */
export interface FollowerLog {
  readonly logEndOffset: number;
  /** The end of the largest epoch not above the given one; null when the log has none. */
  endOffsetForEpoch(epoch: number): EpochEnd | null;
}

/**
 * Where a follower cuts its log after the leader answered with the end of an epoch (-1 for what it does not know). `fetchOffset` is
 * where the follower meant to fetch from.
 */
export function truncationPoint(leader: EpochEnd, log: FollowerLog, fetchOffset: number): Truncation {
  // The leader knows no epoch of ours at all: the follower's own high watermark, which it started from, is the best guess.
  if (leader.endOffset === -1) return { offset: fetchOffset, completed: true };
  const end = log.logEndOffset;
  if (leader.epoch === -1) return { offset: Math.min(leader.endOffset, end), completed: true };
  const own = log.endOffsetForEpoch(leader.epoch);
  if (!own) return { offset: Math.min(leader.endOffset, end), completed: true };
  if (own.epoch !== leader.epoch) return { offset: Math.min(own.endOffset, end), completed: false };
  return { offset: Math.min(own.endOffset, leader.endOffset, end), completed: true };
}

/** What a follower does whose fetch offset is outside of the leader's log. */
export type OutOfRangeAction =
  /** The leader is behind (an unclean election): cut to its end. */
  | { readonly kind: 'truncateTo'; readonly offset: number }
  /** The leader has deleted what we lack: start anew at its start. */
  | { readonly kind: 'truncateFullyAndStartAt'; readonly offset: number }
  | { readonly kind: 'fetchFrom'; readonly offset: number };

/** `leaderStartOffset` is only asked for when the leader's end is not below ours. */
export function outOfRangeAction(
  logEndOffset: number,
  leaderEndOffset: number,
  leaderStartOffset: number,
): OutOfRangeAction {
  if (leaderEndOffset < logEndOffset) return { kind: 'truncateTo', offset: leaderEndOffset };
  if (leaderStartOffset > logEndOffset) return { kind: 'truncateFullyAndStartAt', offset: leaderStartOffset };
  return { kind: 'fetchFrom', offset: Math.max(leaderStartOffset, logEndOffset) };
}
