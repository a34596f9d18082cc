import { readInt64, readInt64Exact, type Int64 } from '../../records/index.js';
import type { ReadInterest } from './read-interest.js';
import type { AbortedTransaction } from '../fetch-data-info.js';
import { LogFile, PLAIN_MEMORY, type FileHandleCache } from '../files/file-handles.js';

const ENTRY_BYTES = 34;
const VERSION = 0;
const NOTHING = Buffer.alloc(0);

/** A transaction that was aborted, and how far consumers could read when its marker was written. */
export interface AbortedTxn {
  readonly producerId: Int64;
  readonly firstOffset: number;
  /** The offset of the marker. */
  readonly lastOffset: number;
  readonly lastStableOffset: number;
}

/**
 * `.txnindex`: the transactions whose abort marker lies in the segment (`org.apache.kafka.storage.internals.log.TransactionIndex`). The
 * file is made with the first of them. An entry is a version (2 bytes) and four int64. Of the active segment it stays in memory as bytes until
 * `release`: readers at the end of the log ask for it all the time.
 */
export class TransactionIndex {
  private file: LogFile | null;
  /** What was read, and room for more: see `contentLength`. */
  private content: Buffer | null = null;
  private contentLength = 0;
  /** Grows with each change: what is read meanwhile is not all of it. */
  private changes = 0;

  constructor(
    private readonly cache: FileHandleCache,
    private path: string,
    exists: boolean,
  ) {
    this.file = exists ? new LogFile(cache, path) : null;
  }

  /** True when it has no file: the usual case. */
  get isMissing(): boolean {
    return this.file === null;
  }

  /** Runs an append of the log that `append` follows: when the file cannot be opened that is not begun, instead of ending half way. */
  keepingOpen<T>(work: () => T): T {
    this.file ??= LogFile.create(this.cache, this.path, true);
    return this.file.keepingOpen(work);
  }

  append(txn: AbortedTxn): void {
    this.changes++;
    const entry = Buffer.allocUnsafe(ENTRY_BYTES);
    entry.writeInt16BE(VERSION, 0);
    [txn.producerId, txn.firstOffset, txn.lastOffset, txn.lastStableOffset].forEach((value, field) =>
      entry.writeBigInt64BE(BigInt(value), 2 + 8 * field),
    );
    this.file ??= LogFile.create(this.cache, this.path, true);
    const whole = this.file.sizeInBytes - (this.file.sizeInBytes % ENTRY_BYTES);
    this.file.truncate(whole);
    if (whole === 0) this.keep(NOTHING);
    this.file.append([entry], ENTRY_BYTES);
    if (this.content) this.remember(entry);
  }

  all(): AbortedTxn[] {
    const content = this.load();
    return Array.from({ length: content.length / ENTRY_BYTES }, (_, index) => entryAt(content, index * ENTRY_BYTES));
  }

  /** The bytes of all; null when the file has to be read for them. */
  get inMemory(): Buffer | null {
    if (!this.file) return NOTHING;
    return this.content && this.content.subarray(0, this.contentLength);
  }

  /** The same, read through the pool, and kept when `keeps` is set. Null when the interest has ended. */
  async read(interest: ReadInterest | null, keeps: boolean): Promise<Buffer | null> {
    for (;;) {
      const { changes, file, inMemory } = this;
      if (!file || inMemory) return inMemory;
      const bytes = await file.readFor(interest, wholeEntriesOf(file), 0, PLAIN_MEMORY);
      if (!bytes) return null;
      if (changes !== this.changes) continue;
      const content = bytes.subarray(0, bytes.length - (bytes.length % ENTRY_BYTES));
      if (keeps) this.keep(content);
      return content;
    }
  }

  /** Takes off the transactions whose marker lies at `offset` or beyond. */
  truncateTo(offset: number): void {
    if (!this.file) return;
    this.changes++;
    const content = this.load();
    let end = 0;
    while (end < content.length && entryAt(content, end).lastOffset < offset) end += ENTRY_BYTES;
    this.file.truncate(end);
    this.contentLength = end;
  }

