import { type Clock, type Logger, type MetricsRegistry, type Timer } from '../common/index.js';
import type { BrokerInfo } from '../cluster/index.js';
import type { LeaderAndIsrResponse, StopReplicaResponse, UpdateMetadataResponse } from '../protocol/index.js';
import type { ControllerContext } from './core/controller-context.js';
import type { ControlRequest } from './core/request-batch.js';

/** What brokers answer to a `ControlRequest`, decoded. */
export type ControlResponse = LeaderAndIsrResponse | UpdateMetadataResponse | StopReplicaResponse;

/** A request holds what its format cannot: it will never be sent, however often it is tried. */
export class UnsendableRequestError extends Error {
  override readonly name = 'UnsendableRequestError';
}

/** A connection to one broker on the controller's behalf. */
export interface BrokerChannel {
  /**
   * Sends a request and gives its decoded answer. Rejects when the connection breaks or the deadline of a request passes, and with
   * `UnsendableRequestError`.
   */
  send(request: ControlRequest): Promise<ControlResponse>;
  /** Closes the connection; requests that wait for an answer reject. */
  close(): void;
}

/**
 * How the controller reaches brokers, and itself among them (the port to the network). `connect` never throws; a broker that cannot
 * be reached makes `send` reject.
 */
export interface BrokerChannelFactory {
  connect(broker: BrokerInfo): BrokerChannel;
}

/** Kafka's `RequestSendThread` waits as long before it tries again. */
const RETRY_BACKOFF_MS = 100;

/** Called with the answer, while the broker is still the one the request was for. */
export type ResponseCallback = (response: ControlResponse) => void;

interface QueueItem {
  readonly request: ControlRequest;
  readonly callback: ResponseCallback | undefined;
}

/**
 * One ordered queue of requests per live broker (Kafka's `ControllerChannelManager`). The controller adds brokers as they come and
 * removes them as they go; in between each request is sent again and again until the broker answered it, so brokers never miss a
 * change that was decided while they were registered.
 */
export class ControllerChannelManager {
  private readonly senders = new Map<number, RequestSender>();

  constructor(
    private readonly factory: BrokerChannelFactory,
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly stateChangeLog: Logger,
    metrics: MetricsRegistry,
    private readonly context: Pick<ControllerContext, 'shuttingDownBrokerIds'>,
  ) {
    metrics.gauge('kafka.controller:type=ControllerChannelManager,name=TotalQueueSize', () => this.totalQueueSize);
  }

  /** Requests that wait for their turn; the ones under way are not counted. */
  get totalQueueSize(): number {
    let size = 0;
    for (const sender of this.senders.values()) size += sender.queueSize;
    return size;
  }

  startup(brokers: Iterable<BrokerInfo>): void {
    for (const broker of brokers) this.addBroker(broker);
  }

  /** Drops every queue and closes every connection. `startup` may follow. */
  shutdown(): void {
    for (const id of [...this.senders.keys()]) this.removeBroker(id);
  }

  addBroker(broker: BrokerInfo): void {
    if (this.senders.has(broker.id)) return;
    const isStopping = (): boolean => this.context.shuttingDownBrokerIds.has(broker.id);
    const { factory, clock, log, stateChangeLog } = this;
    this.senders.set(broker.id, new RequestSender(broker, factory, clock, log, stateChangeLog, isStopping));
  }

  /** What waits for the broker is dropped: a later life of it will be told everything anew. */
  removeBroker(id: number): void {
    this.senders.get(id)?.close();
    this.senders.delete(id);
  }

  /** Queues the request. The callback is not called for a broker that is removed before it answered. */
  send(brokerId: number, request: ControlRequest, callback?: ResponseCallback): void {
    const sender = this.senders.get(brokerId);
    if (sender) sender.put({ request, callback });
    else this.log.warn('Not sending a request to a broker that is offline', { broker: brokerId, api: request.apiKey });
  }
}

/** The requests to one life of one broker: in order, one in flight (Kafka's `RequestSendThread`). */
class RequestSender {
  private readonly queue: QueueItem[] = [];
  private channel: BrokerChannel | null = null;
  private sending = false;
  private closed = false;
  private retryTimer: Timer | null = null;
  private failures = 0;

  constructor(
    private readonly broker: BrokerInfo,
    private readonly factory: BrokerChannelFactory,
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly stateChangeLog: Logger,
    /** It has asked for its shutdown, so that it will be away. */
    private readonly isStopping: () => boolean,
  ) {}

  get queueSize(): number {
    return this.queue.length;
  }

  put(item: QueueItem): void {
    this.queue.push(item);
    if (!this.sending) {
      this.sending = true;
      void this.drain();
    }
  }

  close(): void {
    this.closed = true;
    this.retryTimer?.cancel();
    this.channel?.close();
    this.channel = null;
  }

  private async drain(): Promise<void> {
    for (let item = this.queue.shift(); item; item = this.queue.shift()) {
      const response = await this.deliver(item.request);
      if (response === null) return;
      if (response === 'unsendable') continue;
      if (this.stateChangeLog.isEnabled('trace')) {
        this.stateChangeLog.trace(`Received response ${JSON.stringify(response)} from broker ${this.broker.id}`);
      }
      item.callback?.(response);
    }
    this.sending = false;
  }

  /** Sends the request until the broker answers it, or finds that it cannot be sent. Gives null when the broker is removed before. */
  private async deliver(request: ControlRequest): Promise<ControlResponse | 'unsendable' | null> {
    while (!this.closed) {
      try {
        this.channel ??= this.factory.connect(this.broker);
        const response = await this.channel.send(request);
        this.failures = 0;
        return this.closed ? null : response;
      } catch (error) {
        if (this.closed) return null;
        if (error instanceof UnsendableRequestError) {
          this.log.error('Giving up a request that cannot be sent', {
            broker: this.broker.id,
            api: request.apiKey,
            error,
          });
          return 'unsendable';
        }
        // Once for each run of failures: a broker that is down fails ten times a second until its session ends.
        if (this.failures++ === 0) {
          this.log[this.isStopping() ? 'info' : 'warn']('Failed to send a request to a broker, reconnecting', {
            broker: this.broker.id,
            api: request.apiKey,
            error,
          });
        }
        this.channel?.close();
        this.channel = null;
        await this.backOff();
      }
    }
    return null;
  }

  private backOff(): Promise<void> {
    return new Promise((resolve) => {
      this.retryTimer = this.clock.setTimer(RETRY_BACKOFF_MS, resolve, { background: true });
    });
  }
}
