import {
  BufferPool,
  rateLimited,
  setPeriodicTimer,
  type Clock,
  type Connection,
  type Listener,
  type Logger,
  type MetricsRegistry,
  type Timer,
  type Transport,
} from '../common/index.js';
import { ANONYMOUS } from '../security/index.js';
import { RequestMemory } from './core/request-memory.js';
import type { Request } from './request.js';
import { ServerConnection, type ServerConnectionHost } from './server-connection.js';

/** Where a server listens. */
export interface ServerListener {
  readonly listenerName: string;
  /** Empty: every interface. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** Bounds on clients. Those that can change while the broker runs are read anew for each connection. */
export interface SocketServerLimits {
  /** `socket.request.max.bytes` */
  readonly maxRequestBytes: number;
  /** For large frames (`RequestMemory`): `queued.max.request.bytes`, or our own bound where Kafka has none. */
  readonly requestMemoryBytes: number;
  /** `connections.max.idle.ms`; negative: for ever. */
  readonly maxIdleMs: number;
  /** `socket.listen.backlog.size`: how many connections beyond `max.connections` wait for another to end. */
  readonly backlog: number;
  maxConnections(): number;
  maxConnectionsOf(address: string): number;
}

export interface SocketServerOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: MetricsRegistry;
  readonly limits: SocketServerLimits;
  /** Its clients are let in though `max.connections` is reached, at the cost of others (`ConnectionQuotas`). Null: none. */
  readonly protectedListener: string | null;
  /** Called for each request in its turn; it must be ended by whoever gets it. */
  readonly onRequest: (request: Request) => void;
  /** The kernel has these parts of an answer; their memory may be used again. */
  readonly onFlushed?: (chunks: readonly Buffer[]) => void;
}

/** Read at most this much from a connection at once when no larger frame is under way. */
const SCRATCH_BYTES = 64 * 1024;
/** How often the same sentence about bad clients is written. */
const BAD_CLIENT_LINES_PER_MINUTE = 5;
/** What answers may take that wait for clients to read them; beyond it fetches get little. */
const UNREAD_ANSWER_BYTES = 128 * 1024 * 1024;
const MIN_ANSWER_BYTES = 64 * 1024;
/** Memory of answered requests that is kept for the next ones. */
const FREE_FRAME_BYTES = 4 * 1024 * 1024;
/** A frame that holds memory others wait for must go on within this time. */
const STALL_MS = 10_000;

/**
 * Listens, and turns what clients send into requests: limits on connections and frames, idle connections, the memory of requests (see
 * `RequestMemory`), answers in order. Made by the broker, which binds it early and lets requests in when it can serve them; ends with
 * `shutdown` (Kafka's `SocketServer`, `Acceptor` and `Processor`).
 */
export class SocketServer implements ServerConnectionHost {
  readonly maxRequestBytes: number;
  readonly memory: RequestMemory;
  readonly framePool = new BufferPool(FREE_FRAME_BYTES);
  readonly onFlushed: ((chunks: readonly Buffer[]) => void) | undefined;
  readonly scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  private readonly listeners: { spec: ServerListener; listener: Listener }[] = [];
  private readonly connections = new Set<ServerConnection>();
  private readonly countByAddress = new Map<string, number>();
  private readonly waiting: { connection: Connection; listenerName: string }[] = [];
  private readonly heldBackUntilStart: (() => void)[] = [];
  /** For what clients can cause as often as they like. */
  private readonly badClients: Logger;
  private readonly onRequestNow: (request: Request) => void;
  private unreadBytes = 0;
  private processing = false;
  private stopped = false;
  private nextConnection = 0;
  private sweepTimer: Timer | null = null;
  private stallTimer: Timer | null = null;

  constructor(private readonly options: SocketServerOptions) {
    this.maxRequestBytes = options.limits.maxRequestBytes;
    this.memory = new RequestMemory(options.limits.requestMemoryBytes);
    this.onFlushed = options.onFlushed;
    this.badClients = rateLimited(options.logger, options.clock, BAD_CLIENT_LINES_PER_MINUTE);
    this.onRequestNow = (request) => {
      try {
        options.onRequest(request);
      } catch (error) {
        // Nobody else would answer it. Thrown on, it would leave the connection it was read from half-way through a read.
        options.logger.error('A request could not be handled', { connection: request.connection.id, error });
        request.closeConnection('Closed a connection whose request could not be handled', error);
      }
    };
    options.metrics?.gauge('connection-count', () => this.connections.size);
    options.metrics?.gauge('request-memory-used-bytes', () => this.memory.used);
    options.metrics?.gauge('unread-answer-bytes', () => this.unreadBytes);
  }

