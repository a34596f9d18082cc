/** Looking into large batches: piece by piece, in turns that others share, and a few at a time. */
import { runInSlices, WaitingLine, type Clock, type Steps } from '../common/index.js';
import {
  AppendPreparation,
  RecordsError,
  type AppendValidationOptions,
  type ContentReader,
  type PieceTaker,
  type PreparedAppend,
  AppendAllowance,
} from '../records/index.js';
import { turnFor, type ReadInterest } from './segment/read-interest.js';

/** Each holds a piece, and what its codec looks back on: 8 MiB, for zstd at most 128. Each may hold a thread of libuv's. */
const MAX_CONCURRENT = 3;
/** Vast contents of one address, which take seconds each, leave a place to the others. */
const MAX_OF_ADDRESS = 2;
/** Larger pieces are taken in parts: small records in so many bytes take a quarter of a millisecond, with any times of theirs one and a half. */
const PART_BYTES = 64 * 1024;

/** What is built again of so much content takes little time and memory: it does not stand in line behind what takes seconds. */
const SMALL_REBUILD_BYTES = 1024 * 1024;

/** Searches by time take turns with appends as one sender. */
const OF_SEARCHES = 'searches';
/** Of a log directory: so many searches hold a large batch of it, and so many of one address. */
const MAX_SEARCHES = 3;
const MAX_SEARCHES_OF_ADDRESS = 2;
/** And so many have a piece of its logs in hands, or are to read one. */
const MAX_SCANS = 16;
const MAX_SCANS_OF_ADDRESS = 8;

/**
 * Places that are taken for a batch at a time, up to `mostOfAddress` for those of one address. Those that wait take turns by address, and one
 * after the other of each.
 */
class Places {
  private readonly waiting = new WaitingLine<{ readonly address: string; readonly goOn: () => void }>();
  private readonly heldBy = new Map<string, number>();

  constructor(
    private free: number,
    private readonly mostOfAddress: number,
  ) {}

  async taken<T>(address: string, work: () => Promise<T>): Promise<T> {
    return (await this.takenFor(null, address, work)) as T;
  }

  /** Null when the interest, if any, ends before its turn. */
  async takenFor<T>(interest: ReadInterest | null, address: string, work: () => Promise<T>): Promise<T | null> {
    if (this.mayTake(address)) this.take(address);
    else if (!(await this.turn(interest, address))) return null;
    try {
      return await work();
    } finally {
      this.leave(address);
    }
  }

  /** True with a place, false when the interest has ended. */
  private turn(interest: ReadInterest | null, address: string): Promise<boolean> {
    return turnFor(interest, (goOn) => {
      const waiting = { address, goOn };
      this.waiting.add(waiting);
      return () => void this.waiting.delete(waiting);
    });
  }

  private mayTake(address: string): boolean {
    return this.free > 0 && (this.heldBy.get(address) ?? 0) < this.mostOfAddress;
  }

  private take(address: string): void {
    this.free--;
    this.heldBy.set(address, (this.heldBy.get(address) ?? 0) + 1);
  }

  private leave(address: string): void {
    this.free++;
    const left = this.heldBy.get(address)! - 1;
    if (left > 0) this.heldBy.set(address, left);
    else this.heldBy.delete(address);
    const next = this.waiting.firstThat((waiting) => this.mayTake(waiting.address));
    if (!next) return;
    this.waiting.takeFirst(next);
    this.take(next.address);
    next.goOn();
  }
}

/** For whom it is searched. */
interface Sender {
  readonly address: string;
  readonly interest: ReadInterest | null;
}

/** The batches of a process that are looked into. What is built again, and so held at once, is one at a time. */
class Unpacking {
  private readonly passes = new Places(MAX_CONCURRENT, MAX_OF_ADDRESS);
  private readonly rebuilds = new Places(1, 1);
  private readonly smallRebuilds = new Places(2, 1);
  private readonly searches = new Map<string, Places>();
  private readonly scans = new Map<string, Places>();

  constructor(private readonly clock: Clock) {}

  /** Gives the pieces of `reader` to `taker` until that has what it wants. Throws `RecordsError` of either. */
  async pass<T>(address: string, open: () => ContentReader, taker: PieceTaker<T>): Promise<T> {
    return (await this.passFor(null, address, open, taker)) as T;
  }

  /** The same until the interest, if any, ends: then gives null. */
  passFor<T>(
    interest: ReadInterest | null,
    address: string,
    open: () => ContentReader,
    taker: PieceTaker<T>,
  ): Promise<T | null> {
    return this.passes.takenFor(interest, address, () => this.passNow(interest, open, taker));
  }

  /** The same at once, for who has another place: nobody waits while he has one. */
  async passNow<T>(interest: ReadInterest | null, open: () => ContentReader, taker: PieceTaker<T>): Promise<T | null> {
    const pass = new Pass(open(), taker, interest);
    try {
      while (!pass.isOver) {
        const pending = await runInSlices(this.clock, pass.slice());
        if (pending) pass.give(await pending.piece);
      }
      return pass.result && pass.result.value;
    } finally {
      pass.close();
    }
  }

