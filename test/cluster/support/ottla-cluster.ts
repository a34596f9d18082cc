import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Kafka, logLevel, type Admin, type KafkaConfig } from 'kafkajs';
import { BrokerProcess } from './broker-process.js';
import { eventually } from './eventually.js';
import { ZooKeeperEnsemble } from './zookeeper-ensemble.js';

const PORTS_EACH = 100;

/** A range of 100 ports that test processes which run at once do not share. */
export function portBase(): number {
  return 10_000 + (process.pid % 90) * PORTS_EACH;
}

export interface ClusterOptions {
  readonly brokers?: number;
  readonly zookeepers?: number;
  /** For every broker, beside what a small cluster needs anyway. */
  readonly properties?: Readonly<Record<string, string | number>>;
  /** For single brokers, by id. */
  readonly perBroker?: Readonly<Record<number, Readonly<Record<string, string | number>>>>;
  /** Which broker is real Kafka, by id; the others are ours. */
  readonly kafkaBrokers?: readonly number[];
}

/** What one partition looks like from outside. */
export interface PartitionView {
  readonly leader: number;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
}

/** Brokers as processes on a real ZooKeeper ensemble, all in one temporary directory. Broker ids count from 1. */
export class OttlaCluster {
  private constructor(
    readonly dir: string,
    readonly zookeeper: ZooKeeperEnsemble,
    private readonly brokers: Map<number, BrokerProcess>,
  ) {}

  static async start(options: ClusterOptions = {}): Promise<OttlaCluster> {
    const { brokers = 3, zookeepers = 1, properties = {}, perBroker = {}, kafkaBrokers = [] } = options;
    const base = portBase();
    const dir = mkdtempSync(path.join(os.tmpdir(), 'ottla-cluster-'));
    const zookeeper = await ZooKeeperEnsemble.start({ basePort: base, members: zookeepers });
    const replicationFactor = Math.min(3, brokers);
    const processes = new Map<number, BrokerProcess>();
    for (let id = 1; id <= brokers; id++) {
      processes.set(
        id,
        new BrokerProcess({
          id,
          port: base + 50 + id,
          dir,
          zookeeperConnect: `${zookeeper.connect}/kafka`,
          kind: kafkaBrokers.includes(id) ? 'kafka' : 'ottla',
          properties: {
            'zookeeper.session.timeout.ms': 4000,
            'offsets.topic.replication.factor': replicationFactor,
            'offsets.topic.num.partitions': 5,
            'group.initial.rebalance.delay.ms': 0,
            'replica.lag.time.max.ms': 4000,
            ...properties,
            ...perBroker[id],
          },
        }),
      );
    }
    const cluster = new OttlaCluster(dir, zookeeper, processes);
    try {
      for (const broker of processes.values()) await broker.start();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  broker(id: number): BrokerProcess {
    const broker = this.brokers.get(id);
    if (!broker) throw new Error(`the cluster has no broker ${id}`);
    return broker;
  }

  all(): BrokerProcess[] {
    return [...this.brokers.values()];
  }

  get addresses(): string[] {
    return this.all().map(({ address }) => address);
  }

  get bootstrap(): string {
    return this.addresses.join();
  }

  /** A kafkajs client of all brokers that keeps trying. */
  client(overrides: Partial<KafkaConfig> = {}): Kafka {
    return new Kafka({
      clientId: 'test',
      brokers: this.addresses,
      logLevel: logLevel.NOTHING,
      connectionTimeout: 3_000,
      requestTimeout: 10_000,
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 60 },
      ...overrides,
    });
  }

  async withAdmin<T>(use: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.client().admin();
    await admin.connect();
    try {
      return await use(admin);
    } finally {
      await admin.disconnect();
    }
  }

  /** Creates a topic and waits until every partition has a leader. */
  async createTopic(
    topic: string,
    partitions: number,
    replicationFactor: number,
    configs: Record<string, string> = {},
  ): Promise<void> {
    await this.withAdmin(async (admin) => {
      await admin.createTopics({
        waitForLeaders: true,
        topics: [
          {
            topic,
            numPartitions: partitions,
            replicationFactor,
            configEntries: Object.entries(configs).map(([name, value]) => ({ name, value })),
          },
        ],
      });
    });
  }

  /** The partitions of a topic in order, as Metadata tells them. */
  async describe(topic: string): Promise<PartitionView[]> {
    return this.withAdmin(async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      return topics[0]!.partitions
        .slice()
        .sort((a, b) => a.partitionId - b.partitionId)
        .map(({ leader, replicas, isr }) => ({ leader, replicas, isr }));
    });
  }

  /** Id of the active controller, from the brokers. */
  async controllerId(): Promise<number> {
    return this.withAdmin(async (admin) => {
      const { controller } = await admin.describeCluster();
      if (controller === null) throw new Error('no controller');
      return controller;
    });
  }

  /** Waits until every replica of the topic is in sync. */
  async untilInSync(topic: string, timeoutMs = 60_000): Promise<PartitionView[]> {
    return eventually(
      async () => {
        const partitions = await this.describe(topic);
        return partitions.every(({ isr, replicas }) => isr.length === replicas.length) && partitions;
      },
      { timeoutMs, everyMs: 200, what: `all replicas of ${topic} to be in sync` },
    );
  }

  /** Ends everything and removes what was written. */
  async stop(): Promise<void> {
    await Promise.all(this.all().map((broker) => broker.kill()));
    await this.zookeeper.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
