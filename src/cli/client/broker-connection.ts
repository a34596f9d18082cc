import type { Clock, Connection, Timer, Transport } from '../../common/index.js';
import type { apiVersionsResponse } from '../../protocol/index.js';
import {
  apiOf,
  apiVersionsRequest,
  decodeResponseFrame,
  encodeRequestFrame,
  ErrorCode,
  type MessageType,
} from '../../protocol/index.js';
import { ClientError, timeoutError } from './client-error.js';

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

export interface ConnectionSettings {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly clientId: string;
  readonly requestTimeoutMs: number;
}

interface Pending {
  readonly apiKey: number;
  readonly version: number;
  readonly timer: Timer;
  resolve(body: object): void;
  reject(error: Error): void;
}

/** A request's body: one that fits every version, or one made for the version that was agreed on. */
export type BodyFor<I> = I | ((version: number) => I);

/** Larger than any answer that a tool asks for. */
const MAX_ANSWER_BYTES = 1 << 30;
/** The same of the first, ApiVersions. What servers of other protocols say first (`HTTP`, `220 `, an alert of TLS), taken for a size, is more. */
const MAX_VERSIONS_BYTES = 1 << 20;
export const IS_IT_A_BROKER = 'Is it the port of a Kafka broker?';

function notKafka({ host, port }: BrokerAddress): ClientError {
  return new ClientError(
    'org.apache.kafka.common.network.InvalidReceiveException',
    `${host}:${port} does not answer in Kafka's protocol. ${IS_IT_A_BROKER}`,
    ErrorCode.UNKNOWN_SERVER_ERROR,
  );
}

/** The connection broke, or could not be made; another broker, or a later try, may do better. */
export class DisconnectError extends ClientError {
  constructor(address: BrokerAddress, reason = 'closed by the broker') {
    super(
      'org.apache.kafka.common.errors.DisconnectException',
      `Connection to ${address.host}:${address.port} failed: ${reason}`,
      ErrorCode.NETWORK_EXCEPTION,
    );
  }
}

/**
 * One connection of a tool to one broker: asks for its versions first and then sends each request in the newest version that both
 * know. Requests are pipelined; each has a deadline, after which the connection is given up.
 */
export class BrokerConnection {
  private readonly pending = new Map<number, Pending>();
  private readonly versions = new Map<number, { min: number; max: number }>();
  private received: Buffer = Buffer.alloc(0);
  private nextCorrelationId = 0;
  private closed: Error | null = null;

  private constructor(
    readonly address: BrokerAddress,
    private readonly settings: ConnectionSettings,
    private connection: Connection,
  ) {}

  /** Connects and learns the versions. Rejects with `DisconnectError`. */
  static async open(address: BrokerAddress, settings: ConnectionSettings): Promise<BrokerConnection> {
    let opened: BrokerConnection | null = null;
    const self = await new Promise<BrokerConnection>((resolve, reject) => {
      const connection = settings.transport.connect(
        address,
        {
          onOpen: () => resolve((opened = new BrokerConnection(address, settings, connection))),
          onData: (bytes) => opened?.take(bytes),
          onClose: (error) => {
            const disconnected = new DisconnectError(address, error?.message);
            if (opened) opened.fail(disconnected);
            else reject(disconnected);
          },
        },
        { timeoutMs: settings.requestTimeoutMs },
      );
    });
    await self.learnVersions();
    return self;
  }

  get isClosed(): boolean {
    return this.closed !== null;
  }

  close(): void {
    this.connection.destroy();
    this.fail(new DisconnectError(this.address));
  }

  /** Sends a request and gives its answer. `maxVersion` holds back a version whose form the caller does not use. */
  async request<T, I, R, RI>(
    request: MessageType<T, I>,
    response: MessageType<R, RI>,
    body: BodyFor<I>,
    options: { maxVersion?: number; timeoutMs?: number } = {},
  ): Promise<R> {
    const version = this.agreedVersion(request as MessageType<unknown, never>, options.maxVersion);
    const message = typeof body === 'function' ? (body as (version: number) => I)(version) : body;
    void response; // Gives the type of the answer.
    return (await this.send(request.apiKey!, version, message as object, options.timeoutMs)) as R;
  }

  /** True when the broker serves at least `version` of an API. */
  serves(apiKey: number, version = 0): boolean {
    return (this.versions.get(apiKey)?.max ?? -1) >= version;
  }

