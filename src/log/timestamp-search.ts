/** Finding the first record of a time or later: the time index, the offset index, then the batches themselves. */
import type { Steps } from '../common/index.js';
import { BatchView, batchSizeAt, LOG_OVERHEAD, sizeAt } from '../records/index.js';
import type { LocalLog } from './local-log.js';
import type { LogSegment } from './log-segment.js';
import type { LogSegments } from './log-segments.js';

const PIECE_BYTES = 256 * 1024;

export interface FoundRecord {
  readonly timestamp: number;
  readonly offset: number;
  /** The leader epoch of its batch; null when that has none. */
  readonly leaderEpoch: number | null;
}

/** True when the greatest timestamp is known of each segment up to the first that reaches `timestamp`: no file has to be opened for it. */
export function areTimesKnown(segments: LogSegments, timestamp: number): boolean {
  for (const segment of segments.all) {
    if (!segment.isMaxTimestampKnown) return false;
    if (segment.maxTimestampSoFar.timestamp >= timestamp) return true;
  }
  return true;
}

/**
 * Reads the greatest timestamps that `areTimesKnown` misses, a file each: after a start a log may have thousands. Segments may come and go
 * between two steps, so the next one is found by its offset, and the caller has to ask again.
 */
export function* readTimes(local: LocalLog, timestamp: number): Steps<void> {
  const { segments } = local;
  // The first step, too, may come later than the call.
  local.ensureOpen();
  for (let segment = segments.first; segment; segment = segments.higher(segment.baseOffset)) {
    const wasKnown = segment.isMaxTimestampKnown;
    if (!wasKnown) segment.readMaxTimestamp();
    if (segment.maxTimestampSoFar.timestamp >= timestamp) return;
    if (wasKnown) continue;
    yield;
    local.ensureOpen();
  }
}

/**
 * The first record of `segment` at `startOffset` or later whose timestamp is `timestamp` or later; null when there is none
 * (`LogSegment.findOffsetByTimestamp`).
 */
export async function findRecordByTimestamp(
  segment: LogSegment,
  timestamp: number,
  startOffset: number,
): Promise<FoundRecord | null> {
  const indexed = segment.timeIndex.lookup(timestamp);
  let position = segment.offsetIndex.lookup(Math.max(indexed.offset, startOffset)).position;
  const end = segment.sizeInBytes;
  let pieceBytes = PIECE_BYTES;
  while (position < end) {
    const length = Math.min(pieceBytes, end - position);
    const piece = Buffer.allocUnsafe(length);
    const filled = await segment.file.read(piece, 0, length, position);
    let at = 0;
    for (let size = batchSizeAt(piece, 0, filled); size > 0; size = batchSizeAt(piece, at, filled)) {
      const found = findInBatch(new BatchView(piece, at), timestamp, startOffset);
      if (found) return found;
      at += size;
    }
    if (filled < length || position + filled >= end) return null;
    pieceBytes = filled - at >= LOG_OVERHEAD ? Math.max(PIECE_BYTES, sizeAt(piece, at)) : PIECE_BYTES;
    position += at;
  }
  return null;
}

function findInBatch(batch: BatchView, timestamp: number, startOffset: number): FoundRecord | null {
  if (batch.maxTimestamp < timestamp || batch.lastOffset < startOffset) return null;
  const { partitionLeaderEpoch } = batch;
  for (const record of batch.records()) {
    if (record.timestamp >= timestamp && record.offset >= startOffset) {
      return {
        timestamp: record.timestamp,
        offset: record.offset,
        leaderEpoch: partitionLeaderEpoch >= 0 ? partitionLeaderEpoch : null,
      };
    }
  }
  return null;
}
