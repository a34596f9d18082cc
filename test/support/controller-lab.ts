import { seededRandom, silentLogger, type Logger, type MetricsRegistry } from '../../src/common/index.js';
import { SimulatedClock, SimulatedNetwork } from '../../src/testing/index.js';
import { BrokerConfig } from '../../src/config/index.js';
import {
  Controller,
  type BrokerChannelFactory,
  type ControlRequest,
  type ControlResponse,
} from '../../src/controller/index.js';
import {
  ApiKey,
  leaderAndIsrRequest,
  stopReplicaRequest,
  updateMetadataRequest,
  type LeaderAndIsrRequest,
  type StopReplicaRequest,
  type UpdateMetadataRequest,
} from '../../src/protocol/index.js';
import {
  brokerIdZnode,
  EmbeddedZooKeeper,
  ZkStores,
  ZooKeeperClient,
  type BrokerRegistration,
  type MultiOp,
  type MultiResult,
  type ZkClient,
} from '../../src/zookeeper/index.js';

/** A request as a broker decoded it. */
export type Received =
  | { to: number; from: number; api: 'LEADER_AND_ISR'; version: number; body: LeaderAndIsrRequest }
  | { to: number; from: number; api: 'UPDATE_METADATA'; version: number; body: UpdateMetadataRequest }
  | { to: number; from: number; api: 'STOP_REPLICA'; version: number; body: StopReplicaRequest };

/** One write that a broker's session asked for, in the order it was asked for. */
export interface Written {
  by: number;
  ops: readonly MultiOp[];
  /** As soon as it is answered. */
  results: readonly MultiResult[];
}

interface LabBroker {
  readonly client: ZkClient;
  readonly stores: ZkStores;
  readonly registration: () => BrokerRegistration;
  epoch: bigint;
  controller?: Controller;
}

/**
 * Controllers on an embedded ZooKeeper under a simulated clock, with brokers that take every request and answer it at once. A broker
 * is a session with a registration; only some have a controller.
 */
export class ControllerLab {
  readonly clock = new SimulatedClock();
  readonly received: Received[] = [];
  readonly written: Written[] = [];
  readonly brokers = new Map<number, LabBroker>();
  /** Brokers whose process is gone though they are still registered. */
  readonly dead = new Set<number>();
  /** The error that a broker's LeaderAndIsr answer gives for a partition; none unless set. */
  partitionError: (broker: number, topic: string, partition: number) => number = () => 0;
  /** The error that a broker's StopReplica answer gives for every partition it is told to delete. */
  stopReplicaError: (broker: number) => number = () => 0;
  /** The error of a broker's StopReplica answer as a whole, in which it names no partition. */
  stopReplicaFailure: (broker: number) => number = () => 0;
  logger: Logger = silentLogger;
  private readonly network = new SimulatedNetwork({ clock: this.clock, random: seededRandom(1) });
  readonly zooKeeper = new EmbeddedZooKeeper({ clock: this.clock, random: seededRandom(2), logger: silentLogger });
  private operations = 0;
  private underWay = 0;
  /** The most operations that waited for ZooKeeper at one time since it was set to 0. */
  mostUnderWay = 0;
  /** A session that belongs to no broker: the tools'. */
  admin!: ZkClient;
  adminStores!: ZkStores;

  async start(): Promise<this> {
    await this.zooKeeper.listen(this.network.transportFor('zookeeper'), { host: 'zookeeper', port: 2181 });
    this.admin = await this.connect('admin', 0);
    this.adminStores = new ZkStores(this.admin, { clock: this.clock, logger: silentLogger });
    return this;
  }

  /** The nodes that the first broker of a cluster makes before it registers. */
  async createTopLevelPaths(): Promise<this> {
    await this.during(this.adminStores.cluster.createTopLevelPaths());
    return this;
  }

  async stop(): Promise<void> {
    const stopped = Promise.all([
      ...[...this.brokers.values()].map(({ controller }) => controller?.shutdown()),
      this.zooKeeper.close(),
    ]);
    await this.during(stopped);
  }

  /** Lets everything happen that can until nothing does. */
  async quiesce(): Promise<void> {
    for (let quiet = 0; quiet < 25; quiet++) {
      const before = this.operations;
      await this.clock.advance(1);
      if (this.operations !== before) quiet = 0;
    }
  }

