/** Smaller buffers are cheap to make anew, larger ones too rare to keep memory for. */
const MIN_POOLED_BYTES = 16 * 1024;
const MAX_POOLED_BYTES = 2 * 1024 * 1024;

/**
 * Large buffers, to be used again. Frames, reads and the ends of logs live outside of V8's heap, where only a collection frees them:
 * under load that kept tens of megabytes of garbage resident. There are four sizes to each power of two; a bounded number of bytes waits here.
 * Whoever takes one need not give it back: the collector frees it then.
 */
export class BufferPool {
  private readonly free = new Map<number, Buffer[]>();
  private freeBytes = 0;
  /** Buffers that are out, by their memory, so that a part of one is enough to give it back. */
  private readonly lent = new WeakMap<ArrayBufferLike, Buffer>();

  constructor(private readonly maxFreeBytes: number) {}

  /** Memory of at least `bytes`, whose content is whatever was there. */
  take(bytes: number): Buffer {
    if (bytes < MIN_POOLED_BYTES || bytes > MAX_POOLED_BYTES) return allocate(bytes);
    const size = sizeFor(bytes);
    let buffer = this.free.get(size)?.pop();
    if (buffer) this.freeBytes -= size;
    else buffer = Buffer.allocUnsafeSlow(size);
    this.lent.set(buffer.buffer, buffer);
    return buffer;
  }

  /**
   * Gives back the memory that `part` belongs to; nobody may look at any of it any more. Nothing happens when it did not come from
   * here, or is back already.
   */
  give(part: Buffer): void {
    const buffer = this.lent.get(part.buffer);
    if (!buffer) return;
    this.lent.delete(part.buffer);
    if (this.freeBytes + buffer.length > this.maxFreeBytes) return;
    let buffers = this.free.get(buffer.length);
    if (!buffers) this.free.set(buffer.length, (buffers = []));
    buffers.push(buffer);
    this.freeBytes += buffer.length;
  }
}

function sizeFor(bytes: number): number {
  const step = 2 ** (Math.floor(Math.log2(bytes)) - 2);
  return Math.ceil(bytes / step) * step;
}

/** Small buffers come from Node's own pool. */
function allocate(bytes: number): Buffer {
  return bytes < 4096 ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(bytes);
}
