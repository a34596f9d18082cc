import {
  AssertionError,
  BufferPool,
  rateLimited,
  runInSlices,
  setPeriodicTimer,
  type Clock,
  type Connection,
  type Listener,
  type Logger,
  type MetricsRegistry,
  type Steps,
  type Timer,
  type Transport,
} from '../../common/index.js';
import { ANONYMOUS } from '../../security/index.js';
import { ConnectionPace, type ConnectionRateLimits } from '../core/connection-pace.js';
import { ConnectionQuotas, type ConnectionLimits } from '../core/connection-quotas.js';
import { HandOutTurns } from '../core/hand-out-turns.js';
import { RequestMemory } from '../core/request-memory.js';
import type { ListenerAudience } from '../core/sender-class.js';
import { UnreadAnswers } from '../core/unread-answers.js';
import { PausedConnection } from './paused-connection.js';
import type { Request } from '../request.js';
import { ServerConnection, type ServerConnectionHost } from './server-connection.js';
import { SlowClients } from './slow-clients.js';

/** Where a server listens. */
export interface ServerListener {
  readonly listenerName: string;
  /** Empty: every interface. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** Bounds on clients. Those that can change while the broker runs are read again for each connection. */
export interface SocketServerLimits extends ConnectionLimits {
  /** `socket.request.max.bytes` */
  readonly maxRequestBytes: number;
  /** What `RequestMemory` shares out: `queued.max.request.bytes`, or our own bound where Kafka has none. */
  readonly requestMemoryBytes: number;
  /** `connections.max.idle.ms`; negative: forever. */
  readonly maxIdleMs: number;
  /** `socket.listen.backlog.size`: how many connections beyond `max.connections` wait for another to end. */
  readonly backlog: number;
}

export interface SocketServerOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: MetricsRegistry;
  readonly limits: SocketServerLimits;
  /** Without them connections may be made as fast as they come. */
  readonly rateLimits?: ConnectionRateLimits;
  /** Only the controller's requests come over it (`control.plane.listener.name`). Null: none. */
  readonly controlPlaneListener?: string | null;
  /** That of inter-broker traffic. When there are others, its clients are let in though `max.connections` is reached, at the cost of others. Null: none. */
  readonly protectedListener: string | null;
  /** Called for each request in its turn; it must be ended by whoever gets it. */
  readonly onRequest: (request: Request) => void;
  /** One of our own invariants is broken. */
  readonly onFatalError?: (error: AssertionError) => void;
  /** The kernel has these parts of an answer; their memory may be used again. */
  readonly onFlushed?: (chunks: readonly Buffer[]) => void;
}

/** Read at most this much from a connection at once when no larger frame is under way. */
const SCRATCH_BYTES = 64 * 1024;
/** How often the same sentence about bad clients is written. */
const BAD_CLIENT_LINES_PER_MINUTE = 5;
/** So long requests wait for memory before that is said. */
const UNTOLD_WAIT_MS = 2000;
/** Memory of answered requests that is kept for the next ones. */
const FREE_FRAME_BYTES = 4 * 1024 * 1024;

/**
 * Listens, and turns what clients send into requests: limits on connections and frames, idle connections, the memory of requests and of
 * answers (see `RequestMemory`, `UnreadAnswers`), answers in order. Made by the broker, which binds it early and lets requests in when it
 * can serve them; ends with `shutdown` (Kafka's `SocketServer`, `Acceptor` and `Processor`).
 */
