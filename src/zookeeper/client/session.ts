import {
  assert,
  shuffled,
  type Clock,
  type Connection,
  type Endpoint,
  type Logger,
  type Random,
  type Timer,
  type Transport,
} from '../../common/index.js';
import { SessionWatchdog } from '../core/session-watchdog.js';
import { WatchRegistry } from '../core/watch-registry.js';
import { ZK_ERROR_CODES, zkErrorName, type ZkErrorCode } from '../core/errors.js';
import { FrameAssembler } from '../wire/frame-assembler.js';
import {
  decodeConnectResponse,
  encodeAuth,
  encodeConnectRequest,
  NO_SESSION,
  type SessionCredentials,
} from '../wire/handshake.js';
import { JuteReader, JuteWriter } from '../wire/jute.js';
import { EVENT_TYPES, OpCode, Xid } from '../core/op-codes.js';
import { encodeSetWatches } from '../wire/set-watches.js';
import type { WatchEvent, WatchEventType, ZkState } from '../core/zk-client.js';
import { ConnectionFailures } from './connection-failures.js';
import { Deque } from './deque.js';
import type { PendingRequest } from './request.js';

export interface SessionOptions {
  readonly servers: readonly Endpoint[];
  readonly chroot: string;
  /** Asked for; the server may grant more or less. */
  readonly sessionTimeoutMs: number;
  readonly maxInFlightRequests: number;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Takes part in a session that another client opened, as ZooKeeper's own client can. */
  readonly resume?: SessionCredentials;
}

/** What the session tells its client. None of these may throw. */
export interface SessionListener {
  /** The server gave (`isNew`) or confirmed the session. */
  onConnected(isNew: boolean): void;
  onDisconnected(): void;
  /** The session is over, all that waited has failed; the next one starts with `begin`. */
  onExpired(): void;
  onAuthFailed(): void;
  onWatchEvent(event: WatchEvent): void;
}

const EVENT_NAMES = new Map(Object.entries(EVENT_TYPES).map(([name, type]) => [type, name as WatchEventType]));
/** What a server takes unless it is told otherwise. */
const JUTE_MAX_BUFFER = 0xfffff;
const BACKOFF_MAX_MS = 1000;
/** A member that stops or restarts is left by all its clients at once: each waits up to so long before it looks for another (`ClientCnxn`). */
const RECONNECT_SPREAD_MS = 1000;
const CLOSE_TIMEOUT_MS = 5000;

/**
 * One ZooKeeper session after another over one connection after another. It owns what waits for an answer: requests are sent in the
 * order they were submitted, at most `maxInFlightRequests` at once, and those without an answer when a connection ends go first on
 * the next one. Only the servers know whether a session has ended: however long they are away, it is asked for again, and what waits goes
 * on where it was. Ends with `close`.
 */
export class Session {
  state: ZkState = 'closed';
  readonly watches = new WatchRegistry();
  private readonly watchdog: SessionWatchdog;
  private readonly servers: readonly Endpoint[];
  private nextServer = 0;
  private readonly failures: ConnectionFailures;
  private credentials: SessionCredentials;
  private lastZxid = 0n;
  private readonly auths: { scheme: string; auth: Buffer }[] = [];

  private connection: Connection | null = null;
  private assembler = new FrameAssembler();
  private frames: Buffer[] = [];
  private framesDeferred = false;
  private xid = 0;
  private dropReason: string | null = null;

  private readonly queue = new Deque<PendingRequest>();
  private readonly inFlight = new Deque<{ xid: number; request: PendingRequest }>();
  private pumpScheduled = false;
  private timer: Timer | null = null;
  private reconnectTimer: Timer | null = null;
  private closing: { promise: Promise<void>; finish: () => void } | null = null;

  constructor(
    private readonly options: SessionOptions,
    private readonly listener: SessionListener,
  ) {
    this.watchdog = new SessionWatchdog(options.sessionTimeoutMs);
    this.servers = shuffled(options.random, options.servers);
    this.failures = new ConnectionFailures(options.clock, options.logger, this.servers.length);
    this.credentials = options.resume ?? NO_SESSION;
  }

  get id(): bigint {
    return this.credentials.id;
  }

  /** Why there is no connection; null when there is one, or nothing failed yet. */
  get lastFailure(): string | null {
    return this.failures.last;
  }

  get session(): SessionCredentials {
    return this.credentials;
  }

  get timeoutMs(): number {
    return this.watchdog.timeoutMs;
  }

  /** True when requests are taken: not after `close`, nor between a session's end and `begin`. */
  refusal(): ZkErrorCode | null {
    if (this.closing || this.state === 'closed') return 'Closed';
    if (this.state === 'expired') return 'SessionExpired';
    if (this.state === 'authFailed') return 'AuthFailed';
    return null;
  }

