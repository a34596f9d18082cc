import type {
  Clock,
  Connection,
  ConnectionHandlers,
  ConnectOptions,
  Endpoint,
  Listener,
  Random,
  Transport,
} from '../common/index.js';

export interface SimulatedNetworkOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** How long bytes travel; each piece draws its own delay, but none overtakes an earlier one of its connection. */
  readonly minDelayMs?: number;
  readonly maxDelayMs?: number;
  /** How likely it is that a piece breaks the connection instead of arriving. */
  readonly resetProbability?: number;
}

/** How long a connection attempt over a cut way lasts when the caller names no time. */
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
const SEND_BUFFER_BYTES = 100 * 1024;
/** Two ends that cannot hear each other give up, as TCP does after its retransmissions, though sooner. */
const GIVE_UP_MS = 60_000;
const FIRST_EPHEMERAL_PORT = 40_000;

/**
 * A network inside one process: named hosts, each with a `Transport`, joined by connections with delays and losses drawn from a seed,
 * and ways that can be cut in one direction. What is sent over a cut way waits, as with TCP, until it heals or an end gives up.
 */
export class SimulatedNetwork {
  readonly clock: Clock;
  readonly random: Random;
  private readonly listeners = new Map<string, SimulatedListener>();
  private readonly connections = new Set<SimulatedConnection>();
  private readonly cuts = new Set<string>();
  private nextPort = FIRST_EPHEMERAL_PORT;

  constructor(private readonly options: SimulatedNetworkOptions) {
    this.clock = options.clock;
    this.random = options.random;
  }

  /** The sockets of one host. `listen` binds its name whatever address is asked for; others connect by its name. */
  transportFor(hostName: string): Transport {
    return {
      listen: (endpoint, onConnection) => this.listen(hostName, endpoint.port, onConnection),
      connect: (endpoint, handlers, options) => this.connect(hostName, endpoint, handlers, options),
    };
  }

  /** Nothing sent by `from` reaches `to` any more; the other direction stays as it is. */
  cut(from: string, to: string): void {
    this.cuts.add(way(from, to));
  }

  /** Splits the hosts in two parts that reach each other in neither direction. */
  partition(one: readonly string[], other: readonly string[]): void {
    for (const a of one) {
      for (const b of other) {
        this.cut(a, b);
        this.cut(b, a);
      }
    }
  }

  /** Mends every way, or those between the two hosts; what waited arrives. */
  heal(from?: string, to?: string): void {
    if (from !== undefined && to !== undefined) {
      this.cuts.delete(way(from, to));
      this.cuts.delete(way(to, from));
    } else {
      this.cuts.clear();
    }
    for (const connection of [...this.connections]) connection.deliverHeld();
  }

  isCut(from: string, to: string): boolean {
    return this.cuts.has(way(from, to));
  }

  /** The processes of a host are gone: it listens no more, and its peers see their connections reset. */
  crash(hostName: string): void {
    for (const [key, listener] of this.listeners) if (listener.host === hostName) this.listeners.delete(key);
    for (const connection of [...this.connections]) if (connection.host === hostName) connection.vanish();
  }

  /** @internal */
  delayMs(): number {
    const { minDelayMs = 0, maxDelayMs = minDelayMs } = this.options;
    const delayMs = minDelayMs + this.random.nextDouble() * (maxDelayMs - minDelayMs);
    // In ticks of the simulated clock: a timer set for the difference of two times must not fire before the second.
    return Math.ceil(delayMs * 1024) / 1024;
  }

  /** @internal */
  losesConnection(): boolean {
    const { resetProbability = 0 } = this.options;
    return resetProbability > 0 && this.random.nextDouble() < resetProbability;
  }

  /** @internal */
  forget(connection: SimulatedConnection): void {
    this.connections.delete(connection);
  }

