/** One segment of a log: a `.log` file of batches, its two sparse indexes, and the index of aborted transactions. */
import { type BufferPool, assert, type Clock, type Steps } from '../../common/index.js';
import { scanBatches, scanBatchesInSlices } from './batch-scan.js';
import {
  endOfWholeBatches,
  findBatch,
  HEADER_SIZE_UP_TO_MAX_TIMESTAMP,
  isWalkableAt,
  maxTimestampAt,
  nextOffsetAfter,
  sizeAt,
  subtractInt64,
  type Int64,
} from '../../records/index.js';
import type { ReadInterest } from './read-interest.js';
import { LogFile, type FileHandleCache } from '../files/file-handles.js';
import { isOutOfHandles } from '../log-context.js';
import type { LogConfig } from '../log-config.js';
import { INDEX_SUFFIX, LOG_SUFFIX, segmentFile, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX } from '../files/log-file-names.js';
import { OffsetIndex } from './offset-index.js';
import { TimeIndex, type TimestampOffset } from './time-index.js';
import { TransactionIndex } from './transaction-index.js';

/** A cold read takes at most this much at once, however much a client asks for, so that one does not hold up the others. */
const MAX_COLD_READ_BYTES = 8 * 1024 * 1024;
/** Below this size the file is walked from its beginning; no index is touched. */
const WALK_WHOLE_BYTES = 16 * 1024;
/** Entries of an index may lie further apart than this: then the file is walked piece by piece. */
const MAX_WALK_BYTES = 256 * 1024;
/** Who reads on from where a read ended needs no index. So many that do so side by side are remembered. */
const READ_ENDS = 16;
const UNKNOWN: TimestampOffset = { timestamp: -1, offset: -1 };

export interface SegmentContext {
  readonly files: FileHandleCache;
  readonly clock: Clock;
  readonly buffers: BufferPool;
}

/** A read of a segment: whole batches from `position`. */
export interface SegmentRead {
  readonly position: number;
  readonly records: Buffer;
  readonly firstEntryIncomplete: boolean;
}

/**
 * A segment (`kafka.log.LogSegment`). Its owner is one log, which calls one method at a time; only `read` and `flush` are under way while
 * others run. Append-only but for `truncateTo`.
 */
export class LogSegment {
  private bytesSinceLastIndexEntry = 0;
  /** Timestamp of the first batch, which time-based rolling counts from; undefined before it was looked for. */
  private rollingBasedTimestamp: Int64 | null | undefined = undefined;
  private maxTimestampAndOffset: TimestampOffset | null = null;
  private createdMs: number;
  /** Where batches begin from which reads of the disk will go on, by the offsets that these will name; the latest last. */
  private readEnds = new Map<number, number>();

  private constructor(
    private readonly context: SegmentContext,
    readonly baseOffset: number,
    readonly file: LogFile,
    readonly offsetIndex: OffsetIndex,
    readonly timeIndex: TimeIndex,
    readonly txnIndex: TransactionIndex,
    readonly indexIntervalBytes: number,
    /** Drawn from [0, `segment.jitter.ms`). */
    readonly rollJitterMs: number,
  ) {
    this.createdMs = context.clock.nowMs();
  }

  /**
   * Makes the three files of a new segment, empty. The `.log` comes last, as that one makes a segment: if a file cannot be made, indexes
   * are left that belong to none, not a segment that the one before it grows into.
   */
  static create(
    context: SegmentContext,
    dir: string,
    baseOffset: number,
    config: LogConfig,
    rollJitterMs: number,
  ): LogSegment {
    const create = (suffix: string, keepOpen: boolean): LogFile =>
      LogFile.create(context.files, segmentFile(dir, baseOffset, suffix), keepOpen);
    const offsetIndex = create(INDEX_SUFFIX, false);
    const timeIndex = create(TIME_INDEX_SUFFIX, false);
    const segment = new LogSegment(
      context,
      baseOffset,
      create(LOG_SUFFIX, true),
      new OffsetIndex(offsetIndex, baseOffset, config.segmentIndexBytes),
      new TimeIndex(timeIndex, baseOffset, config.segmentIndexBytes),
      new TransactionIndex(context.files, segmentFile(dir, baseOffset, TXN_INDEX_SUFFIX), false),
      config.indexIntervalBytes,
      rollJitterMs,
    );
    segment.rollingBasedTimestamp = null;
    segment.maxTimestampAndOffset = segment.timeIndex.lastEntry();
    return segment;
  }

