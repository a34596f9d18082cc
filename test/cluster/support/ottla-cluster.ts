import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Admin, Kafka, KafkaConfig } from 'kafkajs';
import { partitionKey } from '../../../src/cluster/index.js';
import { nodeTransport, silentLogger, systemClock, systemRandom } from '../../../src/common/index.js';
import { nodeOf, ZkStores, ZooKeeperClient } from '../../../src/zookeeper/index.js';
import { BrokerProcess } from './broker-process.js';
import { kafkaJsOf } from './kafkajs.js';
import { eventually } from '../../support/eventually.js';
import { portBase } from '../../support/ports.js';
import { ZooKeeperEnsemble } from '../../support/zookeeper-ensemble.js';

export interface ClusterOptions {
  readonly brokers?: number;
  readonly zookeepers?: number;
  /** For every broker, beside what a small cluster needs anyway. */
  readonly properties?: Readonly<Record<string, string | number>>;
  /** For single brokers, by id. */
  readonly perBroker?: Readonly<Record<number, Readonly<Record<string, string | number>>>>;
  /** Which broker is real Kafka, by id; the others are ours. */
  readonly kafkaBrokers?: readonly number[];
  /** Their version, when it is not that of the tests. */
  readonly kafkaVersion?: string;
}

/** What one partition looks like from outside. */
export interface PartitionView {
  readonly leader: number;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
}

/** Brokers as processes on a real ZooKeeper ensemble, all in one temporary directory. Broker ids count from 1. */
export class OttlaCluster {
  private zkClient: ZooKeeperClient | null = null;

  private constructor(
    readonly dir: string,
    readonly zookeeper: ZooKeeperEnsemble,
    private readonly brokers: Map<number, BrokerProcess>,
  ) {}

  static async start(options: ClusterOptions = {}): Promise<OttlaCluster> {
    const { brokers = 3, zookeepers = 1, properties = {}, perBroker = {}, kafkaBrokers = [], kafkaVersion } = options;
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
          ...(kafkaVersion !== undefined && { kafkaVersion }),
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
      await cluster.untilComplete();
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

  /** Waits until every running broker knows of the others and of a controller, which it is told only after it serves. */
  async untilComplete(): Promise<void> {
    const running = this.all().filter(({ isRunning }) => isRunning);
    for (const { address } of running) {
      const admin = this.client({ brokers: [address] }).admin();
      await admin.connect();
      try {
        await eventually(
          async () => {
            const { brokers, controller } = await admin.describeCluster();
            return controller !== null && controller >= 0 && brokers.length === running.length;
          },
          { what: `${address} to know the whole cluster` },
        );
      } finally {
        await admin.disconnect();
      }
    }
  }

  /** A kafkajs client of all brokers that keeps trying. */
  client(overrides: Partial<KafkaConfig> = {}): Kafka {
    return kafkaJsOf(this.addresses, {
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

  /** The typed stores over a session of the test's own, under the brokers' chroot. */
  async stores(): Promise<ZkStores> {
    if (this.zkClient === null) {
      this.zkClient = new ZooKeeperClient({
        connect: `${this.zookeeper.connect}/kafka`,
        sessionTimeoutMs: 10_000,
        connectionTimeoutMs: 20_000,
        transport: nodeTransport,
        clock: systemClock,
        random: systemRandom,
        logger: silentLogger,
      });
      await this.zkClient.connect();
    }
    return new ZkStores(this.zkClient, { clock: systemClock, logger: silentLogger });
  }

  /** The partitions of a topic in order, as the znodes tell them: what brokers believe may lag behind, clients may hang. */
  async describe(topic: string): Promise<PartitionView[]> {
    const stores = await this.stores();
    const assignment = await stores.topics.assignment(topic);
    if (!assignment) throw new Error(`there is no topic ${topic}`);
    const partitions = [...assignment.partitions.keys()].sort((a, b) => a - b);
    const states = await stores.partitionStates.states(partitions.map((partition) => ({ topic, partition })));
    return partitions.map((partition) => {
      const state = nodeOf(states, partitionKey({ topic, partition }));
      if (!state) throw new Error(`${topic}-${partition} has no state`);
      const { leader, isr } = state.leaderAndIsr;
      return { leader, isr, replicas: assignment.partitions.get(partition)!.replicas };
    });
  }

  /** Id of the active controller, as its znode tells it. */
  async controllerId(): Promise<number> {
    const controller = await (await this.stores()).controller.controllerId();
    if (controller === null) throw new Error('no controller');
    return controller;
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
    await this.zkClient?.close();
    await this.zookeeper.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
