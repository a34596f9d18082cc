import { assert, FairRoom, type Tenant } from '../../common/index.js';
import { SENDER_CLASSES, type SenderClass } from './sender-class.js';

/** How many frames are let go on in one turn, each of which may be handled at once. */
const GRANTS_A_TURN = 16;
/** Not brokers, who come first: few, and each with a frame at a time. */
const IN_TURN = SENDER_CLASSES.filter((name) => name !== 'broker');
/** What each class has, in eighths of the capacity. */
const EIGHTHS: Readonly<Record<SenderClass, number>> = { broker: 1, claimedBroker: 1, small: 3, large: 4 };
const READ_AHEAD_EIGHTHS = 1;

/**
 * The memory of frames from the time they are more than a connection costs anyway until they are handled, for the whole server
 * (`queued.max.request.bytes`; Kafka's `MemoryPool`). Each class of senders has a `FairRoom` to itself: clients share `capacityBytes`, of which
 * small frames have three eighths, large ones a half, and what was read along with an earlier request of its connection the rest; brokers
 * have a quarter more.
 *
 * One that finds no room goes on in a turn of its own: whoever gives memory back is in the middle of something, and nothing of others is run
 * inside of it. A class holds no more than its room and one largest frame.
 */
export class RequestMemory {
  private readonly rooms: Readonly<Record<SenderClass, FairRoom<FrameMemory>>>;
  private readonly readAheadCapacityBytes: number;
  private readAheadBytes = 0;
  private isGrantDue = false;
  private isGranting = false;

  /** `later` runs a step after the events of the present turn. */
  constructor(
    readonly capacityBytes: number,
    private readonly later: (step: () => void) => void,
  ) {
    const eighths = (count: number): number => Math.floor((capacityBytes / 8) * count);
    this.readAheadCapacityBytes = eighths(READ_AHEAD_EIGHTHS);
    this.rooms = {
      broker: new FairRoom(eighths(EIGHTHS.broker)),
      claimedBroker: new FairRoom(eighths(EIGHTHS.claimedBroker)),
      small: new FairRoom(eighths(EIGHTHS.small)),
      large: new FairRoom(eighths(EIGHTHS.large)),
    };
  }

  /** Bytes held by frames of all classes, and by what was read ahead. */
  get used(): number {
    return this.readAheadBytes + SENDER_CLASSES.reduce((sum, name) => sum + this.rooms[name].heldBytes, 0);
  }

  /** Frames that wait for memory. */
  get waiters(): number {
    return SENDER_CLASSES.reduce((sum, name) => sum + this.rooms[name].waiters, 0);
  }

  heldBy(senderClass: SenderClass): number {
    return this.rooms[senderClass].heldBytes;
  }

  /** Whether frames of this class wait: those that hold some of it must go on then. */
  isShortFor(senderClass: SenderClass): boolean {
    return this.rooms[senderClass].waiters > 0;
  }

  /** Takes the memory of one frame. `isGranted` says whether it is there; otherwise the owner is told later, when it is. */
  take(senderClass: SenderClass, bytes: number, owner: MemoryOwner): FrameMemory {
    const account = new FrameMemory(this, senderClass, bytes, owner);
    // A connection that has just given its memory back is here again before those that wait were asked.
    account.isGranted = this.rooms[senderClass].enter(account, !this.isGrantDue);
    return account;
  }

  /** Whether so many bytes may be read that belong, perhaps, to requests whose turn has not come. */
  mayReadAhead(bytes: number): boolean {
    return this.readAheadBytes + bytes <= this.readAheadCapacityBytes;
  }

  /** Bytes were read and wait for their turn (or wait no more). Asked for before the read, perhaps long before, so never refused. */
  countReadAhead(change: number): void {
    this.readAheadBytes += change;
    assert(this.readAheadBytes >= 0, 'what was read ahead is freed once');
  }

  /** @internal */
  release(account: FrameMemory): void {
    const room = this.rooms[account.senderClass];
    room.leave(account);
    if (room.waiters > 0) this.grantLater();
  }

  private grantLater(): void {
    if (this.isGrantDue) return;
    this.isGrantDue = true;
    this.later(() => this.grantSome());
  }

  /** Lets waiting frames go on, brokers' first. What one of them throws keeps no other from its turn. */
  private grantSome(): void {
    assert(!this.isGranting, 'frames are let go on in a turn of their own, never inside of another');
    this.isGrantDue = false;
    this.isGranting = true;
    let account: FrameMemory | null = null;
    try {
      for (let count = 0; count < GRANTS_A_TURN; count++) {
        account = this.grantNext(count);
        if (account === null) return;
        account.owner.onMemoryGranted();
      }
    } finally {
      this.isGranting = false;
      if (account !== null) this.grantLater();
    }
  }

  /** Brokers first, the other classes in turn: a line of theirs that is never empty holds up none of them. */
  private grantNext(count: number): FrameMemory | null {
    let account = this.rooms.broker.admitNext();
    for (let at = 0; account === null && at < IN_TURN.length; at++) {
      account = this.rooms[IN_TURN[(count + at) % IN_TURN.length]!].admitNext();
    }
    if (account !== null) account.isGranted = true;
    return account;
  }
}

/** Who waits for memory. */
export interface MemoryOwner {
  readonly address: string;
  /** What was asked for is taken now. Called in a turn of its own. */
  onMemoryGranted(): void;
}

/** What one frame holds of the memory, or waits for. Given back once, when it is handled or given up. */
export class FrameMemory implements Tenant {
  /** @internal */ isGranted = false;
  private isReleased = false;

  constructor(
    private readonly memory: RequestMemory,
    readonly senderClass: SenderClass,
    readonly bytes: number,
    readonly owner: MemoryOwner,
  ) {}

  get address(): string {
    return this.owner.address;
  }

  /** Gives back what it holds, or the wish for it. */
  release(): void {
    assert(!this.isReleased, 'the memory of a frame is given back once');
    this.isReleased = true;
    this.memory.release(this);
  }
}