  /** Takes up a segment whose three files exist. Nothing is read before it is needed. */
  static open(
    context: SegmentContext,
    dir: string,
    baseOffset: number,
    config: LogConfig,
    rollJitterMs: number,
    hasTxnIndex: boolean,
    /** Of the two indexes, while they are rebuilt beside their place. */
    indexNameEnd = '',
  ): LogSegment {
    const file = (suffix: string): LogFile => new LogFile(context.files, segmentFile(dir, baseOffset, suffix));
    return new LogSegment(
      context,
      baseOffset,
      file(LOG_SUFFIX),
      new OffsetIndex(file(INDEX_SUFFIX + indexNameEnd), baseOffset, config.segmentIndexBytes),
      new TimeIndex(file(TIME_INDEX_SUFFIX + indexNameEnd), baseOffset, config.segmentIndexBytes),
      new TransactionIndex(context.files, segmentFile(dir, baseOffset, TXN_INDEX_SUFFIX), hasTxnIndex),
      config.indexIntervalBytes,
      rollJitterMs,
    );
  }

  get sizeInBytes(): number {
    return this.file.sizeInBytes;
  }

  /** The greatest timestamp in the segment and where; -1 when no record has one. */
  get maxTimestampSoFar(): TimestampOffset {
    this.maxTimestampAndOffset ??= this.timeIndex.lastEntry();
    return this.maxTimestampAndOffset;
  }

  /** False for a segment that was taken up, until its time index was looked into. */
  get isMaxTimestampKnown(): boolean {
    return this.maxTimestampAndOffset !== null;
  }

  /** Looks into the time index, for a walk of many segments: they are to drive no one else's files out of the open ones. */
  async readMaxTimestamp(interest: ReadInterest | null): Promise<void> {
    const { file } = this.timeIndex;
    const wasOpen = file.isOpen;
    try {
      const noteLast = (): void => void (this.maxTimestampAndOffset ??= this.timeIndex.lastEntry());
      await this.timeIndex.withLastEntries(interest, noteLast);
    } finally {
      if (!wasOpen) file.close();
    }
  }

  /** Of its records, or when the file was written last if they have none. */
  largestTimestamp(): Int64 {
    const { timestamp } = this.maxTimestampSoFar;
    return timestamp >= 0 ? timestamp : this.file.modifiedMs;
  }

  get isIndexFull(): boolean {
    return this.offsetIndex.isFull || this.timeIndex.isFull;
  }

  canConvertToRelativeOffset(offset: number): boolean {
    return this.offsetIndex.canAppendOffset(offset);
  }

  /** How long it has been taking records: by timestamps if they have any, else since it was made. */
  timeWaitedForRoll(nowMs: number, maxTimestamp: Int64): Int64 {
    const first = this.firstBatchTimestamp();
    return first !== null && first >= 0 ? subtractInt64(maxTimestamp, first) : nowMs - this.createdMs;
  }

  /** The max timestamp of the first batch; null when the segment is empty. */
  firstBatchTimestamp(): Int64 | null {
    if (this.rollingBasedTimestamp === undefined) {
      let timestamp: Int64 | null = null;
      const header = Buffer.allocUnsafe(Math.min(HEADER_SIZE_UP_TO_MAX_TIMESTAMP, this.sizeInBytes));
      if (header.length > 0) this.file.readSync(header, 0, header.length, 0);
      if (isWalkableAt(header, 0, header.length)) timestamp = maxTimestampAt(header, 0);
      // Not before: the read may have wanted for a file handle.
      this.rollingBasedTimestamp = timestamp;
    }
    return this.rollingBasedTimestamp;
  }

  /** Appends whole batches as one write. Not durable before `flush`. */
  append(records: Buffer, largestOffset: number, largestTimestamp: Int64, offsetOfMaxTimestamp: number): void {
    assert(
      this.canConvertToRelativeOffset(largestOffset),
      () => `${this.file.path}: the index can hold offset ${largestOffset}`,
    );
    const position = this.file.sizeInBytes;
    // Known before the write: the time index may have to be opened for it, and once the bytes are there nothing may refuse them.
    const { timestamp } = this.maxTimestampSoFar;
    this.file.append([records], records.length);
    if (position === 0) this.rollingBasedTimestamp = largestTimestamp;
    if (largestTimestamp > timestamp) {
      this.maxTimestampAndOffset = { timestamp: largestTimestamp, offset: offsetOfMaxTimestamp };
    }
    // Bytes before index: a crash in between leaves an index that is short, and recovery rebuilds it.
    if (this.bytesSinceLastIndexEntry > this.indexIntervalBytes) {
      this.maybeAddIndexEntry(largestOffset, position);
    }
    this.bytesSinceLastIndexEntry += records.length;
  }