  /** Moves time on until the promise settles. */
  async during<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    promise.then(mark, mark);
    for (let i = 0; !settled; i++) {
      if (i > 200_000) throw new Error('nothing settles this promise');
      await this.clock.advance(1);
    }
    return promise;
  }

  /** Registers a broker: its session, and the data of its node as recorded, or made up. */
  async register(id: number, data?: string): Promise<LabBroker> {
    this.dead.delete(id);
    const client = await this.connect(`broker-${id}`, id);
    const stores = new ZkStores(client, { clock: this.clock, logger: this.logger });
    const registration = (): BrokerRegistration =>
      data === undefined
        ? madeUpRegistration(id)
        : (({ broker, ...rest }) => ({ ...rest, broker }))(brokerIdZnode.decode(id, Buffer.from(data), 0n));
    const { epoch } = await this.during(stores.brokers.registerBroker(registration()));
    const broker = { client, stores, registration, epoch };
    this.brokers.set(id, broker);
    return broker;
  }

  configOf(id: number, config: Record<string, string> = {}): BrokerConfig {
    const properties = { 'broker.id': String(id), 'zookeeper.connect': 'zookeeper:2181', ...config };
    return BrokerConfig.parse(new Map(Object.entries(properties))).config;
  }

  /** Starts the controller of a registered broker and waits until it has done what it will. */
  async startController(
    id: number,
    config: Record<string, string> = {},
    metrics?: MetricsRegistry,
  ): Promise<Controller> {
    const broker = this.brokers.get(id)!;
    broker.controller = new Controller({
      config: this.configOf(id, config),
      clock: this.clock,
      random: seededRandom(id),
      logger: this.logger,
      stateChangeLogger: this.logger,
      ...(metrics && { metrics }),
      stores: broker.stores,
      channelFactory: this.channelFactory(id),
      brokerRegistration: broker.registration,
      brokerEpoch: broker.epoch,
      latestControllerEpoch: () => Math.max(0, ...this.epochsTold(id)),
    });
    await this.during(broker.controller.startup());
    await this.quiesce();
    return broker.controller;
  }

  /** The epochs of the commands that a broker got, since they were last forgotten. */
  epochsTold(id: number): number[] {
    return this.received.filter(({ to }) => to === id).map(({ body }) => body.controllerEpoch);
  }

  /** The broker's process is gone: its session ends, nothing answers. */
  async kill(id: number): Promise<void> {
    this.dead.add(id);
    const { client } = this.brokers.get(id)!;
    await this.during(client.close());
    this.brokers.delete(id);
  }

  /** Forgets what was written and received. */
  forget(): void {
    this.written.length = 0;
    this.received.length = 0;
  }

  private channelFactory(from: number): BrokerChannelFactory {
    return {
      connect: ({ id: to }) => ({
        send: async (request) => {
          this.operations++;
          if (this.dead.has(to)) throw new Error(`broker ${to} is dead`);
          const received = decode(to, from, request);
          this.received.push(received);
          // A turn of the network in between, so that answers are events of their own.
          await new Promise<void>((resolve) => this.clock.setTimer(0, resolve));
          return this.answer(received);
        },
        close: () => undefined,
      }),
    };
  }

  private answer(received: Received): ControlResponse {
    switch (received.api) {
      case 'LEADER_AND_ISR': {
        const { topicStates, ungroupedPartitionStates } = received.body;
        if (received.version < 5) {
          const named = topicStates.flatMap(({ topicName, partitionStates }) =>
            partitionStates.map(({ partitionIndex }) => ({ topicName, partitionIndex })),
          );
          const partitionErrors = [...ungroupedPartitionStates, ...named].map(({ topicName, partitionIndex }) => ({
            topicName,
            partitionIndex,
            errorCode: this.partitionError(received.to, topicName, partitionIndex),
          }));
          return { errorCode: 0, partitionErrors, topics: [] };
        }
        return {
          errorCode: 0,
          partitionErrors: [],
          topics: topicStates.map(({ topicName, topicId, partitionStates }) => ({
            topicId,
            partitionErrors: partitionStates.map(({ partitionIndex }) => ({
              topicName: '',
              partitionIndex,
              errorCode: this.partitionError(received.to, topicName, partitionIndex),
            })),
          })),
        };
      }
      case 'UPDATE_METADATA':
        return { errorCode: 0 };
      case 'STOP_REPLICA':
        const errorCode = this.stopReplicaFailure(received.to);
        if (errorCode !== 0) return { errorCode, partitionErrors: [] };
        return {
          errorCode,
          partitionErrors: stopped(received.body).map(({ deletePartition, ...partition }) => ({
            ...partition,
            errorCode: deletePartition ? this.stopReplicaError(received.to) : 0,
          })),
        };
    }
  }

  private async connect(host: string, by: number): Promise<ZkClient> {
    const client = new ZooKeeperClient({
      connect: 'zookeeper:2181',
      sessionTimeoutMs: 18_000,
      connectionTimeoutMs: 18_000,
      transport: this.network.transportFor(host),
      clock: this.clock,
      random: seededRandom(10 + by),
      logger: silentLogger,
    });
    await this.during(client.connect());
    return this.recording(client, by);
  }

  /** The client, noting each write, and counting operations so that quiet can be told. */
  private recording(client: ZkClient, by: number): ZkClient {
    const counted = new Set(['get', 'exists', 'children', 'create', 'set', 'delete', 'multi']);
    return new Proxy(client, {
      get: (target, name, receiver) => {
        const value: unknown = Reflect.get(target, name, target === receiver ? receiver : target);
        if (typeof value !== 'function') return value;
        if (typeof name !== 'string' || !counted.has(name)) return (value as () => unknown).bind(target);
        return (...args: unknown[]): Promise<unknown> => {
          this.operations++;
          const write = this.note(by, name, args);
          this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
          const done = (Reflect.apply(value, target, args) as Promise<unknown>).finally(() => {
            this.operations++;
            this.underWay--;
          });
          if (write) {
            done.then(
              (results) => (write.results = name === 'multi' ? (results as MultiResult[]) : []),
              () => undefined,
            );
          }
          return done;
        };
      },
    });
  }

  private note(by: number, name: string, args: unknown[]): Written | null {
    const [path, data] = args as [string, Buffer | null];
    const ops: readonly MultiOp[] | null =
      name === 'multi'
        ? (args[0] as MultiOp[])
        : name === 'create'
          ? [{ op: 'create', path, data }]
          : name === 'set'
            ? [{ op: 'set', path, data, version: args[2] as number }]
            : name === 'delete'
              ? [{ op: 'delete', path, version: args[1] as number }]
              : null;
    if (!ops) return null;
    const written = { by, ops, results: [] };
    this.written.push(written);
    return written;
  }
}

