import type { Clock, Logger, MetricsRegistry, Random, Timer, Transport } from '../../common/index.js';
import { parseConnectString } from '../connect-string.js';
import { whyRefused } from '../core/needed-permission.js';
import { isZkError, ZkError, type ZkErrorCode } from '../core/errors.js';
import type { SessionCredentials } from '../wire/handshake.js';
import type { JuteReader, JuteWriter } from '../wire/jute.js';
import { CREATE_FLAGS, OpCode } from '../core/op-codes.js';
import {
  OPEN_ACL_UNSAFE,
  type Acl,
  type CreateOptions,
  type MultiOp,
  type MultiOptions,
  type MultiResult,
  type Stat,
  type StateChangeHandler,
  type Watcher,
  type WatchEvent,
  type ZkClient,
  type ZkState,
  type ZkStateChange,
  type ZNodeChangeHandler,
  type ZNodeChildChangeHandler,
} from '../core/zk-client.js';
import { decodeMulti, encodeMulti } from './request.js';
import { Session } from './session.js';

export interface ZooKeeperClientOptions {
  /** `zookeeper.connect`: `host:port,host:port…[/chroot]`. The chroot is made if missing, with its parents. */
  readonly connect: string;
  readonly sessionTimeoutMs: number;
  /** How long `connect` waits for the first session. */
  readonly connectionTimeoutMs: number;
  /** `zookeeper.max.in.flight.requests`; more wait here. 1000 unless told. */
  readonly maxInFlightRequests?: number;
  /** An operation without an answer for so long fails. Unless told it waits as long as its session lives, as in Kafka. */
  readonly operationTimeoutMs?: number;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: MetricsRegistry;
  /** ACL of the chroot if it has to be made. */
  readonly chrootAcl?: readonly Acl[];
  /** Takes part in a session opened elsewhere. */
  readonly resume?: SessionCredentials;
}

const AUTH_RETRY_MS = 1000;
const METRIC = 'kafka.server:type=SessionExpireListener,name=ZooKeeper';

/** Kafka's `ZooKeeperClient`: the operations, watches and handlers of `ZkClient` over a `Session`. */
export class ZooKeeperClient implements ZkClient {
  private readonly session: Session;
  private readonly operationTimeoutMs: number;
  private readonly chroot: string;
  private readonly stateListeners = new Set<(change: ZkStateChange) => void>();
  private readonly stateChangeHandlers = new Map<string, StateChangeHandler>();
  private readonly changeHandlers = new Map<string, ZNodeChangeHandler>();
  private readonly childChangeHandlers = new Map<string, ZNodeChildChangeHandler>();
  private hadSession = false;
  private authTimer: Timer | null = null;
  private connecting: { resolve: () => void; reject: (error: Error) => void } | null = null;

  constructor(private readonly options: ZooKeeperClientOptions) {
    const { servers, chroot } = parseConnectString(options.connect);
    this.chroot = chroot;
    this.operationTimeoutMs = options.operationTimeoutMs ?? Infinity;
    this.session = new Session(
      { ...options, servers, chroot, maxInFlightRequests: options.maxInFlightRequests ?? 1000 },
      {
        onConnected: (isNew) => this.onConnected(isNew),
        onDisconnected: () => this.emit('disconnected', 'Disconnects'),
        onExpired: () => this.onExpired(),
        onAuthFailed: () => this.onAuthFailed(),
        onWatchEvent: (event) => this.onWatchEvent(event),
      },
    );
  }

  get sessionId(): bigint {
    return this.session.id;
  }

  /** Id and password: whoever has them can join the session. */
  get credentials(): SessionCredentials {
    return this.session.session;
  }

  get sessionTimeoutMs(): number {
    return this.session.timeoutMs;
  }

  get state(): ZkState {
    return this.session.state;
  }

