import { sleep, systemClock, nodeTransport, type Clock, type Transport } from '../../common/index.js';
import {
  ErrorCode,
  findCoordinatorRequest,
  findCoordinatorResponse,
  isRetriable,
  metadataRequest,
  metadataResponse,
  type MessageType,
  type MetadataResponse,
} from '../../protocol/index.js';
import { QUIET_MS } from '../quiet.js';
import { BrokerConnection, DisconnectError, type BodyFor, type BrokerAddress } from './broker-connection.js';
import { ClientError, throwIfError, timeoutError } from './client-error.js';
import { requireResolvable } from './reachability.js';

export interface ClusterClientOptions {
  /** `host:port,host:port`. */
  readonly bootstrapServers: string;
  readonly clientId: string;
  /** How long one request may take. */
  readonly requestTimeoutMs?: number;
  /** How long a call may take with all its retries (`default.api.timeout.ms`). */
  readonly apiTimeoutMs?: number;
  readonly clock?: Clock;
  readonly transport?: Transport;
  /** Told of each bootstrap server whose host has no address. */
  readonly onUnresolved?: (sentence: string) => void;
  /** Told of each connection that could not be made. */
  readonly onConnectFailure?: (nodeId: number, address: BrokerAddress) => void;
  /** Told of each broker that does not say for a while which versions it knows, and how long that is waited for at most. */
  readonly onSilence?: (nodeId: number, address: BrokerAddress, limitMs: number) => void;
}

const RETRY_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 1000;

/**
 * A tool's view of a cluster: finds the brokers, the controller, a group's coordinator or a partition's leader, and tries again what
 * may succeed elsewhere or later, as Kafka's own admin client does.
 */
export class ClusterClient {
  readonly clock: Clock;
  private readonly apiTimeoutMs: number;
  private readonly bootstrap: readonly BrokerAddress[];
  /** By node id; the bootstrap servers are -1, -2 … */
  private readonly connections = new Map<number, Promise<BrokerConnection>>();
  private brokers = new Map<number, BrokerAddress>();
  private resolvable: Promise<void> | null = null;
  private isClosed = false;

  constructor(private readonly options: ClusterClientOptions) {
    this.clock = options.clock ?? systemClock;
    this.apiTimeoutMs = options.apiTimeoutMs ?? 60_000;
    this.bootstrap = parseBootstrapServers(options.bootstrapServers);
  }

  /** Sends a request to any broker that can be reached. `call` names it in the error. */
  sendToAny<T, I, R, RI>(
    call: string,
    request: MessageType<T, I>,
    response: MessageType<R, RI>,
    body: BodyFor<I>,
    errorsOf?: (answer: R) => readonly number[],
  ): Promise<R> {
    return this.retrying(call, async () => {
      const connection = await this.anyConnection();
      return checked(await connection.request(request, response, body), errorsOf);
    });
  }

  /** Sends a request to one broker. */
  sendToNode<T, I, R, RI>(
    nodeId: number,
    request: MessageType<T, I>,
    response: MessageType<R, RI>,
    body: BodyFor<I>,
    options?: { maxVersion?: number; timeoutMs?: number },
  ): Promise<R> {
    return this.nodeConnection(nodeId).then((connection) => connection.request(request, response, body, options));
  }

  /** Sends a request to the controller, and to the next one when that has moved. `errorsOf` gives the answer's error codes. */
  sendToController<T, I, R, RI>(
    call: string,
    request: MessageType<T, I>,
    response: MessageType<R, RI>,
    body: BodyFor<I>,
    errorsOf: (answer: R) => readonly number[],
  ): Promise<R> {
    return this.retrying(call, async () => {
      const { controllerId } = await this.describe([]);
      if (controllerId < 0) throw ClientError.ofCode(ErrorCode.NOT_CONTROLLER);
      const answer = await this.sendToNode(controllerId, request, response, body);
      if (errorsOf(answer).includes(ErrorCode.NOT_CONTROLLER)) throw ClientError.ofCode(ErrorCode.NOT_CONTROLLER);
      return answer;
    });
  }

  /** Runs `task` with the node that coordinates a group, again while the coordinator moves or loads. */
  withCoordinator<R>(call: string, group: string, task: (nodeId: number) => Promise<R>): Promise<R> {
    return this.retrying(call, async () => task((await this.findCoordinator(group)).nodeId));
  }

  async findCoordinator(group: string): Promise<{ nodeId: number; host: string; port: number }> {
    const connection = await this.anyConnection();
    const answer = await connection.request(findCoordinatorRequest, findCoordinatorResponse, (version) =>
      version >= 4 ? { coordinatorKeys: [group], keyType: 0 } : { key: group, keyType: 0 },
    );
    const found = answer.coordinators[0] ?? answer;
    throwIfError(found.errorCode, found.errorMessage);
    const { nodeId, host, port } = found;
    this.brokers.set(nodeId, { host, port });
    return { nodeId, host, port };
  }

  /** The cluster's metadata with some topics, or all of them for null. Nothing is created by asking. */
  metadata(topics: readonly string[] | null): Promise<MetadataResponse> {
    return this.retrying('describeTopics', () => this.describe(topics));
  }

  close(): void {
    this.isClosed = true;
    for (const connection of this.connections.values()) {
      connection.then((open) => open.close()).catch(() => undefined);
    }
    this.connections.clear();
  }

