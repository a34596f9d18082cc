import type { BufferPool, Connection } from '../common/index.js';
import { decodeRequestHeader } from '../protocol/index.js';
import { FrameAssembler, type Frame } from './core/frame-assembler.js';
import type { RequestMemory } from './core/request-memory.js';
import { Request, type ConnectionInfo, type RequestOwner } from './request.js';

/** What a connection needs of its server. */
export interface ServerConnectionHost {
  readonly maxRequestBytes: number;
  readonly memory: RequestMemory;
  readonly framePool: BufferPool;
  /** The kernel has these parts of an answer. */
  readonly onFlushed: ((chunks: readonly Buffer[]) => void) | undefined;
  /** Read into when no large frame is under way; what was read is dealt with before the next read of any connection. */
  readonly scratch: Buffer;
  nowMs(): number;
  /** What answers may take besides those that wait for their clients to read. */
  readonly availableAnswerBytes: number;
  /** So many bytes more (or less) wait to be read by a client. */
  onUnreadBytes(change: number): void;
  onRequest(request: Request): void;
  /** Runs the step after the events of the present turn. */
  defer(step: () => void): void;
  /** A frame waits for memory. */
  onMemoryShort(): void;
  /** The client is cut off for what it sent. */
  onBadClient(connection: ServerConnection, reason: string, error: unknown): void;
  onClosed(connection: ServerConnection): void;
}

/** How many requests of one connection may be answered out of their turn (see `Request.allowNext`). */
const MAX_OVERLAPPING = 16;
/** Whole requests that may wait for their turn before reading stops. */
const MAX_QUEUED_REQUESTS = 4;
const MAX_QUEUED_BYTES = 1024 * 1024;

interface Turn {
  readonly request: Request;
  /** Undefined until it is answered; null when there is no answer to send. */
  answer: Buffer[] | null | undefined;
}

/**
 * A client's connection: cuts its bytes into requests, hands them out one at a time in order, and sends the answers in that order. A
 * few requests are read ahead. Reading stops while they wait, while memory is short, and while the client does not read its answers,
 * so that what one connection can pile up is bounded.
 */
export class ServerConnection implements RequestOwner {
  /** When bytes last came or went. */
  lastActiveMs: number;
  private readonly assembler: FrameAssembler;
  private readonly queue: Frame[] = [];
  private queuedBytes = 0;
  /** Handed out and not yet answered to the client, in order. */
  private readonly turns: Turn[] = [];
  /** True while the newest request handed out must be answered before the next. */
  private busy = false;
  private writeBlocked = false;
  private unreadBytes = 0;
  private readingPaused = false;
  private handingOut = false;
  private closed = false;
  private endAfterAnswers = false;