  private listen(host: string, wanted: number, onConnection: (connection: Connection) => void): Promise<Listener> {
    const port = wanted === 0 ? this.nextPort++ : wanted;
    const key = `${host}:${port}`;
    if (this.listeners.has(key)) return Promise.reject(networkError('EADDRINUSE', `${key} is in use`));
    const listener = new SimulatedListener(host, port, onConnection, () => {
      if (this.listeners.get(key) === listener) this.listeners.delete(key);
    });
    this.listeners.set(key, listener);
    return Promise.resolve(listener);
  }

  private connect(
    from: string,
    to: Endpoint,
    handlers: ConnectionHandlers,
    options: ConnectOptions | undefined,
  ): Connection {
    const local = { host: from, port: this.nextPort++ };
    const here = new SimulatedConnection(this, local, to);
    this.connections.add(here);
    here.attach(handlers);
    const startedMs = this.clock.monotonicMs();
    const timeoutMs = options?.timeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
    const attempt = (): void => {
      if (here.isGone) return;
      if (this.isCut(from, to.host) || this.isCut(to.host, from)) {
        if (this.clock.monotonicMs() - startedMs >= timeoutMs)
          here.fail(networkError('ETIMEDOUT', `connect ${to.host}`));
        else this.clock.setTimer(Math.min(1000, timeoutMs), attempt, { background: true });
        return;
      }
      const listener = this.listeners.get(`${to.host}:${to.port}`);
      if (!listener) return here.fail(networkError('ECONNREFUSED', `connect ${to.host}:${to.port}`));
      const there = new SimulatedConnection(this, to, local);
      this.connections.add(there);
      here.join(there);
      there.join(here);
      listener.onConnection(there);
      this.clock.setTimer(this.delayMs(), () => here.open());
    };
    this.clock.setTimer(this.delayMs(), attempt);
    return here;
  }
}

class SimulatedListener implements Listener {
  readonly endpoint: Endpoint;

  constructor(
    readonly host: string,
    port: number,
    readonly onConnection: (connection: Connection) => void,
    private readonly onClose: () => void,
  ) {
    this.endpoint = { host, port };
  }

  close(): Promise<void> {
    this.onClose();
    return Promise.resolve();
  }
}

type Piece = { kind: 'data'; bytes: Buffer } | { kind: 'end' } | { kind: 'reset' };

class SimulatedConnection implements Connection {
  private handlers: ConnectionHandlers | null = null;
  private peer: SimulatedConnection | null = null;
  /** On the way to the peer, in order, each with the time at which it arrives at the soonest. */
  private readonly outgoing: { piece: Piece; atMs: number }[] = [];
  private deliveryIsSet = false;
  private queuedBytes = 0;
  private held = false;
  private paused = false;
  private ended = false;
  private gone = false;
  private heldSinceMs: number | null = null;

  constructor(
    private readonly network: SimulatedNetwork,
    readonly local: Endpoint,
    readonly remote: Endpoint,
  ) {}

  get host(): string {
    return this.local.host;
  }

  get isGone(): boolean {
    return this.gone;
  }

  get bufferedBytes(): number {
    return this.queuedBytes;
  }

  get unsentBytes(): number {
    return this.queuedBytes;
  }

  setHandlers(handlers: ConnectionHandlers): void {
    this.attach(handlers);
  }

  attach(handlers: ConnectionHandlers): void {
    this.handlers = handlers;
  }

  join(peer: SimulatedConnection): void {
    this.peer = peer;
  }

  open(): void {
    if (!this.gone) this.handlers?.onOpen?.();
  }

  write(buffers: readonly Buffer[]): boolean {
    if (this.gone || this.ended) return true;
    // Copied: the writer may use its buffers again once the kernel has them.
    const bytes = Buffer.concat(buffers);
    this.queuedBytes += bytes.length;
    this.send(this.network.losesConnection() ? { kind: 'reset' } : { kind: 'data', bytes });
    if (this.queuedBytes <= SEND_BUFFER_BYTES) return true;
    this.held = true;
    return false;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.peer?.deliverSoon();
  }

  end(): void {
    if (this.gone || this.ended) return;
    this.ended = true;
    this.send({ kind: 'end' });
  }

