/** What handing out frames may take of a turn of the event loop; the frame that is under way when it ends is still handled. */
const TURN_MS = 5;

/** A connection with a whole frame. */
export interface TurnTaker {
  /** Hands out what is there, as long as `mayHandOut` lets it. */
  goOn(): void;
}

/**
 * Shares the one thread among connections by time: what one sends in a single write, or a thousand at the same moment, is handed out over many
 * turns of the event loop, and who comes later waits for one frame of each connection before him, not for all of theirs. (Kafka has one
 * request of a connection in its queue at a time, for the same end.) In a turn frames are handed out as they come until its time is used;
 * the connections with further ones form a line, which has as long a turn of its own before the next read, each its share and one frame at least.
 */
export class HandOutTurns {
  /** Of the turn, or of the share of it, that is under way. Null between turns. */
  private endMs: number | null = null;
  private readonly line = new Set<TurnTaker>();
  private isEndAwaited = false;
  private isCallingLine = false;
  /** Of the line: its first frame is handed out whatever the time. */
  private called: TurnTaker | null = null;

  constructor(
    private readonly nowMs: () => number,
    /** Runs the step after the I/O events that are ready now. */
    private readonly defer: (step: () => void) => void,
  ) {}

  /** How many connections wait. */
  get waiting(): number {
    return this.line.size;
  }

  /** Whether the connection may hand out a frame now. Else it is called when its turn has come. */
  mayHandOut(connection: TurnTaker): boolean {
    this.awaitEnd();
    // Who comes while others wait is behind them.
    if (this.isCallingLine || this.line.size === 0) {
      const nowMs = this.nowMs();
      this.endMs ??= nowMs + TURN_MS;
      if (nowMs < this.endMs || connection === this.called) {
        this.called = null;
        return true;
      }
    }
    this.line.add(connection);
    return false;
  }

  /** The connection is closed. */
  leave(connection: TurnTaker): void {
    this.line.delete(connection);
  }

  private awaitEnd(): void {
    if (this.isEndAwaited) return;
    this.isEndAwaited = true;
    this.defer(() => this.endTurn());
  }

  private endTurn(): void {
    this.isEndAwaited = false;
    this.isCallingLine = true;
    try {
      this.callLine();
    } finally {
      // The next read begins a turn.
      this.isCallingLine = false;
      this.called = null;
      this.endMs = null;
      if (this.line.size > 0) this.awaitEnd();
    }
  }

  private callLine(): void {
    let nowMs = this.nowMs();
    const endMs = nowMs + TURN_MS;
    let missing = this.line.size;
    // Those that are not done stand at the end of the line again, behind those counted here.
    for (const connection of this.line) {
      if (missing === 0 || nowMs >= endMs) return;
      this.line.delete(connection);
      this.called = connection;
      this.endMs = nowMs + (endMs - nowMs) / missing--;
      connection.goOn();
      nowMs = this.nowMs();
    }
  }
}
