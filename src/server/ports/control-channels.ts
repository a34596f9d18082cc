import type { BrokerInfo } from '../../cluster/index.js';
import {
  UnsendableRequestError,
  type BrokerChannel,
  type BrokerChannelFactory,
  type ControlRequest,
  type ControlResponse,
} from '../../controller/index.js';
import { NetworkError, type NetworkClient } from '../../network/index.js';
import { brokerClient, controlListenerName, endPointOf, type BrokerClientOptions } from './broker-client.js';

/** How our controller reaches brokers over sockets, itself among them. */
export class ControlChannels implements BrokerChannelFactory {
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
    return new SocketChannel(brokerClient(this.options, endPoint, String(this.brokerId), timeoutMs));
  }
}

class SocketChannel implements BrokerChannel {
  constructor(private readonly client: NetworkClient) {}

  async send({ apiKey, version, body }: ControlRequest): Promise<ControlResponse> {
    try {
      return await this.client.send<ControlResponse>(apiKey, version, body);
    } catch (error) {
      if (!(error instanceof NetworkError) || error.kind !== 'unencodable') throw error;
      throw new UnsendableRequestError(error.message, { cause: error });
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
