import type { Steps } from '../common/index.js';
import type { Int64 } from '../records/index.js';
import type { LogSegment } from './segment/log-segment.js';
import { EARLIEST_LOCAL_TIMESTAMP, EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, type UnifiedLog } from './unified-log.js';

/** The file system may be asked about each of them. */
const SEGMENTS_A_STEP = 32;

/**
 * Where the segments begin that were written last at `timestamp` or before, and the end of the log if that is now or later: the newest
 * first, `maxNumOffsets` at most. What ListOffsets was before records had times (Kafka's `UnifiedLog.legacyFetchOffsetsBefore`).
 */
export function* legacyOffsetsBefore(
  log: UnifiedLog,
  timestamp: Int64,
  maxNumOffsets: number,
  nowMs: number,
): Steps<number[]> {
  const { segments } = log;
  // An empty segment begins at the end, which is not to be told twice.
  const hasEnd = segments.at(-1)!.sizeInBytes > 0;
  let newest = hasEnd ? segments.length : segments.length - 1;
  if (timestamp === EARLIEST_TIMESTAMP || timestamp === EARLIEST_LOCAL_TIMESTAMP) newest = 0;
  else if (timestamp !== LATEST_TIMESTAMP && !(hasEnd && nowMs <= timestamp)) {
    newest = yield* newestWrittenBy(timestamp, segments);
  }
  const { logStartOffset, logEndOffset } = log;
  const offsets: number[] = [];
  for (let at = newest; at >= 0 && offsets.length < maxNumOffsets; at--) {
    offsets.push(at < segments.length ? Math.max(segments[at]!.baseOffset, logStartOffset) : logEndOffset);
  }
  return offsets;
}

/** The place of the newest segment that was written last at `timestamp` or before; -1 when there is none. */
function* newestWrittenBy(timestamp: Int64, segments: readonly LogSegment[]): Steps<number> {
  let left = SEGMENTS_A_STEP;
  for (let at = segments.length - 1; at >= 0; at--) {
    if (segments[at]!.file.lastWrittenMs <= timestamp) return at;
    if (--left > 0) continue;
    yield;
    left = SEGMENTS_A_STEP;
    // Where the oldest were deleted meanwhile, some are looked at again; where the newest were cut off, there are fewer.
    at = Math.min(at, segments.length);
  }
  return -1;
}
