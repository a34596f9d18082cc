/**
 * Several replica managers in one process, joined by a network that can be cut, under one clock and a controller that is a function call.
 * Messages pass through the real codecs, so that what a test sees could have come over a wire.
 */
import { partitionKey, type LeaderAndIsr, type TopicPartition } from '../../../src/cluster/index.js';
import {
  type Clock,
  type FileSystem,
  MetricsRegistry,
  seededRandom,
  silentLogger,
  type Uuid,
} from '../../../src/common/index.js';
import { settle, SimulatedClock, SimulatedFileSystem } from '../../../src/testing/index.js';
import { BrokerConfig, TopicConfig } from '../../../src/config/index.js';
import { LogManager, logManagerSettingsOf, type UnifiedLog } from '../../../src/log/index.js';
import {
  alterPartitionRequest,
  ErrorCode,
  fetchRequest,
  fetchResponse,
  leaderAndIsrRequest,
  type FetchResponse,
} from '../../../src/protocol/index.js';
import { BatchBuilder, iterateBatches } from '../../../src/records/index.js';
import {
  AlterPartitionManager,
  ReplicaManager,
  type AppendResult,
  type ControllerChannel,
  type LeaderEndpoint,
  type ReplicaManagerOptions,
} from '../../../src/replication/index.js';

export const TOPIC_ID: Uuid = 'AAAAAAAAAAAAAAAAAAAAEQ';
export const ORDERS: TopicPartition = { topic: 'orders', partition: 0 };

export interface ClusterOptions {
  readonly brokers: number;
  readonly seed?: number;
  /** Properties of every broker. */
  readonly config?: Readonly<Record<string, string>>;
  /** Overrides of every topic. */
  readonly topicConfig?: Readonly<Record<string, string>>;
  /** More of what the replica manager of a broker is given. */
  readonly extras?: (brokerId: number) => Partial<ReplicaManagerOptions>;
  /** Absolute; one by default. */
  readonly logDirs?: readonly string[];
  /** Of the logs of a broker; without it, one that fails is a bug. */
  readonly onLogDirFailure?: (brokerId: number, dir: string) => void;
  /** Below 3.1 the inter-broker protocol has no topic ids. */
  readonly withTopicIds?: boolean;
}

/** What the controller knows of a partition. */
interface ControlledPartition {
  readonly tp: TopicPartition;
  readonly replicas: number[];
  state: LeaderAndIsr;
}

export class ReplicaCluster {
  readonly clock = new SimulatedClock();
  readonly random;
  readonly brokers = new Map<number, TestBroker>();
  readonly partitions = new Map<string, ControlledPartition>();
  /** `from>to` pairs between which nothing passes. */
  readonly cuts = new Set<string>();
  /** Fetch requests served, for tests that count. */
  fetchCount = 0;
  /** Of the topic; another when it is made again. */
  topicId: Uuid = TOPIC_ID;
  /** Holds AlterPartition back while false. */
  isControllerUp = true;
  /** What commands of the controller threw: bugs. */
  readonly failures: unknown[] = [];

  constructor(readonly options: ClusterOptions) {
    this.random = seededRandom(options.seed ?? 1);
    for (let id = 1; id <= options.brokers; id++) this.brokers.set(id, new TestBroker(id, this));
  }

  static async start(options: ClusterOptions): Promise<ReplicaCluster> {
    const cluster = new ReplicaCluster(options);
    for (const broker of cluster.brokers.values()) await broker.start();
    return cluster;
  }

  broker(id: number): TestBroker {
    return this.brokers.get(id)!;
  }

  stop(): void {
    for (const broker of this.brokers.values()) if (broker.isUp) broker.replicas.shutdown();
    if (this.failures.length > 0) throw this.failures[0];
  }

  /** Makes partitions with the first replica as leader and all in sync, and tells the brokers. */
  async create(replicas: readonly number[], partitions: readonly TopicPartition[] = [ORDERS]): Promise<void> {
    for (const tp of partitions) {
      const state = { leader: replicas[0]!, leaderEpoch: 0, isr: [...replicas], recovering: false, partitionEpoch: 0 };
      this.partitions.set(partitionKey(tp), { tp, replicas: [...replicas], state });
    }
    this.announce(partitions, true);
    await settle();
    // Commands of many partitions are carried out in several turns.
    while ([...this.brokers.values()].some(({ commandsUnderWay }) => commandsUnderWay > 0)) await this.clock.advance(0);
  }

