import { FairRoom, type Clock, type Tenant } from '../common/index.js';

/** What the answers of one API may take that are made and written side by side, besides one that overdraws. */
const CAPACITY_BYTES = 16 * 1024 * 1024;
/** Counted for an answer of which no one can tell how large it will be. */
export const UNKNOWN_ANSWER_BYTES = CAPACITY_BYTES / 8;
/** An answer up to this size is made and sent whatever others have not read, or have under way. */
export const SMALL_ANSWER_BYTES = 64 * 1024;

/** A request's turn to be answered, or its wish for it. */
export interface AnswerTurn extends Tenant {
  /** It has its turn. Called within `enter` or in a turn of the event loop of its own. */
  readonly begin: () => void;
}

/**
 * Large answers of one API, from before anything is made of them until they are on their way: a few bytes may ask for objects of the whole
 * cluster, and thousands of clients may do so at one time. Those that wait are what they asked for and no more. Addresses share the room
 * (`FairRoom`), so that small ones do not stand behind large ones. Each API has one to itself, for some wait for ZooKeeper and some do not.
 */
export class AnswerTurns {
  private readonly room = new FairRoom<AnswerTurn>(CAPACITY_BYTES);
  private isGrantScheduled = false;

  constructor(private readonly clock: Clock) {}

  static of(clock: Clock, apiKey: number): AnswerTurns {
    let byApi = turnsByClock.get(clock);
    if (!byApi) turnsByClock.set(clock, (byApi = new Map()));
    let turns = byApi.get(apiKey);
    if (!turns) byApi.set(apiKey, (turns = new AnswerTurns(clock)));
    return turns;
  }

  /** Whether others wait for what is under way. */
  get hasWaiters(): boolean {
    return this.room.waiters > 0;
  }

  enter(turn: AnswerTurn): void {
    if (this.room.enter(turn)) turn.begin();
  }

  /** It is over, or no one waits for it any more. */
  leave(turn: AnswerTurn): void {
    this.room.leave(turn);
    this.scheduleGrant();
  }

  private scheduleGrant(): void {
    if (this.room.waiters === 0 || this.isGrantScheduled) return;
    this.isGrantScheduled = true;
    this.clock.defer(() => {
      this.isGrantScheduled = false;
      const next = this.room.admitNext();
      if (next === null) return;
      this.scheduleGrant();
      next.begin();
    });
  }
}

/** A process has one clock. */
const turnsByClock = new WeakMap<Clock, Map<number, AnswerTurns>>();