  /** Starts to look for a server, at first and after each expiry. */
  begin(): void {
    assert(this.connection === null, 'a session begins without a connection');
    if (this.closing) return;
    this.state = 'connecting';
    this.openConnection(0);
  }

  submit(request: PendingRequest): void {
    const refusal = this.refusal();
    if (refusal) return request.fail(refusal);
    if (request.once && this.state !== 'connected') return request.fail('ConnectionLoss');
    this.queue.push(request);
    this.schedulePump();
  }

  addAuth(scheme: string, auth: Buffer): void {
    this.auths.push({ scheme, auth });
    if (this.state === 'connected') this.write(encodeAuth(scheme, auth));
  }

  /** Sends what waits, ends the session at the server and closes. What has no answer by then fails with `Closed`. */
  close(): Promise<void> {
    if (this.closing) return this.closing.promise;
    let finish: () => void = () => undefined;
    const promise = new Promise<void>((resolve) => (finish = resolve));
    this.closing = { promise, finish };
    if (this.state === 'connected') {
      const done = (): void => this.tearDown();
      this.queue.push({
        opCode: OpCode.closeSession,
        path: null,
        encode: () => undefined,
        succeed: done,
        fail: () => undefined,
        attempts: 0,
        sentBytes: 0,
        deadlineMs: Infinity,
      });
      this.schedulePump();
      this.reconnectTimer = this.options.clock.setTimer(CLOSE_TIMEOUT_MS, done);
    } else {
      this.tearDown();
    }
    return promise;
  }

  private tearDown(): void {
    this.state = 'closed';
    this.timer?.cancel();
    this.reconnectTimer?.cancel();
    const { connection } = this;
    this.connection = null;
    connection?.destroy();
    this.watches.clear();
    this.failAll('Closed');
    this.closing?.finish();
  }

  private openConnection(delayMs: number): void {
    const { transport, clock, logger } = this.options;
    if (this.nextServer === this.servers.length) this.nextServer = 0;
    const server = this.servers[this.nextServer++]!;
    const open = (): void => {
      this.reconnectTimer = null;
      logger.debug('Connecting to ZooKeeper', { host: server.host, port: server.port });
      this.assembler = new FrameAssembler();
      this.frames = [];
      this.framesDeferred = false;
      this.dropReason = null;
      this.watchdog.connecting(clock.monotonicMs(), this.servers.length);
      let current: Connection | null = null;
      const isCurrent = (): boolean => current !== null && this.connection === current;
      current = this.connection = transport.connect(server, {
        onOpen: () => {
          const connection = this.connection;
          connection?.write([encodeConnectRequest(this.credentials, this.options.sessionTimeoutMs, this.lastZxid)]);
        },
        onData: (bytes) => {
          if (isCurrent()) this.onData(bytes);
        },
        onClose: (error) => {
          if (isCurrent()) this.onClose(server, error);
        },
      });
      this.watch();
    };
    if (delayMs === 0) open();
    else this.reconnectTimer = clock.setTimer(delayMs, open);
  }

  private reconnectDelayMs(wasConnected: boolean): number {
    const { random } = this.options;
    if (wasConnected) return random.nextInt(RECONNECT_SPREAD_MS);
    const { count } = this.failures;
    if (count < this.servers.length) return 0;
    const rounds = Math.floor(count / this.servers.length);
    const ceiling = Math.min(BACKOFF_MAX_MS, 50 * 2 ** Math.min(rounds, 10));
    return ceiling / 2 + random.nextInt(ceiling / 2);
  }

  private onData(bytes: Buffer): void {
    // It was given up, for good reasons.
    if (this.dropReason !== null) return;
    this.watchdog.received(this.options.clock.monotonicMs());
    try {
      const frames = this.assembler.push(bytes);
      if (this.frames.length === 0) this.frames = frames;
      else this.frames.push(...frames);
      if (!this.framesDeferred) this.handleFrames(true);
    } catch (error) {
      this.drop(`an answer that cannot be read: ${String(error)}`);
    }
  }

  /**
   * A watch event tells of a change after what the answers before it say; so that who awaits such an answer sees it first, the event
   * waits until promises have settled.
   */
  private handleFrames(mayDefer: boolean): void {
    const { frames } = this;
    let answered = false;
    let index = 0;
    for (; index < frames.length; index++) {
      const frame = frames[index]!;
      if (this.state !== 'connected') {
        this.onConnectResponse(frame);
        if (this.connection === null) return;
        continue;
      }
      const xid = frame.readInt32BE(0);
      if (xid === Xid.notification && answered && mayDefer) break;
      if (xid !== Xid.notification) answered = true;
      this.onFrame(xid, frame);
      if (this.connection === null || this.frames !== frames) return;
    }
    if (index === frames.length) {
      this.frames = [];
      this.schedulePump();
      return;
    }
    this.frames = frames.slice(index);
    this.framesDeferred = true;
    const { connection } = this;
    this.options.clock.defer(() => {
      // After a lost connection its last frames have been handled already.
      if (this.connection !== connection || connection === null) return;
      this.framesDeferred = false;
      try {
        this.handleFrames(true);
      } catch (error) {
        this.drop(`an answer that cannot be read: ${String(error)}`);
      }
    });
    this.schedulePump();
  }