  /** Makes a broker the leader in a new epoch, with the ISR given or as it is. */
  elect(leader: number, isr?: readonly number[], tp: TopicPartition = ORDERS): void {
    const partition = this.partitions.get(partitionKey(tp))!;
    const { state } = partition;
    partition.state = {
      ...state,
      leader,
      isr: isr ? [...isr] : state.isr,
      leaderEpoch: state.leaderEpoch + 1,
      partitionEpoch: state.partitionEpoch + 1,
    };
    this.announce([tp]);
  }

  stateOf(tp: TopicPartition = ORDERS): LeaderAndIsr {
    return this.partitions.get(partitionKey(tp))!.state;
  }

  /** Sends LeaderAndIsr for the partitions to all brokers that are up, or to one. */
  announce(partitions: readonly TopicPartition[], isNew = false, only?: number): void {
    for (const broker of this.brokers.values()) {
      if (!broker.isUp || (only !== undefined && broker.id !== only)) continue;
      const topics = new Map<string, object[]>();
      for (const tp of partitions) {
        const { replicas, state } = this.partitions.get(partitionKey(tp))!;
        if (!replicas.includes(broker.id)) continue;
        const entry = {
          partitionIndex: tp.partition,
          controllerEpoch: 1,
          leader: state.leader,
          leaderEpoch: state.leaderEpoch,
          isr: state.isr,
          partitionEpoch: state.partitionEpoch,
          replicas,
          isNew,
        };
        topics.set(tp.topic, [...(topics.get(tp.topic) ?? []), entry]);
      }
      const topicStates = [...topics].map(([topicName, partitionStates]) => ({
        topicName,
        ...(this.options.withTopicIds !== false && { topicId: this.topicId }),
        partitionStates,
      }));
      const encoded = leaderAndIsrRequest.encode(
        { controllerId: 1, controllerEpoch: 1, topicStates, liveLeaders: [] },
        7,
      );
      const { life } = broker;
      broker.commandsUnderWay++;
      // A command of few partitions is carried out within the call.
      broker.replicas
        .becomeLeaderOrFollower(leaderAndIsrRequest.decode(encoded, 7), 7, 1)
        .catch((error: unknown) => {
          if (life === broker.life && !broker.fs.isHalted) this.failures.push(error);
        })
        .finally(() => (broker.commandsUnderWay -= life === broker.life ? 1 : 0));
    }
  }

  /** Cuts both ways between two brokers. */
  cut(a: number, b: number): void {
    this.cuts.add(`${a}>${b}`).add(`${b}>${a}`);
  }

  heal(): void {
    this.cuts.clear();
  }

  isReachable(from: number, to: number): boolean {
    return this.broker(to).isUp && !this.cuts.has(`${from}>${to}`) && !this.cuts.has(`${to}>${from}`);
  }

  /** Lets time pass until the condition holds; fails when it does not within `withinMs`. */
  async until(condition: () => boolean, withinMs = 60_000): Promise<void> {
    for (let passedMs = 0; !condition(); passedMs += 10) {
      if (passedMs > withinMs) throw new Error(`not within ${withinMs} ms: ${condition.toString()}`);
      await this.clock.advance(10);
    }
  }

  /** The way to the controller: commits what names the present epochs, as ZooKeeper's versions make it. */
  readonly controller: ControllerChannel = {
    alterPartition: async (build, maxVersion) => {
      const request = alterPartitionRequest.decode(
        alterPartitionRequest.encode(build(maxVersion), maxVersion),
        maxVersion,
      );
      while (!this.isControllerUp) await new Promise<void>((resolve) => this.clock.setTimer(50, () => resolve()));
      const topics = request.topics.map((topic) => ({
        topicName: topic.topicName,
        topicId: topic.topicId,
        partitions: topic.partitions.map((asked) => {
          const name = maxVersion >= 2 ? ORDERS.topic : topic.topicName;
          const partition = this.partitions.get(`${name}-${asked.partitionIndex}`)!;
          const isr =
            asked.newIsrWithEpochs.length > 0 ? asked.newIsrWithEpochs.map((one) => one.brokerId) : asked.newIsr;
          const { partitionIndex } = asked;
          const refuse = (errorCode: number): object => ({ partitionIndex, errorCode });
          if (asked.leaderEpoch !== partition.state.leaderEpoch) return refuse(ErrorCode.FENCED_LEADER_EPOCH);
          if (asked.partitionEpoch !== partition.state.partitionEpoch) return refuse(ErrorCode.INVALID_UPDATE_VERSION);
          if (isr.some((id) => !this.broker(id).isUp)) return refuse(ErrorCode.INELIGIBLE_REPLICA);
          partition.state = { ...partition.state, isr, partitionEpoch: asked.partitionEpoch + 1 };
          const { leader: leaderId, leaderEpoch, partitionEpoch } = partition.state;
          return { partitionIndex, errorCode: 0, leaderId, leaderEpoch, isr, partitionEpoch, leaderRecoveryState: 0 };
        }),
      }));
      return { version: maxVersion, response: { throttleTimeMs: 0, errorCode: 0, topics } as never };
    },
  };
}

