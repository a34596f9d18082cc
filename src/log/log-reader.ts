/** Reading a log: from memory at its end, from the files before it. */
import type { ReadInterest } from './directory-gates.js';
import { emptyFetch, type AbortedTransaction, type FetchDataInfo, type FetchIsolation } from './fetch-data-info.js';
import type { LocalLog } from './local-log.js';
import { onStorageAsync } from './log-context.js';
import { LogError } from './log-error.js';
import { LogOffsetMetadata } from './log-offset-metadata.js';
import type { LogSegment, SegmentRead } from './log-segment.js';
import { partitionKey } from '../cluster/index.js';

/** What a read needs to know besides the files; the log end may move while a read waits. */
export interface ReadLimits {
  /** Null for a read that is wanted in any case; else nothing is read any more when it has ended, and what is given is of no use. */
  readonly interest: ReadInterest | null;
  readonly isolation: FetchIsolation;
  /** Nothing at this offset or beyond is given. */
  readonly upTo: LogOffsetMetadata;
}

/** Reads one log (`kafka.log.LocalLog.read`). It has no state of its own. */
export class LogReader {
  constructor(private readonly log: LocalLog) {}

  /**
   * Whole batches from the one that holds `startOffset`. At once when they are in memory or there are none, else when the disk has given
   * them. Throws OFFSET_OUT_OF_RANGE for an offset beyond the log end.
   */
  read(
    startOffset: number,
    maxBytes: number,
    limits: ReadLimits,
    minOneMessage: boolean,
  ): FetchDataInfo | Promise<FetchDataInfo> {
    const { log } = this;
    const { upTo, isolation } = limits;
    if (startOffset > log.logEndOffset || !log.segments.floor(startOffset)) throw this.outOfRange(startOffset);
    if (startOffset === upTo.messageOffset) return emptyFetch(upTo, isolation);
    if (startOffset > upTo.messageOffset) return emptyFetch(this.locate(startOffset), isolation);
    const found = log.tail.read(startOffset, upTo.messageOffset, maxBytes, minOneMessage);
    if (!found) {
      // Nothing fits: the disk is not asked where the records are that are not given.
      if (maxBytes <= 0 && !minOneMessage) return emptyFetch(new LogOffsetMetadata(startOffset), isolation, true);
      return this.readCold(startOffset, maxBytes, limits, minOneMessage);
    }
    const at = new LogOffsetMetadata(startOffset, found.segmentBaseOffset, found.position);
    if (found.sizeInBytes === 0) return emptyFetch(at, isolation, found.firstEntryIncomplete);
    return this.withAbortedTxns(at, found.records, found.sizeInBytes, isolation);
  }

  /**
   * An offset with its place on disk. The end of the log is known; else the place is that of the batch that holds the offset, or of the
   * next one. Throws OFFSET_OUT_OF_RANGE beyond the log end.
   */
  locate(offset: number): LogOffsetMetadata {
    const { log } = this;
    const end = log.logEndOffsetMetadata;
    if (offset === end.messageOffset) return end;
    const inMemory = log.tail.locate(offset);
    if (inMemory) return new LogOffsetMetadata(offset, inMemory.segmentBaseOffset, inMemory.position);
    let segment = log.segments.floor(offset);
    if (offset > end.messageOffset || !segment) throw this.outOfRange(offset);
    while (segment) {
      const found = segment.translateOffset(offset);
      if (found) return new LogOffsetMetadata(offset, segment.baseOffset, found.position);
      segment = log.segments.higher(segment.baseOffset);
    }
    // The log ends with a gap: nothing lies there, and the offset stays what it is.
    return new LogOffsetMetadata(offset, end.segmentBaseOffset, end.relativePositionInSegment);
  }

  /** The aborted transactions of which records may lie in [startOffset, upperBoundOffset). */
  collectAbortedTransactions(startOffset: number, upperBoundOffset: number): AbortedTransaction[] {
    const collected: AbortedTransaction[] = [];
    for (
      let segment = this.log.segments.floor(startOffset);
      segment;
      segment = this.log.segments.higher(segment.baseOffset)
    ) {
      const { txns, isComplete } = segment.txnIndex.collectAbortedTxns(startOffset, upperBoundOffset);
      for (const { producerId, firstOffset } of txns) collected.push({ producerId, firstOffset });
      // A consumer that reads a log from its beginning comes by all of them.
      if (segment !== this.log.segments.active) segment.txnIndex.release();
      if (isComplete) break;
    }
    return collected;
  }