  async connect(): Promise<void> {
    const { clock, connectionTimeoutMs } = this.options;
    const timer = clock.setTimer(connectionTimeoutMs, () =>
      this.connecting?.reject(this.noSession(connectionTimeoutMs)),
    );
    try {
      await new Promise<void>((resolve, reject) => {
        this.connecting = { resolve, reject };
        this.session.begin();
      });
      if (this.chroot !== '') await this.ensureChroot();
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      timer.cancel();
      this.connecting = null;
    }
  }

  /** What keeps it from having a session, for the sentences of those who wait. */
  get whyNoSession(): string {
    return this.session.lastFailure ?? 'it accepts connections and does not answer';
  }

  private noSession(timeoutMs: number): ZkError {
    const detail = `no session with ZooKeeper at ${this.options.connect} within ${timeoutMs} ms (${this.whyNoSession})`;
    return new ZkError('OperationTimeout', null, detail);
  }

  async close(): Promise<void> {
    this.connecting?.reject(new ZkError('Closed', null));
    this.authTimer?.cancel();
    this.changeHandlers.clear();
    this.childChangeHandlers.clear();
    this.stateChangeHandlers.clear();
    this.tellListeners('closed');
    await this.session.close();
  }

  get(path: string, watch?: Watcher): Promise<{ data: Buffer | null; stat: Stat }> {
    const watchers = this.watchersFor(this.changeHandlers, path, watch);
    return this.request(
      OpCode.getData,
      path,
      (writer, full) => writer.string(full).bool(watchers.length > 0),
      (reader) => {
        for (const watcher of watchers) this.session.watches.add('data', path, watcher);
        return { data: reader.buf(), stat: reader.stat() };
      },
    );
  }

  exists(path: string, watch?: Watcher): Promise<Stat | null> {
    const watchers = this.watchersFor(this.changeHandlers, path, watch);
    return this.request<Stat | null>(
      OpCode.exists,
      path,
      (writer, full) => writer.string(full).bool(watchers.length > 0),
      (reader) => {
        for (const watcher of watchers) this.session.watches.add('data', path, watcher);
        return reader.stat();
      },
      (code) => {
        if (code !== 'NoNode') return undefined;
        for (const watcher of watchers) this.session.watches.add('exist', path, watcher);
        return null;
      },
    );
  }

  children(
    path: string,
    watch?: Watcher,
    options?: { registered?: boolean },
  ): Promise<{ children: string[]; stat: Stat }> {
    const handlers = options?.registered === false ? null : this.childChangeHandlers;
    const watchers = this.watchersFor(handlers, path, watch);
    return this.request(
      OpCode.getChildren2,
      path,
      (writer, full) => writer.string(full).bool(watchers.length > 0),
      (reader) => {
        for (const watcher of watchers) this.session.watches.add('child', path, watcher);
        return { children: reader.strings(), stat: reader.stat() };
      },
    );
  }

  async create(path: string, data: Buffer | null, options: CreateOptions = {}): Promise<{ path: string; stat: Stat }> {
    const { mode = 'persistent', acl = OPEN_ACL_UNSAFE } = options;
    const tries = { attempts: 0 };
    try {
      return await this.request(
        OpCode.create2,
        path,
        (writer, full) => {
          tries.attempts++;
          writer.string(full).buf(data).acl(acl).int(CREATE_FLAGS[mode]);
        },
        (reader) => ({ path: this.session.bare(reader.string()), stat: reader.stat() }),
      );
    } catch (error) {
      if (!isZkError(error, 'NodeExists') || mode !== 'ephemeral' || tries.attempts < 2) throw error;
      // Sent twice because the connection broke: the first try may be what is in the way.
      const stat = await this.exists(path);
      if (stat === null) return this.create(path, data, options);
      if (stat.ephemeralOwner === this.sessionId) return { path, stat };
      throw error;
    }
  }

  set(path: string, data: Buffer | null, version: number): Promise<Stat> {
    return this.request(
      OpCode.setData,
      path,
      (writer, full) => writer.string(full).buf(data).int(version),
      (reader) => reader.stat(),
    );
  }

