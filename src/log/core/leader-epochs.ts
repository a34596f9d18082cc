/** A leader epoch and the first offset that was written under it. */
export interface EpochEntry {
  readonly epoch: number;
  readonly startOffset: number;
}

export const UNDEFINED_EPOCH = -1;
export const UNDEFINED_EPOCH_OFFSET = -1;

/** Puts an epoch; null when the entries already say so. Entries that it contradicts are dropped: both fields only grow. */
export function assignEpoch(entries: readonly EpochEntry[], entry: EpochEntry): readonly EpochEntry[] | null {
  const latest = entries.at(-1);
  if (latest && latest.epoch === entry.epoch && entry.startOffset >= latest.startOffset) return null;
  let keep = entries.length;
  while (keep > 0 && (entries[keep - 1]!.epoch >= entry.epoch || entries[keep - 1]!.startOffset >= entry.startOffset))
    keep--;
  return [...entries.slice(0, keep), entry];
}

/** The entries of a log that now ends at `endOffset`; null when nothing changes. */
export function truncateEpochsFromEnd(entries: readonly EpochEntry[], endOffset: number): readonly EpochEntry[] | null {
  const latest = entries.at(-1);
  if (endOffset < 0 || !latest || latest.startOffset < endOffset) return null;
  return entries.filter((entry) => entry.startOffset < endOffset);
}

/** The entries of a log that now begins at `startOffset`: the epoch of that offset begins there. Null when nothing changes. */
export function truncateEpochsFromStart(
  entries: readonly EpochEntry[],
  startOffset: number,
): readonly EpochEntry[] | null {
  let before = 0;
  while (before < entries.length && entries[before]!.startOffset <= startOffset) before++;
  if (before === 0) return null;
  const first = { epoch: entries[before - 1]!.epoch, startOffset };
  if (before === 1 && entries[0]!.startOffset === startOffset) return null;
  return [first, ...entries.slice(before)];
}

/**
 * Where the log's part of `requestedEpoch` ends, as followers are told to find where their logs part (KIP-101, KIP-279): the largest
 * epoch not beyond it, and the start of the next one, or `logEndOffset` for the latest. Undefined (-1, -1) when it is not known.
 */
export function endOffsetForEpoch(
  entries: readonly EpochEntry[],
  requestedEpoch: number,
  logEndOffset: number,
): { epoch: number; endOffset: number } {
  const undefinedEnd = { epoch: UNDEFINED_EPOCH, endOffset: UNDEFINED_EPOCH_OFFSET };
  if (requestedEpoch === UNDEFINED_EPOCH) return undefinedEnd;
  if (entries.at(-1)?.epoch === requestedEpoch) return { epoch: requestedEpoch, endOffset: logEndOffset };
  const higherAt = entries.findIndex((entry) => entry.epoch > requestedEpoch);
  if (higherAt < 0) return undefinedEnd;
  // Before the first known epoch: nothing of the requested one is left, so it ends where the first begins.
  const epoch = higherAt === 0 ? requestedEpoch : entries[higherAt - 1]!.epoch;
  return { epoch, endOffset: entries[higherAt]!.startOffset };
}

/** The epoch that `offset` was written under; null when it lies before the first. */
export function epochForOffset(entries: readonly EpochEntry[], offset: number): number | null {
  let epoch: number | null = null;
  for (const entry of entries) {
    if (entry.startOffset > offset) break;
    epoch = entry.epoch;
  }
  return epoch;
}