  private async readCold(
    startOffset: number,
    maxBytes: number,
    { upTo, isolation, interest }: ReadLimits,
    minOneMessage: boolean,
  ): Promise<FetchDataInfo> {
    const { log } = this;
    return onStorageAsync(log.context, log.parentDir, `reading ${partitionKey(log.topicPartition)}`, async () => {
      for (;;) {
        const truncations = log.truncationCount;
        let segment = log.segments.floor(startOffset);
        let read: SegmentRead | null = null;
        try {
          while (segment && !read) {
            read = await segment.read(startOffset, maxBytes, maxPositionIn(segment, upTo), minOneMessage, interest);
            if (interest?.isOver) return emptyFetch(new LogOffsetMetadata(startOffset), isolation);
            if (read || log.truncationCount !== truncations) break;
            // All that is left before the end is a gap: what lies in the segments behind may not be given.
            segment = segment.baseOffset < upTo.segmentBaseOffset ? log.segments.higher(segment.baseOffset) : undefined;
          }
        } catch (error) {
          // A segment that was deleted while we waited takes its files along.
          if (log.truncationCount === truncations && !log.isClosed) throw error;
        }
        log.ensureOpen();
        if (log.truncationCount !== truncations) {
          // What was read may be gone or replaced: once more, unless the offset itself is gone.
          if (startOffset > log.logEndOffset || !log.segments.floor(startOffset)) throw this.outOfRange(startOffset);
          if (startOffset >= Math.min(upTo.messageOffset, log.logEndOffset)) {
            return emptyFetch(this.locate(startOffset), isolation);
          }
          continue;
        }
        if (!read || !segment) return emptyFetch(upTo, isolation);
        const at = new LogOffsetMetadata(startOffset, segment.baseOffset, read.position);
        if (read.records.length === 0) return emptyFetch(at, isolation, read.firstEntryIncomplete);
        return this.withAbortedTxns(at, read.records, read.records.length, isolation);
      }
    });
  }

  private withAbortedTxns(
    at: LogOffsetMetadata,
    records: Buffer | readonly Buffer[],
    sizeInBytes: number,
    isolation: FetchIsolation,
  ): FetchDataInfo {
    let abortedTransactions: AbortedTransaction[] | null = null;
    if (isolation === 'TXN_COMMITTED') {
      // Most logs have no aborted transaction: then no index is looked into.
      const isNoneAborted = this.log.segments.range(at.messageOffset, Infinity).every((one) => one.txnIndex.isMissing);
      abortedTransactions = isNoneAborted
        ? []
        : this.collectAbortedTransactions(at.messageOffset, this.upperBoundOffset(at, sizeInBytes));
    }
    return { fetchOffsetMetadata: at, records, sizeInBytes, firstEntryIncomplete: false, abortedTransactions };
  }

  /** An offset that nothing read from `at` reaches: by the sparse index, so it may be somewhat too large. */
  private upperBoundOffset(at: LogOffsetMetadata, sizeInBytes: number): number {
    const { segments } = this.log;
    const segment = segments.get(at.segmentBaseOffset);
    const indexed = segment?.offsetIndex.firstOffsetFromPosition(at.relativePositionInSegment + sizeInBytes);
    return indexed ?? segments.higher(at.segmentBaseOffset)?.baseOffset ?? this.log.logEndOffset;
  }

  private outOfRange(offset: number): LogError {
    return new LogError(
      'OFFSET_OUT_OF_RANGE',
      `Received request for offset ${offset} for partition ${partitionKey(this.log.topicPartition)}, ` +
        `but we only have log segments upto ${this.log.logEndOffset}.`,
    );
  }
}

function maxPositionIn(segment: LogSegment, upTo: LogOffsetMetadata): number {
  return upTo.segmentBaseOffset === segment.baseOffset ? upTo.relativePositionInSegment : segment.sizeInBytes;
}