/** What a StopReplica of any version is about. */
function stopped(body: StopReplicaRequest): { topicName: string; partitionIndex: number; deletePartition: boolean }[] {
  const { deletePartitions: deletePartition } = body;
  return [
    ...body.ungroupedPartitions.map((partition) => ({ ...partition, deletePartition })),
    ...body.topics.flatMap(({ name, partitionIndexes }) =>
      partitionIndexes.map((partitionIndex) => ({ topicName: name, partitionIndex, deletePartition })),
    ),
    ...body.topicStates.flatMap(({ topicName, partitionStates }) =>
      partitionStates.map((state) => ({
        topicName,
        partitionIndex: state.partitionIndex,
        deletePartition: state.deletePartition,
      })),
    ),
  ];
}

function decode(to: number, from: number, { apiKey, version, body }: ControlRequest): Received {
  switch (apiKey) {
    case ApiKey.LeaderAndIsr: {
      const bytes = leaderAndIsrRequest.encode(body, version);
      return { to, from, api: 'LEADER_AND_ISR', version, body: leaderAndIsrRequest.decode(bytes, version) };
    }
    case ApiKey.UpdateMetadata: {
      const bytes = updateMetadataRequest.encode(body, version);
      return { to, from, api: 'UPDATE_METADATA', version, body: updateMetadataRequest.decode(bytes, version) };
    }
    case ApiKey.StopReplica: {
      const bytes = stopReplicaRequest.encode(body, version);
      return { to, from, api: 'STOP_REPLICA', version, body: stopReplicaRequest.decode(bytes, version) };
    }
  }
}

function madeUpRegistration(id: number): BrokerRegistration {
  const endPoint = {
    host: '127.0.0.1',
    port: 9090 + id,
    listenerName: 'PLAINTEXT',
    securityProtocol: 'PLAINTEXT',
  } as const;
  return {
    broker: { id, endPoints: [endPoint], rack: null },
    jmxPort: -1,
    timestampMs: 0,
    version: 5,
    features: new Map(),
  };
}
