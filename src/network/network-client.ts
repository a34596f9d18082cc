import {
  AssertionError,
  type BufferPool,
  type Clock,
  type Connection,
  type Endpoint,
  type Logger,
  type Random,
  type Timer,
  type Transport,
} from '../common/index.js';
import { decodeResponseFrame, encodeRequestFrame, setCorrelationId } from '../protocol/index.js';
import { FrameReader } from './core/frame-reader.js';
import { RequestMemory } from './core/request-memory.js';

export interface NetworkClientOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly endpoint: Endpoint;
  readonly clientId: string;
  /** From `send` to the answer, when the request names no other. */
  readonly requestTimeoutMs: number;
  /** `reconnect.backoff.ms`: between the end of a connection, or a failed try, and the next try. Doubles up to the maximum. */
  readonly reconnectBackoffMs: number;
  readonly reconnectBackoffMaxMs: number;
  /** `socket.connection.setup.timeout.ms` */
  readonly connectTimeoutMs: number;
}

/**
 * Why a request has no answer. `disconnected`: the connection broke or could not be made, and the request may have been carried out;
 * `timeout`: no answer in time (the connection is given up too); `closed`: this side was closed; `malformed`: the answer is rubbish;
 * `unencodable`: the request holds what its format cannot.
 */
export type NetworkErrorKind = 'disconnected' | 'timeout' | 'closed' | 'malformed' | 'unencodable';

export class NetworkError extends Error {
  override readonly name = 'NetworkError';

