import { assert } from '../../common/index.js';

/**
 * The memory that requests not yet answered may hold, for the whole server (`queued.max.request.bytes`; Kafka's `MemoryPool`, but taken
 * as bytes arrive and not when a size is announced, and shared so that large frames cannot starve small ones).
 *
 * Small frames may use all of it, middling ones three quarters, large ones half. A frame that is refused waits, in order, the smaller
 * class first. So that half-read frames cannot block each other for good, one waiting frame at a time may overdraw: what is held stays
 * below `capacityBytes` plus one largest frame.
 */
export class RequestMemory {
  private usedBytes = 0;
  private readonly waiting: [FrameMemory[], FrameMemory[], FrameMemory[]] = [[], [], []];
  private overdrawer: FrameMemory | null = null;

  constructor(readonly capacityBytes: number) {}

  /** Bytes held by frames being read and requests being served. */
  get used(): number {
    return this.usedBytes;
  }

  /** Frames that wait for memory. */
  get waiters(): number {
    return this.waiting[0].length + this.waiting[1].length + this.waiting[2].length;
  }

  /** The account of one frame of `frameBytes`, holding nothing yet. `onGranted` is called later when `take` answered false. */
  account(frameBytes: number, onGranted: () => void): FrameMemory {
    return new FrameMemory(this, frameBytes, onGranted);
  }

  /** @internal */
  take(account: FrameMemory, bytes: number): boolean {
    const klass = frameClass(account.frameBytes);
    const mayTake = this.overdrawer === account || (this.waiting[klass].length === 0 && this.fits(bytes, klass));
    if (mayTake) {
      this.usedBytes += bytes;
      account.held += bytes;
      return true;
    }
    if (this.overdrawer === null) {
      assert(this.waiters === 0, 'while frames wait, one of them overdraws');
      this.overdrawer = account;
      return this.take(account, bytes);
    }
    account.wanted = bytes;
    this.waiting[klass].push(account);
    return false;
  }

  /** @internal */
  release(account: FrameMemory): void {
    const queue = this.waiting[frameClass(account.frameBytes)];
    const at = account.wanted > 0 ? queue.indexOf(account) : -1;
    if (at >= 0) queue.splice(at, 1);
    account.wanted = 0;
    this.usedBytes -= account.held;
    account.held = 0;
    if (this.overdrawer === account) this.overdrawer = null;
    if (this.waiters > 0) this.grantWaiting();
  }

  /** What is overdrawn takes nothing from the others' share. */
  private fits(bytes: number, klass: number): boolean {
    return this.usedBytes - (this.overdrawer?.held ?? 0) + bytes <= this.capacityBytes * SHARE[klass]!;
  }

  private grantWaiting(): void {
    const granted: FrameMemory[] = [];
    this.waiting.forEach((queue, klass) => {
      while (queue.length > 0 && this.fits(queue[0]!.wanted, klass)) {
        granted.push(this.grant(queue.shift()!));
      }
    });
    if (this.overdrawer === null) {
      const next = this.waiting.find((queue) => queue.length > 0)?.shift();
      if (next) {
        this.overdrawer = next;
        granted.push(this.grant(next));
      }
    }
    // Last, because the owners go on reading at once and may ask again.
    for (const account of granted) account.onGranted();
  }

  private grant(account: FrameMemory): FrameMemory {
    this.usedBytes += account.wanted;
    account.held += account.wanted;
    account.wanted = 0;
    return account;
  }
}

/** What one frame holds of the memory. Made by `RequestMemory.account`, and released once, when its request is answered or given up. */
export class FrameMemory {
  /** @internal */ held = 0;
  /** @internal */ wanted = 0;

  constructor(
    private readonly memory: RequestMemory,
    readonly frameBytes: number,
    /** @internal */ readonly onGranted: () => void,
  ) {}

  get isWaiting(): boolean {
    return this.wanted > 0;
  }

  /** Takes `bytes` more. False when the frame must wait; then they are taken for it later and `onGranted` is called. */
  take(bytes: number): boolean {
    return this.memory.take(this, bytes);
  }

  /** Gives back all it holds, and the wish for more. Doing it again does nothing. */
  release(): void {
    this.memory.release(this);
  }
}

const SMALL_FRAME_BYTES = 64 * 1024;
const MIDDLING_FRAME_BYTES = 1024 * 1024;
/** What part of the memory the frames of a class may fill. */
const SHARE = [1, 0.75, 0.5] as const;

function frameClass(frameBytes: number): 0 | 1 | 2 {
  if (frameBytes <= SMALL_FRAME_BYTES) return 0;
  return frameBytes <= MIDDLING_FRAME_BYTES ? 1 : 2;
}