  delete(path: string, version: number): Promise<void> {
    return this.request(
      OpCode.delete,
      path,
      (writer, full) => writer.string(full).int(version),
      () => undefined,
    );
  }

  multi(ops: readonly MultiOp[], { once = false }: MultiOptions = {}): Promise<MultiResult[]> {
    return this.request(
      OpCode.multi,
      null,
      (writer) => encodeMulti(writer, ops, (path) => this.session.full(path)),
      (reader) => decodeMulti(reader, ops, (path) => this.session.bare(path)),
      undefined,
      once,
    );
  }

  getAcl(path: string): Promise<{ acl: Acl[]; stat: Stat }> {
    return this.request(
      OpCode.getAcl,
      path,
      (writer, full) => writer.string(full),
      (reader) => ({ acl: reader.acl(), stat: reader.stat() }),
    );
  }

  setAcl(path: string, acl: readonly Acl[], aclVersion: number): Promise<Stat> {
    return this.request(
      OpCode.setAcl,
      path,
      (writer, full) => writer.string(full).acl(acl).int(aclVersion),
      (reader) => reader.stat(),
    );
  }

  sync(path: string): Promise<void> {
    return this.request(
      OpCode.sync,
      path,
      (writer, full) => writer.string(full),
      () => undefined,
    );
  }

  async ensurePath(path: string, acl: readonly Acl[] = OPEN_ACL_UNSAFE): Promise<void> {
    await this.ensure(path, acl, (it) => this.create(it, null, { acl }));
  }

  addAuth(scheme: string, auth: Buffer): void {
    this.session.addAuth(scheme, auth);
  }

  onStateChange(listener: (change: ZkStateChange) => void): () => void {
    this.stateListeners.add(listener);
    return () => void this.stateListeners.delete(listener);
  }

  registerStateChangeHandler(handler: StateChangeHandler): void {
    this.stateChangeHandlers.set(handler.name, handler);
  }

  unregisterStateChangeHandler(name: string): void {
    this.stateChangeHandlers.delete(name);
  }

  registerZNodeChangeHandler(handler: ZNodeChangeHandler): void {
    this.changeHandlers.set(handler.path, handler);
  }

  unregisterZNodeChangeHandler(path: string): void {
    this.changeHandlers.delete(path);
  }

  registerZNodeChildChangeHandler(handler: ZNodeChildChangeHandler): void {
    this.childChangeHandlers.set(handler.path, handler);
  }

  unregisterZNodeChildChangeHandler(path: string): void {
    this.childChangeHandlers.delete(path);
  }

  async registerZNodeChangeHandlerAndCheckExistence(handler: ZNodeChangeHandler): Promise<boolean> {
    this.registerZNodeChangeHandler(handler);
    return (await this.exists(handler.path)) !== null;
  }