  constructor(
    readonly kind: NetworkErrorKind,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

interface Pending {
  readonly apiKey: number;
  readonly version: number;
  /** Makes the whole frame. */
  readonly encode: (correlationId: number) => readonly Buffer[];
  readonly deadlineMs: number;
  readonly resolve: (body: object) => void;
  readonly reject: (error: NetworkError) => void;
}

/** Responses come from brokers of the cluster; this only keeps rubbish from asking for gigabytes. */
const MAX_RESPONSE_BYTES = 1024 * 1024 * 1024;
/** Answers of brokers are what was asked for, and so bounded by whoever asks. */
const UNBOUNDED = new RequestMemory(Infinity, () => undefined);
/** Their records are kept by reference. */
const PLAIN_BUFFERS: Pick<BufferPool, 'take' | 'give'> = {
  take: (bytes) => (bytes < 4096 ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(bytes)),
  give: () => undefined,
};
const SCRATCH_BYTES = 64 * 1024;
const BACKOFF_JITTER = 0.2;

/**
 * Requests to one broker over one connection: made when first needed, pipelined, each with a deadline, made again after a pause when it
 * breaks. Owned by whoever talks to that broker; ends with `close` (Kafka's `NetworkClient` of a single node).
 */
export class NetworkClient {
  private connection: Connection | null = null;
  private isOpen = false;
  private reader: FrameReader | null = null;
  /** Sent and not answered, by correlation id: a Map keeps the order of sending. */
  private readonly inFlight = new Map<number, Pending>();
  /** Not sent yet: the connection is being made, or is waited for. */
  private readonly unsent: Pending[] = [];
  private nextCorrelationId = 0;
  private failures = 0;
  private connectAfterMs = -Infinity;
  private reconnectTimer: Timer | null = null;
  private deadlineTimer: Timer | null = null;
  private deadlineTimerMs = Infinity;
  private closed = false;
  private readonly scratch: Buffer;

  constructor(private readonly options: NetworkClientOptions) {
    this.scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  }

  get endpoint(): Endpoint {
    return this.options.endpoint;
  }

  get isConnected(): boolean {
    return this.isOpen;
  }

  /**
   * Sends a request and gives the decoded body of the answer. Rejects with NetworkError. Requests are sent in the order of the calls.
   * While the broker is not reachable a request waits for the next try, and fails with it.
   */
  send<T extends object>(apiKey: number, version: number, body: object, timeoutMs?: number): Promise<T> {
    const { clientId } = this.options;
    return this.put(apiKey, version, (id) => encodeRequestFrame(apiKey, version, id, clientId, body), timeoutMs);
  }

  /** The same for what `encodeRequestFrameInSteps` has encoded; it may be sent again once this has been rejected. */
  sendEncoded<T extends object>(apiKey: number, version: number, frame: readonly Buffer[]): Promise<T> {
    return this.put(apiKey, version, (correlationId) => {
      setCorrelationId(frame, correlationId);
      return frame;
    });
  }

  private put<T extends object>(
    apiKey: number,
    version: number,
    encode: Pending['encode'],
    timeoutMs?: number,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.closed) return reject(new NetworkError('closed', `the client of ${this.target} is closed`));
      const deadlineMs = this.options.clock.monotonicMs() + (timeoutMs ?? this.options.requestTimeoutMs);
      this.unsent.push({ apiKey, version, encode, deadlineMs, resolve: resolve as (body: object) => void, reject });
      this.watchDeadline(deadlineMs);
      if (this.isOpen) this.sendUnsent();
      else this.connectWhenAllowed();
    });
  }

  /** Drops the connection and fails what is pending. The next `send` connects again. */
  disconnect(reason: string): void {
    this.dropConnection(new NetworkError('disconnected', `${this.target}: ${reason}`));
  }

  /** Fails what is pending, and takes nothing more. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.reconnectTimer?.cancel();
    this.deadlineTimer?.cancel();
    this.dropConnection(new NetworkError('closed', `the client of ${this.target} was closed`));
  }

  private get target(): string {
    return `${this.options.endpoint.host}:${this.options.endpoint.port}`;
  }

  private connectWhenAllowed(): void {
    if (this.connection || this.reconnectTimer || this.closed) return;
    const waitMs = this.connectAfterMs - this.options.clock.monotonicMs();
    if (waitMs <= 0) return this.connect();
    this.reconnectTimer = this.options.clock.setTimer(
      waitMs,
      () => {
        this.reconnectTimer = null;
        if (this.unsent.length > 0) this.connect();
      },
      { background: true },
    );
  }

  private connect(): void {
    const { transport, endpoint, connectTimeoutMs } = this.options;
    const reader = this.newReader();
    const isCurrent = (): boolean => this.reader === reader;
    this.reader = reader;
    this.connection = transport.connect(
      endpoint,
      {
        readBuffer: () => reader.target(),
        onOpen: () => {
          if (!isCurrent()) return;
          this.isOpen = true;
          this.failures = 0;
          this.sendUnsent();
        },
        onData: (bytes) => {
          if (!isCurrent()) return;
          try {
            reader.received(bytes);
          } catch (error) {
            if (error instanceof AssertionError) throw error;
            this.dropConnection(new NetworkError('malformed', `rubbish from ${this.target}`, { cause: error }));
          }
        },
        onClose: (cause) => {
          if (!isCurrent()) return;
          this.dropConnection(new NetworkError('disconnected', `no connection to ${this.target}`, { cause }));
        },
      },
      { timeoutMs: connectTimeoutMs },
    );
  }

  private newReader(): FrameReader {
    return new FrameReader(
      {
        address: this.options.endpoint.host,
        audience: 'clients',
        maxFrameBytes: MAX_RESPONSE_BYTES,
        mayBeginFrame: true,
        mayHandOut: () => true,
        onFrame: (frame) => {
          const bytes = frame.takeBytes();
          frame.end();
          this.onResponse(bytes);
        },
        onMemoryGranted: () => undefined,
      },
      {
        memory: UNBOUNDED,
        framePool: PLAIN_BUFFERS,
        scratch: this.scratch,
        nowMs: () => this.options.clock.monotonicMs(),
      },
    );
  }

  private sendUnsent(): void {
    for (const pending of this.unsent.splice(0)) {
      const correlationId = this.nextCorrelationId;
      this.nextCorrelationId = (correlationId + 1) & 0x7fffffff;
      let chunks: readonly Buffer[];
      try {
        chunks = pending.encode(correlationId);
      } catch (error) {
        pending.reject(new NetworkError('unencodable', `cannot encode a request to ${this.target}`, { cause: error }));
        continue;
      }
      this.inFlight.set(correlationId, pending);
      this.connection!.write(chunks);
    }
  }

  private onResponse(frame: Buffer): void {
    const correlationId = frame.length >= 4 ? frame.readInt32BE(0) : -1;
    const pending = this.inFlight.get(correlationId);
    if (!pending) throw new Error(`an answer with correlation id ${correlationId}, which nothing waits for`);
    const { body } = decodeResponseFrame(pending.apiKey, pending.version, frame);
    this.inFlight.delete(correlationId);
    pending.resolve(body);
  }

  private dropConnection(error: NetworkError): void {
    const connection = this.connection;
    if (connection) {
      this.connection = null;
      this.reader?.close();
      this.reader = null;
      this.isOpen = false;
      const { reconnectBackoffMs, reconnectBackoffMaxMs, clock, random } = this.options;
      const backoffMs = Math.min(reconnectBackoffMs * 2 ** this.failures, reconnectBackoffMaxMs);
      this.failures = Math.min(this.failures + 1, 30);
      const jitter = 1 + BACKOFF_JITTER * (2 * random.nextDouble() - 1);
      this.connectAfterMs = clock.monotonicMs() + backoffMs * jitter;
      connection.destroy();
    }
    const failed = [...this.inFlight.values(), ...this.unsent.splice(0)];
    this.inFlight.clear();
    for (const pending of failed) pending.reject(error);
  }

  /** One timer for the earliest deadline; a late request means that the connection is no good any more, as in Kafka's client. */
  private watchDeadline(deadlineMs: number): void {
    if (deadlineMs >= this.deadlineTimerMs) return;
    this.deadlineTimer?.cancel();
    this.deadlineTimerMs = deadlineMs;
    const delayMs = Math.max(0, deadlineMs - this.options.clock.monotonicMs());
    this.deadlineTimer = this.options.clock.setTimer(delayMs, () => this.onDeadline(), { background: true });
  }

  private onDeadline(): void {
    this.deadlineTimerMs = Infinity;
    const nowMs = this.options.clock.monotonicMs();
    const late = (pending: Pending): boolean => pending.deadlineMs <= nowMs;
    if ([...this.inFlight.values()].some(late)) {
      this.dropConnection(new NetworkError('timeout', `no answer from ${this.target} in time`));
      return;
    }
    for (const pending of this.unsent.filter(late)) {
      this.unsent.splice(this.unsent.indexOf(pending), 1);
      pending.reject(new NetworkError('timeout', `no connection to ${this.target} in time`));
    }
    let nextMs = Infinity;
    for (const pending of this.inFlight.values()) nextMs = Math.min(nextMs, pending.deadlineMs);
    for (const pending of this.unsent) nextMs = Math.min(nextMs, pending.deadlineMs);
    if (nextMs < Infinity) this.watchDeadline(nextMs);
  }
}
