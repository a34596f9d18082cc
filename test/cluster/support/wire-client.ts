import net from 'node:net';
import { apiOf, decodeResponseFrame, encodeRequestFrame } from '../../../src/protocol/index.js';

const LENGTH_BYTES = 4;
const PATIENCE_MS = 30_000;

/** A raw connection to a broker: bytes out, frames in, and what became of the connection. Several requests may be under way. */
export class WireClient {
  /** Resolves when the connection has ended, from whichever side. */
  readonly closed: Promise<void>;
  private readonly frames: Buffer[] = [];
  private readonly waiting: ((frame: Buffer | null) => void)[] = [];
  private pending: Buffer = Buffer.alloc(0);
  private hasClosed = false;
  private nextCorrelationId = 1;

  private constructor(readonly socket: net.Socket) {
    socket.on('data', (bytes: Buffer) => this.take(bytes));
    // What went wrong shows as the end of the connection.
    socket.on('error', () => socket.destroy());
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    void this.closed.then(() => {
      this.hasClosed = true;
      for (const resolve of this.waiting.splice(0)) resolve(null);
    });
  }

  static async connect(port: number): Promise<WireClient> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new WireClient(socket);
  }

  get isClosed(): boolean {
    return this.hasClosed;
  }

  write(bytes: Buffer): boolean {
    return this.socket.write(bytes);
  }

  /** The next frame that the broker sends, without its length; null when the connection ends before one is whole. */
  async nextFrame(patienceMs = PATIENCE_MS): Promise<Buffer | null> {
    const frame = this.frames.shift();
    if (frame) return frame;
    if (this.hasClosed) return null;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer within ${patienceMs} ms`)), patienceMs);
      this.waiting.push((arrived) => {
        clearTimeout(timer);
        resolve(arrived);
      });
    });
  }

  /** Sends a request; `body` may leave out what has a default. */
  send(apiKey: number, version: number, body: object): number {
    const correlationId = this.nextCorrelationId++;
    this.write(Buffer.concat(encodeRequestFrame(apiKey, version, correlationId, 'probe', body)));
    return correlationId;
  }

  /** Sends a request and reads its answer; null when the connection ended instead. */
  async request<T extends object>(apiKey: number, version: number, body: object): Promise<T | null> {
    const sent = this.send(apiKey, version, body);
    const frame = await this.nextFrame();
    if (!frame) return null;
    const { correlationId, body: answer } = decodeResponseFrame(apiKey, version, frame);
    if (correlationId !== sent) {
      throw new Error(`${apiOf(apiKey)?.name} ${sent} got the answer to request ${correlationId}`);
    }
    return answer as T;
  }

  close(): Promise<void> {
    this.socket.destroy();
    return this.closed;
  }

  private take(bytes: Buffer): void {
    this.pending = this.pending.length === 0 ? bytes : Buffer.concat([this.pending, bytes]);
    while (this.pending.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + this.pending.readInt32BE(0);
      if (this.pending.length < end) return;
      const frame = this.pending.subarray(LENGTH_BYTES, end);
      this.pending = this.pending.subarray(end);
      const resolve = this.waiting.shift();
      if (resolve) resolve(frame);
      else this.frames.push(frame);
    }
  }
}

/** One request over a connection of its own. Throws when the connection ends instead of an answer. */
export async function ask<T extends object>(port: number, apiKey: number, version: number, body: object): Promise<T> {
  const client = await WireClient.connect(port);
  try {
    const answer = await client.request<T>(apiKey, version, body);
    if (!answer) throw new Error(`the connection ended instead of an answer to ${apiOf(apiKey)?.name} v${version}`);
    return answer;
  } finally {
    await client.close();
  }
}
