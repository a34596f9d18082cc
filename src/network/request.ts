import { assert } from '../common/index.js';
import { ApiKey, encodeResponseFrame, type RequestHeaderView } from '../protocol/index.js';
import type { Principal } from '../security/index.js';

/** What every request of a connection shares. */
export interface ConnectionInfo {
  /** `local:port-remote:port-n`, as Kafka names connections in its logs. */
  readonly id: string;
  readonly listenerName: string;
  /** Without a port. */
  readonly clientAddress: string;
  /** Who has authenticated; each request keeps who it was when it came (`Request.principal`). */
  principal: Principal;
  /** What the client called itself in ApiVersions (KIP-511). */
  clientSoftwareName: string;
  clientSoftwareVersion: string;
}

/** Where an answer counts that is not read: what consumers have fetched, or who says that he replicates, leaves room for all else. */
export type AnswerRoom = 'fetches' | 'replicas' | 'others';

/** What is counted for a request's frame (`Frame`). */
export interface RequestFrame {
  releaseMemory(): void;
  /** The request is answered. */
  end(): void;
}

/** How the connection takes back what becomes of a request. */
export interface RequestOwner {
  answered(request: Request, chunks: Buffer[] | null): void;
  allowNext(request: Request): void;
  frameReleased(frame: Buffer): void;
  refused(reason: string, error: unknown): void;
  /** `ownBytes` of what counts in the room are the request's own. */
  availableAnswerBytes(room: AnswerRoom, ownBytes: number): number;
  /** What is read for an answer takes so much more of the room, or less. */
  countRead(room: AnswerRoom, change: number): void;
  /** Counts what an answer takes while it is made; false when there is no room for it. */
  claimAnswer(bytes: number): boolean;
  /** What was counted is sent, which is counted again, or dropped. */
  unclaimAnswer(bytes: number): void;
}

/**
 * One request that was received whole. It ends once: by `respond`, `respondNothing` or `closeConnection`. Parts of its buffer may be kept by
 * reference, unless its handler says that no one does (`releaseFrame`). The request itself keeps the buffer until its handler returns, or
 * longer for one that says so (`holdMemory`): what waits for an answer is not in the way of what is to be read.
 */
export class Request {
  /** The size of the frame. */
  readonly frameBytes: number;
  private ended = false;
  private abandoned = false;
  private bytes: Buffer | null;
  private holdsMemory = false;
  private counted: RequestFrame | null = null;
  private claimedAnswerBytes = 0;
  private readBytes = 0;
  answerRoom: AnswerRoom;
  /** Who asked. A client may authenticate again (KIP-368) while its requests are handled. */
  readonly principal: Principal;
  /** Called when the connection is closed before the request has ended. Its handler may end it then; nothing is sent. */
  onAbandoned: (() => void) | null = null;
  /** Called once, when the request has ended in whatever way. */
  onEnded: (() => void) | null = null;
  /** Only an answer is waited for, or a turn: with its connection the request ends too. */
  endsWhenAbandoned = false;

  constructor(
    readonly header: RequestHeaderView,
    frame: Buffer,
    readonly connection: ConnectionInfo,
    /** By the monotonic clock. */
    readonly receivedMs: number,
    private readonly owner: RequestOwner,
  ) {
    this.bytes = frame;
    this.frameBytes = frame.length;
    this.principal = connection.principal;
    this.answerRoom = header.apiKey === ApiKey.Fetch ? 'fetches' : 'others';
  }

  /** The whole frame; the body begins at `header.bodyOffset`. */
  get frame(): Buffer {
    assert(this.bytes !== null, 'no one reads a frame that was released');
    return this.bytes;
  }

  /**
   * How large an answer of Fetch may be now, with what is held for it already, so that clients which do not read theirs cannot fill the memory;
   * 0 where they have.
   */
  get availableAnswerBytes(): number {
    return this.owner.availableAnswerBytes(this.answerRoom, this.readBytes);
  }

  /** So much is held now that was read for the answer: until that is given it counts with what clients have not read. */
  holdRead(bytes: number): void {
    if (this.ended || this.abandoned || bytes === this.readBytes) return;
    this.owner.countRead(this.answerRoom, bytes - this.readBytes);
    this.readBytes = bytes;
  }

  /**
   * The answer that is being made takes so many bytes more. False when clients that do not read theirs leave no room for it, or no one waits
   * for it any more.
   */
  claimAnswer(bytes: number): boolean {
    if (this.ended || this.abandoned || !this.owner.claimAnswer(bytes)) return false;
    this.claimedAnswerBytes += bytes;
    return true;
  }