  /** Waits until a broker answers, for as long as a call may take. Rejects with why none does. */
  reachable(): Promise<void> {
    const late = (last: ClientError): ClientError => timeoutError(last.message);
    return this.retrying('reachable', async () => void (await this.anyConnection()), late);
  }

  /** Runs `task` until it succeeds, fails for good, or the time for a call is up, which `late` makes an error of, from the last one. */
  async retrying<R>(
    call: string,
    task: () => Promise<R>,
    late = (last: ClientError): ClientError => timedOut(call, last),
  ): Promise<R> {
    const deadlineMs = this.clock.monotonicMs() + this.apiTimeoutMs;
    let backoffMs = RETRY_BACKOFF_MS;
    for (;;) {
      try {
        return await task();
      } catch (error) {
        if (!(error instanceof ClientError) || !isWorthRetrying(error) || this.isClosed) throw error;
        if (this.clock.monotonicMs() + backoffMs > deadlineMs) throw late(error);
      }
      await sleep(this.clock, backoffMs);
      backoffMs = Math.min(MAX_BACKOFF_MS, backoffMs * 2);
    }
  }

  private async describe(topics: readonly string[] | null): Promise<MetadataResponse> {
    const connection = await this.anyConnection();
    const answer = await connection.request(metadataRequest, metadataResponse, {
      topics: topics === null ? null : topics.map((name) => ({ name })),
      allowAutoTopicCreation: false,
    });
    this.brokers = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    return answer;
  }

  /** A connection to a known broker, else to the first bootstrap server that answers. */
  private async anyConnection(): Promise<BrokerConnection> {
    if (!this.options.transport)
      await (this.resolvable ??= requireResolvable(this.bootstrap, this.options.onUnresolved ?? (() => undefined)));
    for (const nodeId of this.connections.keys()) {
      const open = await this.openConnection(nodeId);
      if (open) return open;
    }
    let failure: unknown;
    for (const nodeId of [...this.brokers.keys(), ...this.bootstrap.map((_address, i) => -1 - i)]) {
      try {
        return await this.nodeConnection(nodeId);
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  private async openConnection(nodeId: number): Promise<BrokerConnection | null> {
    const connection = await this.connections.get(nodeId)?.catch(() => null);
    if (connection && !connection.isClosed) return connection;
    this.connections.delete(nodeId);
    return null;
  }

  private async nodeConnection(nodeId: number): Promise<BrokerConnection> {
    const open = await this.openConnection(nodeId);
    if (open) return open;
    const address = nodeId < 0 ? this.bootstrap[-1 - nodeId] : this.brokers.get(nodeId);
    if (!address) {
      await this.describe([]);
      if (!this.brokers.has(nodeId)) throw ClientError.ofCode(ErrorCode.BROKER_NOT_AVAILABLE);
      return this.nodeConnection(nodeId);
    }
    const requestTimeoutMs = Math.min(this.options.requestTimeoutMs ?? 30_000, this.apiTimeoutMs);
    const silence = this.clock.setTimer(QUIET_MS, () => this.options.onSilence?.(nodeId, address, requestTimeoutMs));
    const opening = BrokerConnection.open(address, {
      transport: this.options.transport ?? nodeTransport,
      clock: this.clock,
      clientId: this.options.clientId,
      requestTimeoutMs,
    });
    this.connections.set(nodeId, opening);
    try {
      return await opening;
    } catch (error) {
      this.connections.delete(nodeId);
      if (error instanceof DisconnectError) this.options.onConnectFailure?.(nodeId, address);
      throw error;
    } finally {
      silence.cancel();
    }
  }
}

/** The address of who could not be reached is not in Kafka's words. */
function timedOut(call: string, last: ClientError): ClientError {
  const why = last instanceof DisconnectError ? ` (${last.message})` : '';
  return timeoutError(`Timed out waiting for a node assignment. Call: ${call}${why}`);
}

function checked<R>(answer: R, errorsOf: ((answer: R) => readonly number[]) | undefined): R {
  const retriable = errorsOf?.(answer).find((code) => isRetriable(code));
  if (retriable !== undefined) throw ClientError.ofCode(retriable);
  return answer;
}

/** Not every retriable code is worth it for a tool: an unknown topic stays unknown, and a timed-out creation may have happened. */
function isWorthRetrying({ errorCode }: ClientError): boolean {
  if (errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION || errorCode === ErrorCode.REQUEST_TIMED_OUT) return false;
  return isRetriable(errorCode) || errorCode === ErrorCode.BROKER_NOT_AVAILABLE;
}

/** Splits `host:port,…`. Throws as the Java clients do for what is none. */
export function parseBootstrapServers(text: string): BrokerAddress[] {
  const invalid = (item: string) =>
    new ClientError('org.apache.kafka.common.config.ConfigException', `Invalid url in bootstrap.servers: ${item}`);
  const addresses = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
    .map((item) => {
      const match = /^(?:[A-Z_]+:\/\/)?(?:\[([0-9a-fA-F:%.]+)\]|([0-9a-zA-Z\-._]+)):(\d{1,5})$/.exec(item);
      if (!match || Number(match[3]) > 65_535) throw invalid(item);
      return { host: (match[1] ?? match[2])!, port: Number(match[3]) };
    });
  if (addresses.length === 0) {
    throw new ClientError(
      'org.apache.kafka.common.config.ConfigException',
      'No resolvable bootstrap urls given in bootstrap.servers',
    );
  }
  return addresses;
}
