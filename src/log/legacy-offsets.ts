import type { Int64 } from '../records/index.js';
import { EARLIEST_LOCAL_TIMESTAMP, EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, type UnifiedLog } from './unified-log.js';

/**
 * Where the segments begin that were written last at `timestamp` or before, and the end of the log if that is now or later: the newest
 * first, `maxNumOffsets` at most. What ListOffsets was before records had times (Kafka's `UnifiedLog.legacyFetchOffsetsBefore`).
 */
export function legacyOffsetsBefore(
  { segments, logStartOffset, logEndOffset }: UnifiedLog,
  timestamp: Int64,
  maxNumOffsets: number,
  nowMs: number,
): number[] {
  // An empty segment begins at the end, which is not to be told twice.
  const hasEnd = segments.at(-1)!.sizeInBytes > 0;
  const count = segments.length + (hasEnd ? 1 : 0);
  const offsetAt = (at: number): number =>
    at < segments.length ? Math.max(segments[at]!.baseOffset, logStartOffset) : logEndOffset;
  const modifiedAt = (at: number): number => (at < segments.length ? segments[at]!.file.modifiedMs : nowMs);
  let newest = count - 1;
  if (timestamp === EARLIEST_TIMESTAMP || timestamp === EARLIEST_LOCAL_TIMESTAMP) newest = 0;
  else if (timestamp !== LATEST_TIMESTAMP) {
    while (newest >= 0 && modifiedAt(newest) > timestamp) newest--;
  }
  const offsets: number[] = [];
  for (let at = newest; at >= 0 && offsets.length < maxNumOffsets; at--) offsets.push(offsetAt(at));
  return offsets;
}
