import { shuffled, ZERO_UUID } from '../../../src/common/index.js';
import { NetworkError } from '../../../src/network/index.js';
import {
  ApiKey,
  ErrorCode,
  errorName,
  type CreatePartitionsResponse,
  type CreateTopicsResponse,
  type DeleteTopicsResponse,
  type IncrementalAlterConfigsResponse,
  type ProduceResponse,
} from '../../../src/protocol/index.js';
import { BatchBuilder } from '../../../src/records/index.js';
import type { AdminHistory, ConfigResource } from './admin-history.js';
import type { SimulatedClient } from './client.js';
import { assignmentOf, topicIdOf } from './cluster-state.js';
import type { SimulatedCluster } from './simulated-cluster.js';

/** One that is deleted by its id alone. */
export const TOPIC_DELETED_BY_ID = 'againById';
/** All of them use the same few names. */
export const ADMINISTERED_TOPICS = ['again1', 'again2', TOPIC_DELETED_BY_ID];
const ACT_EVERY_MS = 800;
const TIMEOUT_MS = 4_000;
const MAX_PARTITIONS = 6;
const TOPIC_RESOURCE = 2;
const BROKER_RESOURCE = 4;
const SET = 0;

/** What administrators change, each its own: names of a topic's configuration and of the brokers' defaults. */
const TOPIC_CONFIGS = ['retention.ms', 'segment.ms', 'retention.bytes'];
const BROKER_CONFIGS = ['log.roll.ms', 'log.retention.bytes', 'log.index.interval.bytes'];
/** What only the creation of a topic sets. */
const CONFIG_OF_CREATION = 'index.interval.bytes';
const FIRST_VALUE = 2_000_000_000;

/**
 * Somebody who makes topics, deletes them and makes them again, adds partitions, moves replicas and changes configurations, one thing after
 * another, while others do the same with the same topics at other brokers. What was acknowledged goes to the history.
 */
export class Administrator {
  private values = 0;
  /** Ids that topics of a name have had. */
  private readonly ids: string[] = [];

  constructor(
    private readonly cluster: SimulatedCluster,
    private readonly client: SimulatedClient,
    /** From 0 to 2. */
    private readonly index: number,
    private readonly history: AdminHistory,
  ) {}

  /** Goes on for so long; resolves when its last request is answered. */
  workFor(ms: number): Promise<void> {
    const { client } = this;
    return client.actFor(ms, ACT_EVERY_MS, async () => {
      try {
        await this.act(this.pick(ADMINISTERED_TOPICS));
      } catch (error) {
        if (!(error instanceof NetworkError)) throw error;
        await client.refreshMetadata();
      }
    });
  }

  private async act(topic: string): Promise<void> {
    const { cluster, client } = this;
    if (client.controllerId < 0) return client.refreshMetadata();
    if (!cluster.zooKeeper.exists(`/brokers/topics/${topic}`)) {
      return client.random.nextInt(3) === 0 ? this.nameTopic(topic) : this.createTopic(topic);
    }
    switch (client.random.nextInt(8)) {
      case 0:
        return topic === TOPIC_DELETED_BY_ID ? this.deleteById(topic) : this.deleteTopic(topic);
      case 1:
        return this.addPartitions(topic);
      case 2:
        return this.moveReplicas(topic);
      case 3:
        return this.configureBrokers();
      case 4:
      case 5:
        return this.configureTopic(topic);
      case 6:
        return this.createTopic(topic);
      default:
        return this.write(topic);
    }
  }