export class TestBroker {
  readonly fs: SimulatedFileSystem;
  readonly config: BrokerConfig;
  readonly metrics = new MetricsRegistry();
  logs!: LogManager;
  replicas!: ReplicaManager;
  isUp = false;
  /** Grows with each crash: timers and answers of an earlier life are void. */
  life = 0;
  commandsUnderWay = 0;
  /** Followers that wait for an answer, and lose their connection with this broker. */
  readonly connectionsCut = new Set<() => void>();

  constructor(
    readonly id: number,
    private readonly cluster: ReplicaCluster,
  ) {
    this.fs = new SimulatedFileSystem(() => cluster.clock.nowMs());
    this.config = BrokerConfig.parse(
      new Map(Object.entries({ 'broker.id': String(id), 'zookeeper.connect': 'zk:2181', ...cluster.options.config })),
    ).config;
  }

  async start(): Promise<void> {
    const { random, options } = this.cluster;
    const clock = this.clockOfLife();
    const topicConfig = TopicConfig.create(this.config, new Map(Object.entries(options.topicConfig ?? {})));
    const logDirs = options.logDirs ?? ['/logs'];
    for (const dir of logDirs) this.fs.makeDir(dir);
    this.logs = new LogManager({
      ...logManagerSettingsOf(this.config, logDirs),
      fs: this.fsOfLife(),
      clock,
      random,
      logger: silentLogger,
      defaultConfig: topicConfig,
      onLogDirFailure: (dir) => options.onLogDirFailure?.(this.id, dir),
    });
    await this.logs.startup();
    this.replicas = new ReplicaManager({
      brokerId: this.id,
      config: this.config,
      clock,
      random,
      logger: () => silentLogger,
      metrics: this.metrics,
      logManager: this.logs,
      topicConfig: () => topicConfig,
      metadata: {
        hasAliveBroker: (id) => this.cluster.brokers.get(id)?.isUp ?? false,
        contains: (tp) => this.cluster.partitions.has(partitionKey(tp)),
        rackOf: (id) => (this.cluster.brokers.get(id)?.isUp ? `rack-${id}` : undefined),
        topicName: (topicId) => (topicId === this.cluster.topicId ? ORDERS.topic : undefined),
      },
      leaderEndpoints: (leaderId) => this.endpoint(leaderId),
      alterPartition: new AlterPartitionManager({
        brokerId: this.id,
        brokerEpoch: () => 1n,
        clock,
        logger: silentLogger,
        channel: this.cluster.controller,
        protocolAtLeast: (version) => this.config.interBrokerProtocolAtLeast(version),
      }),
      brokerEpoch: () => 1n,
      onLogDirFailure: (dir) => {
        throw new Error(`${dir} failed`);
      },
      onFatal: (error) => {
        throw error;
      },
      ...options.extras?.(this.id),
    });
    this.replicas.startup();
    this.isUp = true;
  }

  /** Stops without any goodbye; what was not synced may be gone with the power. */
  crash(kind: 'process' | 'power'): void {
    this.isUp = false;
    this.replicas.shutdown({ checkpointHighWatermarks: false });
    for (const cut of [...this.connectionsCut]) cut();
    this.life++;
    this.commandsUnderWay = 0;
    this.fs.crash(kind, this.cluster.random);
  }

  log(tp: TopicPartition = ORDERS): UnifiedLog {
    return this.replicas.localLog(tp)!;
  }

  /** Appends records with those values; resolves with the result when it is acknowledged or refused. */
  produce(
    values: readonly string[],
    acks = -1,
    tp: TopicPartition = ORDERS,
    timeoutMs = 30_000,
  ): Promise<AppendResult> {
    return new Promise(
      (resolve) =>
        void this.replicas.appendRecords({
          timeoutMs,
          requiredAcks: acks,
          internalTopicsAllowed: false,
          origin: 'client',
          entries: [{ tp, records: batchOf(values) }],
          onComplete: ([result]) => resolve(result!),
        }),
    );
  }

