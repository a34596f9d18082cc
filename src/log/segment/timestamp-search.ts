/** Finding the first record of a time or later: the time index, the offset index, then the batches themselves. */
import { runInSlices, type Clock, type Steps } from '../../common/index.js';
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
} from '../../records/index.js';
import { PLAIN_MEMORY } from '../files/file-handles.js';
import type { LocalLog } from '../local-log.js';
import type { LogSegment } from './log-segment.js';
import type { LogSegments } from './log-segments.js';
import type { ReadInterest } from './read-interest.js';
import { searchContent, unpackingOf, type SearchPass } from '../unpacking.js';

const PIECE_BYTES = 256 * 1024;
/** A batch of more is looked into as a large one is: so many take one or two milliseconds. */
const MAX_RECORDS = 10_000;

/** Who searches: of one address a few look into large batches at once. */
export interface Searcher {
  readonly address: string;
  /** Nothing more is searched when it has ended, and what is given is of no use. Null for who does not go. */
  readonly interest: ReadInterest | null;
}

/** The broker itself. */
export const BROKER: Searcher = { address: '', interest: null };

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
export async function readTimes(local: LocalLog, timestamp: Int64, interest: ReadInterest | null): Promise<void> {
  const { segments } = local;
  for (let segment = segments.first; segment; segment = segments.higher(segment.baseOffset)) {
    const { truncationCount } = local;
    try {
      if (!segment.isMaxTimestampKnown) await segment.readMaxTimestamp(interest);
    } catch (error) {
      // A log or a segment that was deleted while we waited takes its files along.
      local.ensureOpen();
      if (truncationCount === local.truncationCount) throw error;
    }
    local.ensureOpen();
    if (interest?.isOver === true) return;
    if (segment.isMaxTimestampKnown && segment.maxTimestampSoFar.timestamp >= timestamp) return;
  }
}

/**
 * The first record of `segment` at `startOffset` or later whose timestamp is `timestamp` or later; null when there is none
 * (`LogSegment.findOffsetByTimestamp`), or the searcher has gone. What waits, for the disk or to look into a large batch, holds nothing that
 * was read.
 */
export async function findRecordByTimestamp(
  clock: Clock,
  segment: LogSegment,
  timestamp: Int64,
  startOffset: number,
  searcher: Searcher,
): Promise<FoundRecord | null> {
  const { interest } = searcher;
  const begin = await segment.positionBeforeTime(timestamp, startOffset, interest);
  if (begin === null) return null;
  let position = begin;
  const end = segment.sizeInBytes;
  let pieceBytes = PIECE_BYTES;
  while (position < end) {
    const length = Math.min(pieceBytes, end - position);
    const from = position;
    const scanned = await unpackingOf(clock).scan(logDirOf(segment), searcher, async () => {
      const piece = await segment.file.readFor(interest, length, from, PLAIN_MEMORY);
      return piece && runInSlices(clock, scanPiece(piece, timestamp, startOffset));
    });
    if (!scanned) return null;
    if (scanned.record) return scanned.record;
    position += scanned.walkedBytes;
    const { largeBatchBytes } = scanned;
    if (largeBatchBytes > 0) {
      const record = await searchContent(clock, logDirOf(segment), searcher, async (pass) => {
        const bytes = await segment.file.readFor(interest, largeBatchBytes, position, PLAIN_MEMORY);
        if (bytes?.length !== largeBatchBytes) return null;
        return findInLargeBatch(pass, new BatchView(bytes, 0), timestamp, startOffset);
      });
      if (record) return record;
      position += largeBatchBytes;
      pieceBytes = PIECE_BYTES;
    } else {
      if (scanned.filledBytes < length || position + scanned.restBytes >= end) return null;
      pieceBytes = Math.max(PIECE_BYTES, scanned.nextBatchBytes);
    }
  }
  return null;
}

/** What a look at a piece of a segment came to. */
interface Scanned {
  readonly record: FoundRecord | null;
  /** How far it got: batch by batch. */
  readonly walkedBytes: number;
  readonly filledBytes: number;
  readonly restBytes: number;
  /** The size of the batch there, when it is in question and more than one step may look into; else 0. */
  readonly largeBatchBytes: number;
  /** The size of the next batch if that is known; else 0. */
  readonly nextBatchBytes: number;
}

/** A batch that is looked into is a step: the searches of all partitions of a request may get their pieces at the same time. */
function* scanPiece(piece: Buffer, timestamp: Int64, startOffset: number): Steps<Scanned> {
  const filledBytes = piece.length;
  let at = 0;
  const scanned = (record: FoundRecord | null, largeBatchBytes: number): Scanned => {
    const restBytes = filledBytes - at;
    const nextBatchBytes = restBytes >= LOG_OVERHEAD ? sizeAt(piece, at) : 0;
    return { record, walkedBytes: at, filledBytes, restBytes, largeBatchBytes, nextBatchBytes };
  };
  for (let size = batchSizeAt(piece, 0, filledBytes); size > 0; size = batchSizeAt(piece, at, filledBytes)) {
    const batch = new BatchView(piece, at);
    if (batch.maxTimestamp >= timestamp && batch.lastOffset >= startOffset) {
      const found = findInBatch(batch, timestamp, startOffset);
      if (!found) return scanned(null, size);
      if (found.record) return scanned(found.record, 0);
      yield;
    }
    at += size;
  }
  return scanned(null, 0);
}

/** Each has places of its own: a disk that hangs keeps no one from searching another. */
function logDirOf({ file }: LogSegment): string {
  return file.path.split('/').slice(0, -2).join('/');
}

/** What was found in a batch: maybe nothing. */
interface Found {
  readonly record: FoundRecord | null;
}

/** Null for a batch that is more than one step may look into. */
function findInBatch(batch: BatchView, timestamp: Int64, startOffset: number): Found | null {
  if (batch.count > MAX_RECORDS) return null;
  try {
    for (const record of batch.records({ work: new StepWork() })) {
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
  pass: SearchPass,
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
  await pass(open, new RecordStream().pass(batch.count, visit));
  return found;
}

function foundIn({ partitionLeaderEpoch }: BatchView, timestamp: Int64, offset: number): FoundRecord {
  return { timestamp, offset, leaderEpoch: partitionLeaderEpoch >= 0 ? partitionLeaderEpoch : null };
}