  /** The batch is in the file: that no more files can be opened must not refuse it now. The next one gets the entry. */
  private maybeAddIndexEntry(largestOffset: number, position: number): void {
    try {
      this.addIndexEntry(largestOffset, position);
      this.bytesSinceLastIndexEntry = 0;
    } catch (error) {
      if (!isOutOfHandles(error)) throw error;
    }
  }

  /** Adds the entries of both indexes for a batch that ends at `largestOffset`. */
  addIndexEntry(largestOffset: number, position: number): void {
    this.offsetIndex.append(largestOffset, position);
    this.timeIndex.maybeAppend(this.maxTimestampSoFar.timestamp, this.maxTimestampSoFar.offset);
  }

  /** For recovery, which finds the timestamps anew. */
  resetMaxTimestamp(): void {
    this.maxTimestampAndOffset = UNKNOWN;
  }

  /** For recovery: takes a batch's timestamp into account. */
  noteTimestamp(timestamp: Int64, offset: number): void {
    if (timestamp > this.maxTimestampSoFar.timestamp) this.maxTimestampAndOffset = { timestamp, offset };
  }

  /** Position and size of the batch that holds `offset`, or of the next one if that offset is gone; null when there is none. */
  translateOffset(offset: number): { position: number; size: number } | null {
    let found: { position: number; size: number } | null = null;
    scanBatches(this.file, this.positionBefore(offset), this.sizeInBytes, (batch, position) => {
      if (batch.lastOffset < offset) return true;
      found = { position, size: batch.sizeInBytes };
      return false;
    });
    return found;
  }

  /**
   * Whole batches from the one that holds `startOffset`, or the next one if that offset is gone, up to `maxBytes` and `maxPosition`; at
   * least one with `minOneMessage`. Null when there is none in this segment, or the interest has ended.
   */
  async read(
    startOffset: number,
    maxBytes: number,
    maxPosition: number,
    minOneMessage: boolean,
    interest: ReadInterest | null = null,
  ): Promise<SegmentRead | null> {
    // As Kafka's `LogSegment.read`: a client may ask for anything.
    if (maxBytes < 0) throw new RangeError(`Invalid max size ${maxBytes} for log read from segment ${this.file.path}`);
    let wanted = Math.min(maxBytes, MAX_COLD_READ_BYTES);
    let isFirstGivenWhole = minOneMessage;
    let length = 0;
    // Of before the segment was cut, if it is meanwhile.
    const { readEnds } = this;
    const begin = this.placeInMemory(startOffset) ?? (await this.lookUp(startOffset, interest));
    if (begin === null) return null;
    let from = begin;
    // Others have read since this was asked for, and what they hold is not there any more.
    const lengthNow = (): number => {
      if (interest) {
        const { availableBytes } = interest;
        wanted = Math.min(wanted, availableBytes);
        if (availableBytes === 0) isFirstGivenWhole = false;
      }
      length = Math.min(
        maxPosition - from,
        wanted + Math.min(this.indexIntervalBytes, MAX_WALK_BYTES) + WALK_WHOLE_BYTES,
      );
      interest?.reading(length);
      return length;
    };
    while (from < maxPosition) {
      const piece = await this.file.readFor(interest, lengthNow, from, this.context.buffers);
      if (!piece) return null;
      const filled = piece.length;
      const at = findBatch(piece, 0, filled, startOffset);
      if (at >= 0) {
        const position = from + at;
        const records = await this.cutRead(piece, at, from, wanted, maxPosition, isFirstGivenWhole, interest);
        if (!records) return null;
        // It may be asked for again, where there was no room for it; else what follows.
        rememberPlace(readEnds, startOffset, position);
        if (records.length > 0) rememberPlace(readEnds, nextOffsetAfter(records), position + records.length);
        return { position, records, firstEntryIncomplete: records.length === 0 };
      }
      const walked = walkedEnd(piece, filled);
      if (walked === 0 || filled < length) return null;
      from += walked;
    }
    return null;
  }

