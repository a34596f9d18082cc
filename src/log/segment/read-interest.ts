/** Where it counts what was read and is not sent yet. */
export interface ReadRoom {
  /** How much one may hold now, with what he holds: 0 when there is no room. */
  availableBytes(): number;
  /** So much is held now. */
  hold(bytes: number): void;
}

/** Who asks for reads: replicas and the broker itself, fetches of clients, or their searches. */
export type ReaderKind = 'broker' | 'fetch' | 'search';

/**
 * Whether someone still waits for a read: shared by whoever asks for it and whoever does it. One that waits for its turn when it ends leaves
 * the line, and lets go of all that hangs on it. Of one asker, who has no two reads wait at once. What he has read counts in his room until he
 * lets go of it.
 */
export class ReadInterest {
  private over = false;
  private keptBytes = 0;
  private lastReadBytes = 0;
  /** For who keeps the line: takes the read that waits there out of it. */
  leave: (() => void) | null = null;

  constructor(
    readonly kind: ReaderKind,
    private readonly room: ReadRoom | null = null,
  ) {}

  get isOver(): boolean {
    return this.over;
  }

  /** It has memory in hand, which is free the sooner the sooner it goes on. */
  get holdsBytes(): boolean {
    return this.keptBytes + this.lastReadBytes > 0;
  }

  /** How much may be read now. It is asked when the turn of a read comes: others have read since it was asked for. */
  get availableBytes(): number {
    return this.room ? Math.max(0, this.room.availableBytes() - this.keptBytes) : Infinity;
  }

  /** A read of so many bytes begins. What the one before has given is dropped unless it was kept. */
  reading(bytes: number): void {
    this.lastReadBytes = bytes;
    this.count();
  }

  /** So many bytes of the last read are kept, which takes all of its memory. */
  keep(bytes: number): void {
    if (bytes > 0) this.keptBytes += Math.max(bytes, this.lastReadBytes);
    this.lastReadBytes = 0;
    this.count();
  }

  /** So many bytes were found in memory. They count when something is waited for: what is answered at once need not. */
  keepFound(bytes: number): void {
    this.keptBytes += bytes;
  }

  /** Nothing that was read is held any more. */
  letGo(): void {
    if (!this.holdsBytes) return;
    this.keptBytes = 0;
    this.lastReadBytes = 0;
    this.count();
  }

  /** No one waits any more. */
  end(): void {
    this.over = true;
    const { leave } = this;
    this.leave = null;
    leave?.();
  }

  /** A wait begins with what is held. */
  count(): void {
    this.room?.hold(this.keptBytes + this.lastReadBytes);
  }
}

/**
 * True when the turn of who waits in a line comes, false when the interest, if any, ends before. `add` puts what is to be called then into the line,
 * and gives what takes it out again.
 */
export function turnFor(interest: ReadInterest | null, add: (goOn: () => void) => () => void): Promise<boolean> {
  return new Promise((resolve) => {
    const takeOut = add(() => {
      if (interest) interest.leave = null;
      resolve(true);
    });
    if (!interest) return;
    interest.leave = () => {
      takeOut();
      resolve(false);
    };
  });
}

/** Among fetches, one of so many turns is that of one that holds nothing yet. */
const TURNS_FOR_ONE_TO_BEGIN = 8;

/**
 * The reads that wait for their turn. The kinds of readers take turns. Of fetches those come first that hold what they have read before: each
 * is brought to its end before others begin, instead of all of them holding a part of their answers, and none being answered until nearly all are.
 */
export class WaitingReads {
  private readonly lines = {
    broker: new Set<() => void>(),
    begun: new Set<() => void>(),
    fetch: new Set<() => void>(),
    search: new Set<() => void>(),
  };
  private turn = 0;
  private fetchTurn = 0;

  /** `enter` is called when its turn comes. Gives what takes it out again. */
  add(enter: () => void, interest: ReadInterest | null): () => void {
    const kind = interest?.kind ?? 'broker';
    const line = this.lines[kind === 'fetch' && interest!.holdsBytes ? 'begun' : kind];
    line.add(enter);
    return () => void line.delete(enter);
  }

  /** Whose turn is next; undefined when no one waits. */
  takeFirst(): (() => void) | undefined {
    const { broker, begun, fetch, search } = this.lines;
    const fetches = begun.size > 0 && (fetch.size === 0 || this.fetchTurn % TURNS_FOR_ONE_TO_BEGIN > 0) ? begun : fetch;
    const byKind = [fetches, broker, search];
    for (let passed = 0; passed < byKind.length; passed++) {
      const line = byKind[this.turn++ % byKind.length]!;
      for (const first of line) {
        line.delete(first);
        if (line === fetches) this.fetchTurn++;
        return first;
      }
    }
    return undefined;
  }
}
