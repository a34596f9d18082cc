import type { Connection } from '../../common/index.js';
import { decodeRequestHeader, ProtocolError, type RequestHeaderView } from '../../protocol/index.js';
import { AnswerOrder } from '../core/answer-order.js';
import { FrameReader, type FrameReaderHost, type FrameReaderOwner } from '../core/frame-reader.js';
import { FrameError, type Frame } from '../core/frame.js';
import type { HandOutTurns, TurnTaker } from '../core/hand-out-turns.js';
import type { ListenerAudience } from '../core/sender-class.js';
import { UnreadAnswers } from '../core/unread-answers.js';
import { Request, type AnswerRoom, type ConnectionInfo, type RequestOwner } from '../request.js';

/** What a connection needs of its server. */
export interface ServerConnectionHost extends FrameReaderHost {
  readonly maxRequestBytes: number;
  /** Whether requests are let in. */
  readonly isProcessing: boolean;
  readonly unread: Readonly<Record<AnswerRoom, UnreadAnswers>>;
  readonly turns: HandOutTurns;
  /** Who may come over a listener. */
  audienceOf(listenerName: string): ListenerAudience;
  /** The kernel has these parts of an answer. */
  readonly onFlushed: ((chunks: readonly Buffer[]) => void) | undefined;
  onRequest(request: Request): void;
  /** Runs the step after the events of the present turn. */
  defer(step: () => void): void;
  /** A frame waits for memory, or answers wait for their clients to read so that others get less. */
  onMemoryShort(): void;
  /** The client is cut off for what it sent. */
  onBadClient(connection: ServerConnection, reason: string, error: unknown): void;
  onClosed(connection: ServerConnection): void;
}

/**
 * A client's connection: hands out its requests one at a time in order (`FrameReader`), and sends the answers in that order
 * (`AnswerOrder`). The next request begins, and takes memory, when its turn has come: not before the last one is answered (or lets it pass),
 * nor while the client does not read its answers.
 */
export class ServerConnection implements RequestOwner, FrameReaderOwner, TurnTaker {
  /** When bytes last came or went. */
  lastActiveMs: number;
  /** Less than the server's before a client has authenticated (`sasl.server.max.receive.size`). */
  maxFrameBytes: number;
  private readonly reader: FrameReader;
  private readonly answers = new AnswerOrder<Request>((chunks) => this.write(chunks));
  private unreadBytes = 0;
  /** Where they count: with fetches as soon as one is among them. */
  private unreadRoom: AnswerRoom | null = null;
  /** Of answers that are being made, none of them of a Fetch. */
  private claimedBytes = 0;
  /** When the kernel must have what waits for it, should others want for its room; null when nothing does. */
  private unsentDueMs: number | null = null;
  private unsentBytes = 0;
  private isWriteBlocked = false;
  private isReadingPaused = false;
  /** While frames are taken: a handler that answers at once is inside of it. */
  private isReading = false;
  private endsAfterAnswers = false;
  private closed = false;

  constructor(
    private readonly connection: Connection,
    readonly info: ConnectionInfo,
    private readonly host: ServerConnectionHost,
  ) {
    this.lastActiveMs = host.nowMs();
    this.maxFrameBytes = host.maxRequestBytes;
    this.reader = new FrameReader(this, host);
    connection.setHandlers({
      readBuffer: () => this.reader.target(),
      onData: (bytes) => this.onData(bytes),
      onDrain: () => this.onDrain(),
      onClose: () => this.onClose(),
    });
  }

