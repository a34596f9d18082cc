import { assert, AssertionError } from '../../common/index.js';
import type { FrameMemory } from './request-memory.js';

/** What becomes of a frame, and every step it may take. A connection that closes takes it to the end from anywhere. */
export const FRAME_TRANSITIONS = {
  /** Its length is read. */
  length: ['filling', 'waiting', 'answered'],
  /** Its bytes are read. */
  filling: ['waiting', 'whole', 'answered'],
  /** It waits for memory; nothing is read. */
  waiting: ['filling', 'answered'],
  /** All of it is there. It is handed out when its connection's turn has come. */
  whole: ['handedOut', 'answered'],
  /** With whoever handles it. */
  handedOut: ['answered'],
  /** Answered, or given up: it holds nothing. */
  answered: [],
} as const satisfies Record<string, readonly string[]>;

export type FrameState = keyof typeof FRAME_TRANSITIONS;

/** The stream is no sequence of frames, or one is larger than allowed. The connection can only be closed. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

export const LENGTH_BYTES = 4;

/** One frame of a connection, from its first byte to its answer. `FrameReader` fills it; `ServerConnection` hands it out. */
export class Frame {
  private currentState: FrameState = 'length';
  /** Of the four bytes of the length. */
  lengthFilled = 0;
  /** What was announced, once the length is there. */
  frameBytes = 0;
  /** What came of it is the front of this; the whole is all of it. */
  room: Buffer | null = null;
  filled = 0;
  /** Null until its class is known, and for a frame so small that it takes nothing of the shared memory. */
  memory: FrameMemory | null = null;
  /** When the next bytes must have come while others wait for the memory it holds (`frame-deadline.ts`). */
  dueMs = 0;

  get state(): FrameState {
    return this.currentState;
  }

  get isLengthKnown(): boolean {
    return this.lengthFilled === LENGTH_BYTES;
  }

  become(next: FrameState): void {
    const { currentState } = this;
    const mayFollow = (FRAME_TRANSITIONS[currentState] as readonly FrameState[]).includes(next);
    if (!mayFollow) throw new AssertionError(`a frame does not go from ${currentState} to ${next}`);
    this.currentState = next;
  }

  /** Reads what is missing of the length; gives where the bytes go on. Throws FrameError for one that is not allowed. */
  takeLength(bytes: Buffer, from: number, maxFrameBytes: number): number {
    let at = from;
    if (this.lengthFilled === 0 && bytes.length - at >= LENGTH_BYTES) {
      this.frameBytes = bytes.readInt32BE(at);
      this.lengthFilled = LENGTH_BYTES;
      at += LENGTH_BYTES;
    } else {
      while (this.lengthFilled < LENGTH_BYTES && at < bytes.length) {
        this.frameBytes = (this.frameBytes << 8) | bytes[at++]!;
        this.lengthFilled++;
      }
      if (this.lengthFilled < LENGTH_BYTES) return at;
    }
    // No request is empty: the least is a header. Kafka closes the connection when it fails to read the header.
    if (this.frameBytes <= 0 || this.frameBytes > maxFrameBytes) {
      throw new FrameError(`a frame of ${this.frameBytes} bytes, allowed are 1 to ${maxFrameBytes}`);
    }
    return at;
  }

  /** Gives the bytes of a whole frame to whoever handles it, and keeps them no longer. */
  takeBytes(): Buffer {
    const bytes = this.room;
    assert(bytes !== null && this.filled === this.frameBytes, 'a frame is handed out whole');
    this.room = null;
    return bytes;
  }

  /** What it holds counts no more. Does nothing when it holds none. */
  releaseMemory(): void {
    this.memory?.release();
    this.memory = null;
  }

  /** It is answered, or given up. */
  end(): void {
    this.become('answered');
    this.releaseMemory();
  }
}