  /** Issues a request; `refused` may turn a refusal into a result. */
  private request<T>(
    opCode: number,
    path: string | null,
    encode: (writer: JuteWriter, full: string) => void,
    decode: (reader: JuteReader) => T,
    refused?: (code: ZkErrorCode) => T | undefined,
    once = false,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const full = path === null ? '' : this.session.full(path);
      this.session.submit({
        opCode,
        path,
        encode: (writer) => encode(writer, full),
        succeed: (reader) => resolve(decode(reader)),
        fail: (code, detail) => {
          const result = refused?.(code);
          if (result !== undefined) resolve(result);
          else reject(new ZkError(code, path, detail ?? whyRefused(code, opCode, path)));
        },
        once,
        attempts: 0,
        sentBytes: 0,
        deadlineMs: this.options.clock.monotonicMs() + this.operationTimeoutMs,
      });
    });
  }

  private watchersFor(
    handlers: ReadonlyMap<string, unknown> | null,
    path: string,
    watch: Watcher | undefined,
  ): Watcher[] {
    if (handlers?.has(path)) return watch ? [watch, this.tellHandlers] : [this.tellHandlers];
    return watch ? [watch] : [];
  }

  /** The watcher behind all registered handlers. The handler is looked up when the watch fires, as in Kafka. */
  private readonly tellHandlers = ({ type, path }: WatchEvent): void => {
    switch (type) {
      case 'created':
        return this.changeHandlers.get(path)?.handleCreation?.();
      case 'deleted':
        return this.changeHandlers.get(path)?.handleDeletion?.();
      case 'dataChanged':
        return this.changeHandlers.get(path)?.handleDataChange?.();
      case 'childrenChanged':
        return this.childChangeHandlers.get(path)?.handleChildChange();
    }
  };

  private onWatchEvent(event: WatchEvent): void {
    for (const watcher of this.session.watches.fire(event)) this.guard('watcher', () => watcher(event));
  }

  private onConnected(isNew: boolean): void {
    const { logger } = this.options;
    const reinitialized = isNew && this.hadSession;
    logger.info('Connected to ZooKeeper', {
      session: BigInt.asUintN(64, this.sessionId).toString(16),
      sessionTimeoutMs: this.sessionTimeoutMs,
      new: isNew,
    });
    this.hadSession = true;
    this.connecting?.resolve();
    this.emit(reinitialized ? 'reconnectedWithNewSession' : 'connected', 'SyncConnects');
    if (!reinitialized) return;
    for (const handler of [...this.stateChangeHandlers.values()]) {
      this.guard(handler.name, () => handler.afterInitializingSession?.());
    }
  }

  private onExpired(): void {
    this.emit('expired', 'Expires');
    // A session that was lost before `connect` returned is simply tried again.
    void this.reinitialize();
  }

  private onAuthFailed(): void {
    this.emit('authFailed', 'AuthFailures');
    for (const handler of this.stateChangeHandlers.values()) this.guard(handler.name, () => handler.onAuthFailure?.());
    if (this.connecting) {
      this.connecting.reject(new ZkError('AuthFailed', null, 'the servers refused our credentials'));
      return;
    }
    this.authTimer = this.options.clock.setTimer(AUTH_RETRY_MS, () => void this.reinitialize());
  }

  private async reinitialize(): Promise<void> {
    for (const handler of [...this.stateChangeHandlers.values()]) {
      try {
        await handler.beforeInitializingSession?.();
      } catch (error) {
        this.options.logger.error('A handler of session changes failed', { handler: handler.name, error });
      }
    }
    if (this.session.state === 'expired' || this.session.state === 'authFailed') this.session.begin();
  }

  private emit(change: ZkStateChange, metric: string): void {
    this.options.metrics?.counter(`${METRIC}${metric}PerSec`).add();
    this.tellListeners(change);
  }

  private tellListeners(change: ZkStateChange): void {
    for (const listener of [...this.stateListeners]) this.guard('state listener', () => listener(change));
  }

  private guard(who: string, task: () => void): void {
    try {
      task();
    } catch (error) {
      this.options.logger.error('A ZooKeeper handler failed', { handler: who, error });
    }
  }

  private ensureChroot(): Promise<void> {
    const acl = this.options.chrootAcl ?? OPEN_ACL_UNSAFE;
    // Paths of requests are inside the chroot, so these go without `full`.
    return this.ensure(this.chroot, acl, (path) =>
      this.request(
        OpCode.create,
        null,
        (writer) => writer.string(path).buf(null).acl(acl).int(CREATE_FLAGS.persistent),
        () => undefined,
      ),
    );
  }

  private async ensure(path: string, acl: readonly Acl[], create: (path: string) => Promise<unknown>): Promise<void> {
    try {
      await create(path);
    } catch (error) {
      if (isZkError(error, 'NodeExists')) return;
      const parent = path.slice(0, path.lastIndexOf('/'));
      if (!isZkError(error, 'NoNode') || parent === '') throw error;
      await this.ensure(parent, acl, create);
      await this.ensure(path, acl, create);
    }
  }
}
