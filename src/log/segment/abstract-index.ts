/**
 * What the offset index and the time index share: a file of entries of one size that only grows, appended to in small portions and
 * searched on disk. Nothing of it is kept in memory but the count and a portion that is not written yet: the page cache is the cache. Whoever
 * can wait has it read through the pool for his look-up (`withEntries`), as the disk may be slow, or hang.
 */
import type { ReadInterest } from './read-interest.js';
import { PLAIN_MEMORY, type LogFile } from '../files/file-handles.js';

/** The greatest distance from its base offset that an entry of a segment's index can hold. */
export const MAX_RELATIVE_OFFSET = 0x7fffffff;
/** Entries appended before they are written together. The active segment's index is rebuilt after a crash, so none is missed. */
const PENDING_ENTRIES = 64;
/** A range this short is read at once and searched in memory; a longer one is halved by reading single entries. */
const READ_AT_ONCE_ENTRIES = 512;
/**
 * What is read for a look-up: all of an index of the default `segment.index.bytes` (10 MiB; 2 MiB are usual for a segment of 1 GB). What a
 * larger one has before that is halved on the disk.
 */
const MAX_LOOKUP_BYTES = 16 * 1024 * 1024;
/** For the last entry. */
const LAST_BYTES = 4096;

/**
 * An index of a segment (`org.apache.kafka.storage.internals.log.AbstractIndex`). Kafka makes the file of the active segment as long as
 * it may grow and cuts it when the segment is rolled or closed; ours holds what there is, which Kafka reads as well. A tail of zeros that
 * a killed Kafka left is taken off when the file is first used.
 */
export abstract class AbstractIndex {
  private written = -1;
  private pending: Buffer | null = null;
  private pendingCount = 0;
  /** For the look-ups of one step: what was read of the file, and where it lies there. */
  private content: { readonly at: number; readonly bytes: Buffer } | null = null;
  /** Grows with each cut: other entries may stand there since. */
  private cuts = 0;

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

  /**
   * Runs look-ups, in one step, with the entries in memory, which are read through the pool, all at once: halving would be ten reads, one
   * after the other. Null when the interest has ended before their turn.
   */
  withEntries<T>(interest: null, lookUp: () => T): Promise<T>;
  withEntries<T>(interest: ReadInterest | null, lookUp: () => T): Promise<T | null>;
  async withEntries<T>(interest: ReadInterest | null, lookUp: () => T): Promise<T | null> {
    return this.withBytes(interest, MAX_LOOKUP_BYTES, lookUp);
  }

  /** The same with the last of them alone, for `lastEntry`. */
  async withLastEntries(interest: ReadInterest | null, lookUp: () => void): Promise<void> {
    await this.withBytes(interest, LAST_BYTES - (LAST_BYTES % this.entryBytes), lookUp);
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

  /** True when `largestLowerBound` needs nothing of the file. */
  protected isInMemory(isAtMost: (buffer: Buffer, at: number) => boolean): boolean {
    return this.written === 0 || (this.pendingCount > 0 && isAtMost(this.pending!, 0));
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
    this.cuts++;
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

  private async withBytes<T>(interest: ReadInterest | null, maxBytes: number, lookUp: () => T): Promise<T | null> {
    const { file, entryBytes } = this;
    for (let bytesWanted = maxBytes; ;) {
      const { cuts } = this;
      const whole = file.sizeInBytes - (file.sizeInBytes % entryBytes);
      const at = Math.max(0, whole - bytesWanted);
      const bytes = whole > 0 ? await file.readFor(interest, whole - at, at, PLAIN_MEMORY) : Buffer.alloc(0);
      if (!bytes) return null;
      if (cuts !== this.cuts) continue;
      // A tail of zeros may begin further up.
      if (at > 0 && bytesWanted < MAX_LOOKUP_BYTES && isZero(bytes.subarray(-entryBytes))) {
        bytesWanted = MAX_LOOKUP_BYTES;
        continue;
      }
      this.content = { at, bytes };
      try {
        return lookUp();
      } finally {
        this.content = null;
      }
    }
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
    const { content, entryBytes } = this;
    const [begin, end] = [from * entryBytes, to * entryBytes];
    if (content && begin >= content.at && end <= content.at + content.bytes.length) {
      return content.bytes.subarray(begin - content.at, end - content.at);
    }
    const buffer = Buffer.allocUnsafe(end - begin);
    const read = this.file.readSync(buffer, 0, buffer.length, begin);
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
