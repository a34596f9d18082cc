import type { BrokerInfo } from '../../cluster/index.js';
import { BROKER_SLICES, runInSlices, type Clock } from '../../common/index.js';
import {
  UnsendableRequestError,
  type BrokerChannel,
  type BrokerChannelFactory,
  type ControlRequest,
  type ControlResponse,
} from '../../controller/index.js';
import { NetworkError, type NetworkClient } from '../../network/index.js';
import { encodeRequestFrameInSteps } from '../../protocol/index.js';
import { brokerClient, controlListenerName, endPointOf, type BrokerClientOptions } from './broker-client.js';

/** How our controller reaches brokers over sockets, itself among them. */
export class ControlChannels implements BrokerChannelFactory {
  /** A command is tried on a new connection until the broker answers: it is encoded once. */
  private readonly frames: Frames = new WeakMap();

  constructor(
    private readonly options: BrokerClientOptions,
    private readonly brokerId: number,
  ) {}

  connect(broker: BrokerInfo): BrokerChannel {
    const { config } = this.options;
    const listenerName = controlListenerName(config);
    const endPoint = endPointOf(broker.endPoints, listenerName);
    if (!endPoint) return new NoChannel(`broker ${broker.id} has no listener ${listenerName}`);
    const timeoutMs = config.get('controller.socket.timeout.ms');
    const clientId = String(this.brokerId);
    const client = brokerClient(this.options, endPoint, clientId, timeoutMs);
    return new SocketChannel(client, clientId, this.options.clock, this.frames);
  }
}

type Frames = WeakMap<ControlRequest, readonly Buffer[]>;

class SocketChannel implements BrokerChannel {
  constructor(
    private readonly client: NetworkClient,
    private readonly clientId: string,
    private readonly clock: Clock,
    private readonly frames: Frames,
  ) {}

  async send(request: ControlRequest): Promise<ControlResponse> {
    const frame = this.frames.get(request) ?? (await this.encode(request));
    this.frames.set(request, frame);
    return this.client.sendEncoded<ControlResponse>(request.apiKey, request.version, frame);
  }

  /** What is told of thousands of partitions is encoded in slices. */
  private async encode({ apiKey, version, body }: ControlRequest): Promise<readonly Buffer[]> {
    try {
      return await runInSlices(
        this.clock,
        encodeRequestFrameInSteps(apiKey, version, this.clientId, body),
        BROKER_SLICES,
      );
    } catch (error) {
      const { host, port } = this.client.endpoint;
      throw new UnsendableRequestError(`cannot encode a request to ${host}:${port}`, { cause: error });
    }
  }

  close(): void {
    this.client.close();
  }
}

class NoChannel implements BrokerChannel {
  constructor(private readonly why: string) {}

  send(): Promise<ControlResponse> {
    return Promise.reject(new NetworkError('disconnected', this.why));
  }

  close(): void {
    // There is nothing to close.
  }
}