  get address(): string {
    return this.info.clientAddress;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /**
   * Whether nothing came or went since then: a client that does not take its answers is idle too, and so is one whose request takes so long
   * (Kafka's `IdleExpiryManager`), for who has gone is not noticed while a request is handled and the next one has come. To be asked now and
   * then: of an answer that is read bit by bit no one is told until its end.
   */
  isIdleSince(beforeMs: number): boolean {
    if (this.isWriteBlocked) {
      const { unsentBytes } = this.connection;
      if (unsentBytes !== this.unsentBytes) this.lastActiveMs = this.host.nowMs();
      this.unsentBytes = unsentBytes;
    }
    return this.lastActiveMs <= beforeMs;
  }

  /** Why the connection has to go while others want for memory that it holds; null when it need not. */
  lateness(nowMs: number): string | null {
    if (this.reader.isLate(nowMs)) return 'Closed a connection that stalled in a frame while memory is short';
    if (this.unsentDueMs !== null && this.isRoomShort && nowMs > this.unsentDueMs)
      return 'Closed a connection that does not read its answers while memory for them is short';
    return null;
  }

  /** Closes at once. */
  close(): void {
    this.connection.destroy();
    this.onClose();
  }

  /** Takes no more requests; closes when those handed out are answered. */
  closeWhenAnswered(): void {
    this.endsAfterAnswers = true;
    this.reader.close();
    this.regulateReading();
    if (this.answers.isEmpty) this.connection.end();
  }

  /** Goes on with what has come, if its turn has. Called in a turn of its own. */
  goOn(): void {
    if (this.closed || this.isReading) return;
    this.readGuarded(null);
  }

  /** @internal from FrameReader */
  get audience(): ListenerAudience {
    return this.host.audienceOf(this.info.listenerName);
  }

  /** @internal from FrameReader */
  get mayBeginFrame(): boolean {
    return this.answers.mayBegin && !this.isWriteBlocked && !this.endsAfterAnswers && this.host.isProcessing;
  }

  /** @internal from FrameReader */
  mayHandOut(isOfBroker: boolean): boolean {
    return this.host.turns.mayHandOut(this, isOfBroker);
  }

  /** @internal from FrameReader */
  onMemoryGranted(): void {
    this.goOn();
  }

  /** @internal from FrameReader */
  onFrame(frame: Frame): void {
    const bytes = frame.takeBytes();
    let header: RequestHeaderView;
    try {
      header = decodeRequestHeader(bytes);
    } catch (error) {
      frame.end();
      if (!(error instanceof ProtocolError)) throw error;
      this.cutOff('Closed a connection for an invalid request header', error);
      return;
    }
    const request = new Request(header, bytes, this.info, this.host.nowMs(), this);
    this.answers.begin(request);
    try {
      this.host.onRequest(request);
    } finally {
      // As in Kafka it bounds what is read and not yet handled. Held until the answer, it would make those wait for it who bring the
      // answer about: followers, whose fetches a Produce with acks=all waits for.
      request.handedOut(frame);
    }
  }

  /** @internal from Request */
  answered(request: Request, chunks: Buffer[] | null): void {
    if (this.closed) return;
    const { answerRoom } = request;
    if (this.unreadBytes === 0 || answerRoom !== 'others') this.changeRoom(answerRoom);
    this.answers.answered(request, chunks);
    this.countUnread();
    if (this.endsAfterAnswers && this.answers.isEmpty) this.connection.end();
    else this.goOnLater();
  }

  /** @internal from Request */
  allowNext(request: Request): void {
    this.answers.allowNext(request);
    this.goOnLater();
  }

  /** @internal from Request */
  availableAnswerBytes(room: AnswerRoom, ownBytes: number): number {
    return this.host.unread[room].availableTo(this.address, ownBytes);
  }

  /** @internal from Request */
  countRead(room: AnswerRoom, change: number): void {
    this.host.unread[room].count(this.address, change);
  }

  /** @internal from Request */
  claimAnswer(bytes: number): boolean {
    if (this.closed || !this.host.unread.others.shares.hasRoomFor(this.address, bytes)) return false;
    this.countClaimed(bytes);
    return true;
  }

  /** @internal from Request */
  unclaimAnswer(bytes: number): void {
    if (!this.closed) this.countClaimed(-bytes);
  }

  /** @internal from Request */
  frameReleased(frame: Buffer): void {
    this.host.framePool.give(frame);
  }

  /** @internal from Request */
  refused(reason: string, error: unknown): void {
    if (!this.closed) this.cutOff(reason, error);
  }

  private onData(bytes: Buffer): void {
    this.lastActiveMs = this.host.nowMs();
    if (!this.closed && !this.endsAfterAnswers) this.readGuarded(bytes);
  }

  /** Takes what came, or goes on with what is there. Only what is wrong with the client's bytes costs the client its connection. */
  private readGuarded(bytes: Buffer | null): void {
    this.isReading = true;
    try {
      if (bytes) this.reader.received(bytes);
      else this.reader.goOn();
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.cutOff('Closed a connection for an invalid frame', error);
    } finally {
      this.isReading = false;
    }
    this.regulateReading();
  }

  /**
   * After an answer. A request that is waiting is handed out in a turn of its own, for whoever answers is in the middle of something: a
   * change of roles, say, which answers what waited for the old one. (Handlers that answer at once are inside of the reader's loop.)
   */
  private goOnLater(): void {
    if (!this.isReading && !this.closed && this.reader.hasBacklog) this.host.defer(() => this.goOn());
  }

  private onDrain(): void {
    this.lastActiveMs = this.host.nowMs();
    this.isWriteBlocked = false;
    this.unsentDueMs = null;
    if (this.closed) return;
    this.countUnread();
    this.goOn();
  }

  private write(chunks: Buffer[]): void {
    this.lastActiveMs = this.host.nowMs();
    const { connection } = this;
    if (!connection.write(chunks, () => this.onFlushed(chunks))) this.isWriteBlocked = true;
    if (this.waitingBytes > 0) this.unsentDueMs = this.lastActiveMs + UnreadAnswers.readMs(connection.bufferedBytes);
  }

  /** The kernel has an answer, and all before it. */
  private onFlushed(chunks: readonly Buffer[]): void {
    this.host.onFlushed?.(chunks);
    if (this.closed || this.unsentDueMs === null) return;
    if (this.waitingBytes === 0) this.unsentDueMs = null;
    this.countUnread();
  }

  /** Of answers, for the kernel. What it has taken at once waits for a moment by Node's own account. */
  private get waitingBytes(): number {
    const { unsentBytes, bufferedBytes } = this.connection;
    return unsentBytes > 0 ? bufferedBytes : 0;
  }

  private get isRoomShort(): boolean {
    return this.unreadRoom !== null && this.host.unread[this.unreadRoom].isShort;
  }

  private changeRoom(room: AnswerRoom): void {
    const { unreadBytes } = this;
    this.countChange(-unreadBytes);
    this.unreadRoom = room;
    this.countChange(unreadBytes);
  }

  /** What the client has not read, or is kept until it is the turn of its answer. */
  private countUnread(): void {
    this.countChange(this.waitingBytes + this.answers.heldBytes - this.unreadBytes);
    if (this.unreadBytes > 0 && this.isRoomShort) this.host.onMemoryShort();
  }

  private countChange(change: number): void {
    this.unreadBytes += change;
    if (this.unreadRoom) this.host.unread[this.unreadRoom].count(this.address, change);
  }

  private countClaimed(change: number): void {
    this.claimedBytes += change;
    this.host.unread.others.count(this.address, change);
  }

  private regulateReading(): void {
    if (this.closed) return;
    const wantsBytes = this.reader.wantsBytes && !this.endsAfterAnswers;
    if (this.reader.isWaiting) this.host.onMemoryShort();
    if (wantsBytes !== this.isReadingPaused) return;
    this.isReadingPaused = !wantsBytes;
    if (wantsBytes) this.connection.resume();
    else this.connection.pause();
  }

  private cutOff(reason: string, error: unknown): void {
    this.host.onBadClient(this, reason, error);
    this.close();
  }

  private onClose(): void {
    if (this.closed) return;
    this.closed = true;
    this.host.turns.leave(this);
    this.reader.close();
    this.countChange(-this.unreadBytes);
    this.countClaimed(-this.claimedBytes);
    for (const request of this.answers.close()) request.abandon();
    this.host.onClosed(this);
  }
}
