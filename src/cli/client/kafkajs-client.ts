import {
  CompressionCodecs,
  CompressionTypes,
  Kafka,
  KafkaJSProtocolError,
  logLevel,
  type PartitionAssigner,
} from 'kafkajs';
import { compress, decompress, type Compression } from '../../records/index.js';
import { consumerProtocolAssignment, consumerProtocolSubscription, ErrorCode } from '../../protocol/index.js';
import { parseBootstrapServers } from './cluster-client.js';
import { ClientError } from './client-error.js';
import { endingLog } from './kafkajs-consumer.js';
import { kafkaJsSocket } from './kafkajs-socket.js';

/** kafkajs as the console tools use it: with every codec, the assignor of Kafka's consumers, and errors as the Java clients print them. */
export interface KafkaJsOptions {
  readonly bootstrapServers: string;
  readonly clientId: string;
  readonly requestTimeoutMs?: number;
  readonly retries?: number;
  readonly retryBackoffMs?: number;
}

export function createKafkaJs(options: KafkaJsOptions): Kafka {
  registerCodecs();
  return new Kafka({
    clientId: options.clientId,
    socketFactory: kafkaJsSocket,
    brokers: parseBootstrapServers(options.bootstrapServers).map(({ host, port }) =>
      host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    ),
    requestTimeout: options.requestTimeoutMs ?? 30_000,
    retry: {
      retries: options.retries ?? 15,
      initialRetryTime: options.retryBackoffMs ?? 100,
      maxRetryTime: 1000,
    },
    logLevel: logLevel.NOTHING,
    logCreator: endingLog,
  });
}

/** gzip it has itself. */
function registerCodecs(): void {
  const codec = (type: Compression) => () => ({
    compress: (encoder: { buffer: Buffer }) => Promise.resolve(compress(type, encoder.buffer)),
    decompress: (buffer: Buffer) => Promise.resolve(decompress(type, buffer)),
  });
  CompressionCodecs[CompressionTypes.Snappy] = codec('snappy');
  CompressionCodecs[CompressionTypes.LZ4] = codec('lz4');
  CompressionCodecs[CompressionTypes.ZSTD] = codec('zstd');
}

/** What kafkajs threw, as the Java clients would name it. */
export function fromKafkaJs(error: unknown, topic: string): ClientError {
  if (error instanceof ClientError) return error;
  if (error instanceof KafkaJSProtocolError) {
    const message = error.code === ErrorCode.INVALID_TOPIC_EXCEPTION ? `Invalid topics: [${topic}]` : null;
    return ClientError.ofCode(error.code, message);
  }
  const { cause, message } = error as Error;
  if (cause instanceof Error && cause !== error) return fromKafkaJs(cause, topic);
  return new ClientError('org.apache.kafka.common.errors.TimeoutException', message, ErrorCode.REQUEST_TIMED_OUT);
}

/** Java's `RangeAssignor`, so that the console shares a group with Kafka's own consumers: neighbouring partitions of each topic. */
export const rangeAssigner: PartitionAssigner = ({ cluster }) => ({
  name: 'range',
  version: 1,
  async assign({ members }) {
    const subscriptions = new Map(
      members.map(({ memberId, memberMetadata }) => [memberId, subscribedTopics(memberMetadata)] as const),
    );
    const assignments = new Map(members.map(({ memberId }) => [memberId, new Map<string, number[]>()] as const));
    for (const topic of new Set([...subscriptions.values()].flat())) {
      const partitions = cluster
        .findTopicPartitionMetadata(topic)
        .map(({ partitionId }) => partitionId)
        .sort((a, b) => a - b);
      const subscribers = members
        .map(({ memberId }) => memberId)
        .filter((id) => subscriptions.get(id)!.includes(topic));
      assignRange(partitions, subscribers.sort()).forEach((mine, member) => assignments.get(member)!.set(topic, mine));
    }
    return Promise.resolve(
      [...assignments].map(([memberId, byTopic]) => ({ memberId, memberAssignment: encodeAssignment(byTopic) })),
    );
  },
  protocol: ({ topics }) => ({ name: 'range', metadata: encodeSubscription(topics) }),
});

/** The first members get one more when the partitions do not divide evenly. */
export function assignRange(partitions: readonly number[], members: readonly string[]): Map<string, number[]> {
  const each = Math.floor(partitions.length / members.length);
  const extra = partitions.length % members.length;
  return new Map(
    members.map((member, i) => {
      const start = each * i + Math.min(i, extra);
      return [member, partitions.slice(start, start + each + (i < extra ? 1 : 0))] as const;
    }),
  );
}

// The version in front, as these stand inside JoinGroup and SyncGroup.
function withVersion(version: number, body: Buffer): Buffer {
  const prefix = Buffer.alloc(2);
  prefix.writeInt16BE(version, 0);
  return Buffer.concat([prefix, body]);
}

function encodeSubscription(topics: string[]): Buffer {
  return withVersion(1, consumerProtocolSubscription.encode({ topics }, 1));
}

function subscribedTopics(metadata: Buffer): string[] {
  const version = Math.min(metadata.readInt16BE(0), consumerProtocolSubscription.validVersions.max);
  return consumerProtocolSubscription.decode(metadata, version, 2).topics;
}

function encodeAssignment(byTopic: ReadonlyMap<string, number[]>): Buffer {
  const assignedPartitions = [...byTopic]
    .filter(([, partitions]) => partitions.length > 0)
    .map(([topic, partitions]) => ({ topic, partitions }));
  return withVersion(1, consumerProtocolAssignment.encode({ assignedPartitions }, 1));
}
