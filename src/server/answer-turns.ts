import { GrantingRoom, type Clock, type Tenant } from '../common/index.js';

/** What the answers of one API may take that are made and written side by side, besides one that overdraws. */
const CAPACITY_BYTES = 16 * 1024 * 1024;
/** Counted for an answer of which no one can tell how large it will be. */
export const UNKNOWN_ANSWER_BYTES = CAPACITY_BYTES / 8;
/** Counted for one that may be of any size: one of those is made at a time. */
export const VAST_ANSWER_BYTES = 2 * CAPACITY_BYTES;
/** An answer up to this size is made and sent whatever others have not read, or have under way. */
export const SMALL_ANSWER_BYTES = 64 * 1024;

/** A request's turn to be answered, or its wish for it. */
export interface AnswerTurn extends Tenant {
  /** It has its turn. */
  readonly begin: () => void;
}

/**
 * Large answers of one API, from before anything is made of them until they are on their way: a few bytes may ask for objects of the whole
 * cluster, and thousands of clients may do so at one time. Those that wait are what they asked for and no more. Addresses share the room, so
 * that small ones do not stand behind large ones. Each API has one to itself, for some wait for ZooKeeper and some do not.
 */
export function answerTurnsOf(clock: Clock, apiKey: number): GrantingRoom<AnswerTurn> {
  let byApi = turnsByClock.get(clock);
  if (!byApi) turnsByClock.set(clock, (byApi = new Map()));
  let turns = byApi.get(apiKey);
  if (!turns) byApi.set(apiKey, (turns = new GrantingRoom(clock, CAPACITY_BYTES, (turn) => turn.begin())));
  return turns;
}

/** A process has one clock. */
const turnsByClock = new WeakMap<Clock, Map<number, GrantingRoom<AnswerTurn>>>();