  private async createTopic(name: string): Promise<void> {
    const ids = this.cluster.brokers.map(({ id }) => id);
    const { random } = this.client;
    const assignments = Array.from({ length: 1 + random.nextInt(3) }, (_, partitionIndex) => ({
      partitionIndex,
      brokerIds: shuffled(random, ids).slice(0, 1 + random.nextInt(Math.min(3, ids.length))),
    }));
    const value = String(4_096 + ++this.values);
    const configs = [{ name: CONFIG_OF_CREATION, value }];
    const topics = [{ name, numPartitions: -1, replicationFactor: -1, assignments, configs }];
    const { topics: answers } = await this.ask<CreateTopicsResponse>(ApiKey.CreateTopics, {
      topics,
      timeoutMs: TIMEOUT_MS,
    });
    const { errorCode, topicId } = answers[0]!;
    const id = topicId === ZERO_UUID ? null : topicId;
    if (id !== null) this.ids.push(`${name} ${id}`);
    if (errorCode === 0 && id !== null) this.history.acknowledged({ topic: name, id }, CONFIG_OF_CREATION, value);
    this.expect(errorCode, 'CreateTopics', ErrorCode.TOPIC_ALREADY_EXISTS, ErrorCode.INVALID_REPLICA_ASSIGNMENT);
  }

  /** Asks for its metadata, as whoever is about to write to it does: the broker makes it. */
  private async nameTopic(name: string): Promise<void> {
    const { client } = this;
    const topics = [{ name, topicId: undefined }];
    await client.send(client.anyBroker(), ApiKey.Metadata, { topics, allowAutoTopicCreation: true }, null, 'names');
  }

  private async deleteTopic(name: string): Promise<void> {
    await this.delete({ name, topicId: undefined });
  }

  /** The one that is there, or one that was. */
  private async deleteById(topic: string): Promise<void> {
    const known = this.ids.filter((it) => it.startsWith(`${topic} `)).map((it) => it.split(' ')[1]!);
    const current = topicIdOf(this.cluster.zooKeeper, topic);
    const id = this.client.random.nextInt(2) === 0 && known.length > 0 ? this.pick(known) : current;
    if (id === null) return;
    this.history.deletedIds.add(id);
    await this.delete({ name: null, topicId: id });
  }

  private async delete(topic: { name: string | null; topicId: string | undefined }): Promise<void> {
    const request = { topics: [topic], timeoutMs: TIMEOUT_MS };
    const { responses } = await this.ask<DeleteTopicsResponse>(ApiKey.DeleteTopics, request);
    // Protocols of brokers that know no ids refuse them.
    const gone = [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.UNKNOWN_TOPIC_ID, ErrorCode.UNSUPPORTED_VERSION];
    this.expect(responses[0]!.errorCode, 'DeleteTopics', ...gone);
  }

  private async addPartitions(name: string): Promise<void> {
    const { zooKeeper } = this.cluster;
    const id = topicIdOf(zooKeeper, name);
    const count = (assignmentOf(zooKeeper, name)?.size ?? MAX_PARTITIONS) + 1 + this.client.random.nextInt(2);
    if (count > MAX_PARTITIONS) return;
    const topics = [{ name, count, assignments: null }];
    const request = { topics, timeoutMs: TIMEOUT_MS, validateOnly: false };
    const { results } = await this.ask<CreatePartitionsResponse>(ApiKey.CreatePartitions, request);
    const { errorCode } = results[0]!;
    if (errorCode === 0 && id !== null && id === topicIdOf(zooKeeper, name)) this.history.grown(name, id, count);
    this.expect(
      errorCode,
      'CreatePartitions',
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
      ErrorCode.INVALID_PARTITIONS,
      // Fewer brokers are there than its partitions have replicas.
      ErrorCode.INVALID_REPLICATION_FACTOR,
      // It is being deleted.
      ErrorCode.INVALID_TOPIC_EXCEPTION,
      ErrorCode.REASSIGNMENT_IN_PROGRESS,
    );
  }

  /**
   * As `kafka-reassign-partitions` did, also of topics that are being deleted. None is taken from a broker that has it: while that one is away
   * the replica stays, and it keeps a topic made again under the name from being there.
   */
  private moveReplicas(name: string): Promise<void> {
    const { cluster } = this;
    const { random } = this.client;
    const ids = cluster.brokers.map(({ id }) => id);
    const partitions = [...(assignmentOf(cluster.zooKeeper, name) ?? [])].map(([partition, current]) => {
      const others = shuffled(random, ids).filter((id) => !current.includes(id));
      const replicas = shuffled(random, [...current, ...others.slice(0, random.nextInt(3))]);
      return { topic: name, partition, replicas };
    });
    if (partitions.length === 0) return Promise.resolve();
    const data = JSON.stringify({ version: 1, partitions });
    const isTaken = cluster.zooKeeper.create('/admin/reassign_partitions', data);
    cluster.trace.add(this.client.host, `${isTaken ? 'moves' : 'in vain:'} ${data}`);
    return Promise.resolve();
  }

