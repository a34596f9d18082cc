import type {
  Clock,
  Connection,
  ConnectionHandlers,
  Endpoint,
  Listener,
  Transport,
} from '../../../../src/common/index.js';

/** Sockets inside one test: bytes arrive one deferral later, in order. `cut` makes the network lose everything both ways. */
export class MemoryTransport implements Transport {
  private readonly listeners = new Map<number, (connection: Connection) => void>();
  private readonly pairs: [MemoryConnection, MemoryConnection][] = [];
  isCut = false;
  private nextPort = 40_000;

  constructor(readonly clock: Clock) {}

  listen(endpoint: Endpoint, onConnection: (connection: Connection) => void): Promise<Listener> {
    const port = endpoint.port === 0 ? this.nextPort++ : endpoint.port;
    this.listeners.set(port, onConnection);
    return Promise.resolve({
      endpoint: { host: endpoint.host, port },
      close: () => {
        this.listeners.delete(port);
        return Promise.resolve();
      },
    });
  }

  connect(endpoint: Endpoint, handlers: ConnectionHandlers): Connection {
    const local = { host: 'local', port: this.nextPort++ };
    const ours = new MemoryConnection(this, endpoint, local);
    const theirs = new MemoryConnection(this, local, endpoint);
    ours.peer = theirs;
    theirs.peer = ours;
    ours.setHandlers(handlers);
    this.clock.defer(() => {
      const accept = this.isCut ? undefined : this.listeners.get(endpoint.port);
      if (!accept) return ours.close(new Error('ECONNREFUSED'));
      this.pairs.push([ours, theirs]);
      accept(theirs);
      handlers.onOpen?.();
    });
    return ours;
  }

  /** Breaks all connections, as a reset would. */
  resetAll(): void {
    for (const [ours, theirs] of this.pairs.splice(0)) {
      ours.close(new Error('ECONNRESET'));
      theirs.close(new Error('ECONNRESET'));
    }
  }
}

class MemoryConnection implements Connection {
  peer!: MemoryConnection;
  readonly bufferedBytes = 0;
  readonly unsentBytes = 0;
  private handlers: ConnectionHandlers | null = null;
  private open = true;

  constructor(
    private readonly transport: MemoryTransport,
    readonly remote: Endpoint,
    readonly local: Endpoint,
  ) {}

  setHandlers(handlers: ConnectionHandlers): void {
    this.handlers = handlers;
  }

  write(buffers: readonly Buffer[]): boolean {
    const bytes = Buffer.concat(buffers);
    if (this.open && !this.transport.isCut) this.transport.clock.defer(() => this.peer.receive(bytes));
    return true;
  }

  pause(): void {
    throw new Error('not needed by these tests');
  }

  resume(): void {
    throw new Error('not needed by these tests');
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    this.transport.clock.defer(() => {
      this.close();
      if (!this.transport.isCut) this.peer.close();
    });
  }

  close(error?: Error): void {
    if (!this.open) return;
    this.open = false;
    this.handlers?.onClose(error);
  }

  private receive(bytes: Buffer): void {
    if (this.open && !this.transport.isCut) this.handlers?.onData(bytes);
  }
}