  destroy(): void {
    if (this.gone) return;
    if (!this.ended) this.send({ kind: 'reset' });
    this.finish(undefined);
  }

  /** The process is gone; its kernel resets the connection. Nothing is told to this end. */
  vanish(): void {
    this.handlers = null;
    this.destroy();
  }

  fail(error: Error): void {
    this.finish(error);
  }

  deliverHeld(): void {
    this.heldSinceMs = null;
    this.deliverSoon();
  }

  deliverSoon(): void {
    if (this.deliveryIsSet || this.outgoing.length === 0) return;
    this.deliveryIsSet = true;
    const delayMs = Math.max(0, this.outgoing[0]!.atMs - this.network.clock.monotonicMs());
    this.network.clock.setTimer(delayMs, () => this.deliver());
  }

  private send(piece: Piece): void {
    const soonest = this.network.clock.monotonicMs() + this.network.delayMs();
    const last = this.outgoing[this.outgoing.length - 1];
    this.outgoing.push({ piece, atMs: Math.max(soonest, last?.atMs ?? 0) });
    this.deliverSoon();
  }

  private deliver(): void {
    this.deliveryIsSet = false;
    const peer = this.peer;
    if (!peer || peer.gone) {
      this.outgoing.length = 0;
      return;
    }
    const next = this.outgoing[0];
    if (!next) return;
    const { network } = this;
    // A lost acknowledgement stops the sender just as lost data do.
    if (network.isCut(this.host, this.remote.host)) return this.wait();
    if (peer.paused && next.piece.kind !== 'reset') return;
    if (network.clock.monotonicMs() >= next.atMs) {
      this.outgoing.shift();
      this.arrive(peer, next.piece);
    }
    this.deliverSoon();
  }

  private wait(): void {
    const nowMs = this.network.clock.monotonicMs();
    this.heldSinceMs ??= nowMs;
    if (nowMs - this.heldSinceMs >= GIVE_UP_MS) {
      this.finish(networkError('ETIMEDOUT', `${this.remote.host} does not answer`));
      return;
    }
    if (this.gone && this.outgoing.every(({ piece }) => piece.kind === 'reset')) {
      // A reset that cannot be delivered is never repeated; the peer finds out when it sends.
      this.outgoing.length = 0;
      return;
    }
    this.deliveryIsSet = true;
    this.network.clock.setTimer(
      1000,
      () => {
        this.deliveryIsSet = false;
        this.deliverSoon();
      },
      { background: true },
    );
  }

  private arrive(peer: SimulatedConnection, piece: Piece): void {
    switch (piece.kind) {
      case 'data':
        this.queuedBytes -= piece.bytes.length;
        peer.receive(piece.bytes);
        if (this.held && this.queuedBytes === 0 && !this.gone) {
          this.held = false;
          this.handlers?.onDrain?.();
        }
        break;
      case 'end':
        peer.finish(undefined);
        this.finish(undefined);
        break;
      case 'reset':
        peer.finish(networkError('ECONNRESET', `${this.host} reset the connection`));
        this.finish(this.gone ? undefined : networkError('ECONNRESET', 'the connection was lost'));
        break;
    }
  }

  private receive(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.gone && this.handlers) {
      const target = this.handlers.readBuffer?.();
      const count = Math.min(bytes.length - at, target?.length ?? bytes.length);
      if (target) {
        bytes.copy(target, 0, at, at + count);
        this.handlers.onData(target.subarray(0, count));
      } else {
        this.handlers.onData(bytes.subarray(at, at + count));
      }
      at += count;
    }
  }

  private finish(error: Error | undefined): void {
    if (this.gone) return;
    this.gone = true;
    this.network.forget(this);
    const handlers = this.handlers;
    this.handlers = null;
    // Never inside the caller, as with real sockets.
    if (handlers) this.network.clock.defer(() => handlers.onClose(error));
  }
}

function way(from: string, to: string): string {
  return `${from} -> ${to}`;
}

function networkError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