  /** All values in the log up to an offset. */
  async values(upTo = Infinity, tp: TopicPartition = ORDERS): Promise<string[]> {
    const log = this.log(tp);
    const values: string[] = [];
    for (let offset = log.logStartOffset; offset < Math.min(upTo, log.logEndOffset);) {
      const { records } = await log.read(offset, 1 << 20, 'LOG_END', true);
      for (const batch of iterateBatches(Buffer.isBuffer(records) ? records : Buffer.concat(records))) {
        for (const record of batch.records()) {
          if (record.offset < upTo) values.push(`${batch.partitionLeaderEpoch}/${record.value!.toString()}`);
        }
        offset = batch.nextOffset;
      }
    }
    return values;
  }

  /** The disk as a process has it until it dies: what waited for its turn then touches no file any more. */
  private fsOfLife(): FileSystem {
    const { life } = this;
    return new Proxy(this.fs, {
      get: (fs, name) => {
        const value: unknown = Reflect.get(fs, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          if (life === this.life) return Reflect.apply(value, fs, args);
          throw Object.assign(new Error(`EKILLED: ${String(name)}`), { code: 'EKILLED', syscall: String(name) });
        };
      },
    });
  }

  /** What a dead process wanted to do later is not done. */
  private clockOfLife(): Clock {
    const { clock } = this.cluster;
    const { life } = this;
    const whileAlive = (task: () => void) => () => {
      if (life === this.life) task();
    };
    return {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      setTimer: (delayMs, task) => clock.setTimer(delayMs, whileAlive(task)),
      defer: (task) => clock.defer(whileAlive(task)),
    };
  }

  private endpoint(leaderId: number): LeaderEndpoint {
    const { cluster, id } = this;
    let isClosed = false;
    const check = (): void => {
      if (isClosed || !this.isUp || !cluster.isReachable(id, leaderId)) throw new Error('disconnected');
    };
    const leader = (): ReplicaManager => cluster.broker(leaderId).replicas;
    return {
      brokerId: leaderId,
      fetch: (input, version) =>
        new Promise<FetchResponse>((resolve, reject) => {
          const deliver = (step: () => void): void => {
            cluster.clock.setTimer(1, () => {
              try {
                check();
                step();
              } catch (error) {
                reject(error instanceof Error ? error : new Error(String(error)));
              }
            });
          };
          const request = fetchRequest.decode(fetchRequest.encode(input, version), version);
          deliver(() => {
            cluster.fetchCount++;
            const context = {
              listenerName: 'PLAINTEXT',
              clientAddress: 'a',
              mayReplicate: true,
              authorize: () => 0,
              fail: reject,
            };
            const { connectionsCut } = cluster.broker(leaderId);
            const cut = (): void => {
              connectionsCut.delete(cut);
              deliver(() => reject(new Error('disconnected')));
            };
            connectionsCut.add(cut);
            leader().handleFetch(request, version, context, (response) => {
              connectionsCut.delete(cut);
              const encoded = fetchResponse.encode(response, version);
              deliver(() => resolve(fetchResponse.decode(encoded, version)));
            });
          });
        }),
      fetchEpochEndOffsets: async (questions) => {
        check();
        await settle();
        return questions.map((asked) =>
          leader().lastOffsetForLeaderEpoch(asked.tp, asked.currentLeaderEpoch, asked.leaderEpoch),
        );
      },
      fetchEarliestOffset: (tp, epoch) => offsetOf(tp, epoch, -2),
      fetchLatestOffset: (tp, epoch) => offsetOf(tp, epoch, -1),
      close: () => {
        isClosed = true;
      },
    };
    async function offsetOf(tp: TopicPartition, currentLeaderEpoch: number, timestamp: number) {
      check();
      await settle();
      return leader().fetchOffsetForTimestamp(tp, timestamp, {
        isolation: null,
        currentLeaderEpoch,
        fetchOnlyFromLeader: true,
      });
    }
  }
}

/** One batch of records with those values. */
export function batchOf(values: readonly string[]): Buffer {
  const builder = new BatchBuilder({});
  for (const value of values) builder.append({ timestamp: 1_700_000_000_000, key: null, value: Buffer.from(value) });
  return builder.build();
}
