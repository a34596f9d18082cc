import { assert, WaitingLine, type Waiting } from '../../common/index.js';

/**
 * What handing out frames may take of a turn of the event loop: of what is read, and of what waits then, each. The frame that is under way when it
 * ends is still handled.
 */
const TURN_MS = 5;
/** What a connection that waited has before the next one's turn, at another address if one waits there. Many small frames. */
const SHARE_MS = 0.2;

/** A connection with a whole frame. */
export interface TurnTaker extends Waiting {
  /** Hands out what is there, as long as `mayHandOut` lets it. */
  goOn(): void;
}

/** Those that wait, of brokers and the controller, or of all others. */
type Line = WaitingLine<TurnTaker>;

/**
 * Shares the one thread among connections by time: what one sends in a single write, or a thousand at the same moment, is handed out over many
 * turns of the event loop. (Kafka has one request of a connection in its queue at a time, for the same end.) In a turn frames are handed out
 * as they come until its time is used; connections with further ones stand in line, and before the next read as much time is theirs: a
 * share each, and one frame at least, addresses in turn. So who comes later waits for one share of each address before him, and of each
 * connection of his own, however many others there are.
 *
 * Frames of brokers wait in a line of their own, which comes first and has half of that time while others wait: whatever clients send, replication and
 * the controller's commands wait for each other only; and whatever calls itself a broker, one client's frame has its turn in each turn of the loop.
 */
export class HandOutTurns {
  private readonly ofBrokers: Line = new WaitingLine();
  private readonly ofClients: Line = new WaitingLine();
  /** Of the turn, or of the share of it, that is under way. Null between turns. */
  private endMs: number | null = null;
  private isEndAwaited = false;
  private isCallingLines = false;
  /** Of a line: its first frame is handed out whatever the time. */
  private called: TurnTaker | null = null;

  constructor(
    private readonly nowMs: () => number,
    /** Runs the step after the I/O events that are ready now. */
    private readonly defer: (step: () => void) => void,
  ) {}

  /** How many connections wait. */
  get waiting(): number {
    return this.ofBrokers.size + this.ofClients.size;
  }

  /** Whether the connection may hand out its frame now. Else it is called when its turn has come. */
  mayHandOut(connection: TurnTaker, isOfBroker: boolean): boolean {
    this.awaitEnd();
    const line = isOfBroker ? this.ofBrokers : this.ofClients;
    // Who comes while others wait is behind them.
    if (this.isCallingLines || line.size === 0) {
      const nowMs = this.nowMs();
      this.endMs ??= nowMs + TURN_MS;
      if (nowMs < this.endMs || connection === this.called) {
        this.called = null;
        return true;
      }
    }
    // Or those that wait would be called for ever.
    assert(connection !== this.called, 'who is called hands out a frame before it stands in line again');
    line.add(connection);
    return false;
  }

  /** The connection is closed. */
  leave(connection: TurnTaker): void {
    this.ofBrokers.delete(connection);
    this.ofClients.delete(connection);
  }

  private awaitEnd(): void {
    if (this.isEndAwaited) return;
    this.isEndAwaited = true;
    this.defer(() => this.endTurn());
  }

  private endTurn(): void {
    this.isEndAwaited = false;
    this.isCallingLines = true;
    try {
      this.callLines();
    } finally {
      // The next read begins a turn.
      this.isCallingLines = false;
      this.called = null;
      this.endMs = null;
      if (this.waiting > 0) this.awaitEnd();
    }
  }

  private callLines(): void {
    const startMs = this.nowMs();
    const { ofBrokers, ofClients } = this;
    this.call(ofBrokers, startMs + (ofClients.size > 0 ? TURN_MS / 2 : TURN_MS));
    this.call(ofClients, startMs + TURN_MS);
  }

  /** Calls those in the line until then, and the first of them in any case. */
  private call(line: Line, endMs: number): void {
    for (let next = line.first; next !== null; next = line.first) {
      line.takeFirst(next);
      this.called = next;
      this.endMs = Math.min(endMs, this.nowMs() + SHARE_MS);
      next.goOn();
      if (this.nowMs() >= endMs) return;
    }
  }
}