  /** Runs searches of large batches of a log directory, a few at a time; null when the interest ends before its turn. */
  search<T>(dir: string, { address, interest }: Sender, work: () => Promise<T>): Promise<T | null> {
    let places = this.searches.get(dir);
    if (!places) this.searches.set(dir, (places = new Places(MAX_SEARCHES, MAX_SEARCHES_OF_ADDRESS)));
    return places.takenFor(interest, address, work);
  }

  /** Runs what reads a piece of a log of that directory and looks through it, in slices; null when the interest ends before its turn. */
  scan<T>(dir: string, { address, interest }: Sender, work: () => Promise<T>): Promise<T | null> {
    let places = this.scans.get(dir);
    if (!places) this.scans.set(dir, (places = new Places(MAX_SCANS, MAX_SCANS_OF_ADDRESS)));
    return places.takenFor(interest, address, work);
  }

  /** Runs one that holds much after the other, and beside it small ones. */
  rebuild<T>(address: string, contentBytes: number, work: () => Promise<T>): Promise<T> {
    const places = contentBytes <= SMALL_REBUILD_BYTES ? this.smallRebuilds : this.rebuilds;
    return places.taken(address, work);
  }
}

/** One content on its way from its reader to who takes it. */
class Pass<T> {
  result: { readonly value: T } | null = null;
  private rest: Buffer | null = null;

  constructor(
    private readonly reader: ContentReader,
    private readonly taker: PieceTaker<T>,
    private readonly interest: ReadInterest | null,
  ) {
    const first = taker.next();
    if (first.done === true) this.result = { value: first.value };
  }

  /** All is taken, or no one waits for it any more. */
  get isOver(): boolean {
    return this.result !== null || this.interest?.isOver === true;
  }

  /** Goes on until all is taken, which gives null, or the next piece has to be waited for. (A promise as such would be awaited on the way.) */
  *slice(): Steps<{ readonly piece: Promise<Buffer | null> } | null> {
    while (!this.isOver) {
      if (this.rest) this.take();
      else {
        const piece = this.reader.next();
        if (piece !== null && !Buffer.isBuffer(piece)) return { piece };
        this.give(piece);
      }
      yield;
    }
    return null;
  }

  give(piece: Buffer | null): void {
    if (piece === null) this.offer(null);
    else this.rest = piece;
  }

  close(): void {
    this.reader.close?.();
  }

  private take(): void {
    const { rest } = this;
    if (rest!.length <= PART_BYTES) {
      this.rest = null;
      this.offer(rest);
    } else {
      this.rest = rest!.subarray(PART_BYTES);
      this.offer(rest!.subarray(0, PART_BYTES));
    }
  }

  private offer(part: Buffer | null): void {
    const next = this.taker.next(part);
    if (next.done === true) this.result = { value: next.value };
  }
}

/** A process has one clock. */
const unpackingByClock = new WeakMap<Clock, Unpacking>();

/** That of all who have this clock. */
export function unpackingOf(clock: Clock): Unpacking {
  let unpacking = unpackingByClock.get(clock);
  if (!unpacking) unpackingByClock.set(clock, (unpacking = new Unpacking(clock)));
  return unpacking;
}

/** Gives the pieces of a batch to who searches it; null when he has gone. */
export type SearchPass = <T>(open: () => ContentReader, taker: PieceTaker<T>) => Promise<T | null>;

/**
 * Runs the search of a large batch in a log directory, when its turn has come: who waits for that is to hold no batch. Null when the sender has gone
 * before.
 */
export function searchContent<T>(
  clock: Clock,
  dir: string,
  sender: Sender,
  search: (pass: SearchPass) => Promise<T>,
): Promise<T | null> {
  const unpacking = unpackingOf(clock);
  const pass: SearchPass = (open, taker) => unpacking.passFor(sender.interest, OF_SEARCHES, open, taker);
  return unpacking.search(dir, sender, () => search(pass));
}

/**
 * Finds what the append of a large batch needs of its records. What is wrong with them is part of the answer, thrown when it is used: the append
 * comes to it after other refusals. The bytes must stay as they are until it resolves.
 */
export async function prepareAppend(
  clock: Clock,
  records: Buffer,
  options: AppendValidationOptions,
): Promise<PreparedAppend> {
  const unpacking = unpackingOf(clock);
  const { allowance = new AppendAllowance() } = options;
  const { address } = allowance;
  const preparation = new AppendPreparation(records, options);
  try {
    await unpacking.pass(address, () => preparation.openContent(allowance.unpackedBytes), preparation.check());
    if (!preparation.mustRebuild) return preparation.finish(null);
    const rebuilt = await unpacking.rebuild(address, preparation.checkedBytes, async () => {
      await unpacking.passNow(null, () => preparation.openContent(allowance.unpackedBytes), preparation.collect());
      return await runInSlices(clock, preparation.rebuild());
    });
    return preparation.finish(null, rebuilt);
  } catch (error) {
    if (error instanceof RecordsError) return preparation.finish(error);
    throw error;
  } finally {
    allowance.unpackedBytes -= preparation.checkedBytes;
  }
}
