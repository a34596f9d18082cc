import dns from 'node:dns';
import * as net from 'node:net';
import { nextTurn, systemClock, type Timer } from './clock.js';
import type { Connection, ConnectionHandlers, ConnectOptions, Endpoint, Listener, Transport } from './transport.js';

/** What may wait for the kernel before `write` answers false, when the caller names no other size. */
const DEFAULT_SEND_BUFFER_BYTES = 100 * 1024;
/** Writes of several buffers that are smaller than this together are joined first: one small copy is cheaper than a gathered write. */
const JOIN_BELOW_BYTES = 2048;
/** How many connections may wait to be accepted; the kernel cuts it down to its own bound. */
const BACKLOG = 1024;
/** What a read asks for when the receiver gives no buffer of its own. */
const READ_BYTES = 64 * 1024;

/**
 * TCP by `node:net`, with TCP_NODELAY and keep-alive. Bytes are read straight into the receiver's buffer when it offers one. The sizes
 * of the kernel's buffers (`sendBufferBytes`, `receiveBufferBytes`) cannot be set from Node; the send size bounds what is queued here.
 */
export const nodeTransport: Transport = {
  async listen(endpoint, onConnection) {
    // Of a name that has addresses of both families Java takes that of IPv4, to listen on and to connect to; so do clients, and only that one.
    const host =
      endpoint.host === '' ? undefined : (await dns.promises.lookup(endpoint.host, { verbatim: false })).address;
    return new Promise((resolve, reject) => {
      // Paused, so that nothing is read before the handlers and their buffers are known.
      const server = net.createServer({ pauseOnConnect: true, noDelay: true, keepAlive: true }, (socket) =>
        onConnection(new NodeConnection(socket, DEFAULT_SEND_BUFFER_BYTES)),
      );
      server.once('error', reject);
      server.listen({ host, port: endpoint.port, backlog: BACKLOG }, () => {
        server.removeListener('error', reject);
        // A failed accept (no file descriptors left) costs that client its connection; listening goes on.
        server.on('error', () => undefined);
        resolve(new NodeListener(server, endpoint.host));
      });
    });
  },

  connect(endpoint, handlers, options) {
    return NodeConnection.connect(endpoint, handlers, options);
  },
};

class NodeListener implements Listener {
  readonly endpoint: Endpoint;

  constructor(
    private readonly server: net.Server,
    host: string,
  ) {
    this.endpoint = { host, port: (server.address() as net.AddressInfo).port };
  }

  close(): Promise<void> {
    // Node's own callback would wait for the open connections too, which live on.
    this.server.close();
    return nextTurn(systemClock);
  }
}

/** Node reads into given memory (`onread`) only if told when the socket is made; an accepted one is made before we can tell. */
interface SocketWithHandle {
  /** By `writeQueueSize` Node itself tells a timeout from a slow write. */
  _handle: { readonly writeQueueSize: number } | null;
}

class NodeConnection implements Connection {
  readonly remote: Endpoint;
  private handlers: ConnectionHandlers | undefined;
  private socket: net.Socket;
  private held = false;
  private error: Error | undefined;
  private connectTimer: Timer | undefined;

  /** Wraps an accepted, paused socket. */
  constructor(
    socket: net.Socket,
    private readonly sendBufferBytes: number,
    remote?: Endpoint,
  ) {
    this.socket = socket;
    this.remote = remote ?? { host: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 };
  }

  static connect(endpoint: Endpoint, handlers: ConnectionHandlers, options?: ConnectOptions): NodeConnection {
    const socket = net.connect({
      host: endpoint.host,
      port: endpoint.port,
      noDelay: true,
      keepAlive: true,
      lookup: (name, options, callback) => dns.lookup(name, { ...options, verbatim: false }, callback),
      ...(handlers.readBuffer && { onread: onreadInto(handlers) }),
    });
    const connection = new NodeConnection(socket, options?.sendBufferBytes ?? DEFAULT_SEND_BUFFER_BYTES, endpoint);
    socket.once('connect', () => {
      connection.connectTimer?.cancel();
      handlers.onOpen?.();
    });
    if (options?.timeoutMs !== undefined) {
      connection.connectTimer = systemClock.setTimer(options.timeoutMs, () =>
        socket.destroy(new Error(`no connection to ${endpoint.host}:${endpoint.port} within ${options.timeoutMs} ms`)),
      );
    }
    connection.attach(handlers);
    return connection;
  }

  get local(): Endpoint {
    return { host: plainAddress(this.socket.localAddress), port: this.socket.localPort ?? 0 };
  }

  get bufferedBytes(): number {
    return this.socket.writableLength;
  }

  get unsentBytes(): number {
    return (this.socket as net.Socket & SocketWithHandle)._handle?.writeQueueSize ?? 0;
  }

  setHandlers(handlers: ConnectionHandlers): void {
    if (handlers.readBuffer) {
      const accepted = this.socket as net.Socket & SocketWithHandle;
      const handle = accepted._handle;
      if (handle) {
        // The same kernel socket under a new wrapper that knows where to read to; the old wrapper lets go of it.
        accepted._handle = null;
        const options = { handle, onread: onreadInto(handlers), pauseOnCreate: true };
        this.socket = new net.Socket(options as unknown as net.SocketConstructorOpts);
      }
    }
    this.attach(handlers);
    this.socket.resume();
  }

  write(buffers: readonly Buffer[], onFlushed?: () => void): boolean {
    const socket = this.socket;
    if (socket.destroyed) return true;
    const done = onFlushed && ((error?: Error | null) => !error && onFlushed());
    if (buffers.length === 1) {
      socket.write(buffers[0]!, done);
    } else {
      let bytes = 0;
      for (const buffer of buffers) bytes += buffer.length;
      if (bytes <= JOIN_BELOW_BYTES) {
        socket.write(Buffer.concat(buffers, bytes), done);
      } else {
        socket.cork();
        for (let i = 0; i < buffers.length; i++) socket.write(buffers[i]!, i === buffers.length - 1 ? done : undefined);
        socket.uncork();
      }
    }
    // What the kernel took at once is already off this count.
    if (socket.writableLength <= this.sendBufferBytes) return true;
    this.held = true;
    return false;
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  private attach(handlers: ConnectionHandlers): void {
    this.handlers = handlers;
    const socket = this.socket;
    socket.on('drain', () => {
      if (!this.held) return;
      this.held = false;
      this.handlers?.onDrain?.();
    });
    socket.on('error', (error) => (this.error = error));
    socket.once('close', () => {
      this.connectTimer?.cancel();
      handlers.onClose(this.error);
    });
    // With `readBuffer` the bytes go to its callback and this event never comes.
    if (!handlers.readBuffer) socket.on('data', (bytes: Buffer) => handlers.onData(bytes));
  }
}

function onreadInto(handlers: ConnectionHandlers): net.OnReadOpts {
  let asked: Buffer | undefined;
  return {
    buffer: () => (asked = handlers.readBuffer?.() ?? Buffer.allocUnsafeSlow(READ_BYTES)),
    callback: (bytesRead) => {
      handlers.onData(asked!.subarray(0, bytesRead));
      return true;
    },
  };
}

/** An IPv4 client of a socket that listens on both families appears as `::ffff:1.2.3.4`. */
function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
