/**
 * What the offset index and the time index share: a file of entries of one size that only grows, appended to in small portions and
 * searched on disk. Nothing of it is kept in memory but the count and a portion that is not written yet: the page cache is the cache.
 */
import type { LogFile } from './file-handles.js';

/** The greatest distance from its base offset that an entry of a segment's index can hold. */
export const MAX_RELATIVE_OFFSET = 0x7fffffff;
/** Entries appended before they are written together. The active segment's index is rebuilt after a crash, so none is missed. */
const PENDING_ENTRIES = 64;
/** A range this short is read at once and searched in memory; a longer one is halved by reading single entries. */
const READ_AT_ONCE_ENTRIES = 512;

/**
 * An index of a segment (`org.apache.kafka.storage.internals.log.AbstractIndex`). Kafka makes the file of the active segment as long as
 * it may grow and cuts it when the segment is rolled or closed; ours holds what there is, which Kafka reads as well. A tail of zeros that
 * a killed Kafka left is taken off when the file is first used.
 */
export abstract class AbstractIndex {
  private written = -1;
  private pending: Buffer | null = null;
  private pendingCount = 0;

  /** Entries that may be held at most. */
  readonly maxEntries: number;

  constructor(
    readonly file: LogFile,
    readonly baseOffset: number,
    private readonly entryBytes: number,
    maxIndexBytes: number,
  ) {
    this.maxEntries = Math.floor(maxIndexBytes / entryBytes);
  }

  /** Entries in the index. */
  get entries(): number {
    return this.writtenEntries() + this.pendingCount;
  }

  /** True when an offset fits the 32 bits that an entry has for its distance from the base offset. */
  canAppendOffset(offset: number): boolean {
    const relative = offset - this.baseOffset;
    return relative >= 0 && relative <= MAX_RELATIVE_OFFSET;
  }

  /** Writes what is pending. Not durable before the file is synced. */
  writePending(): void {
    if (this.pendingCount === 0) return;
    const length = this.pendingCount * this.entryBytes;
    this.file.append([this.pending!.subarray(0, length)], length);
    this.written += this.pendingCount;
    this.pendingCount = 0;
    this.pending = null;
  }

  /** Forgets all entries: the segment is about to be indexed anew. */
  reset(): void {
    this.truncateToEntries(0);
  }

  /** Writes what is pending and closes the file; a later use opens it again. */
  close(): void {
    this.writePending();
    this.file.close();
  }

  protected abstract onTruncated(): void;

  /** The room for a new last entry: fill it at once. */
  protected newEntry(): { buffer: Buffer; at: number } {
    this.writtenEntries();
    if (this.pendingCount === PENDING_ENTRIES) this.writePending();
    this.pending ??= Buffer.allocUnsafe(PENDING_ENTRIES * this.entryBytes);
    return { buffer: this.pending, at: this.pendingCount++ * this.entryBytes };
  }

  /** The bytes of one entry. */
  protected readEntry(index: number): { buffer: Buffer; at: number } {
    const written = this.writtenEntries();
    if (index >= written) return { buffer: this.pending!, at: (index - written) * this.entryBytes };
    return { buffer: this.readEntries(index, index + 1), at: 0 };
  }

  /** The largest index whose entry `isAtMost` the target, where entries only grow; -1 when there is none. */
  protected largestLowerBound(isAtMost: (buffer: Buffer, at: number) => boolean): number {
    const written = this.writtenEntries();
    if (this.pendingCount > 0 && isAtMost(this.pending!, 0)) {
      return written + lastMatch(this.pending!, this.pendingCount, this.entryBytes, isAtMost);
    }
    let low = 0;
    let high = written;
    // Invariant: every entry below `low` is at most the target, none from `high` on is.
    while (high - low > READ_AT_ONCE_ENTRIES) {
      const middle = (low + high) >>> 1;
      if (isAtMost(this.readEntries(middle, middle + 1), 0)) low = middle + 1;
      else high = middle;
    }
    if (high === low) return low - 1;
    return low + lastMatch(this.readEntries(low, high), high - low, this.entryBytes, isAtMost);
  }

  protected truncateToEntries(entries: number): void {
    const written = this.writtenEntries();
    if (entries < written) {
      this.file.truncate(entries * this.entryBytes);
      this.written = entries;
      this.pendingCount = 0;
    } else {
      this.pendingCount = Math.min(this.pendingCount, entries - written);
    }
    if (this.pendingCount === 0) this.pending = null;
    this.onTruncated();
  }

  private writtenEntries(): number {
    if (this.written < 0) this.load();
    return this.written;
  }

  private load(): void {
    const size = this.file.sizeInBytes;
    let entries = Math.floor(size / this.entryBytes);
    this.written = entries;
    if (entries > 0 && isZero(this.readEntries(entries - 1, entries))) {
      let low = 0;
      let high = entries - 1;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (isZero(this.readEntries(middle, middle + 1))) high = middle;
        else low = middle + 1;
      }
      entries = low;
    }
    this.written = entries;
    this.file.truncate(entries * this.entryBytes);
  }

  private readEntries(from: number, to: number): Buffer {
    const buffer = Buffer.allocUnsafe((to - from) * this.entryBytes);
    const read = this.file.readSync(buffer, 0, buffer.length, from * this.entryBytes);
    return read === buffer.length ? buffer : buffer.fill(0, read);
  }
}

function lastMatch(
  buffer: Buffer,
  count: number,
  entryBytes: number,
  isAtMost: (buffer: Buffer, at: number) => boolean,
): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAtMost(buffer, middle * entryBytes)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function isZero(entry: Buffer): boolean {
  return entry.every((byte) => byte === 0);
}