  /** Binds one listener and gives the port. Its connections wait until `enableProcessing`. Rejects with Node's error. */
  async bind(spec: ServerListener): Promise<number> {
    const listener = await this.options.transport.listen({ host: spec.host, port: spec.port }, (connection) =>
      this.accept(connection, spec.listenerName),
    );
    this.listeners.push({ spec, listener });
    return listener.endpoint.port;
  }

  /** The port that a listener has; undefined for one that is not bound. */
  boundPort(listenerName: string): number | undefined {
    return this.listeners.find(({ spec }) => spec.listenerName === listenerName)?.listener.endpoint.port;
  }

  /** Lets requests in, those that wait first. */
  enableProcessing(): void {
    this.processing = true;
    for (const start of this.heldBackUntilStart.splice(0)) start();
    const { maxIdleMs } = this.options.limits;
    if (maxIdleMs >= 0) {
      const periodMs = Math.min(Math.max(maxIdleMs / 20, 50), 30_000);
      this.sweepTimer = setPeriodicTimer(this.options.clock, periodMs, () => this.closeIdle(maxIdleMs));
    }
  }

  get connectionCount(): number {
    return this.connections.size;
  }

  /** Stops listening and taking requests. What was handed out may still be answered until `shutdown`. */
  async stopProcessing(): Promise<void> {
    this.stopped = true;
    this.sweepTimer?.cancel();
    this.stallTimer?.cancel();
    for (const { connection } of this.waiting.splice(0)) connection.destroy();
    await Promise.all(this.listeners.splice(0).map(({ listener }) => listener.close()));
    for (const connection of [...this.connections]) connection.closeWhenAnswered();
  }

  /** Closes every connection. */
  async shutdown(): Promise<void> {
    if (!this.stopped) await this.stopProcessing();
    for (const connection of [...this.connections]) connection.close();
  }

  nowMs(): number {
    return this.options.clock.monotonicMs();
  }

  /** @internal from ServerConnection */
  onRequest(request: Request): void {
    if (this.processing) this.onRequestNow(request);
    else this.heldBackUntilStart.push(() => this.onRequestNow(request));
  }

  /** @internal from ServerConnection */
  defer(step: () => void): void {
    this.options.clock.defer(step);
  }

  /** @internal from ServerConnection */
  get availableAnswerBytes(): number {
    return Math.max(MIN_ANSWER_BYTES, UNREAD_ANSWER_BYTES - this.unreadBytes);
  }

  /** @internal from ServerConnection */
  onUnreadBytes(change: number): void {
    this.unreadBytes += change;
  }

  /** @internal from ServerConnection */
  onMemoryShort(): void {
    this.watchStalls();
  }

  /** @internal from ServerConnection */
  onBadClient(connection: ServerConnection, reason: string, error: unknown): void {
    const { id, clientAddress, listenerName } = connection.info;
    const why = error instanceof Error ? error.message : error === undefined ? undefined : String(error);
    this.badClients.warn(reason, { connection: id, client: clientAddress, listener: listenerName, why });
  }

  /** @internal from ServerConnection */
  onClosed(connection: ServerConnection): void {
    if (!this.connections.delete(connection)) return;
    this.countAddress(connection.info.clientAddress, -1);
    const next = this.waiting.shift();
    if (next) this.accept(next.connection, next.listenerName);
  }

  private accept(connection: Connection, listenerName: string): void {
    if (this.stopped) return connection.destroy();
    const address = connection.remote.host;
    if ((this.countByAddress.get(address) ?? 0) >= this.options.limits.maxConnectionsOf(address)) {
      this.badClients.warn('Refused a connection: too many from its address', { client: address });
      return connection.destroy();
    }
    if (this.connections.size >= this.options.limits.maxConnections()) {
      const isProtected = listenerName === this.options.protectedListener && this.listeners.length > 1;
      if (!isProtected) return this.letWait(connection, listenerName);
      this.closeLeastActive();
    }
    const { local, remote } = connection;
    const info = {
      id: `${local.host}:${local.port}-${remote.host}:${remote.port}-${this.nextConnection++}`,
      listenerName,
      clientAddress: address,
      principal: ANONYMOUS,
      clientSoftwareName: 'unknown',
      clientSoftwareVersion: 'unknown',
    };
    this.countAddress(address, 1);
    this.connections.add(new ServerConnection(connection, info, this));
  }

