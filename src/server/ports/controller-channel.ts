import { toSafeNumber } from '../../common/index.js';
import {
  ApiKey,
  ErrorCode,
  errorName,
  type AllocateProducerIdsResponse,
  type ApiVersionsResponse,
  type AlterPartitionRequest,
  type AlterPartitionResponse,
  type DeepPartial,
} from '../../protocol/index.js';
import { NetworkError, type NetworkClient } from '../../network/index.js';
import type { ControllerChannel } from '../../replication/index.js';
import type { MetadataCache } from '../metadata-cache.js';
import type { ProducerIdsBlock } from '../producer-id-manager.js';
import { brokerClient, controlListenerName, type BrokerClientOptions } from './broker-client.js';

const ALLOCATE_PRODUCER_IDS_VERSION = 0;

/** In this version every broker answers, whatever else it knows. */
const API_VERSIONS_VERSION = 0;

/**
 * The way from this broker to whichever broker is the controller by its metadata (Kafka's `BrokerToControllerChannelManager`). Waits
 * while no controller is known; one connection, made anew when the controller moves.
 */
export class ControllerConnection implements ControllerChannel {
  private client: NetworkClient | null = null;
  private controllerId = -1;
  private versions: { readonly client: NetworkClient; readonly latest: ReadonlyMap<number, number> } | null = null;
  private closed = false;
  private readonly waiting = new Set<(error: NetworkError) => void>();

  constructor(
    private readonly options: BrokerClientOptions,
    private readonly brokerId: number,
    private readonly metadata: MetadataCache,
  ) {}

  async alterPartition(
    build: (version: number) => DeepPartial<AlterPartitionRequest>,
    maxVersion: number,
  ): Promise<{ version: number; response: AlterPartitionResponse }> {
    const version = Math.min(maxVersion, await this.latestVersionOf(ApiKey.AlterPartition));
    const response = await this.send<AlterPartitionResponse>(ApiKey.AlterPartition, version, () => build(version));
    return { version, response };
  }

  /** Rejects when the controller gave no block. */
  async allocateProducerIds(brokerEpoch: bigint): Promise<ProducerIdsBlock> {
    const response = await this.send<AllocateProducerIdsResponse>(
      ApiKey.AllocateProducerIds,
      ALLOCATE_PRODUCER_IDS_VERSION,
      () => ({ brokerId: this.brokerId, brokerEpoch }),
    );
    if (response.errorCode !== ErrorCode.NONE) {
      throw new Error(`the controller gave no producer ids: ${errorName(response.errorCode)}`);
    }
    return { firstProducerId: toSafeNumber(response.producerIdStart), length: response.producerIdLen };
  }

  close(): void {
    this.closed = true;
    this.client?.close();
    for (const reject of this.waiting) reject(this.closedError());
    this.waiting.clear();
  }

  /** What the controller supports, asked once a connection, as Kafka's own client does. Infinity when it does not say. */
  private async latestVersionOf(apiKey: number): Promise<number> {
    const client = await this.currentClient();
    if (this.versions?.client !== client) {
      const { apiKeys } = await client.send<ApiVersionsResponse>(ApiKey.ApiVersions, API_VERSIONS_VERSION, {});
      this.versions = { client, latest: new Map(apiKeys.map((api) => [api.apiKey, api.maxVersion])) };
    }
    return this.versions.latest.get(apiKey) ?? Infinity;
  }

  private async send<T extends { errorCode: number }>(apiKey: number, version: number, body: () => object): Promise<T> {
    const client = await this.currentClient();
    let response: T;
    try {
      response = await client.send<T>(apiKey, version, body());
    } catch (error) {
      // It may come back as another version of itself.
      this.versions = null;
      throw error;
    }
    if (response.errorCode === ErrorCode.NOT_CONTROLLER) {
      client.disconnect('it is not the controller any more');
      throw new NetworkError('disconnected', `${client.endpoint.host} is not the controller any more`);
    }
    return response;
  }

  /** The client of the controller that is known now, or will be. */
  private currentClient(): Promise<NetworkClient> {
    const client = this.clientIfKnown();
    if (client) return Promise.resolve(client);
    if (this.closed) return Promise.reject(this.closedError());
    return new Promise((resolve, reject) => {
      this.waiting.add(reject);
      const stop = this.metadata.onUpdate(() => {
        const found = this.closed ? null : this.clientIfKnown();
        if (!found && !this.closed) return;
        stop();
        this.waiting.delete(reject);
        if (found) resolve(found);
      });
    });
  }

  private clientIfKnown(): NetworkClient | null {
    if (this.closed) return null;
    const { controllerId } = this.metadata;
    const { config } = this.options;
    const node = this.metadata.aliveBrokerNode(controllerId, controlListenerName(config));
    if (!node) return null;
    const current = this.client;
    const isSame =
      this.controllerId === controllerId && current?.endpoint.host === node.host && current.endpoint.port === node.port;
    if (current && isSame) return current;
    current?.close();
    this.controllerId = controllerId;
    const timeoutMs = config.get('controller.socket.timeout.ms');
    return (this.client = brokerClient(
      this.options,
      { host: node.host, port: node.port },
      `${this.brokerId}`,
      timeoutMs,
    ));
  }

  private closedError(): NetworkError {
    return new NetworkError('closed', 'the way to the controller is closed');
  }
}
