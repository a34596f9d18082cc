import { partitionKey, type TopicPartition } from '../../cluster/index.js';
import { clampToSafeNumber, toSafeNumber } from '../../common/index.js';
import {
  ApiKey,
  ErrorCode,
  type DeepPartial,
  type FetchRequest,
  type FetchResponse,
  type ListOffsetsResponse,
  type OffsetForLeaderEpochResponse,
} from '../../protocol/index.js';
import { NetworkError, type NetworkClient } from '../../network/index.js';
import {
  listOffsetsRequestVersion,
  offsetForLeaderEpochRequestVersion,
  type EpochEndOffset,
  type EpochQuestion,
  type LeaderEndpoint,
  type OffsetAnswer,
} from '../../replication/index.js';
import type { MetadataCache } from '../metadata-cache.js';
import { brokerClient, type BrokerClientOptions } from './broker-client.js';

/** From this version on a follower says who it is. */
const FIRST_OFFSET_FOR_LEADER_EPOCH_WITH_REPLICA = 3;
/** Before it no epochs are told, and none are asked for. */
const FIRST_LIST_OFFSETS_WITH_EPOCHS = 4;
const LATEST_TIMESTAMP = -1n;
const EARLIEST_TIMESTAMP = -2n;

/**
 * A leader over a socket of its own, at the inter-broker listener (Kafka's `RemoteLeaderEndPoint`). As there, versions go by
 * `inter.broker.protocol.version` and are not negotiated: a leader that is older closes the connection on anything newer.
 */
export class RemoteLeaderEndpoint implements LeaderEndpoint {
  private client: NetworkClient | null = null;
  private closed = false;
  private readonly listOffsetsVersion: number;
  private readonly offsetForLeaderEpochVersion: number;

  constructor(
    readonly brokerId: number,
    private readonly replicaId: number,
    private readonly metadata: MetadataCache,
    private readonly options: BrokerClientOptions,
  ) {
    const atLeast = (version: string): boolean => options.config.interBrokerProtocolAtLeast(version);
    this.listOffsetsVersion = listOffsetsRequestVersion(atLeast);
    this.offsetForLeaderEpochVersion = offsetForLeaderEpochRequestVersion(atLeast);
  }

  async fetch(request: DeepPartial<FetchRequest>, version: number): Promise<FetchResponse> {
    const timeoutMs = this.options.config.get('replica.socket.timeout.ms');
    return this.currentClient().send<FetchResponse>(ApiKey.Fetch, version, request, timeoutMs);
  }

  async fetchEpochEndOffsets(questions: readonly EpochQuestion[]): Promise<EpochEndOffset[]> {
    const topics = new Map<string, { partition: number; currentLeaderEpoch: number; leaderEpoch: number }[]>();
    for (const { tp, currentLeaderEpoch, leaderEpoch } of questions) {
      let partitions = topics.get(tp.topic);
      if (!partitions) topics.set(tp.topic, (partitions = []));
      partitions.push({ partition: tp.partition, currentLeaderEpoch, leaderEpoch });
    }
    const version = this.offsetForLeaderEpochVersion;
    const response = await this.currentClient().send<OffsetForLeaderEpochResponse>(
      ApiKey.OffsetForLeaderEpoch,
      version,
      {
        ...(version >= FIRST_OFFSET_FOR_LEADER_EPOCH_WITH_REPLICA && { replicaId: this.replicaId }),
        topics: [...topics].map(([topic, partitions]) => ({ topic, partitions })),
      },
    );
    const answers = new Map<string, EpochEndOffset>();
    for (const { topic, partitions } of response.topics) {
      for (const { partition, errorCode, leaderEpoch, endOffset } of partitions) {
        answers.set(partitionKey({ topic, partition }), {
          errorCode,
          leaderEpoch,
          endOffset: clampToSafeNumber(endOffset),
        });
      }
    }
    const missing = { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, leaderEpoch: -1, endOffset: -1 };
    return questions.map(({ tp }) => answers.get(partitionKey(tp)) ?? missing);
  }

  fetchEarliestOffset(tp: TopicPartition, currentLeaderEpoch: number): Promise<OffsetAnswer> {
    return this.listOffset(tp, currentLeaderEpoch, EARLIEST_TIMESTAMP);
  }

  fetchLatestOffset(tp: TopicPartition, currentLeaderEpoch: number): Promise<OffsetAnswer> {
    return this.listOffset(tp, currentLeaderEpoch, LATEST_TIMESTAMP);
  }

  close(): void {
    this.closed = true;
    this.client?.close();
  }

  private async listOffset(tp: TopicPartition, currentLeaderEpoch: number, timestamp: bigint): Promise<OffsetAnswer> {
    const version = this.listOffsetsVersion;
    const epoch = version >= FIRST_LIST_OFFSETS_WITH_EPOCHS ? { currentLeaderEpoch } : {};
    const partition = { partitionIndex: tp.partition, ...epoch, timestamp };
    const response = await this.currentClient().send<ListOffsetsResponse>(ApiKey.ListOffsets, version, {
      replicaId: this.replicaId,
      topics: [{ name: tp.topic, partitions: [partition] }],
    });
    const answer = response.topics[0]?.partitions[0];
    if (!answer) return { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, offset: -1, leaderEpoch: -1 };
    return {
      errorCode: answer.errorCode,
      offset: toSafeNumber(answer.offset),
      leaderEpoch: answer.leaderEpoch,
    };
  }

  /** The broker may have come back at another address, so the metadata are asked each time. */
  private currentClient(): NetworkClient {
    if (this.closed) throw new NetworkError('closed', `the connection to broker ${this.brokerId} is closed`);
    const { config } = this.options;
    const node = this.metadata.aliveBrokerNode(this.brokerId, config.interBrokerListenerName);
    const current = this.client;
    if (!node) {
      if (current) return current;
      throw new NetworkError('disconnected', `broker ${this.brokerId} is not known to be alive`);
    }
    if (current && current.endpoint.host === node.host && current.endpoint.port === node.port) return current;
    current?.close();
    const clientId = `broker-${this.replicaId}-fetcher-0`;
    const timeoutMs = config.get('replica.socket.timeout.ms');
    return (this.client = brokerClient(this.options, { host: node.host, port: node.port }, clientId, timeoutMs));
  }
}
