import { AbstractIndex } from './abstract-index.js';
import { readInt64Exact, writeInt64, type Int64 } from '../../records/index.js';
import type { LogFile } from '../files/file-handles.js';

const ENTRY_BYTES = 12;
const OFFSET_AT = 8;

/** A timestamp, and an offset at or before which no record has a later one. */
export interface TimestampOffset {
  readonly timestamp: Int64;
  readonly offset: number;
}

/**
 * `.timeindex`: the greatest timestamp so far and the offset it was seen at, sparse (`org.apache.kafka.storage.internals.log.TimeIndex`).
 * An entry is 8 bytes of timestamp and 4 of the offset's distance from the base offset. Timestamps only grow.
 */
export class TimeIndex extends AbstractIndex {
  private last: TimestampOffset | null = null;

  constructor(file: LogFile, baseOffset: number, maxIndexBytes: number) {
    super(file, baseOffset, ENTRY_BYTES, maxIndexBytes);
  }

  /** One entry is kept free for the last timestamp, which is added when the segment is rolled or closed. */
  get isFull(): boolean {
    return this.entries >= this.maxEntries - 1;
  }

  /** The last entry; timestamp -1 at the base offset when there is none. */
  lastEntry(): TimestampOffset {
    this.last ??= this.entry(this.entries - 1);
    return this.last;
  }

  /** Adds an entry when the timestamp is later than the last; then the offset must not be less either. */
  maybeAppend(timestamp: Int64, offset: number): void {
    const last = this.lastEntry();
    if (timestamp <= last.timestamp || offset < last.offset) return;
    const { buffer, at } = this.newEntry();
    writeInt64(buffer, timestamp, at);
    buffer.writeInt32BE(offset - this.baseOffset, at + OFFSET_AT);
    this.last = { timestamp, offset };
  }

  /** The last entry whose timestamp is not later; timestamp -1 at the base offset when there is none. */
  lookup(timestamp: Int64): TimestampOffset {
    return this.entry(this.largestLowerBound((buffer, at) => readInt64Exact(buffer, at) <= timestamp));
  }

  /** The same; null where the file has to be asked. */
  lookupInMemory(timestamp: Int64): TimestampOffset | null {
    if (this.last && timestamp >= this.last.timestamp) return this.last;
    const isAtMost = (buffer: Buffer, at: number): boolean => readInt64Exact(buffer, at) <= timestamp;
    return this.isInMemory(isAtMost) ? this.lookup(timestamp) : null;
  }

  /** Takes off the entries of `offset` and beyond. */
  truncateTo(offset: number): void {
    const relative = offset - this.baseOffset;
    this.truncateToEntries(this.largestLowerBound((buffer, at) => buffer.readInt32BE(at + OFFSET_AT) < relative) + 1);
  }

  protected override onTruncated(): void {
    this.last = null;
  }

  private entry(index: number): TimestampOffset {
    if (index < 0) return { timestamp: -1, offset: this.baseOffset };
    const { buffer, at } = this.readEntry(index);
    return { timestamp: readInt64Exact(buffer, at), offset: this.baseOffset + buffer.readInt32BE(at + OFFSET_AT) };
  }
}