  reset(): void {
    this.changes++;
    if (this.file) this.file.truncate(0);
    this.content = null;
  }

  /** Null when no aborted transaction can be wrong: each lies in the segment and is of a known version; else what is. */
  problem(baseOffset: number): string | null {
    if (!this.file) return null;
    // A start looks at all segments: neither their bytes nor their files are kept for that.
    const wasLoaded = this.content !== null;
    const content = this.file.usedBriefly(() => this.load());
    if (!wasLoaded) this.release();
    for (let at = 0; at < content.length; at += ENTRY_BYTES) {
      if (content.readInt16BE(at) > VERSION) return `${this.path}: version ${content.readInt16BE(at)}, need ${VERSION}`;
      const { lastOffset } = entryAt(content, at);
      if (lastOffset < baseOffset) return `${this.path}: last offset ${lastOffset} is below base offset ${baseOffset}`;
    }
    return null;
  }

  async flush(): Promise<void> {
    await this.file?.flush();
  }

  syncSync(): void {
    this.file?.syncSync();
  }

  rename(path: string): void {
    this.file?.rename(path);
    this.path = path;
  }

  movedTo(path: string): void {
    this.file?.movedTo(path);
    this.path = path;
  }

  /** Forgets the bytes kept in memory. */
  release(): void {
    this.content = null;
  }

  close(): void {
    this.release();
    this.file?.close();
  }

  /** See `LogFile.retire`. */
  retire(): void {
    this.release();
    this.file?.retire();
  }

  /** Closes the file for who removes it, and names it; nothing when there is none. */
  detach(): string[] {
    this.release();
    return this.file ? [this.file.detach()] : [];
  }

  remove(): void {
    this.release();
    this.file?.remove();
    this.file = null;
  }

  /** The room doubles, so that each of many entries costs no copy of all. */
  private remember(entry: Buffer): void {
    const length = this.contentLength + ENTRY_BYTES;
    if (this.content!.length < length) {
      const larger = Buffer.allocUnsafe(2 * length);
      this.content!.copy(larger, 0, 0, this.contentLength);
      this.content = larger;
    }
    entry.copy(this.content!, this.contentLength);
    this.contentLength = length;
  }

  private load(): Buffer {
    if (this.content) return this.content.subarray(0, this.contentLength);
    if (!this.file) return Buffer.alloc(0);
    const content = Buffer.allocUnsafe(wholeEntriesOf(this.file));
    this.file.readSync(content, 0, content.length, 0);
    this.keep(content);
    return content;
  }

  private keep(content: Buffer): void {
    this.content = content;
    this.contentLength = content.length;
  }
}

/**
 * Adds to `found` the aborted transactions of `entries`, an index's bytes, that touch [fetchOffset, upperBoundOffset). True when no later segment
 * can have another one: a marker here was written with the last stable offset beyond the bound.
 */
export function collectAbortedTxns(
  entries: Buffer,
  fetchOffset: number,
  upperBoundOffset: number,
  found: AbortedTransaction[],
): boolean {
  for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
    const { producerId, firstOffset, lastOffset, lastStableOffset } = entryAt(entries, at);
    if (lastOffset >= fetchOffset && firstOffset < upperBoundOffset) found.push({ producerId, firstOffset });
    if (lastStableOffset >= upperBoundOffset) return true;
  }
  return false;
}

function wholeEntriesOf({ sizeInBytes }: LogFile): number {
  return sizeInBytes - (sizeInBytes % ENTRY_BYTES);
}

function entryAt(content: Buffer, at: number): AbortedTxn {
  return {
    producerId: readInt64Exact(content, at + 2),
    firstOffset: readInt64(content, at + 10),
    lastOffset: readInt64(content, at + 18),
    lastStableOffset: readInt64(content, at + 26),
  };
}
