import type { Clock, Connection, Endpoint, Listener, Logger, Random, Timer, Transport } from '../../common/index.js';
import { FrameAssembler } from '../wire/frame-assembler.js';
import { JuteReader } from '../wire/jute.js';
import { OpCode, Xid } from '../core/op-codes.js';
import { ZooKeeperCore, type CoreRequest, type CoreResponse, type FiredWatch } from './core.js';
import { decodeRequest, encodeConnectResponse, encodeEvent, encodeResponse } from './wire.js';

export interface EmbeddedZooKeeperOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** ZooKeeper's default is two ticks of 2 s. */
  readonly minSessionTimeoutMs?: number;
  readonly maxSessionTimeoutMs?: number;
  /** What decides; one with the time-outs above unless told. */
  readonly core?: ZooKeeperCore;
}

/** What a client may ask of its member, once it has a session. */
export type ReplicaRequest = CoreRequest | { readonly op: 'closeSession' };

/** What one member has heard of all that was decided, and answers from: those of a simulation may lag behind each other. */
export interface Replica {
  /** Of the newest write that it has heard of: clients that have seen newer ones must look for another member. */
  readonly lastZxid: bigint;
  /** Carries out requests of a session, and answers in their order. With null the connection is lost in place of the answer. */
  step(session: bigint, request: ReplicaRequest, answer: (response: CoreResponse | null) => void): void;
  /** Forgets the watches of a connection that closed. */
  dropWatches(session: bigint): void;
}

/** The server's own limit on a request (`jute.maxbuffer`). */
const MAX_REQUEST_BYTES = 1024 * 1024 + 1024;

/**
 * A ZooKeeper in this process, for development, tests and simulation: ZooKeeper's wire protocol over the transport port, in front of
 * `ZooKeeperCore`. Several members may listen; they are of one mind, unless `listen` is given replicas. Nothing is kept on disk.
 */
export class EmbeddedZooKeeper {
  readonly core: ZooKeeperCore;
  private readonly upToDate: Replica;
  private readonly members = new Set<EmbeddedMember>();
  private readonly attached = new Map<bigint, ServedConnection>();
  private expiryTimer: Timer | null = null;
  private nextSession: bigint;
  private closed = false;

  constructor(readonly options: EmbeddedZooKeeperOptions) {
    const { minSessionTimeoutMs = 4_000, maxSessionTimeoutMs = 40_000 } = options;
    this.core = options.core ?? new ZooKeeperCore({ minSessionTimeoutMs, maxSessionTimeoutMs });
    this.upToDate = this.replicaWithoutLag();
    // As `SessionTrackerImpl`: the time in the upper bits, so that ids of two runs differ.
    this.nextSession = (BigInt(Math.floor(options.clock.nowMs())) << 24n) >> 8n;
  }

  /** Adds a member that serves clients at `endpoint` (port 0: any free one). */
  async listen(transport: Transport, endpoint: Endpoint, replica = this.upToDate): Promise<EmbeddedMember> {
    const member = new EmbeddedMember(this, replica);
    member.listener = await transport.listen(endpoint, (connection) => member.accept(connection));
    this.members.add(member);
    return member;
  }

  /** Ends a session as if its time had run out. */
  expireSession(id: bigint): void {
    this.deliver(this.core.closeSession(id));
    this.attached.get(id)?.end();
  }

  /** Stops all members. Sessions end with the process. */
  async close(): Promise<void> {
    this.closed = true;
    this.expiryTimer?.cancel();
    await Promise.all([...this.members].map((member) => member.stop()));
  }

  now(): number {
    return this.options.clock.monotonicMs();
  }

  openSession(timeoutMs: number): { id: bigint; password: Buffer; timeoutMs: number } {
    const id = this.nextSession++;
    const password = this.options.random.nextBytes(16);
    const granted = this.core.openSession(id, password, timeoutMs, this.now());
    this.scheduleExpiry();
    return { id, password, timeoutMs: granted.timeoutMs };
  }