  constructor(
    private readonly connection: Connection,
    readonly info: ConnectionInfo,
    private readonly host: ServerConnectionHost,
  ) {
    this.lastActiveMs = host.nowMs();
    this.assembler = new FrameAssembler(
      (frame) => this.enqueue(frame),
      host.maxRequestBytes,
      host.memory,
      (heldBack) => this.onMemoryGranted(heldBack),
      host.framePool,
    );
    connection.setHandlers({
      readBuffer: () => this.assembler.target() ?? host.scratch,
      onData: (bytes) => this.onData(bytes),
      onDrain: () => {
        this.lastActiveMs = host.nowMs();
        this.writeBlocked = false;
        this.setUnreadBytes(0);
        this.handOut();
      },
      onClose: () => this.onClose(),
    });
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** No request is being handled; only such a connection is idle. One that does not take its answers is idle too. */
  get isIdle(): boolean {
    return this.turns.length === 0;
  }

  /** Holds memory for a frame of which the rest should come now. */
  get isMidFrame(): boolean {
    return this.assembler.holdsMemory && !this.assembler.isWaiting && !this.readingPaused;
  }

  /** Closes at once. */
  close(): void {
    this.connection.destroy();
    this.onClose();
  }

  /** Takes no more requests; closes when those handed out are answered. */
  closeWhenAnswered(): void {
    for (const frame of this.queue.splice(0)) frame.memory?.release();
    this.pauseReading();
    if (this.turns.length === 0) this.connection.end();
    else this.endAfterAnswers = true;
  }

  /** @internal from Request */
  answered(request: Request, chunks: Buffer[] | null): void {
    if (this.closed) return;
    const newest = this.turns[this.turns.length - 1];
    if (newest?.request === request) this.busy = false;
    const first = this.turns[0]!;
    if (first.request === request) {
      this.turns.shift();
      if (chunks) this.write(chunks);
      while (this.turns.length > 0 && this.turns[0]!.answer !== undefined) {
        const { answer } = this.turns.shift()!;
        if (answer) this.write(answer);
      }
      if (this.endAfterAnswers && this.turns.length === 0) return this.connection.end();
    } else {
      this.turns.find((turn) => turn.request === request)!.answer = chunks;
    }
    this.handOutLater();
  }

  /** @internal from Request */
  get availableAnswerBytes(): number {
    return this.host.availableAnswerBytes;
  }

  /** @internal from Request */
  allowNext(request: Request): void {
    if (this.turns[this.turns.length - 1]?.request !== request) return;
    this.busy = false;
    this.handOutLater();
  }

  /** @internal from Request */
  frameReleased(frame: Buffer): void {
    this.host.framePool.give(frame);
  }

  /** @internal from Request */
  refused(reason: string, error: unknown): void {
    if (this.closed) return;
    this.host.onBadClient(this, reason, error);
    this.close();
  }

  private onData(bytes: Buffer): void {
    this.lastActiveMs = this.host.nowMs();
    if (this.closed) return;
    if (this.assembler.isInPlace(bytes)) {
      this.assembler.filledInPlace(bytes.length);
      this.regulateReading();
    } else {
      this.append(bytes);
    }
  }

  private append(bytes: Buffer): void {
    try {
      this.assembler.append(bytes);
    } catch (error) {
      this.host.onBadClient(this, 'Closed a connection for an invalid frame', error);
      this.close();
      return;
    }
    this.regulateReading();
  }

  private onMemoryGranted(heldBack: Buffer): void {
    if (this.closed) return;
    if (heldBack.length > 0) this.append(heldBack);
    this.regulateReading();
  }

  private enqueue(frame: Frame): void {
    this.queue.push(frame);
    this.queuedBytes += frame.bytes.length;
    this.handOut();
  }

  /**
   * After an answer. A request that is waiting is handed out in a turn of its own, for whoever answers is in the middle of something: a
   * change of roles, say, which answers what waited for the old one. (Handlers that answer at once are inside of the loop already.)
   */
  private handOutLater(): void {
    if (this.handingOut) return;
    if (this.queue.length > 0) this.host.defer(() => this.handOut());
    else if (!this.closed) this.regulateReading();
  }

  /** Hands out what may be handled now. Handlers that answer at once come back here; the loop does not nest. */
  private handOut(): void {
    if (this.handingOut) return;
    this.handingOut = true;
    try {
      while (this.queue.length > 0 && !this.busy && !this.writeBlocked && !this.closed) {
        if (this.turns.length >= MAX_OVERLAPPING || this.endAfterAnswers) break;
        const frame = this.queue.shift()!;
        this.queuedBytes -= frame.bytes.length;
        this.handOutFrame(frame);
      }
    } finally {
      this.handingOut = false;
    }
    if (!this.closed) this.regulateReading();
  }

  private handOutFrame(frame: Frame): void {
    let request: Request;
    try {
      const header = decodeRequestHeader(frame.bytes);
      request = new Request(header, frame.bytes, this.info, this.host.nowMs(), this);
    } catch (error) {
      frame.memory?.release();
      this.host.onBadClient(this, 'Closed a connection for an invalid request header', error);
      this.close();
      return;
    }
    this.busy = true;
    this.turns.push({ request, answer: undefined });
    try {
      this.host.onRequest(request);
    } finally {
      // As in Kafka it bounds what is read and not yet handled. Held until the answer, it would make those wait for it who bring the
      // answer about: followers, whose fetches a Produce with acks=all waits for.
      request.handedOut(() => frame.memory?.release());
    }
  }

  private write(chunks: Buffer[]): void {
    this.lastActiveMs = this.host.nowMs();
    const { onFlushed } = this.host;
    if (this.connection.write(chunks, onFlushed && (() => onFlushed(chunks)))) return;
    this.writeBlocked = true;
    this.setUnreadBytes(this.connection.bufferedBytes);
  }

  private setUnreadBytes(bytes: number): void {
    this.host.onUnreadBytes(bytes - this.unreadBytes);
    this.unreadBytes = bytes;
  }

  private regulateReading(): void {
    const full =
      this.assembler.isWaiting ||
      this.endAfterAnswers ||
      this.queue.length >= MAX_QUEUED_REQUESTS ||
      this.queuedBytes >= MAX_QUEUED_BYTES;
    if (this.assembler.isWaiting) this.host.onMemoryShort();
    if (full) this.pauseReading();
    else if (this.readingPaused) {
      this.readingPaused = false;
      this.connection.resume();
    }
  }

  private pauseReading(): void {
    if (this.readingPaused) return;
    this.readingPaused = true;
    this.connection.pause();
  }

  private onClose(): void {
    if (this.closed) return;
    this.closed = true;
    this.setUnreadBytes(0);
    this.assembler.close();
    for (const frame of this.queue.splice(0)) frame.memory?.release();
    for (const { request } of this.turns.splice(0)) request.abandon();
    this.host.onClosed(this);
  }
}
