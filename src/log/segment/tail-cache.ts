/**
 * The end of each log in memory, so that followers and consumers who keep up never touch a file. All logs of a broker share one budget
 * of bytes, and what nobody asked for within some seconds goes: an idle broker holds nothing.
 */
import { BufferPool, type Clock, type Timer } from '../../common/index.js';
import { findBatch, lastOffsetAt, sizeAt } from '../../records/index.js';

export const DEFAULT_TAIL_CACHE_BYTES = 8 * 1024 * 1024;
const MAX_AGE_MS = 10_000;
/** Small appends are gathered in slabs of this size, and in chunks up to it. */
const SLAB_BYTES = 64 * 1024;
/** An append of this size or more gets memory of its own. */
const LARGE_BYTES = 16 * 1024;
/** Of the budget. A larger append is read from its file, by as many as want it. */
const MAX_SHARE_OF_AN_APPEND = 1 / 4;
/** What a chunk costs besides its bytes. */
const CHUNK_OVERHEAD_BYTES = 128;
const NOTHING = Buffer.alloc(0);

/** Memory that chunks lie in; given back when none is left. */
interface Slab {
  readonly memory: Buffer;
  chunks: number;
}

/** Batches that follow each other, in one segment. */
interface Chunk {
  readonly tail: LogTail;
  readonly slab: Slab;
  readonly backing: Buffer;
  readonly start: number;
  end: number;
  readonly segmentBaseOffset: number;
  /** Of `start`, in the segment's file. */
  readonly position: number;
  readonly baseOffset: number;
  nextOffset: number;
  costBytes: number;
  readonly addedMs: number;
  dropped: boolean;
}

/** What a read of a tail gives: whole batches of one segment. */
export interface TailRead {
  readonly segmentBaseOffset: number;
  readonly position: number;
  /** A copy: the memory of the tail is used again. */
  readonly records: Buffer;
  readonly sizeInBytes: number;
  /** The first batch did not fit. */
  readonly firstEntryIncomplete: boolean;
}

/** The budget, and the order in which chunks of all logs were added. Owned by the `LogManager`. */
export class TailCache {
  private queue: Chunk[] = [];
  private head = 0;
  private usedBytes = 0;
  private slab: Slab | null = null;
  private slabUsed = 0;
  private ageTimer: Timer | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly budgetBytes: number = DEFAULT_TAIL_CACHE_BYTES,
    readonly buffers: BufferPool = new BufferPool(0),
  ) {}

  /** Bytes held. */
  get sizeInBytes(): number {
    return this.usedBytes;
  }

  /** The tail of one log; empty. */
  openTail(): LogTail {
    return new LogTail(this);
  }

  close(): void {
    this.ageTimer?.cancel();
    this.ageTimer = null;
    for (const chunk of this.queue) chunk.tail.clear();
    this.queue = [];
    this.head = 0;
    this.closeSlab();
  }

  /** For `LogTail`: a copy of `records`, since their memory is that of a request and will be used again. */
  hold(records: Buffer): { slab: Slab; start: number; costBytes: number } {
    if (records.length >= LARGE_BYTES) {
      const slab = this.newSlab(records.length);
      records.copy(slab.memory);
      return { slab, start: 0, costBytes: slab.memory.length };
    }
    if (!this.slab || this.slabUsed + records.length > SLAB_BYTES) {
      this.closeSlab();
      this.slab = this.newSlab(SLAB_BYTES);
      this.slab.chunks++; // Held by the cache itself while it is being filled.
      this.slabUsed = 0;
    }
    const start = this.slabUsed;
    records.copy(this.slab.memory, start);
    this.slabUsed += records.length;
    return { slab: this.slab, start, costBytes: records.length };
  }

  /** Held, it would drive out the ends of too many other logs: one append of the whole budget all of them, and itself. */
  isTooLarge(records: Buffer): boolean {
    return records.length > this.budgetBytes * MAX_SHARE_OF_AN_APPEND;
  }

  nowMs(): number {
    return this.clock.monotonicMs();
  }

  add(chunk: Chunk): void {
    this.queue.push(chunk);
    this.charge(chunk.costBytes);
    this.armTimer();
  }

  charge(bytes: number): void {
    this.usedBytes += bytes;
    while (this.usedBytes > this.budgetBytes && this.head < this.queue.length) this.dropOldest();
  }

  release(chunk: Chunk): void {
    chunk.dropped = true;
    this.usedBytes -= chunk.costBytes;
    this.leaveSlab(chunk.slab);
  }

  private newSlab(bytes: number): Slab {
    return { memory: this.buffers.take(bytes), chunks: 0 };
  }

  private closeSlab(): void {
    if (this.slab) this.leaveSlab(this.slab);
    this.slab = null;
  }

  private leaveSlab(slab: Slab): void {
    slab.chunks--;
    if (slab.chunks === 0) this.buffers.give(slab.memory);
  }

  private dropOldest(): void {
    const chunk = this.queue[this.head++]!;
    if (!chunk.dropped) {
      this.release(chunk);
      chunk.tail.onOldestDropped();
    }
    if (this.head > 1024 && this.head * 2 > this.queue.length) {
      this.queue.splice(0, this.head);
      this.head = 0;
    }
  }

  /** The timer runs only while something is held. */
  private armTimer(): void {
    this.ageTimer ??= this.clock.setTimer(MAX_AGE_MS / 2, () => this.dropAged(), { background: true });
  }

  private dropAged(): void {
    this.ageTimer = null;
    const limit = this.nowMs() - MAX_AGE_MS;
    while (this.head < this.queue.length && this.queue[this.head]!.addedMs <= limit) this.dropOldest();
    if (this.head < this.queue.length) {
      this.armTimer();
    } else {
      this.queue = [];
      this.head = 0;
      this.closeSlab();
    }
  }
}

