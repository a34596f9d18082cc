import type { BufferPool } from '../../common/index.js';
import * as deadline from './frame-deadline.js';
import { Frame, LENGTH_BYTES } from './frame.js';
import type { MemoryOwner, RequestMemory } from './request-memory.js';
import { isOfBroker, senderClassOf, TINY_FRAME_BYTES, type ListenerAudience } from './sender-class.js';

/** The connection that a reader reads for. */
export interface FrameReaderOwner {
  /** The peer's, without a port. */
  readonly address: string;
  readonly audience: ListenerAudience;
  /** `socket.request.max.bytes`, or less before a client has said who it is. */
  readonly maxFrameBytes: number;
  /** Whether the next frame's turn has come: before, nothing is taken but its length. */
  readonly mayBeginFrame: boolean;
  /** Whether a whole frame may be handed out now; else the owner calls `goOn` when its turn has come. */
  mayHandOut(isOfBroker: boolean): boolean;
  /** A whole frame, to be handed out. */
  onFrame(frame: Frame): void;
  /** Memory that was waited for is there: the owner calls `goOn`. */
  onMemoryGranted(): void;
}

/** What the readers of a server share. */
export interface FrameReaderHost {
  readonly memory: RequestMemory;
  readonly framePool: Pick<BufferPool, 'take' | 'give'>;
  /** Read into when no larger frame is under way; what was read is dealt with before the next read of any connection. */
  readonly scratch: Buffer;
  nowMs(): number;
}

/**
 * Cuts the bytes of one connection into frames. There is one frame under way, and it is handed out when it is whole, or when its turn has come
 * then (`HandOutTurns`): a frame that has begun holds memory no longer than that. What takes nothing of the shared memory is read at once: small
 * frames, and the first `TINY_FRAME_BYTES` of others. Then memory is asked for, once and for the whole frame, so that no half-read frames wait for each other.
 * Bytes that arrive in the scratch buffer are copied out once; the rest of a larger frame is read in place.
 *
 * Behind a frame that is being handled, up to a scratch buffer is read ahead while all connections together have room for that; otherwise
 * no more than what a connection costs anyway, and everything else waits in the kernel. Those that were idle while there was room may exceed it
 * together, once (`target`).
 */
export class FrameReader implements MemoryOwner {
  private frame = new Frame();
  /** Read, and not yet taken into a frame. Counted in full until the last byte of it is taken. */
  private ahead: Buffer | null = null;
  private aheadAt = 0;
  private isClosed = false;

  constructor(
    private readonly owner: FrameReaderOwner,
    private readonly host: FrameReaderHost,
  ) {}

  get address(): string {
    return this.owner.address;
  }

  /** Whether more bytes are of use now. Reading stops otherwise. */
  get wantsBytes(): boolean {
    if (this.ahead !== null) return false;
    const { state, isLengthKnown } = this.frame;
    return state === 'filling' || (state === 'length' && !isLengthKnown);
  }

  /** Whether `goOn` has something to go on with. */
  get hasBacklog(): boolean {
    const { state, isLengthKnown } = this.frame;
    return this.ahead !== null || state === 'whole' || (state === 'length' && isLengthKnown);
  }

  /** Whether a frame waits for memory. */
  get isWaiting(): boolean {
    return this.frame.state === 'waiting';
  }

  /** Whether a frame holds memory that others wait for, and comes too slowly. */
  isLate(nowMs: number): boolean {
    const { memory } = this.frame;
    return memory !== null && this.host.memory.isShortFor(memory.senderClass) && deadline.isLate(this.frame, nowMs);
  }

  /** Where the next bytes go. Node asks right after the read before, so that what is read ahead by the next one is not known. */
  target(): Buffer {
    const { frame } = this;
    const { scratch, memory } = this.host;
    if (frame.state === 'filling' && this.ahead === null) return this.roomOf(frame).subarray(frame.filled);
    // With more than the length at hand reading stops. What comes all the same is kept: it was asked for before that was known.
    if (memory.mayReadAhead(scratch.length)) return scratch;
    return scratch.subarray(0, LENGTH_BYTES + TINY_FRAME_BYTES);
  }

  /** Bytes were read, into what `target` gave. Throws FrameError. */
  received(bytes: Buffer): void {
    if (this.isInPlace(bytes)) {
      this.progress(bytes.length);
    } else if (this.ahead !== null) {
      this.keepAhead(Buffer.concat([this.ahead.subarray(this.aheadAt), bytes]));
    } else {
      const taken = this.take(bytes, 0);
      if (taken < bytes.length) this.keepAhead(Buffer.from(bytes.subarray(taken)));
    }
  }

  /** Goes on after memory was granted, or when the next frame's turn has come. Throws FrameError. */
  goOn(): void {
    const { ahead } = this;
    this.aheadAt = this.take(ahead ?? NOTHING, this.aheadAt);
    if (ahead !== null && this.ahead === ahead && this.aheadAt === ahead.length) this.dropAhead();
  }