  private agreedVersion(request: MessageType<unknown, never>, maxVersion = Infinity): number {
    const offered = this.versions.get(request.apiKey!);
    const known = request.validVersions;
    const own = request.latestVersionUnstable ? known.max - 1 : known.max;
    const version = Math.min(own, offered?.max ?? -1, maxVersion);
    if (!offered || version < Math.max(known.min, offered.min)) {
      throw new ClientError(
        'org.apache.kafka.common.errors.UnsupportedVersionException',
        `The broker does not support ${apiOf(request.apiKey!)
          ?.name.replace(/(.)([A-Z])/g, '$1_$2')
          .toUpperCase()}`,
        ErrorCode.UNSUPPORTED_VERSION,
      );
    }
    return version;
  }

  private send(apiKey: number, version: number, body: object, timeoutMs?: number): Promise<object> {
    if (this.closed) return Promise.reject(this.closed);
    const correlationId = this.nextCorrelationId++;
    const frames = encodeRequestFrame(apiKey, version, correlationId, this.settings.clientId, body);
    return new Promise((resolve, reject) => {
      const timer = this.settings.clock.setTimer(timeoutMs ?? this.settings.requestTimeoutMs, () => {
        const text = `Request ${apiOf(apiKey)?.name} to ${this.address.host}:${this.address.port} timed out`;
        this.fail(timeoutError(text));
        this.connection.destroy();
      });
      this.pending.set(correlationId, { apiKey, version, timer, resolve, reject });
      this.connection.write(frames);
    });
  }

  private async learnVersions(): Promise<void> {
    const name = { clientSoftwareName: 'ottla', clientSoftwareVersion: '3.6.1' };
    for (const version of [3, 0]) {
      const answer = (await this.send(apiVersionsRequest.apiKey!, version, name).catch((error: unknown) => {
        throw this.withDoubt(error);
      })) as ReturnType<typeof apiVersionsResponse.decode>;
      if (answer.errorCode === ErrorCode.UNSUPPORTED_VERSION && version !== 0) continue;
      if (answer.errorCode !== ErrorCode.NONE) throw ClientError.ofCode(answer.errorCode);
      for (const { apiKey, minVersion, maxVersion } of answer.apiKeys) {
        this.versions.set(apiKey, { min: minVersion, max: maxVersion });
      }
      return;
    }
  }

  /** What came instead of the first answer. */
  private withDoubt(error: unknown): unknown {
    if (error instanceof DisconnectError)
      return new DisconnectError(this.address, `closed without an answer. ${IS_IT_A_BROKER}`);
    if (!(error instanceof ClientError) || error.errorCode !== ErrorCode.REQUEST_TIMED_OUT) return error;
    return new ClientError(error.className, `${error.message}. ${IS_IT_A_BROKER}`, error.errorCode);
  }

  private take(bytes: Buffer): void {
    const maxBytes = this.versions.size === 0 ? MAX_VERSIONS_BYTES : MAX_ANSWER_BYTES;
    this.received = this.received.length === 0 ? bytes : Buffer.concat([this.received, bytes]);
    while (this.received.length >= 4) {
      const size = this.received.readInt32BE(0);
      if (size < 4 || size > maxBytes) {
        this.fail(notKafka(this.address));
        this.connection.destroy();
        return;
      }
      if (this.received.length < 4 + size) return;
      const frame = this.received.subarray(4, 4 + size);
      this.received = this.received.subarray(4 + size);
      const pending = this.pending.get(frame.readInt32BE(0));
      if (!pending) continue;
      this.pending.delete(frame.readInt32BE(0));
      pending.timer.cancel();
      try {
        pending.resolve(decodeAnswer(pending, frame));
      } catch (error) {
        void error; // Of whichever field it is that cannot be read.
        pending.reject(notKafka(this.address));
      }
    }
  }

  private fail(error: Error): void {
    if (this.closed) return;
    this.closed = error;
    for (const { timer, reject } of this.pending.values()) {
      timer.cancel();
      reject(error);
    }
    this.pending.clear();
  }
}

/** An answer to ApiVersions in a version that the broker does not know comes in version 0 (KIP-511). */
function decodeAnswer({ apiKey, version }: Pending, frame: Buffer): object {
  if (apiKey === apiVersionsRequest.apiKey && frame.readInt16BE(4) === ErrorCode.UNSUPPORTED_VERSION) version = 0;
  return decodeResponseFrame(apiKey, version, frame).body;
}
