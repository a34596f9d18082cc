/** Reading a log: from memory at its end, from the files before it. */
import type { ReadInterest } from './segment/read-interest.js';
import { emptyFetch, type AbortedTransaction, type FetchDataInfo, type FetchIsolation } from './fetch-data-info.js';
import type { LocalLog } from './local-log.js';
import { onStorageAsync } from './log-context.js';
import { LogError } from './core/log-error.js';
import { LogOffsetMetadata } from './core/log-offset-metadata.js';
import type { LogSegment, SegmentRead } from './segment/log-segment.js';
import { collectAbortedTxns } from './segment/transaction-index.js';
import { assert } from '../common/index.js';
import { partitionKey } from '../cluster/index.js';
import { nextOffsetAfter } from '../records/index.js';

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
    const { upTo, isolation, interest } = limits;
    if (startOffset > log.logEndOffset || !log.segments.floor(startOffset)) throw this.outOfRange(startOffset);
    if (startOffset === upTo.messageOffset) return emptyFetch(upTo, isolation);
    if (startOffset > upTo.messageOffset) {
      const place = this.placeInMemory(startOffset);
      return place
        ? emptyFetch(place, isolation)
        : this.locate(startOffset, interest).then((found) => emptyFetch(found, isolation));
    }
    const found = log.tail.read(startOffset, upTo.messageOffset, maxBytes, minOneMessage);
    if (!found) {
      // Nothing fits: the disk is not asked where the records are that are not given.
      if (maxBytes <= 0 && !minOneMessage) return emptyFetch(new LogOffsetMetadata(startOffset), isolation, true);
      return this.readCold(startOffset, maxBytes, limits, minOneMessage);
    }
    const { records, sizeInBytes } = found;
    const at = new LogOffsetMetadata(startOffset, found.segmentBaseOffset, found.position);
    if (sizeInBytes === 0) return emptyFetch(at, isolation, found.firstEntryIncomplete);
    const abortedTransactions = isolation === 'TXN_COMMITTED' ? this.abortedInMemory(startOffset, records) : null;
    if (!abortedTransactions && isolation === 'TXN_COMMITTED') {
      return this.readCold(startOffset, maxBytes, limits, minOneMessage);
    }
    return { fetchOffsetMetadata: at, records, sizeInBytes, firstEntryIncomplete: false, abortedTransactions };
  }

  /** An offset with its place on disk, as far as that is known without looking there. */
  placeInMemory(offset: number): LogOffsetMetadata | null {
    const end = this.log.logEndOffsetMetadata;
    if (offset === end.messageOffset) return end;
    const found = this.log.tail.locate(offset);
    return found && new LogOffsetMetadata(offset, found.segmentBaseOffset, found.position);
  }

  /**
   * An offset with its place on disk. The end of the log is known; else the place is that of the batch that holds the offset, or of the
   * next one. Rejects with OFFSET_OUT_OF_RANGE beyond the log end. Without the place when the interest has ended.
   */
  locate(offset: number, interest: ReadInterest | null): Promise<LogOffsetMetadata> {
    return this.onDisk(offset, async (segment) => {
      const inMemory = this.placeInMemory(offset);
      if (inMemory) return inMemory;
      for (let one: LogSegment | undefined = segment; one; one = this.log.segments.higher(one.baseOffset)) {
        const found = await one.read(offset, 0, one.sizeInBytes, false, interest);
        if (interest?.isOver) return new LogOffsetMetadata(offset);
        if (found) return new LogOffsetMetadata(offset, one.baseOffset, found.position);
      }
      // The log ends with a gap: nothing lies there, and the offset stays what it is.
      const end = this.log.logEndOffsetMetadata;
      return new LogOffsetMetadata(offset, end.segmentBaseOffset, end.relativePositionInSegment);
    });
  }

  /** The aborted transactions of which records may lie in [startOffset, upperBoundOffset). */
  async collectAbortedTransactions(
    startOffset: number,
    upperBoundOffset: number,
    interest: ReadInterest | null = null,
  ): Promise<AbortedTransaction[]> {
    const collected: AbortedTransaction[] = [];
    const { segments } = this.log;
    for (const segment of segments.range(startOffset, Infinity)) {
      if (segment.txnIndex.isMissing) continue;
      // Not kept but for readers at the end: a consumer that reads a log from its beginning comes by all of them.
      const entries = await segment.txnIndex.read(interest, segment === segments.active);
      if (!entries || collectAbortedTxns(entries, startOffset, upperBoundOffset, collected)) break;
    }
    return collected;
  }

  /** The same for `records`; null when an index has to be read for it. */
  private abortedInMemory(startOffset: number, records: Buffer): AbortedTransaction[] | null {
    const collected: AbortedTransaction[] = [];
    let upperBoundOffset = -1;
    for (const { txnIndex } of this.log.segments.range(startOffset, Infinity)) {
      // Most logs have no aborted transaction: then nothing is looked into.
      if (txnIndex.isMissing) continue;
      const entries = txnIndex.inMemory;
      if (!entries) return null;
      if (upperBoundOffset < 0) upperBoundOffset = nextOffsetAfter(records);
      if (collectAbortedTxns(entries, startOffset, upperBoundOffset, collected)) break;
    }
    return collected;
  }

  private readCold(
    startOffset: number,
    maxBytes: number,
    { upTo, isolation, interest }: ReadLimits,
    minOneMessage: boolean,
  ): Promise<FetchDataInfo> {
    const { segments } = this.log;
    assert(!upTo.messageOffsetOnly, () => `${this.log.dir}: it is known where a read ends`);
    return this.onDisk(startOffset, async (first) => {
      if (startOffset >= Math.min(upTo.messageOffset, this.log.logEndOffset)) {
        return emptyFetch(await this.locate(startOffset, interest), isolation);
      }
      let segment = first;
      let read: SegmentRead | null = null;
      for (;;) {
        read = await segment.read(startOffset, maxBytes, maxPositionIn(segment, upTo), minOneMessage, interest);
        if (interest?.isOver) return emptyFetch(new LogOffsetMetadata(startOffset), isolation);
        if (read) break;
        // All that is left before the end is a gap: what lies in the segments behind may not be given.
        const next = segment.baseOffset < upTo.segmentBaseOffset ? segments.higher(segment.baseOffset) : undefined;
        if (!next) return emptyFetch(upTo, isolation);
        segment = next;
      }
      const { records, firstEntryIncomplete } = read;
      const at = new LogOffsetMetadata(startOffset, segment.baseOffset, read.position);
      if (records.length === 0) return emptyFetch(at, isolation, firstEntryIncomplete);
      const abortedTransactions =
        isolation === 'TXN_COMMITTED'
          ? await this.collectAbortedTransactions(startOffset, nextOffsetAfter(records), interest)
          : null;
      return {
        fetchOffsetMetadata: at,
        records,
        sizeInBytes: records.length,
        firstEntryIncomplete: false,
        abortedTransactions,
      };
    });
  }

  /**
   * Runs a look at the files, from the segment on that would hold `offset`, and again if what was read may be gone or replaced meanwhile. Throws
   * OFFSET_OUT_OF_RANGE when the offset itself is gone.
   */
  private onDisk<T>(offset: number, look: (segment: LogSegment) => Promise<T>): Promise<T> {
    const { log } = this;
    return onStorageAsync(log.context, log.parentDir, `reading ${partitionKey(log.topicPartition)}`, async () => {
      for (;;) {
        const { truncationCount } = log;
        const segment = log.segments.floor(offset);
        if (offset > log.logEndOffset || !segment) throw this.outOfRange(offset);
        let found: { readonly it: T } | null = null;
        try {
          found = { it: await look(segment) };
        } catch (error) {
          // A segment that was deleted while we waited takes its files along.
          if (log.truncationCount === truncationCount && !log.isClosed) throw error;
        }
        log.ensureOpen();
        if (found && log.truncationCount === truncationCount) return found.it;
      }
    });
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