  private async configureTopic(topic: string): Promise<void> {
    const id = topicIdOf(this.cluster.zooKeeper, topic);
    if (id === null) return;
    await this.configure({ topic, id }, TOPIC_RESOURCE, topic, TOPIC_CONFIGS[this.index]!);
  }

  private configureBrokers(): Promise<void> {
    return this.configure('brokers', BROKER_RESOURCE, '', BROKER_CONFIGS[this.index]!);
  }

  private async configure(resource: ConfigResource, type: number, resourceName: string, name: string): Promise<void> {
    const { client, history } = this;
    const value = String(FIRST_VALUE + ++this.values - (name.endsWith('interval.bytes') ? FIRST_VALUE - 4_096 : 0));
    const configs = [{ name, configOperation: SET, value }];
    const request = { resources: [{ resourceType: type, resourceName, configs }], validateOnly: false };
    history.tried(resource, name, value);
    const broker = client.anyBroker();
    const { responses } = await client.send<IncrementalAlterConfigsResponse>(
      broker,
      ApiKey.IncrementalAlterConfigs,
      request,
      null,
      'configs',
    );
    const { errorCode } = responses[0]!;
    client.settings.trace.add(client.host, `${name}=${value} of ${resourceName} at ${broker}: ${errorName(errorCode)}`);
    // The topic of that name may be another by now: then no one knows which has it.
    const isSame = resource === 'brokers' || topicIdOf(this.cluster.zooKeeper, resource.topic) === resource.id;
    if (errorCode === 0 && isSame) history.acknowledged(resource, name, value);
    else if (errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) history.refused(resource, name, value);
    this.expect(errorCode, 'IncrementalAlterConfigs', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  }

  /** Something for logs of this life of the topic to hold. */
  private async write(topic: string): Promise<void> {
    const { client, cluster } = this;
    const partition = client.random.nextInt(assignmentOf(cluster.zooKeeper, topic)?.size ?? 1);
    const leader = client.leaderOf(topic, partition)?.leader ?? -1;
    if (leader < 0) return client.refreshMetadata();
    const builder = new BatchBuilder({});
    builder.append({
      timestamp: client.clock.nowMs(),
      key: null,
      value: Buffer.from(`${client.host}/${++this.values}`),
    });
    const topicData = [{ name: topic, partitionData: [{ index: partition, records: builder.build() }] }];
    const request = { transactionalId: null, acks: 1, timeoutMs: TIMEOUT_MS, topicData };
    const response = await client.send<ProduceResponse>(leader, ApiKey.Produce, request, null, 'records');
    const errorCode = response.responses[0]!.partitionResponses[0]!.errorCode;
    if (errorCode !== 0) await client.refreshMetadata();
  }

  private async ask<T extends object>(apiKey: number, request: object): Promise<T> {
    const { client } = this;
    return client.send<T>(client.controllerId, apiKey, request, null, 'admin');
  }

  /** Whoever is told something else than these has met a bug. */
  private expect(errorCode: number, api: string, ...expected: number[]): void {
    this.client.settings.trace.add(this.client.host, `${api}: ${errorName(errorCode)}`);
    // The last is a session of ZooKeeper that ended meanwhile, as Kafka says it.
    const always = [0, ErrorCode.NOT_CONTROLLER, ErrorCode.REQUEST_TIMED_OUT, ErrorCode.UNKNOWN_SERVER_ERROR];
    if (errorCode === ErrorCode.NOT_CONTROLLER) void this.client.refreshMetadata();
    if (always.includes(errorCode) || expected.includes(errorCode)) return;
    this.cluster.fail(new Error(`${this.client.host}: ${api} was answered with ${errorName(errorCode)}`));
  }

  private pick<T>(items: readonly T[]): T {
    return items[this.client.random.nextInt(items.length)]!;
  }
}