  private onConnectResponse(frame: Buffer): void {
    const { session, timeoutMs } = decodeConnectResponse(frame);
    if (timeoutMs <= 0) {
      this.options.logger.warn('The ZooKeeper session expired', { session: this.id.toString(16) });
      return this.expire();
    }
    const isNew = session.id !== this.credentials.id;
    this.credentials = session;
    this.failures.connected();
    this.state = 'connected';
    this.watchdog.connected(this.options.clock.monotonicMs(), timeoutMs);
    for (const { scheme, auth } of this.auths) this.write(encodeAuth(scheme, auth));
    this.resetWatches();
    this.watch();
    this.listener.onConnected(isNew);
    this.schedulePump();
  }

  private onFrame(xid: number, frame: Buffer): void {
    if (xid === Xid.ping || xid === Xid.setWatches) return;
    const reader = new JuteReader(frame, 4);
    const zxid = reader.long();
    const error = reader.int();
    if (xid === Xid.auth) {
      if (error !== 0) this.authFailed();
      return;
    }
    if (xid === Xid.notification) {
      const type = EVENT_NAMES.get(reader.int());
      reader.int();
      const path = this.bare(reader.string());
      if (type) this.listener.onWatchEvent({ type, path });
      return;
    }
    if (zxid > this.lastZxid) this.lastZxid = zxid;
    const head = this.inFlight.shift();
    if (!head || head.xid !== xid) throw new RangeError(`an answer to request ${xid}, expected ${head?.xid}`);
    if (error === ZK_ERROR_CODES.SessionExpired || error === ZK_ERROR_CODES.SessionMoved) {
      // The next connect request tells what has become of the session. What was sent behind this is refused for the same reason.
      this.inFlight.unshiftAll([head]);
      this.frames = [];
      return this.drop(`the server refused the session: ${zkErrorName(error)}`);
    }
    if (error !== 0) return head.request.fail(zkErrorName(error));
    try {
      head.request.succeed(reader);
    } catch (cause) {
      head.request.fail('MarshallingError', String(cause));
      throw cause;
    }
  }

  private onClose(server: Endpoint, error: Error | undefined): void {
    const { logger } = this.options;
    const wasConnected = this.state === 'connected';
    if (this.frames.length > 0 && wasConnected) {
      try {
        this.handleFrames(false);
      } catch (cause) {
        logger.debug('Rest of a ZooKeeper connection cannot be read', { error: cause });
      }
    }
    if (this.connection === null) return;
    this.connection = null;
    if (this.closing) return this.tearDown();
    this.watchdog.disconnected();
    this.sendAgain(this.inFlight.drain().map(({ request }) => request));
    const reason = this.dropReason ?? error?.message ?? 'closed by the server';
    if (wasConnected) logger.warn('Lost the connection to ZooKeeper', { host: server.host, port: server.port, reason });
    else this.failures.failed(server, reason);
    if (this.state !== 'connecting') this.state = 'disconnected';
    if (wasConnected) this.listener.onDisconnected();
    if (this.closing || this.connection !== null) return;
    this.openConnection(this.reconnectDelayMs(wasConnected));
    this.watch();
  }

  /**
   * All but what no server seems to take: one closes the connection at a request that is larger than its `jute.maxbuffer`. Sent again and again
   * it would keep everything else from being done.
   */
  private sendAgain(requests: readonly PendingRequest[]): void {
    const isHopeless = ({ attempts, sentBytes, once }: PendingRequest): boolean =>
      attempts > (once ? 0 : 1) && sentBytes > JUTE_MAX_BUFFER;
    for (const request of requests.filter(isHopeless)) {
      const { attempts, sentBytes } = request;
      const often = attempts === 1 ? 'at a request' : `at each of ${attempts} requests`;
      const detail = `the server closed the connection ${often} of ${sentBytes} bytes: more than its jute.maxbuffer, it seems`;
      request.fail('BadArguments', detail);
    }
    const waiting = [...requests.filter((request) => !isHopeless(request)), ...this.queue.drain()];
    this.queue.unshiftAll(waiting.filter(({ once }) => !once));
    for (const request of waiting) if (request.once) request.fail('ConnectionLoss');
  }