  /** @internal from RequestMemory */
  onMemoryGranted(): void {
    const { frame } = this;
    frame.become('filling');
    this.owner.onMemoryGranted();
    // What was read before the wait is no sign of life.
    deadline.goOn(frame, this.host.nowMs());
  }

  /** Gives back what is held. Nothing is taken afterwards. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    const { frame } = this;
    this.dropAhead();
    if (frame.room) this.host.framePool.give(frame.room);
    frame.room = null;
    frame.end();
  }

  /** Takes bytes from `from` on into frames, as far as turns and memory allow; gives where that ends. */
  private take(bytes: Buffer, from: number): number {
    let at = from;
    while (!this.isClosed) {
      const { frame } = this;
      if (frame.state === 'length') {
        if (!frame.isLengthKnown) at = frame.takeLength(bytes, at, this.owner.maxFrameBytes);
        if (!frame.isLengthKnown || !this.owner.mayBeginFrame) return at;
        this.begin(frame, bytes, at);
      } else if (frame.state === 'whole') {
        if (!this.handOut(frame)) return at;
        continue;
      }
      if (frame.state === 'waiting' || at === bytes.length) return at;
      const room = this.roomOf(frame);
      const count = Math.min(room.length - frame.filled, bytes.length - at);
      bytes.copy(room, frame.filled, at, at + count);
      at += count;
      this.progress(count);
    }
    return bytes.length;
  }

  private begin(frame: Frame, bytes: Buffer, at: number): void {
    if (frame.frameBytes > TINY_FRAME_BYTES && bytes.length - at >= TINY_FRAME_BYTES) {
      this.ask(frame, bytes, at);
    } else {
      frame.become('filling');
    }
  }

  /** So many bytes came into the room of the frame. */
  private progress(count: number): void {
    const { frame } = this;
    frame.filled += count;
    if (frame.filled === frame.frameBytes) {
      frame.become('whole');
      this.handOut(frame);
    } else if (frame.memory !== null) {
      deadline.extend(frame, count, this.host.nowMs());
    } else if (frame.filled === frame.room!.length) {
      this.ask(frame, frame.room!, 0);
    }
  }

  /** False when it has to wait for its turn. */
  private handOut(frame: Frame): boolean {
    const { owner } = this;
    if (!owner.mayHandOut(isOfBroker(owner.audience, frame.room!))) return false;
    frame.become('handedOut');
    this.frame = new Frame();
    owner.onFrame(frame);
    return true;
  }

  /** Takes the memory of the whole frame, which begins at `at`; or lets it wait. */
  private ask(frame: Frame, bytes: Buffer, at: number): void {
    const { frameBytes } = frame;
    const senderClass = senderClassOf(this.owner.audience, frameBytes, bytes, at);
    frame.memory = this.host.memory.take(senderClass, frameBytes, this);
    deadline.begin(frame, this.host.nowMs());
    const next = frame.memory.isGranted ? 'filling' : 'waiting';
    if (frame.state !== next) frame.become(next);
  }

  /** Where the frame's bytes go: made when they come, so that those of whom none is there have no buffers. */
  private roomOf(frame: Frame): Buffer {
    const roomBytes = this.roomBytesOf(frame);
    if (frame.room?.length === roomBytes) return frame.room;
    const { framePool } = this.host;
    const backing = framePool.take(roomBytes);
    if (frame.room !== null) {
      frame.room.copy(backing, 0, 0, frame.filled);
      framePool.give(frame.room);
    }
    // Exactly what is wanted: a read in place must not reach into the next frame.
    frame.room = backing.length === roomBytes ? backing : backing.subarray(0, roomBytes);
    return frame.room;
  }

  /**
   * For a large frame no more than four times what is there: to make what is announced would have the collector at work all the time for clients that
   * announce much and send little, as its memory counts from the beginning.
   */
  private roomBytesOf({ frameBytes, memory, room, filled }: Frame): number {
    if (memory === null) return Math.min(frameBytes, TINY_FRAME_BYTES);
    if (frameBytes <= WHOLE_ROOM_BYTES) return frameBytes;
    if (room === null || room.length < FIRST_ROOM_BYTES) return FIRST_ROOM_BYTES;
    return filled < room.length ? room.length : Math.min(frameBytes, ROOM_GROWTH * room.length);
  }

  private isInPlace(bytes: Buffer): boolean {
    const { state, room, filled } = this.frame;
    if (state !== 'filling' || room === null) return false;
    return bytes.buffer === room.buffer && bytes.byteOffset === room.byteOffset + filled;
  }

  private keepAhead(bytes: Buffer): void {
    this.dropAhead();
    if (this.isClosed) return;
    this.ahead = bytes;
    this.host.memory.countReadAhead(bytes.length);
  }

  private dropAhead(): void {
    if (this.ahead !== null) this.host.memory.countReadAhead(-this.ahead.length);
    this.ahead = null;
    this.aheadAt = 0;
  }
}

const NOTHING = Buffer.alloc(0);
/** Of as much there are buffers that are used again. */
const WHOLE_ROOM_BYTES = 2 * 1024 * 1024;
const FIRST_ROOM_BYTES = 64 * 1024;
const ROOM_GROWTH = 4;