  /**
   * Where a walk may begin that looks for the first record of `timestamp` or later among those of `startOffset` or later. Null when the interest
   * has ended.
   */
  async positionBeforeTime(
    timestamp: Int64,
    startOffset: number,
    interest: ReadInterest | null,
  ): Promise<number | null> {
    if (this.sizeInBytes <= WALK_WHOLE_BYTES) return 0;
    const { timeIndex } = this;
    const entry =
      timeIndex.lookupInMemory(timestamp) ?? (await timeIndex.withEntries(interest, () => timeIndex.lookup(timestamp)));
    if (!entry) return null;
    const from = Math.max(entry.offset, startOffset);
    return this.placeInMemory(from) ?? (await this.lookUp(from, interest));
  }

  /**
   * After a cut: finds the greatest timestamp behind the last entry of the time index. In slices, as timestamps that do not grow make no
   * entries, and then all of the segment lies behind it.
   */
  *findLargestTimestamp(): Steps<void> {
    const from = this.offsetIndex.lookup(this.timeIndex.lastEntry().offset).position;
    yield* scanBatchesInSlices(this.file, from, this.sizeInBytes, (batch) =>
      this.noteTimestamp(batch.maxTimestamp, batch.lastOffset),
    );
  }

  /** Runs a cut with all files of it open: when one cannot be opened it is not begun, instead of ending half way. */
  keepingOpen<T>(work: () => T): T {
    const { file, offsetIndex, timeIndex, txnIndex } = this;
    const withTxnIndex = (): T => (txnIndex.isMissing ? work() : txnIndex.keepingOpen(work));
    return file.keepingOpen(() => offsetIndex.file.keepingOpen(() => timeIndex.file.keepingOpen(withTxnIndex)));
  }

  /** Everything after `offset` goes. Gives the bytes cut. `findLargestTimestamp` is to be called after it. */
  truncateTo(offset: number): number {
    const mapping = this.translateOffset(offset);
    this.readEnds = new Map();
    this.offsetIndex.truncateTo(offset);
    this.timeIndex.truncateTo(offset);
    this.txnIndex.truncateTo(offset);
    const before = this.sizeInBytes;
    if (mapping) this.file.truncate(mapping.position);
    if (this.sizeInBytes === 0) {
      this.createdMs = this.context.clock.nowMs();
      this.rollingBasedTimestamp = null;
    }
    this.bytesSinceLastIndexEntry = 0;
    this.maxTimestampAndOffset = this.timeIndex.lastEntry();
    return before - this.sizeInBytes;
  }

  /** The offset after the last batch; the base offset when the segment is empty. */
  readNextOffset(): number {
    let next = this.baseOffset;
    const from = this.sizeInBytes <= WALK_WHOLE_BYTES ? 0 : this.offsetIndex.lastEntry().position;
    scanBatches(this.file, from, this.sizeInBytes, (batch) => {
      next = batch.nextOffset;
    });
    return next;
  }

  /** The segment takes no more records: the time index gets its last entry, and both indexes are written out. */
  onBecomeInactive(): void {
    this.timeIndex.maybeAppend(this.maxTimestampSoFar.timestamp, this.maxTimestampSoFar.offset);
    this.offsetIndex.writePending();
    this.timeIndex.writePending();
    this.txnIndex.release();
  }

  /** Makes all that was appended before the call durable, without blocking. */
  async flush(): Promise<void> {
    this.writePendingIndexes();
    // One after the other, the records first: what the disk does for them is most of what it does for the indexes.
    await this.file.flush();
    await this.offsetIndex.file.flush();
    await this.timeIndex.file.flush();
    await this.txnIndex.flush();
  }

  /** The same, blocking: for `flush.messages`, whose appends are answered only when they are durable. */
  flushSync(): void {
    this.writePendingIndexes();
    this.file.syncSync();
    this.offsetIndex.file.syncSync();
    this.timeIndex.file.syncSync();
    this.txnIndex.syncSync();
  }

  /** Puts indexes that were rebuilt beside their place there, durably and whole: killed before, they are missing, and rebuilt again. */
  adoptRebuiltIndexes(): void {
    this.flushSync();
    const dir = parentOf(this.file.path);
    this.offsetIndex.file.rename(segmentFile(dir, this.baseOffset, INDEX_SUFFIX));
    this.timeIndex.file.rename(segmentFile(dir, this.baseOffset, TIME_INDEX_SUFFIX));
  }

