import { assert } from '../../common/index.js';

/**
 * The memory that large frames may hold while they are read, for the whole server (`queued.max.request.bytes`; Kafka's `MemoryPool`, but
 * taken as bytes arrive and not when a size is announced).
 *
 * Frames of up to 1 MiB are counted and never wait: a connection has one under way and a few in its queue, so they are bounded by the
 * number of connections, and what replication and the controller send is among them. Larger ones share `capacityBytes`; one that is
 * refused waits in order. So that half-read frames cannot block each other for good, one waiting frame at a time may overdraw: what
 * they hold stays below `capacityBytes` plus one largest frame.
 */
export class RequestMemory {
  private usedBytes = 0;
  private largeBytes = 0;
  private readonly waiting: FrameMemory[] = [];
  private overdrawer: FrameMemory | null = null;

  constructor(readonly capacityBytes: number) {}

  /** Bytes held by frames of any size that are being read or wait for their turn. */
  get used(): number {
    return this.usedBytes;
  }

  /** Frames that wait for memory. */
  get waiters(): number {
    return this.waiting.length;
  }

  /** The account of one frame of `frameBytes`, holding nothing yet. `onGranted` is called later when `take` answered false. */
  account(frameBytes: number, onGranted: () => void): FrameMemory {
    return new FrameMemory(this, frameBytes, onGranted);
  }

  /** @internal */
  take(account: FrameMemory, bytes: number): boolean {
    if (account.isLarge && this.overdrawer !== account && (this.waiting.length > 0 || !this.fits(bytes))) {
      if (this.overdrawer !== null) {
        account.wanted = bytes;
        this.waiting.push(account);
        return false;
      }
      assert(this.waiting.length === 0, 'while frames wait, one of them overdraws');
      this.overdrawer = account;
    }
    this.hold(account, bytes);
    return true;
  }

  /** @internal */
  release(account: FrameMemory): void {
    const at = account.wanted > 0 ? this.waiting.indexOf(account) : -1;
    if (at >= 0) this.waiting.splice(at, 1);
    account.wanted = 0;
    this.hold(account, -account.held);
    if (this.overdrawer === account) this.overdrawer = null;
    if (this.waiting.length > 0) this.grantWaiting();
  }

  /** What is overdrawn takes nothing from the others' share. */
  private fits(bytes: number): boolean {
    return this.largeBytes - (this.overdrawer?.held ?? 0) + bytes <= this.capacityBytes;
  }

  private grantWaiting(): void {
    const granted: FrameMemory[] = [];
    while (this.waiting.length > 0) {
      const next = this.waiting[0]!;
      if (!this.fits(next.wanted)) {
        if (this.overdrawer !== null) break;
        this.overdrawer = next;
      }
      granted.push(this.grantFirst());
    }
    // Last, because the owners go on reading at once and may ask again.
    for (const account of granted) account.onGranted();
  }

  private grantFirst(): FrameMemory {
    const account = this.waiting.shift()!;
    this.hold(account, account.wanted);
    account.wanted = 0;
    return account;
  }

  private hold(account: FrameMemory, bytes: number): void {
    this.usedBytes += bytes;
    if (account.isLarge) this.largeBytes += bytes;
    account.held += bytes;
  }
}

const LARGE_FRAME_BYTES = 1024 * 1024;

/** What one frame holds of the memory. Made by `RequestMemory.account`, and released once, when it is handled or given up. */
export class FrameMemory {
  /** @internal */ held = 0;
  /** @internal */ wanted = 0;
  /** @internal */ readonly isLarge: boolean;

  constructor(
    private readonly memory: RequestMemory,
    frameBytes: number,
    /** @internal */ readonly onGranted: () => void,
  ) {
    this.isLarge = frameBytes > LARGE_FRAME_BYTES;
  }

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