  /** What was claimed is made another time. */
  unclaimAnswer(): void {
    if (this.claimedAnswerBytes > 0) this.owner.unclaimAnswer(this.claimedAnswerBytes);
    this.claimedAnswerBytes = 0;
  }

  /** Sends the body as the answer, encoded in the request's version, or in `version`. */
  respond(body: object, version = this.header.apiVersion): void {
    if (this.ended) return;
    const { apiKey, correlationId } = this.header;
    const chunks = encodeResponseFrame(apiKey, version, correlationId, body);
    this.end();
    this.owner.answered(this, chunks);
  }

  /** Sends a whole frame as the answer (`encodeResponseFrame`). */
  respondEncoded(chunks: Buffer[]): void {
    if (this.ended) return;
    this.end();
    this.owner.answered(this, chunks);
  }

  /** There is no answer (Produce with acks=0); the next request may go on. */
  respondNothing(): void {
    if (this.ended) return;
    this.end();
    this.owner.answered(this, null);
  }

  /**
   * What must happen in order has happened, and only the answer is waited for: the next request of the connection may be handled
   * meanwhile. Answers keep the order of requests. Kafka has no such thing and handles the next one after the answer; Produce uses it,
   * so that batches in flight are replicated together.
   */
  allowNext(): void {
    if (!this.ended) this.owner.allowNext(this);
  }

  /**
   * Nothing of the frame is needed any more, nor kept by reference: its memory is used for other requests from now on. Produce says so
   * once the log has copied the records, which may be long before it is answered (Kafka's `releaseBuffer`).
   */
  releaseFrame(): void {
    if (this.bytes) this.owner.frameReleased(this.bytes);
    this.bytes = null;
  }

  /** Cuts off its sender as if he had gone by himself: the request is abandoned. The reason is logged, rarely. */
  pushOut(reason: string): void {
    if (!this.ended) this.owner.refused(reason, undefined);
  }

  /** The request cannot be answered; its sender is cut off. The reason is logged, rarely. */
  closeConnection(reason: string, error?: unknown): void {
    if (this.ended) return;
    this.end();
    this.owner.refused(reason, error);
  }

  /**
   * The handler goes on later, with the frame in hand: what it takes of the server's memory counts until `letMemoryGo`, or the end of the
   * request. Only for what waits for this broker's own disks and turns: held while others are waited for, followers say, it would keep
   * out the very requests that are waited for.
   */
  holdMemory(): void {
    if (!this.ended) this.holdsMemory = true;
  }

  /** Nothing is waited for any more but what others do. The frame is not read by way of the request afterwards. */
  letMemoryGo(): void {
    if (!this.holdsMemory) return;
    this.holdsMemory = false;
    this.bytes = null;
    this.counted?.releaseMemory();
  }

  /** Hands on what was held back by `holdMemory` before any handler had it, as if it had come now. Nothing is done when it has ended meanwhile. */
  handOutHeld(handle: (request: Request) => void): void {
    if (this.ended) return;
    this.holdsMemory = false;
    try {
      handle(this);
    } finally {
      // Unless its handler holds it from now on.
      if (!this.holdsMemory) {
        this.bytes = null;
        this.counted?.releaseMemory();
      }
    }
  }

  /** @internal from the connection, when the handler has returned: the frame's memory is let go now, or when the handler says so. */
  handedOut(frame: RequestFrame): void {
    if (this.ended) return frame.end();
    this.counted = frame;
    if (this.holdsMemory) return;
    frame.releaseMemory();
    this.bytes = null;
  }

  /** It is answered, or given up. */
  get isEnded(): boolean {
    return this.ended;
  }

  /** The connection was closed before the request ended, perhaps before its handler began. */
  get isAbandoned(): boolean {
    return this.abandoned;
  }

  /** @internal from the connection, which is closed. */
  abandon(): void {
    if (this.ended) return;
    this.holdRead(0);
    this.abandoned = true;
    this.onAbandoned?.();
    if (this.endsWhenAbandoned) this.respondNothing();
  }

  private end(): void {
    this.holdRead(0);
    this.ended = true;
    this.onAbandoned = null;
    this.unclaimAnswer();
    this.bytes = null;
    this.counted?.end();
    this.counted = null;
    this.onEnded?.();
    this.onEnded = null;
  }
}
