/**
 * The socket port. The real kind is `node-transport.ts` over TCP; the simulated one joins brokers inside one process with delays,
 * losses and cuts. Bytes in order, or the connection closes.
 */
export interface Transport {
  /** Listens on `host:port` (port 0: any free one). Rejects with Node's error (`EADDRINUSE` …). */
  listen(endpoint: Endpoint, onConnection: (connection: Connection) => void): Promise<Listener>;
  /** Starts connecting at once; `onOpen` or `onClose` of the handlers says how it went. */
  connect(endpoint: Endpoint, handlers: ConnectionHandlers, options?: ConnectOptions): Connection;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface ConnectOptions {
  readonly timeoutMs?: number;
  readonly sendBufferBytes?: number;
  readonly receiveBufferBytes?: number;
}

export interface Listener {
  readonly endpoint: Endpoint;
  /** Stops accepting; open connections live on. */
  close(): Promise<void>;
}

export interface ConnectionHandlers {
  onOpen?(): void;
  /**
   * Where the next bytes shall be put (not empty): asked before each read, so that a receiver who knows what comes reads large frames
   * in place and small ones into a buffer it uses again and again. Without it each read brings a buffer of its own.
   */
  readBuffer?(): Buffer;
  /** Bytes came in. The buffer belongs to the receiver; with `readBuffer` it is the front of what that returned. */
  onData(bytes: Buffer): void;
  /** Everything that was written has been handed to the kernel, after `write` had returned false. */
  onDrain?(): void;
  /** The connection is gone; called once, last. `error` is missing after an orderly end. */
  onClose(error?: Error): void;
}

export interface Connection {
  readonly remote: Endpoint;
  readonly local: Endpoint;
  /** Must be called once, synchronously inside `onConnection`, for an accepted connection. */
  setHandlers(handlers: ConnectionHandlers): void;
  /**
   * Queues the buffers as one gathered write. False when more than the send buffer waits: hold back until `onDrain`. `onFlushed` is called
   * when the kernel has all of them, so that their memory may be used again; a transport that keeps them for longer never calls it.
   */
  write(buffers: readonly Buffer[], onFlushed?: () => void): boolean;
  /** Bytes queued and not yet handed to the kernel. */
  readonly bufferedBytes: number;
  /** Of what is being handed to the kernel, what it has not taken yet: changes each time the peer has read some, where `bufferedBytes` may stay. */
  readonly unsentBytes: number;
  /** Stops reading from the socket, so that the sender is held back by TCP. */
  pause(): void;
  resume(): void;
  /** Closes after what was written has gone out. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}