  /** The folder was renamed. */
  movedTo(dir: string): void {
    this.file.movedTo(segmentFile(dir, this.baseOffset, LOG_SUFFIX));
    this.offsetIndex.file.movedTo(segmentFile(dir, this.baseOffset, INDEX_SUFFIX));
    this.timeIndex.file.movedTo(segmentFile(dir, this.baseOffset, TIME_INDEX_SUFFIX));
    this.txnIndex.movedTo(segmentFile(dir, this.baseOffset, TXN_INDEX_SUFFIX));
  }

  /** Renames the files by another suffix, `.deleted` for one; pending index entries are dropped with the segment. */
  addSuffix(suffix: string): void {
    this.file.rename(`${this.file.path}${suffix}`);
    this.offsetIndex.file.rename(`${this.offsetIndex.file.path}${suffix}`);
    this.timeIndex.file.rename(`${this.timeIndex.file.path}${suffix}`);
    this.txnIndex.rename(segmentFile(parentOf(this.file.path), this.baseOffset, TXN_INDEX_SUFFIX + suffix));
  }

  /** Closes the files for who removes them, and names them. */
  detach(): string[] {
    const { file, offsetIndex, timeIndex, txnIndex } = this;
    return [file.detach(), offsetIndex.file.detach(), timeIndex.file.detach(), ...txnIndex.detach()];
  }

  /** Removes the files. */
  remove(): void {
    this.file.remove();
    this.offsetIndex.file.remove();
    this.timeIndex.file.remove();
    this.txnIndex.remove();
  }

  /** Writes out what the indexes still need, and closes the files. */
  close(): void {
    if (this.maxTimestampAndOffset) {
      this.timeIndex.maybeAppend(this.maxTimestampAndOffset.timestamp, this.maxTimestampAndOffset.offset);
    }
    this.offsetIndex.close();
    this.timeIndex.close();
    this.txnIndex.close();
    this.file.close();
  }

  /** Closes the files as they are: the disk has failed. */
  closeHandles(): void {
    this.offsetIndex.file.retire();
    this.timeIndex.file.retire();
    this.txnIndex.retire();
    this.file.retire();
  }

  private writePendingIndexes(): void {
    this.offsetIndex.writePending();
    this.timeIndex.writePending();
  }

  /** Where a walk to `offset` may begin. */
  private positionBefore(offset: number): number {
    return this.sizeInBytes <= WALK_WHOLE_BYTES ? 0 : this.offsetIndex.lookup(offset).position;
  }

  /** The same without the disk; null where the index has to be asked. */
  private placeInMemory(offset: number): number | null {
    if (this.sizeInBytes <= WALK_WHOLE_BYTES) return 0;
    return this.readEnds.get(offset) ?? this.offsetIndex.lookupInMemory(offset)?.position ?? null;
  }

  /** The same, by the index on the disk. Null when the interest has ended. */
  private async lookUp(offset: number, interest: ReadInterest | null): Promise<number | null> {
    const found = await this.offsetIndex.withEntries(interest, () => this.offsetIndex.lookup(offset));
    return found && found.position;
  }

  private async cutRead(
    piece: Buffer,
    at: number,
    piecePosition: number,
    maxBytes: number,
    maxPosition: number,
    minOneMessage: boolean,
    interest: ReadInterest | null,
  ): Promise<Buffer | null> {
    const filled = piece.length;
    const position = piecePosition + at;
    const firstSize = sizeAt(piece, at);
    if (firstSize > maxBytes && !minOneMessage) return piece.subarray(at, at);
    if (at + firstSize > filled) {
      // A batch beyond the piece: it alone is read, if it is all there.
      if (position + firstSize > maxPosition) return null;
      // Others have read since the piece was.
      const wholeLength = (): number => {
        const length = interest?.availableBytes === 0 ? 0 : firstSize;
        interest?.reading(length);
        return length;
      };
      const records = await this.file.readFor(interest, wholeLength, position, this.context.buffers);
      return records?.length === firstSize || records?.length === 0 ? records : null;
    }
    return piece.subarray(at, endOfWholeBatches(piece, at, Math.min(filled, at + Math.max(maxBytes, firstSize))));
  }
}

function rememberPlace(readEnds: Map<number, number>, offset: number, position: number): void {
  readEnds.delete(offset);
  readEnds.set(offset, position);
  if (readEnds.size > READ_ENDS) readEnds.delete(readEnds.keys().next().value!);
}

/** How far a walk of batches gets in a piece: to where the next one begins whose header is not all there. */
function walkedEnd(piece: Buffer, filled: number): number {
  let at = 0;
  while (isWalkableAt(piece, at, filled)) at += sizeAt(piece, at);
  return at;
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