  /** The session's events go to this connection now. An earlier one stays until its client lets go of it, as in ZooKeeper. */
  attach(session: bigint, connection: ServedConnection): void {
    this.attached.get(session)?.replica.dropWatches(session);
    this.attached.set(session, connection);
    this.scheduleExpiry();
  }

  detach(session: bigint, connection: ServedConnection): void {
    if (this.attached.get(session) !== connection) return;
    this.attached.delete(session);
    connection.replica.dropWatches(session);
  }

  /** Tells of watches that fired in a replica those of its sessions that are connected to it. */
  deliver(fired: readonly FiredWatch[], replica = this.upToDate): void {
    for (const { session, event } of fired) {
      const connection = this.attached.get(session);
      if (connection?.replica === replica) connection.send(encodeEvent(event));
    }
  }

  private replicaWithoutLag(): Replica {
    const { core, options } = this;
    const replica: Replica = {
      get lastZxid() {
        return core.lastZxid;
      },
      step: (session, request, answer) => {
        if (request.op === 'closeSession') {
          this.deliver(core.closeSession(session), replica);
          return answer({ op: 'done', zxid: core.lastZxid });
        }
        const { response, fired } = core.step(session, request, this.now(), Math.floor(options.clock.nowMs()));
        // Events go out before the answer to the request that caused them, as in ZooKeeper.
        this.deliver(fired, replica);
        answer(response);
      },
      dropWatches: (session) => core.dropWatches(session),
    };
    return replica;
  }

  private scheduleExpiry(): void {
    if (this.closed || this.expiryTimer) return;
    const nextMs = this.core.nextExpiryMs();
    if (nextMs === Infinity) return;
    const { clock } = this.options;
    this.expiryTimer = clock.setTimer(
      Math.max(1, nextMs - this.now()),
      () => {
        this.expiryTimer = null;
        const { expired, fired } = this.core.expire(this.now());
        this.deliver(fired);
        for (const session of expired) {
          this.options.logger.info('Session expired', { session: session.toString(16) });
          this.attached.get(session)?.end();
        }
        this.scheduleExpiry();
      },
      { background: true },
    );
  }
}

/** One member: a listener and its connections, which can be stopped, frozen and thawed for tests of failure. */
export class EmbeddedMember {
  listener!: Listener;
  private readonly connections = new Set<ServedConnection>();
  private frozen = false;

  constructor(
    readonly zooKeeper: EmbeddedZooKeeper,
    readonly replica: Replica,
  ) {}

  get endpoint(): Endpoint {
    return this.listener.endpoint;
  }

  /** Accepts connections and hears nothing any more, like a stopped process. */
  freeze(): void {
    this.frozen = true;
  }

  /** Goes on with what has come in since. */
  thaw(): void {
    this.frozen = false;
    for (const connection of [...this.connections]) connection.catchUp();
  }

  isFrozen(): boolean {
    return this.frozen;
  }

  /** Cuts the connections; clients may come back at once. */
  disconnectAll(): void {
    for (const connection of [...this.connections]) connection.end();
  }

  async stop(): Promise<void> {
    this.disconnectAll();
    await this.listener.close();
  }

  accept(connection: Connection): void {
    const served = new ServedConnection(this, connection, () => this.connections.delete(served));
    this.connections.add(served);
  }
}

/** One client's connection: the handshake, then requests one after another. */
class ServedConnection {
  private readonly assembler = new FrameAssembler(MAX_REQUEST_BYTES);
  private session: bigint | null = null;
  private held: Buffer[] = [];
  private open = true;
  private outgoing: Buffer[] | null = null;

  constructor(
    private readonly member: EmbeddedMember,
    private readonly connection: Connection,
    private readonly onGone: () => void,
  ) {
    connection.setHandlers({
      onData: (bytes) => {
        this.held.push(bytes);
        if (!member.isFrozen()) this.catchUp();
      },
      onClose: () => this.gone(),
    });
  }

