/**
 * A server and a crowd of its clients under a clock that stands still until it is told to move: connections without sockets, whose
 * "kernel" holds what a client has sent until the server reads it.
 */
import {
  silentLogger,
  type Connection,
  type ConnectionHandlers,
  type Endpoint,
  type Random,
  type Transport,
} from '../../../../src/common/index.js';
import { SimulatedClock } from '../../../../src/testing/index.js';
import { SocketServer, type Request, type SocketServerOptions } from '../../../../src/network/index.js';
import { ApiKey, encodeRequestFrame } from '../../../../src/protocol/index.js';

/** What a client's kernel takes before its sender has to wait. */
const SEND_BUFFER_BYTES = 100 * 1024;

/** Both ends of one connection. */
export class FakeConnection implements Connection {
  readonly local = { host: 'server', port: 9092 };
  /** Correlation ids of the answers that came, in order. */
  readonly answers: number[] = [];
  /** It reads nothing of what is written to it. */
  isDeaf = false;
  isClosed = false;
  bufferedBytes = 0;
  unsentBytes = 0;
  private handlers: ConnectionHandlers | null = null;
  private sent: Buffer[] = [];
  private isPaused = false;
  private unflushed: (() => void)[] = [];

  constructor(
    readonly remote: Endpoint,
    private readonly clock: SimulatedClock,
    private readonly random: Random,
  ) {}

  /** Bytes that the server has not read. */
  get unreadByServer(): number {
    return this.sent.reduce((sum, { length }) => sum + length, 0);
  }

  /** The client sends; the server is told in a turn of its own. */
  send(bytes: Buffer): void {
    this.sent.push(bytes);
    this.clock.defer(() => this.deliver());
  }

  /** The client goes away. */
  vanish(): void {
    this.finish();
  }

  /** The client reads some of what it has let lie, bit by bit: the buffers are written as a whole. */
  listenFor(bytes: number): void {
    this.unsentBytes -= bytes;
  }

  /** The client reads what it has let lie. */
  listen(): void {
    this.isDeaf = false;
    if (this.bufferedBytes === 0 || this.isClosed) return;
    const isBlocked = this.bufferedBytes > SEND_BUFFER_BYTES;
    this.bufferedBytes = this.unsentBytes = 0;
    for (const onFlushed of this.unflushed.splice(0)) onFlushed();
    if (isBlocked) this.handlers?.onDrain?.();
  }

  setHandlers(handlers: ConnectionHandlers): void {
    this.handlers = handlers;
  }

  write(buffers: readonly Buffer[], onFlushed?: () => void): boolean {
    if (this.isClosed) return true;
    const bytes = Buffer.concat([...buffers]);
    this.answers.push(bytes.readInt32BE(4));
    if (!this.isDeaf) return true;
    this.bufferedBytes += bytes.length;
    this.unsentBytes = this.bufferedBytes;
    if (onFlushed) this.unflushed.push(onFlushed);
    return this.bufferedBytes <= SEND_BUFFER_BYTES;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.clock.defer(() => this.deliver());
  }

  end(): void {
    this.finish();
  }

  destroy(): void {
    this.finish();
  }

  private finish(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.sent = [];
    this.clock.defer(() => this.handlers?.onClose());
  }

  /** As much as the server reads, in pieces as a network makes them. */
  private deliver(): void {
    while (!this.isPaused && !this.isClosed && this.sent.length > 0) {
      const target = this.handlers!.readBuffer!();
      const [first] = this.sent;
      const piece = this.random.nextInt(3) === 0 ? 1 + this.random.nextInt(first!.length) : first!.length;
      const count = Math.min(target.length, piece);
      first!.copy(target, 0, 0, count);
      if (count === first!.length) this.sent.shift();
      else this.sent[0] = first!.subarray(count);
      this.handlers!.onData(target.subarray(0, count));
    }
  }
}

/** The listeners that a crowd knows: `CLIENTS`, where brokers come too when there is no other, and `BROKERS`. */
export class Crowd {
  readonly clock = new SimulatedClock();
  readonly server: SocketServer;
  readonly connections: FakeConnection[] = [];
  private readonly accept = new Map<number, (connection: Connection) => void>();
  private nextPort = 1;

  constructor(
    private readonly random: Random,
    limits: Partial<SocketServerOptions['limits']>,
    onRequest: (request: Request) => void,
    options: Partial<SocketServerOptions> = {},
  ) {
    const transport: Pick<Transport, 'listen'> = {
      listen: (endpoint, onConnection) => {
        this.accept.set(endpoint.port, onConnection);
        return Promise.resolve({ endpoint, close: () => Promise.resolve() });
      },
    };
    this.server = new SocketServer({
      transport: transport as Transport,
      clock: this.clock,
      logger: silentLogger,
      limits: {
        maxRequestBytes: 4 * 1024 * 1024,
        requestMemoryBytes: 4 * 1024 * 1024,
        maxIdleMs: -1,
        backlog: 10,
        maxConnections: () => Infinity,
        maxConnectionsOfListener: () => Infinity,
        maxConnectionsOf: () => Infinity,
        ...limits,
      },
      protectedListener: 'BROKERS',
      onRequest,
      onFatalError: (error) => {
        throw error;
      },
      ...options,
    });
  }

  async bind(...listenerNames: readonly string[]): Promise<void> {
    let port = 1;
    for (const listenerName of listenerNames) await this.server.bind({ listenerName, host: 'server', port: port++ });
    this.server.enableProcessing();
  }

  /** To the listener that was bound as the `listener`th, from 1. */
  connect(host: string, listener = 1): FakeConnection {
    const connection = new FakeConnection({ host, port: this.nextPort++ }, this.clock, this.random);
    this.accept.get(listener)!(connection);
    this.connections.push(connection);
    return connection;
  }

  /** Moves on, with all that falls due. */
  run(ms: number): void {
    const untilMs = this.clock.nowMs() + ms;
    this.clock.setTimer(ms, () => undefined);
    while (this.clock.step(untilMs));
  }
}

/** A request of about `bytes`, whose answer carries the correlation id. */
export function requestOf(
  bytes: number,
  correlationId: number,
  clientId = 'c',
  apiKey: number = ApiKey.DescribeCluster,
): Buffer {
  const head = Buffer.concat(encodeRequestFrame(apiKey, 0, correlationId, clientId, {}));
  const frame = Buffer.concat([head, Buffer.alloc(Math.max(0, bytes - head.length))]);
  frame.writeInt32BE(frame.length - 4);
  return frame;
}