export class SocketServer implements ServerConnectionHost {
  readonly maxRequestBytes: number;
  readonly memory: RequestMemory;
  readonly turns: HandOutTurns;
  readonly unread = { fetches: new UnreadAnswers(), replicas: new UnreadAnswers(), others: new UnreadAnswers() };
  readonly framePool = new BufferPool(FREE_FRAME_BYTES);
  readonly onFlushed: ((chunks: readonly Buffer[]) => void) | undefined;
  readonly scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  private readonly listeners: { spec: ServerListener; listener: Listener }[] = [];
  private readonly audiences = new Map<string, ListenerAudience>();
  private readonly connections = new Set<ServerConnection>();
  private readonly quotas: ConnectionQuotas;
  private readonly pace: ConnectionPace | null;
  /** When the next of those that came too fast may go on. */
  private paceTimer: { readonly atMs: number; readonly timer: Timer } | null = null;
  /** Beyond `max.connections`, in the order they came. */
  private readonly waiting = new Set<Arrival>();
  /** For what clients can cause as often as they like. */
  private readonly badClients: Logger;
  private readonly slowClients: SlowClients;
  /** Since when frames have waited for memory; null when none does. */
  private shortSinceMs: number | null = null;
  private processing = false;
  private stopped = false;
  private nextConnection = 0;
  private sweepTimer: Timer | null = null;

  constructor(private readonly options: SocketServerOptions) {
    const { limits, clock, metrics } = options;
    this.maxRequestBytes = limits.maxRequestBytes;
    this.memory = new RequestMemory(limits.requestMemoryBytes, (step) => clock.defer(step));
    this.turns = new HandOutTurns(
      () => clock.monotonicMs(),
      (step) => clock.defer(step),
    );
    this.quotas = new ConnectionQuotas(limits, (listenerName) => this.isProtected(listenerName));
    this.pace = options.rateLimits
      ? new ConnectionPace(options.rateLimits, (listenerName) => this.isProtected(listenerName))
      : null;
    this.onFlushed = options.onFlushed;
    this.badClients = rateLimited(options.logger, clock, BAD_CLIENT_LINES_PER_MINUTE);
    this.slowClients = new SlowClients(clock, (nowMs) => this.closeLate(nowMs));
    metrics?.gauge('connection-count', () => this.connections.size);
    metrics?.gauge('request-memory-used-bytes', () => this.memory.used);
    metrics?.gauge('unread-answer-bytes', () => this.unreadRooms.reduce((sum, { totalBytes }) => sum + totalBytes, 0));
  }

  /** Binds one listener and gives the port. Its connections wait until `enableProcessing`. Rejects with Node's error. */
  async bind(spec: ServerListener): Promise<number> {
    const listener = await this.options.transport.listen({ host: spec.host, port: spec.port }, (connection) =>
      this.accept(connection, spec.listenerName),
    );
    this.listeners.push({ spec, listener });
    this.chooseAudiences();
    return listener.endpoint.port;
  }

  /** Stops listening there, and closes its connections: what they asked last may go unanswered, as in Kafka. */
  async unbind(listenerName: string): Promise<void> {
    const bound = this.listeners.find(({ spec }) => spec.listenerName === listenerName);
    if (!bound) return;
    this.listeners.splice(this.listeners.indexOf(bound), 1);
    // The one that is left is the clients' too.
    this.chooseAudiences();
    await bound.listener.close();
    for (const entry of this.waiting) {
      if (entry.listenerName !== listenerName) continue;
      this.waiting.delete(entry);
      entry.connection.destroy();
    }
    await this.closeThose((connection) => connection.info.listenerName === listenerName);
  }

  /** The port that a listener has; undefined for one that is not bound. */
  boundPort(listenerName: string): number | undefined {
    return this.listeners.find(({ spec }) => spec.listenerName === listenerName)?.listener.endpoint.port;
  }

  /** Lets requests in, those that wait first. */
  enableProcessing(): void {
    this.processing = true;
    for (const connection of [...this.connections]) connection.goOn();
    const { maxIdleMs } = this.options.limits;
    const periodMs = maxIdleMs < 0 ? MAX_SWEEP_MS : Math.min(Math.max(maxIdleMs / 20, 50), MAX_SWEEP_MS);
    this.sweepTimer = setPeriodicTimer(this.options.clock, periodMs, () => {
      // `max.connections` may have been raised, or lowered.
      this.admitWaiting();
      this.closeExcess();
      if (maxIdleMs >= 0) this.closeIdle(maxIdleMs);
    });
  }

  get isProcessing(): boolean {
    return this.processing;
  }

  get connectionCount(): number {
    return this.connections.size;
  }

