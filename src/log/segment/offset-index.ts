import { assert } from '../../common/index.js';
import { AbstractIndex } from './abstract-index.js';
import type { LogFile } from '../files/file-handles.js';

const ENTRY_BYTES = 8;

/** An offset, and the position in its segment's file of the batch that holds it. */
export interface OffsetPosition {
  readonly offset: number;
  readonly position: number;
}

/**
 * `.index`: from offset to position in the `.log`, sparse (`org.apache.kafka.storage.internals.log.OffsetIndex`). An entry is the offset's
 * distance from the base offset and the position, 4 bytes each; it names the last offset of the batch at that position.
 */
export class OffsetIndex extends AbstractIndex {
  private last: OffsetPosition | null = null;

  constructor(file: LogFile, baseOffset: number, maxIndexBytes: number) {
    super(file, baseOffset, ENTRY_BYTES, maxIndexBytes);
  }

  get isFull(): boolean {
    return this.entries >= this.maxEntries;
  }

  /** The last entry; the base offset at position 0 when there is none. */
  lastEntry(): OffsetPosition {
    this.last ??= this.entry(this.entries - 1);
    return this.last;
  }

  append(offset: number, position: number): void {
    const last = this.lastEntry();
    assert(
      this.entries === 0 || offset > last.offset,
      () => `${this.file.path}: offset ${offset} is indexed after ${last.offset}`,
    );
    const { buffer, at } = this.newEntry();
    buffer.writeInt32BE(offset - this.baseOffset, at);
    buffer.writeInt32BE(position, at + 4);
    this.last = { offset, position };
  }

  /** The last entry whose offset is not beyond `offset`; the base offset at position 0 when there is none. */
  lookup(offset: number): OffsetPosition {
    // Most lookups are near the end: of the active segment, or of one that is read on.
    const last = this.lastEntry();
    if (offset >= last.offset) return last;
    const relative = offset - this.baseOffset;
    return this.entry(this.largestLowerBound((buffer, at) => buffer.readInt32BE(at) <= relative));
  }

  /** The same; null where the file has to be asked. */
  lookupInMemory(offset: number): OffsetPosition | null {
    if (this.last && offset >= this.last.offset) return this.last;
    const relative = offset - this.baseOffset;
    // Nothing lies before its first offset.
    if (relative <= 0) return { offset: this.baseOffset, position: 0 };
    return this.isInMemory((buffer, at) => buffer.readInt32BE(at) <= relative) ? this.lookup(offset) : null;
  }

  /** The last entry whose position is not beyond `position`. */
  lookupPosition(position: number): OffsetPosition {
    return this.entry(this.largestLowerBound((buffer, at) => buffer.readInt32BE(at + 4) <= position));
  }

  /** Takes off the entries of `offset` and beyond. */
  truncateTo(offset: number): void {
    const relative = offset - this.baseOffset;
    this.truncateToEntries(this.largestLowerBound((buffer, at) => buffer.readInt32BE(at) < relative) + 1);
  }

  protected override onTruncated(): void {
    this.last = null;
  }

  private entry(index: number): OffsetPosition {
    if (index < 0) return { offset: this.baseOffset, position: 0 };
    const { buffer, at } = this.readEntry(index);
    return { offset: this.baseOffset + buffer.readInt32BE(at), position: buffer.readInt32BE(at + 4) };
  }
}
