/** Where two logs of one partition part, both being at hand: a log and the copy of it that grows in another directory. */
import type { EpochEntry } from '../../log/index.js';

/** What must be known of a log. Entries are in order. */
export interface EpochedLog {
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  readonly epochEntries: readonly EpochEntry[];
}

/**
 * Returns the first offset from which on the two may hold different records, or the smaller end when there is none. Records of one offset
 * and one leader epoch are the same record, for an epoch has one leader: so histories are the same as far as their epochs are. Offsets
 * whose epoch is not known count as different. Null when the logs have no offset in common, not even their ends.
 */
export function divergenceOf(one: EpochedLog, other: EpochedLog): number | null {
  const from = Math.max(one.logStartOffset, other.logStartOffset);
  const end = Math.min(one.logEndOffset, other.logEndOffset);
  if (from > end) return null;
  const starts = [...one.epochEntries, ...other.epochEntries].map(({ startOffset }) => startOffset);
  const places = [from, ...starts.filter((offset) => offset > from)].filter((offset) => offset < end);
  for (const offset of places.sort((a, b) => a - b)) {
    const epoch = epochAt(one.epochEntries, offset);
    if (epoch === null || epoch !== epochAt(other.epochEntries, offset)) return offset;
  }
  return end;
}

function epochAt(entries: readonly EpochEntry[], offset: number): number | null {
  return entries.findLast(({ startOffset }) => startOffset <= offset)?.epoch ?? null;
}