  /** Stops listening and taking requests. What was handed out may still be answered until `shutdown`. */
  async stopProcessing(): Promise<void> {
    this.stopped = true;
    this.sweepTimer?.cancel();
    this.slowClients.stop();
    this.paceTimer?.timer.cancel();
    for (const { connection } of this.waiting) connection.destroy();
    this.waiting.clear();
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

  /** @internal from ServerConnection, and from the broker for what it has held back (`Request.handOutHeld`). */
  onRequest(request: Request): void {
    const { options } = this;
    try {
      options.onRequest(request);
    } catch (error) {
      // No one else would answer it. Thrown on, it would leave the connection it was read from half-way through a read.
      options.logger.error('A request could not be handled', { connection: request.connection.id, error });
      request.closeConnection('Closed a connection whose request could not be handled', error);
      if (error instanceof AssertionError) options.onFatalError?.(error);
    }
  }

  /** @internal from ServerConnection */
  audienceOf(listenerName: string): ListenerAudience {
    return this.audiences.get(listenerName) ?? 'clients';
  }

  /** @internal from ServerConnection */
  defer(step: () => void): void {
    this.options.clock.defer(step);
  }

  /** @internal from ServerConnection */
  onMemoryShort(): void {
    if (!this.stopped) this.slowClients.watch();
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
    this.quotas.release(connection.info.listenerName, connection.info.clientAddress);
    // Not inside of whatever closes connections: admitting one may close another.
    if (this.waiting.size > 0) this.defer(() => this.admitWaiting());
  }

  private accept(connection: Connection, listenerName: string): void {
    if (this.stopped) return connection.destroy();
    const arrival: Arrival = { connection, listenerName, isCounted: false };
    const hasToWait = !this.isProtected(listenerName) && this.hasWaiting(listenerName);
    if (hasToWait || !this.tryToAdmit(arrival)) this.letWait(arrival);
  }

  /** Whoever comes takes no place that others wait for. */
  private hasWaiting(listenerName: string): boolean {
    for (const entry of this.waiting) if (entry.listenerName === listenerName) return true;
    return false;
  }

  /** False when the connection has to wait. */
  private tryToAdmit(arrival: Arrival): boolean {
    const { connection, listenerName } = arrival;
    if (this.pace && !this.isInPace(arrival, this.pace)) return false;
    const address = connection.remote.host;
    const admission = this.quotas.admit(listenerName, address);
    switch (admission) {
      case 'waits':
        this.closeExcess();
        return false;
      case 'refused':
        this.badClients.warn('Refused a connection: too many from its address', { client: address });
        connection.destroy();
        return true;
      case 'admittedForAnother':
      case 'admitted':
        this.serve(connection, listenerName);
        if (admission === 'admittedForAnother') this.closeExcess();
        return true;
    }
  }

  /** False when more connections are made than is allowed: it is tried again once it may go on. */
  private isInPace(arrival: Arrival, pace: ConnectionPace): boolean {
    const { waitMs, isCounted } = pace.enter(arrival.listenerName, this.nowMs(), arrival.isCounted);
    arrival.isCounted = isCounted;
    if (waitMs === 0) return true;
    this.admitWaitingAt(this.nowMs() + waitMs);
    return false;
  }

  private admitWaitingAt(atMs: number): void {
    if (this.paceTimer && this.paceTimer.atMs <= atMs) return;
    this.paceTimer?.timer.cancel();
    const timer = this.options.clock.setTimer(atMs - this.nowMs(), () => {
      this.paceTimer = null;
      this.admitWaiting();
    });
    this.paceTimer = { atMs, timer };
  }

  private serve(connection: Connection, listenerName: string): void {
    const { local, remote } = connection;
    const info = {
      id: `${local.host}:${local.port}-${remote.host}:${remote.port}-${this.nextConnection++}`,
      listenerName,
      clientAddress: remote.host,
      principal: ANONYMOUS,
      clientSoftwareName: 'unknown',
      clientSoftwareVersion: 'unknown',
    };
    this.connections.add(new ServerConnection(connection, info, this));
  }

  /** Kafka's acceptor stops accepting, and the kernel keeps a backlog; ours keeps the backlog itself, without reading from it. */
  private letWait({ connection, listenerName, isCounted }: Arrival): void {
    const limit = this.paceTimer ? 'max.connection.creation.rate' : 'max.connections';
    this.badClients.warn(`A connection waits: ${limit} is reached`, { client: connection.remote.host });
    if (this.waiting.size >= this.options.limits.backlog) {
      connection.destroy();
      return;
    }
    const paused = new PausedConnection(connection, () => this.waiting.delete(entry));
    const entry: Arrival = { connection: paused, listenerName, isCounted };
    this.waiting.add(entry);
  }

  /** Places went free: those that may be served now are, in their order. One that is refused passes its place on. */
  private admitWaiting(): void {
    for (const entry of this.waiting) {
      if (this.tryToAdmit(entry)) this.waiting.delete(entry);
    }
  }

  private isProtected(listenerName: string): boolean {
    return listenerName === this.options.protectedListener && this.listeners.length > 1;
  }

  private chooseAudiences(): void {
    const { controlPlaneListener, protectedListener } = this.options;
    const names = this.listeners.map(({ spec }) => spec.listenerName);
    const shared = names.filter((name) => name !== controlPlaneListener).length === 1;
    for (const name of names) {
      if (name === controlPlaneListener) this.audiences.set(name, 'brokers');
      else if (name === protectedListener) this.audiences.set(name, shared ? 'brokersAndClients' : 'brokers');
      else this.audiences.set(name, 'clients');
    }
  }

  /** Closes the least active, in slices, while there are more than `max.connections` (`Processor.closeExcessConnections`). */
  private closeExcess(): void {
    if (this.quotas.excess > 0) void runInSlices(this.options.clock, this.closingExcess());
  }

  private *closingExcess(): Steps<void> {
    for (let next = this.leastActive(); next && this.quotas.excess > 0; next = this.leastActive()) {
      next.close();
      yield;
    }
  }

  /** Of those that may be closed in favour of others. */
  private leastActive(): ServerConnection | null {
    let least: ServerConnection | null = null;
    for (const connection of this.connections) {
      if (this.isProtected(connection.info.listenerName)) continue;
      if (least === null || connection.lastActiveMs < least.lastActiveMs) least = connection;
    }
    return least;
  }

  private closeIdle(maxIdleMs: number): void {
    void this.closeThose((connection) => connection.isIdleSince(this.nowMs() - maxIdleMs));
  }

  /** In slices: to close ten thousand takes a second. Each is asked about right before. */
  private closeThose(isToGo: (connection: ServerConnection) => boolean): Promise<void> {
    const { connections } = this;
    return runInSlices(
      this.options.clock,
      (function* () {
        for (const connection of [...connections]) {
          if (connection.isClosed || !isToGo(connection)) continue;
          connection.close();
          yield;
        }
      })(),
    );
  }

  private tellIfShort(nowMs: number): void {
    if (this.memory.waiters === 0) {
      this.shortSinceMs = null;
      return;
    }
    this.shortSinceMs ??= nowMs;
    if (nowMs - this.shortSinceMs < UNTOLD_WAIT_MS) return;
    const bytes = this.options.limits.requestMemoryBytes;
    this.badClients.warn('Requests wait for memory: queued.max.request.bytes bounds what is read and not yet handled', {
      bytes,
      waiting: this.memory.waiters,
    });
  }

  private get unreadRooms(): UnreadAnswers[] {
    return Object.values(this.unread);
  }

  /** Cuts off who holds memory that others wait for, and is too slow. True while memory is short. */
  private closeLate(nowMs: number): boolean {
    void this.closeThose((connection) => {
      const reason = connection.lateness(nowMs);
      if (reason !== null) this.onBadClient(connection, reason, undefined);
      return reason !== null;
    });
    this.tellIfShort(nowMs);
    return this.memory.waiters > 0 || this.unreadRooms.some(({ isShort }) => isShort);
  }
}

const MAX_SWEEP_MS = 30_000;

/** A connection that is not admitted yet. */
interface Arrival {
  readonly connection: Connection;
  readonly listenerName: string;
  /** Among those that are made a second. */
  isCounted: boolean;
}