  /** Kafka's acceptor stops accepting, and the kernel keeps a backlog; ours keeps the backlog itself, without reading from it. */
  private letWait(connection: Connection, listenerName: string): void {
    this.badClients.warn('A connection waits: max.connections is reached', { client: connection.remote.host });
    if (this.waiting.length >= this.options.limits.backlog) {
      connection.destroy();
      return;
    }
    const entry = { connection: new PausedConnection(connection, () => this.forgetWaiting(entry)), listenerName };
    this.waiting.push(entry);
  }

  private forgetWaiting(entry: { connection: Connection; listenerName: string }): void {
    const at = this.waiting.indexOf(entry);
    if (at >= 0) this.waiting.splice(at, 1);
  }

  private closeLeastActive(): void {
    let oldest: ServerConnection | null = null;
    for (const connection of this.connections) {
      if (connection.info.listenerName === this.options.protectedListener) continue;
      if (oldest === null || connection.lastActiveMs < oldest.lastActiveMs) oldest = connection;
    }
    oldest?.close();
  }

  private countAddress(address: string, change: number): void {
    const count = (this.countByAddress.get(address) ?? 0) + change;
    if (count > 0) this.countByAddress.set(address, count);
    else this.countByAddress.delete(address);
  }

  private closeIdle(maxIdleMs: number): void {
    const beforeMs = this.nowMs() - maxIdleMs;
    for (const connection of [...this.connections]) {
      if (connection.isIdle && connection.lastActiveMs <= beforeMs) connection.close();
    }
  }

  /** While frames wait for memory, nobody may sit on it: a half-sent frame that does not go on costs its connection. */
  private watchStalls(): void {
    if (this.stallTimer) return;
    this.stallTimer = this.options.clock.setTimer(
      STALL_MS / 4,
      () => {
        this.stallTimer = null;
        if (this.memory.waiters === 0) return;
        const beforeMs = this.nowMs() - STALL_MS;
        for (const connection of [...this.connections]) {
          if (connection.isMidFrame && connection.lastActiveMs < beforeMs) {
            this.onBadClient(
              connection,
              'Closed a connection that stalled in a frame while memory is short',
              undefined,
            );
            connection.close();
          }
        }
        this.watchStalls();
      },
      { background: true },
    );
  }
}

/** An accepted connection that is not read from until somebody sets handlers of his own. */
class PausedConnection implements Connection {
  private handlers: Parameters<Connection['setHandlers']>[0] | null = null;
  /** What was read all the same: a socket that begins to read when it gets handlers is paused only after its first bytes. */
  private held: Buffer[] | null = [];

  constructor(
    private readonly inner: Connection,
    onGone: () => void,
  ) {
    inner.setHandlers({
      readBuffer: () => (this.held === null && this.handlers?.readBuffer?.()) || Buffer.allocUnsafe(1024),
      onData: (bytes) => {
        if (this.held === null) return this.handlers!.onData(bytes);
        this.held.push(bytes);
        inner.pause();
      },
      onDrain: () => this.handlers?.onDrain?.(),
      onClose: (error) => (this.handlers ? this.handlers.onClose(error) : onGone()),
    });
    inner.pause();
  }

  get remote(): Connection['remote'] {
    return this.inner.remote;
  }

  get local(): Connection['local'] {
    return this.inner.local;
  }

  get bufferedBytes(): number {
    return this.inner.bufferedBytes;
  }

  setHandlers(handlers: Parameters<Connection['setHandlers']>[0]): void {
    this.handlers = handlers;
    // Not before whoever sets them is ready for bytes.
    queueMicrotask(() => {
      const { held } = this;
      this.held = null;
      for (const bytes of held ?? []) handlers.onData(bytes);
      this.inner.resume();
    });
  }

  write(buffers: readonly Buffer[], onFlushed?: () => void): boolean {
    return this.inner.write(buffers, onFlushed);
  }

  pause(): void {
    this.inner.pause();
  }

  resume(): void {
    this.inner.resume();
  }

  end(): void {
    this.inner.end();
  }

  destroy(): void {
    this.inner.destroy();
  }
}
