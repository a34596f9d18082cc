/** Finding the first record of a time or later: the time index, the offset index, then the batches themselves. */
import type { Clock } from '../common/index.js';
import {
  addInt64,
  BatchView,
  batchSizeAt,
  LOG_OVERHEAD,
  PreparationNeededError,
  readContent,
  RECORD_BATCH_OVERHEAD,
  RecordStream,
  sizeAt,
  StepWork,
  type ContentReader,
  type Int64,
  type PassedRecord,
} from '../records/index.js';
import { PLAIN_MEMORY } from './file-handles.js';
import type { LocalLog } from './local-log.js';
import type { LogSegment } from './log-segment.js';
import type { LogSegments } from './log-segments.js';
import { passContent } from './unpacking.js';

const PIECE_BYTES = 256 * 1024;

export interface FoundRecord {
  readonly timestamp: Int64;
  readonly offset: number;
  /** The leader epoch of its batch; null when that has none. */
  readonly leaderEpoch: number | null;
}

/** True when the greatest timestamp is known of each segment up to the first that reaches `timestamp`: no file has to be opened for it. */
export function areTimesKnown(segments: LogSegments, timestamp: Int64): boolean {
  for (const segment of segments.all) {
    if (!segment.isMaxTimestampKnown) return false;
    if (segment.maxTimestampSoFar.timestamp >= timestamp) return true;
  }
  return true;
}

/**
 * Reads the greatest timestamps that `areTimesKnown` misses, a file each: after a start a log may have thousands. Segments come and go
 * meanwhile, so the next one is found by its offset, and the caller has to ask again.
 */
export async function readTimes(local: LocalLog, timestamp: Int64): Promise<void> {
  const { segments } = local;
  for (let segment = segments.first; segment; segment = segments.higher(segment.baseOffset)) {
    const { truncationCount } = local;
    try {
      if (!segment.isMaxTimestampKnown) await segment.readMaxTimestamp();
    } catch (error) {
      // A log or a segment that was deleted while we waited takes its files along.
      local.ensureOpen();
      if (truncationCount === local.truncationCount) throw error;
    }
    local.ensureOpen();
    if (segment.isMaxTimestampKnown && segment.maxTimestampSoFar.timestamp >= timestamp) return;
  }
}

/**
 * The first record of `segment` at `startOffset` or later whose timestamp is `timestamp` or later; null when there is none
 * (`LogSegment.findOffsetByTimestamp`).
 */
export async function findRecordByTimestamp(
  clock: Clock,
  segment: LogSegment,
  timestamp: Int64,
  startOffset: number,
): Promise<FoundRecord | null> {
  let position = await segment.positionBeforeTime(timestamp, startOffset);
  const end = segment.sizeInBytes;
  let pieceBytes = PIECE_BYTES;
  while (position < end) {
    const length = Math.min(pieceBytes, end - position);
    const piece = await segment.file.read(length, position, PLAIN_MEMORY);
    const filled = piece.length;
    let at = 0;
    const work = new StepWork();
    for (let size = batchSizeAt(piece, 0, filled); size > 0; size = batchSizeAt(piece, at, filled)) {
      const batch = new BatchView(piece, at);
      if (batch.maxTimestamp >= timestamp && batch.lastOffset >= startOffset) {
        const found = findInBatch(batch, timestamp, startOffset, work);
        const record = found ? found.record : await findInLargeBatch(clock, batch, timestamp, startOffset);
        if (record) return record;
      }
      at += size;
    }
    if (filled < length || position + filled >= end) return null;
    pieceBytes = filled - at >= LOG_OVERHEAD ? Math.max(PIECE_BYTES, sizeAt(piece, at)) : PIECE_BYTES;
    position += at;
  }
  return null;
}

/** What was found in a batch: maybe nothing. */
interface Found {
  readonly record: FoundRecord | null;
}

/** Null for a batch that is more than `work` has left for. */
function findInBatch(batch: BatchView, timestamp: Int64, startOffset: number, work: StepWork): Found | null {
  try {
    for (const record of batch.records({ work })) {
      if (record.timestampInt64 >= timestamp && record.offset >= startOffset) {
        return { record: foundIn(batch, record.timestampInt64, record.offset) };
      }
    }
    return { record: null };
  } catch (error) {
    if (error instanceof PreparationNeededError) return null;
    throw error;
  }
}

/** However much the batch holds: others run meanwhile. */
async function findInLargeBatch(
  clock: Clock,
  batch: BatchView,
  timestamp: Int64,
  startOffset: number,
): Promise<FoundRecord | null> {
  let found: FoundRecord | null = null;
  const { baseOffset, baseTimestamp, maxTimestamp, compression } = batch;
  const logAppendTime = batch.timestampType === 'LogAppendTime' ? maxTimestamp : null;
  const visit = (_index: number, record: PassedRecord): boolean => {
    const recordTimestamp = logAppendTime ?? addInt64(baseTimestamp, record.timestampDelta);
    const offset = baseOffset + record.offsetDelta;
    if (recordTimestamp < timestamp || offset < startOffset) return true;
    found = foundIn(batch, recordTimestamp, offset);
    return false;
  };
  const content = batch.bytes.subarray(RECORD_BATCH_OVERHEAD);
  // A leader took it, maybe one that is no Ottla: there is no bound.
  const open = (): ContentReader => readContent(compression, content, { maxBytes: Infinity });
  await passContent(clock, open, new RecordStream().pass(batch.count, visit));
  return found;
}

function foundIn({ partitionLeaderEpoch }: BatchView, timestamp: Int64, offset: number): FoundRecord {
  return { timestamp, offset, leaderEpoch: partitionLeaderEpoch >= 0 ? partitionLeaderEpoch : null };
}