/** The newest batches of one log, without a gap up to its end. */
export class LogTail {
  private chunks: Chunk[] = [];
  private head = 0;

  constructor(private readonly cache: TailCache) {}

  /** The records were written at `position`. They are copied, unless they are too large to be held. */
  append(segmentBaseOffset: number, position: number, baseOffset: number, nextOffset: number, records: Buffer): void {
    if (this.cache.isTooLarge(records)) {
      // What is held reaches up to the end without a gap.
      this.clear();
      return;
    }
    const { slab, start, costBytes } = this.cache.hold(records);
    const backing = slab.memory;
    const last = this.chunks.at(-1);
    const continues =
      last !== undefined &&
      last.backing === backing &&
      last.end === start &&
      last.segmentBaseOffset === segmentBaseOffset &&
      last.position + (last.end - last.start) === position;
    if (continues) {
      last.end += records.length;
      last.nextOffset = nextOffset;
      last.costBytes += costBytes;
      this.cache.charge(costBytes);
      return;
    }
    slab.chunks++;
    const chunk: Chunk = {
      tail: this,
      slab,
      backing,
      start,
      end: start + records.length,
      segmentBaseOffset,
      position,
      baseOffset,
      nextOffset,
      costBytes: costBytes + CHUNK_OVERHEAD_BYTES,
      addedMs: this.cache.nowMs(),
      dropped: false,
    };
    this.chunks.push(chunk);
    this.cache.add(chunk);
  }

  /**
   * Whole batches from the one that holds `startOffset`, or the next if that offset is gone, as far as `maxBytes` and `upToOffset`
   * (exclusive) allow, in one segment; at least one batch with `minOneMessage`. Null when they are not in memory.
   */
  read(startOffset: number, upToOffset: number, maxBytes: number, minOneMessage: boolean): TailRead | null {
    let at = this.indexOf(startOffset);
    if (at < 0) return null;
    const first = this.chunks[at]!;
    const from = findBatch(first.backing, first.start, first.end, startOffset);
    if (from < 0) return null;
    const { segmentBaseOffset } = first;
    const position = first.position + (from - first.start);
    const firstSize = sizeAt(first.backing, from);
    if (firstSize > maxBytes && !minOneMessage) {
      return { segmentBaseOffset, position, records: NOTHING, sizeInBytes: 0, firstEntryIncomplete: true };
    }
    let budget = Math.max(maxBytes, firstSize);
    const parts: Buffer[] = [];
    let sizeInBytes = 0;
    for (let begin = from; ;) {
      const chunk = this.chunks[at]!;
      const end = endWithin(chunk, begin, budget, upToOffset);
      if (end > begin) parts.push(chunk.backing.subarray(begin, end));
      sizeInBytes += end - begin;
      budget -= end - begin;
      at++;
      const next = this.chunks[at];
      if (end < chunk.end || !next || next.segmentBaseOffset !== segmentBaseOffset) break;
      begin = next.start;
    }
    const records = this.copy(parts, sizeInBytes);
    return { segmentBaseOffset, position, records, sizeInBytes, firstEntryIncomplete: false };
  }

  private copy(parts: readonly Buffer[], sizeInBytes: number): Buffer {
    const memory = this.cache.buffers.take(sizeInBytes);
    let at = 0;
    for (const part of parts) at += part.copy(memory, at);
    return memory.length === sizeInBytes ? memory : memory.subarray(0, sizeInBytes);
  }

  /** Where the batch lies that holds `offset`; null when it is not in memory. */
  locate(offset: number): { segmentBaseOffset: number; position: number } | null {
    const at = this.indexOf(offset);
    if (at < 0) return null;
    const chunk = this.chunks[at]!;
    const batch = findBatch(chunk.backing, chunk.start, chunk.end, offset);
    if (batch < 0) return null;
    return { segmentBaseOffset: chunk.segmentBaseOffset, position: chunk.position + (batch - chunk.start) };
  }

  /** Forgets everything: the log was cut, or is closed. */
  clear(): void {
    for (let at = this.head; at < this.chunks.length; at++) this.cache.release(this.chunks[at]!);
    this.chunks = [];
    this.head = 0;
  }

  /** For `TailCache`: the first chunk is no longer held. */
  onOldestDropped(): void {
    this.head++;
    if (this.head === this.chunks.length) {
      this.chunks = [];
      this.head = 0;
    } else if (this.head > 64 && this.head * 2 > this.chunks.length) {
      this.chunks.splice(0, this.head);
      this.head = 0;
    }
  }

  /** The chunk that holds `offset` or, when that offset is gone, the next; -1 when it lies before or behind what is held. */
  private indexOf(offset: number): number {
    if (this.head >= this.chunks.length || offset < this.chunks[this.head]!.baseOffset) return -1;
    if (offset >= this.chunks.at(-1)!.nextOffset) return -1;
    let low = this.head;
    let high = this.chunks.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.chunks[middle]!.nextOffset > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** The end of the last batch from `begin` that fits `budget` and ends below `upToOffset`. */
function endWithin(chunk: Chunk, begin: number, budget: number, upToOffset: number): number {
  if (chunk.nextOffset <= upToOffset && chunk.end - begin <= budget) return chunk.end;
  let end = begin;
  while (end < chunk.end) {
    const size = sizeAt(chunk.backing, end);
    if (end + size - begin > budget || lastOffsetAt(chunk.backing, end) >= upToOffset) break;
    end += size;
  }
  return end;
}