  /** Handles what has come in. Garbage ends the connection. */
  catchUp(): void {
    this.outgoing = [];
    for (const bytes of this.held.splice(0)) {
      for (const frame of this.readable(() => this.assembler.push(bytes)) ?? []) {
        if (!this.open) break;
        if (this.session === null) this.readable(() => this.handshake(frame));
        else this.request(frame, this.session);
      }
    }
    const { outgoing } = this;
    this.outgoing = null;
    if (outgoing.length > 0) this.connection.write([Buffer.concat(outgoing)]);
    if (!this.open) this.connection.end();
  }

  /** What `read` gives, or the end of the connection when the bytes make no sense. */
  private readable<T>(read: () => T): T | null {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.zooKeeper.options.logger.debug('A client sent what cannot be read', { error });
      this.end();
      return null;
    }
  }

  send(frame: Buffer): void {
    if (this.outgoing) this.outgoing.push(frame);
    else if (this.open) this.connection.write([frame]);
  }

  /** Closes after what has been sent. */
  end(): void {
    this.open = false;
    if (!this.outgoing) this.connection.end();
    this.gone();
  }

  get replica(): Replica {
    return this.member.replica;
  }

  private get zooKeeper(): EmbeddedZooKeeper {
    return this.member.zooKeeper;
  }

  private gone(): void {
    this.open = false;
    if (this.session !== null) this.zooKeeper.detach(this.session, this);
    this.onGone();
  }

  private handshake(frame: Buffer): void {
    const reader = new JuteReader(frame);
    reader.int();
    const lastZxidSeen = reader.long();
    const timeoutMs = reader.int();
    const id = reader.long();
    const password = reader.buf() ?? Buffer.alloc(16);
    const { zooKeeper } = this;
    // A client that has seen more than we have must look for another server.
    if (lastZxidSeen > this.replica.lastZxid) return this.end();
    const session = id === 0n ? zooKeeper.openSession(timeoutMs) : this.resume(id, Buffer.from(password), timeoutMs);
    if (!session) {
      this.send(encodeConnectResponse(0, 0n, Buffer.alloc(16)));
      return this.end();
    }
    this.session = session.id;
    zooKeeper.attach(session.id, this);
    this.send(encodeConnectResponse(session.timeoutMs, session.id, session.password));
  }

  private resume(
    id: bigint,
    password: Buffer,
    timeoutMs: number,
  ): { id: bigint; password: Buffer; timeoutMs: number } | null {
    const resumed = this.zooKeeper.core.resumeSession(id, password, timeoutMs, this.zooKeeper.now());
    return resumed && { id, password, timeoutMs: resumed.timeoutMs };
  }

  private request(frame: Buffer, session: bigint): void {
    const read = this.readable(() => {
      const reader = new JuteReader(frame);
      const xid = reader.int();
      const opCode = reader.int();
      return { xid, opCode, request: decodeRequest(opCode, reader) };
    });
    if (!read) return;
    const { xid, opCode, request } = read;
    if (opCode === OpCode.ping) {
      const { core } = this.zooKeeper;
      if (!core.touch(session, this.zooKeeper.now())) return this.end();
      return this.send(encodeResponse(Xid.ping, opCode, { op: 'done', zxid: core.lastZxid }));
    }
    const isLast = opCode === OpCode.closeSession;
    const asked: ReplicaRequest | null = isLast ? { op: 'closeSession' } : request;
    if (!asked) return this.send(encodeResponse(xid, opCode, { op: 'error', error: 'Unimplemented', zxid: 0n }));
    this.replica.step(session, asked, (response) => {
      if (!response) return this.end();
      this.send(encodeResponse(xid, opCode, response));
      // A connection without a session is of no use.
      const isRefused = response.op === 'error' && (asked.op === 'auth' || response.error === 'SessionExpired');
      if (isLast || isRefused) this.end();
    });
  }
}