  private drop(reason: string): void {
    this.dropReason = reason;
    this.connection?.destroy();
  }

  private expire(): void {
    this.endSession('expired', 'SessionExpired');
    this.listener.onExpired();
  }

  private authFailed(): void {
    this.options.logger.error('ZooKeeper refused our credentials');
    this.endSession('authFailed', 'AuthFailed');
    this.listener.onAuthFailed();
  }

  private endSession(state: ZkState, code: ZkErrorCode): void {
    const { connection } = this;
    this.connection = null;
    this.state = state;
    connection?.destroy();
    this.timer?.cancel();
    this.reconnectTimer?.cancel();
    this.credentials = NO_SESSION;
    this.lastZxid = 0n;
    this.watches.clear();
    this.failAll(code);
    if (this.closing) this.tearDown();
  }

  private failAll(code: ZkErrorCode): void {
    const all = [...this.inFlight.drain().map(({ request }) => request), ...this.queue.drain()];
    for (const request of all) request.fail(code);
  }

  private schedulePump(): void {
    if (this.pumpScheduled || this.queue.length === 0) return;
    this.pumpScheduled = true;
    queueMicrotask(() => {
      this.pumpScheduled = false;
      this.pump();
    });
  }

  /** Sends what may be sent, as one write. */
  private pump(): void {
    if (this.state !== 'connected' || !this.connection) return;
    const free = this.options.maxInFlightRequests - this.inFlight.length;
    const count = Math.min(free, this.queue.length);
    if (count <= 0) return;
    const writer = new JuteWriter(64 + count * 160);
    for (let i = 0; i < count; i++) {
      const request = this.queue.shift()!;
      const start = writer.length;
      this.xid = this.xid === 0x7fffffff ? 1 : this.xid + 1;
      writer.int(0).int(this.xid).int(request.opCode);
      request.encode(writer);
      writer.patchInt(writer.length - start - 4, start);
      request.attempts++;
      request.sentBytes = writer.length - start - 4;
      this.inFlight.push({ xid: this.xid, request });
    }
    this.write(writer.finish());
  }

  private write(bytes: Buffer): void {
    this.watchdog.sent(this.options.clock.monotonicMs());
    this.connection?.write([bytes]);
  }

  /** Tells the new server which watches we count on; it fires at once those that changed since `lastZxid`. */
  private resetWatches(): void {
    if (this.watches.size === 0) return;
    for (const request of encodeSetWatches(
      (kind) => [...this.watches.paths(kind)].map((it) => this.full(it)),
      this.lastZxid,
    ))
      this.write(request);
  }

  /** Puts the chroot in front. */
  full(path: string): string {
    const { chroot } = this.options;
    if (chroot === '') return path;
    return path === '/' ? chroot : chroot + path;
  }

  /** Takes the chroot off. */
  bare(path: string): string {
    const { chroot } = this.options;
    if (chroot === '' || !path.startsWith(chroot)) return path;
    return path.length === chroot.length ? '/' : path.slice(chroot.length);
  }

  /** Acts on what the watchdog says, and sets the timer for when it must be asked again. */
  private watch(): void {
    this.timer?.cancel();
    const { clock } = this.options;
    const nowMs = clock.monotonicMs();
    const verdict = this.watchdog.judge(nowMs);
    let untilMs = this.failOverdue(nowMs);
    switch (verdict.kind) {
      case 'ping':
        this.write(PING);
        untilMs = Math.min(untilMs, nowMs + 1);
        break;
      case 'dropConnection':
        this.drop(verdict.reason);
        return;
      case 'wait':
        untilMs = Math.min(untilMs, verdict.untilMs);
        break;
    }
    if (untilMs === Infinity) return;
    this.timer = clock.setTimer(Math.max(1, untilMs - nowMs), () => this.watch());
  }

  /** Fails requests whose deadline has passed; returns the next deadline. An answer that still comes is read and dropped. */
  private failOverdue(nowMs: number): number {
    let nextMs = Infinity;
    const overdue: PendingRequest[] = [];
    const look = (request: PendingRequest): void => {
      if (request.deadlineMs <= nowMs) overdue.push(request);
      else if (request.deadlineMs < nextMs) nextMs = request.deadlineMs;
    };
    for (const { request } of this.inFlight) look(request);
    if (this.queue.length > 0) {
      const kept: PendingRequest[] = [];
      for (const request of this.queue) {
        look(request);
        if (request.deadlineMs > nowMs) kept.push(request);
      }
      if (kept.length < this.queue.length) {
        this.queue.drain();
        this.queue.unshiftAll(kept);
      }
    }
    for (const request of overdue) request.fail('OperationTimeout');
    return nextMs;
  }
}

const PING = new JuteWriter(12).int(8).int(Xid.ping).int(OpCode.ping).finish();
