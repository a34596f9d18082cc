import { assert, type BufferPool } from '../../common/index.js';
import type { FrameMemory, RequestMemory } from './request-memory.js';

/** A whole frame without its length, and what it holds of the server's memory (null when there is no budget). */
export interface Frame {
  readonly bytes: Buffer;
  readonly memory: FrameMemory | null;
}

/** The stream is no sequence of frames, or one is larger than allowed. The connection can only be closed. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

const LENGTH_BYTES = 4;
/** A frame of which something came gets room for at least this much, and for four times what came. */
const MIN_ROOM_BYTES = 16 * 1024;
const ROOM_FACTOR = 4;

/**
 * Cuts a stream of bytes into frames of an int32 length and that many bytes. Bytes that arrive in a scratch buffer are copied out once;
 * the rest of a larger frame is to be read in place (`target`). The room of a frame grows with what arrived of it, never with what
 * was announced, and the work is linear in the bytes.
 */
export class FrameAssembler {
  private readonly lengthBytes = Buffer.alloc(LENGTH_BYTES);
  private lengthFilled = 0;
  private frameBytes = -1;
  private room: Buffer | null = null;
  /** The memory of `room`, which may be larger. */
  private backing: Buffer | null = null;
  private filled = 0;
  private memory: FrameMemory | null = null;
  /** Bytes that arrived while the frame waited for memory; at most one scratch buffer, because reading stops then. */
  private heldBack: Buffer | null = null;
  private arriving = 0;

  /**
   * `onFrame` is called for each whole frame, in order. Frames longer than `maxFrameBytes` are refused. `onGranted` is called when
   * memory that was waited for has come: what was held back is then to be appended again, and reading may go on.
   */
  constructor(
    private readonly onFrame: (frame: Frame) => void,
    private readonly maxFrameBytes: number,
    private readonly budget: RequestMemory | null = null,
    private readonly onGranted: (heldBack: Buffer) => void = () => undefined,
    private readonly pool: BufferPool | null = null,
  ) {}

  /** True while a frame waits for memory: nothing more should be read. */
  get isWaiting(): boolean {
    return this.heldBack !== null;
  }

  /** True while part of a frame is kept in the server's memory. */
  get holdsMemory(): boolean {
    return this.memory !== null && this.room !== null;
  }

  /** Where the next bytes of the frame go, or null when there is no larger frame under way and a scratch buffer serves best. */
  target(): Buffer | null {
    if (this.room === null || this.filled === this.room.length || this.heldBack !== null) return null;
    return this.room.subarray(this.filled);
  }

  /** Whether `bytes` were read into what `target` returns. */
  isInPlace(bytes: Buffer): boolean {
    const room = this.room;
    return room !== null && bytes.buffer === room.buffer && bytes.byteOffset === room.byteOffset + this.filled;
  }

  /** Bytes were read into what `target` returned. */
  filledInPlace(count: number): void {
    this.filled += count;
    if (this.filled === this.frameBytes) this.complete();
    else if (this.filled === this.room!.length) this.growFor(0);
  }

  /** Bytes were read elsewhere. Nothing of `bytes` is kept by reference. Throws FrameError. */
  append(bytes: Buffer): void {
    if (this.heldBack !== null) {
      this.heldBack = Buffer.concat([this.heldBack, bytes]);
      return;
    }
    let at = 0;
    while (at < bytes.length) {
      if (this.frameBytes < 0) {
        at = this.readLength(bytes, at);
        if (this.frameBytes < 0 || at === bytes.length) return;
      }
      const rest = this.frameBytes - this.filled;
      const count = Math.min(rest, bytes.length - at);
      if (this.room === null || this.room.length - this.filled < count) {
        if (!this.growFor(count)) {
          this.heldBack = Buffer.from(bytes.subarray(at));
          return;
        }
      }
      bytes.copy(this.room!, this.filled, at, at + count);
      this.filled += count;
      at += count;
      if (this.filled === this.frameBytes) this.complete();
    }
  }

  /** Gives the memory back. Nothing may be appended afterwards. */
  close(): void {
    this.memory?.release();
    this.memory = null;
    if (this.backing) this.pool?.give(this.backing);
    this.room = null;
    this.backing = null;
    this.heldBack = null;
  }

  private readLength(bytes: Buffer, from: number): number {
    let at = from;
    let length: number;
    if (this.lengthFilled === 0 && bytes.length - at >= LENGTH_BYTES) {
      length = bytes.readInt32BE(at);
      at += LENGTH_BYTES;
      this.lengthFilled = LENGTH_BYTES;
    } else {
      while (this.lengthFilled < LENGTH_BYTES && at < bytes.length)
        this.lengthBytes[this.lengthFilled++] = bytes[at++]!;
      if (this.lengthFilled < LENGTH_BYTES) return at;
      length = this.lengthBytes.readInt32BE(0);
    }
    // No request or response is empty: the least is a correlation id. Kafka closes the connection when it fails to read the header.
    if (length <= 0 || length > this.maxFrameBytes) {
      throw new FrameError(`a frame of ${length} bytes, allowed are 1 to ${this.maxFrameBytes}`);
    }
    this.frameBytes = length;
    return at;
  }

  /** Makes room for `arriving` and some more. False when the memory for it must be waited for. */
  private growFor(arriving: number): boolean {
    const roomBytes = this.roomFor(this.filled + arriving);
    if (this.budget) {
      this.arriving = arriving;
      this.memory ??= this.budget.account(this.frameBytes, () => this.granted(this.arriving));
      if (!this.memory.take(roomBytes - (this.room?.length ?? 0))) {
        // Even with nothing held back the frame waits.
        this.heldBack ??= Buffer.alloc(0);
        return false;
      }
    }
    this.makeRoom(roomBytes);
    return true;
  }

  private makeRoom(roomBytes: number): void {
    const { room, backing } = this;
    if (!backing || backing.length < roomBytes) {
      this.backing = this.pool?.take(roomBytes) ?? allocate(roomBytes);
      if (room) room.copy(this.backing, 0, 0, this.filled);
      if (backing) this.pool?.give(backing);
    }
    // Exactly what is wanted: a read in place must not reach into the next frame.
    this.room = this.backing!.length === roomBytes ? this.backing : this.backing!.subarray(0, roomBytes);
  }

  private granted(arriving: number): void {
    const heldBack = this.heldBack;
    assert(heldBack !== null, 'memory is granted only to a frame that waits');
    this.makeRoom(this.roomFor(this.filled + arriving));
    this.heldBack = null;
    this.onGranted(heldBack);
  }

  private roomFor(arrived: number): number {
    if (arrived === this.frameBytes) return arrived;
    return Math.min(this.frameBytes, Math.max(MIN_ROOM_BYTES, arrived * ROOM_FACTOR));
  }

  private complete(): void {
    const frame = { bytes: this.room!, memory: this.memory };
    this.room = null;
    this.backing = null;
    this.memory = null;
    this.filled = 0;
    this.frameBytes = -1;
    this.lengthFilled = 0;
    this.onFrame(frame);
  }
}

/** Small frames come from Node's pool, as they live shortly. */
function allocate(bytes: number): Buffer {
  return bytes < 4096 ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(bytes);
}
