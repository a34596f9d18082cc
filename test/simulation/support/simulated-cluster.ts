import { seededRandom, type Random } from '../../../src/common/index.js';
import { settle, SimulatedClock, SimulatedNetwork } from '../../../src/testing/index.js';
import { NetworkError } from '../../../src/network/index.js';
import {
  ApiKey,
  ErrorCode,
  errorName,
  type CreateTopicsResponse,
  type DeleteTopicsResponse,
} from '../../../src/protocol/index.js';
import { realProcess } from '../../support/stray-rejections.js';
import { allInvariants } from '../invariants/index.js';
import { Administrator, ADMINISTERED_TOPICS } from './administrator.js';
import { SimulatedClient } from './client.js';
import { assignmentOf, leaderOf, partitionStates, sameMembers } from './cluster-state.js';
import { GroupKeeper } from './group-keeper.js';
import { GroupHistory, GroupMember } from './group-member.js';
import { History } from './history.js';
import { Violation, type Invariant } from './invariant.js';
import { SimulatedProducer, type ProducerOptions } from './producer.js';
import { SimulatedReader, type Reader } from './reader.js';
import { SessionReader, type SessionReaderOptions } from './session-reader.js';
import { hostOf, isProgrammingError, SimulatedBroker } from './simulated-broker.js';
import { SimulatedZooKeeper, ZOOKEEPER_HOST } from './simulated-zookeeper.js';
import { foldersOf, logBytes, recordsIn } from './stored-log.js';
import { TimeSeeker } from './time-seeker.js';
import { Trace } from './trace.js';

export interface ClusterOptions {
  readonly seed: number;
  readonly brokers: number;
  readonly minDelayMs?: number;
  readonly maxDelayMs?: number;
  /** One that knows all unless told; several lag behind each other. */
  readonly zooKeeperMembers?: number;
  /** Over the defaults below. */
  readonly properties?: Readonly<Record<string, string>>;
  readonly logLevel?: 'info' | 'debug' | 'trace';
  readonly keepWholeTrace?: boolean;
}

/** By API: the version in which a client asks; of those that are not named, the highest. */
export type ClientVersions = Readonly<Record<number, number>>;

export interface ReaderOptions {
  /** Null: a fetch a partition, without sessions. */
  readonly session?: SessionReaderOptions | null;
  readonly versions?: ClientVersions;
}

/** Times shorter than Kafka's, so that more happens in a run. */
const PROPERTIES: Readonly<Record<string, string>> = {
  'zookeeper.session.timeout.ms': '6000',
  'zookeeper.connection.timeout.ms': '12000',
  'replica.lag.time.max.ms': '5000',
  'replica.socket.timeout.ms': '6000',
  'controller.socket.timeout.ms': '6000',
  'controlled.shutdown.max.retries': '2',
  'controlled.shutdown.retry.backoff.ms': '1000',
  'leader.imbalance.check.interval.seconds': '10',
  'log.segment.delete.delay.ms': '1000',
  'replica.high.watermark.checkpoint.interval.ms': '2000',
  'log.flush.offset.checkpoint.interval.ms': '5000',
  'offsets.topic.num.partitions': '2',
  'group.initial.rebalance.delay.ms': '500',
  'min.insync.replicas': '2',
  'auto.create.topics.enable': 'false',
};

const SAMPLE_EVERY_MS = 50;
const LOOK_FOR_REST_EVERY_MS = 100;
const REST_WITHIN_MS = 120_000;
const ADMIN_RETRY_MS = 200;
const ADMIN_TIMEOUT_MS = 5_000;
/** A run that takes more steps than this turns in a circle. */
const MAX_STEPS_WITHOUT_TIME = 200_000;

/** A topic of the run. */
export class SimulatedTopic {
  constructor(
    private readonly cluster: SimulatedCluster,
    readonly name: string,
    readonly partitions: number,
  ) {}

  /** As ZooKeeper has it; -1 for none. */
  leader(partition: number): number {
    return this.cluster.stateOf(this.name, partition)?.leader ?? -1;
  }

  isr(partition: number): readonly number[] {
    return this.cluster.stateOf(this.name, partition)?.isr ?? [];
  }

  leaderEpoch(partition: number): number {
    return this.cluster.stateOf(this.name, partition)?.leaderEpoch ?? -1;
  }

  /** The values in the log of one replica: of the leader unless told. */
  records(partition: number, brokerId = this.leader(partition)): string[] {
    const bytes = logBytes(this.cluster.broker(brokerId).disk, this.name, partition);
    return bytes ? recordsIn(bytes).map(({ value }) => value) : [];
  }
}

/** Brokers, a ZooKeeper and clients in this process, on simulated hosts, all driven by one seed and one clock. */
export class SimulatedCluster {
  readonly clock = new SimulatedClock();
  readonly random: Random;
  readonly network: SimulatedNetwork;
  readonly networkSettings: {
    clock: SimulatedClock;
    random: Random;
    minDelayMs: number;
    maxDelayMs: number;
    resetProbability: number;
  };
  readonly trace: Trace;
  readonly zooKeeper: SimulatedZooKeeper;
  readonly brokers: SimulatedBroker[];
  readonly history = new History();
  readonly topics = new Map<string, SimulatedTopic>();
  readonly deletedTopics = new Set<string>();
  readonly producers: SimulatedProducer[] = [];
  readonly readers: { readonly topic: SimulatedTopic; readonly reader: Reader }[] = [];
  readonly seekers: TimeSeeker[] = [];
  readonly groups = new Map<GroupHistory, GroupMember[]>();
  /** Grows with each `heal`: what a fault wanted to do later is of no use then. */
  faultTerm = 0;
  nextTopicNumber = 1;
  /** What was begun with `doLater` and goes on. */
  pendingAdmin = 0;
  /** A broker has lost power: what its disk holds may be less than what it once told. */
  hasLostPower = false;
  private readonly clients: SimulatedClient[] = [];
  private readonly invariants: Invariant[];
  private readonly disturbedLinks = new Map<string, number>();
  private failure: Error | null = null;
  private nextSampleMs = 0;
  private stepsAtThisTime = 0;
  private readonly admin: SimulatedClient;
  private readonly onStray = (error: unknown): void => {
    if (!isOfKilled(error)) this.fail(error);
  };

  constructor(readonly options: ClusterOptions) {
    const { seed, brokers, minDelayMs = 0.1, maxDelayMs = 2 } = options;
    this.random = seededRandom(seed);
    this.trace = new Trace(() => this.clock.monotonicMs(), options.keepWholeTrace);
    this.networkSettings = {
      clock: this.clock,
      random: seededRandom(seed + 7_000_003),
      minDelayMs,
      maxDelayMs,
      resetProbability: 0,
    };
    this.network = new SimulatedNetwork(this.networkSettings);
    this.zooKeeper = new SimulatedZooKeeper(
      this.clock,
      seededRandom(seed + 11_000_003),
      this.trace.loggers(ZOOKEEPER_HOST, 'info')('zookeeper'),
      this.network,
      options.zooKeeperMembers ?? 1,
    );
    this.invariants = allInvariants();
    this.zooKeeper.onTransaction((transaction) => {
      for (const { op, path, data } of transaction.changes) {
        const text = path.includes('/state') || path.startsWith('/controller') ? ` ${data?.toString() ?? ''}` : '';
        this.trace.add(ZOOKEEPER_HOST, `${op} ${path}${text}`);
      }
      this.check((invariant) => invariant.transaction?.(transaction, this));
    });
    this.brokers = Array.from(
      { length: brokers },
      (_, index) =>
        new SimulatedBroker({
          id: index + 1,
          seed,
          clock: this.clock,
          network: this.network,
          trace: this.trace,
          zooKeeperConnect: this.zooKeeper.connectString,
          properties: { ...PROPERTIES, ...options.properties },
          logLevel: options.logLevel ?? 'info',
          onBug: (message) => this.fail(new Violation(message)),
        }),
    );
    this.admin = this.client('admin');
  }

  /** Starts ZooKeeper and all brokers; resolves when all serve and know of each other. */
  async start(): Promise<this> {
    realProcess.on('unhandledRejection', this.onStray);
    await this.zooKeeper.start();
    for (const broker of this.brokers) broker.start();
    // A controller was elected, and has told everybody of all.
    const isReady = ({ running }: SimulatedBroker): boolean =>
      this.brokers.every(({ id }) => running?.services?.metadata.hasAliveBroker(id) === true);
    await this.until(() => this.controllerId > 0 && this.brokers.every(isReady), { what: 'all brokers serve' });
    return this;
  }

  /** Ends everything at once: nothing of this cluster runs any more. */
  close(): void {
    for (const members of this.groups.values()) for (const member of members) member.stop();
    for (const { reader } of this.readers) reader.stop();
    for (const seeker of this.seekers) seeker.stop();
    realProcess.off('unhandledRejection', this.onStray);
    for (const client of this.clients) client.close();
    for (const broker of this.brokers) if (broker.isUp) broker.crash('process');
  }

  broker(id: number): SimulatedBroker {
    return this.brokers[id - 1]!;
  }

  stateOf(topic: string, partition: number): { leader: number; isr: number[]; leaderEpoch: number } | null {
    const path = `/brokers/topics/${topic}/partitions/${partition}/state`;
    const json = this.zooKeeper.json<{ leader: number; isr: number[]; leader_epoch: number }>(path);
    return json && { leader: json.leader, isr: json.isr, leaderEpoch: json.leader_epoch };
  }

  /** The broker that holds `/controller`; -1 for none. */
  get controllerId(): number {
    return this.zooKeeper.json<{ brokerid: number }>('/controller')?.brokerid ?? -1;
  }

  // Clients

  client(host: string, versions: ClientVersions = {}): SimulatedClient {
    const client = new SimulatedClient({
      host,
      seed: this.options.seed * 17 + this.clients.length,
      brokerIds: this.brokers.map(({ id }) => id),
      clock: this.clock,
      network: this.network,
      trace: this.trace,
      onLateAnswer: (from, brokerId, sentMs, what) => this.onLateAnswer(from, brokerId, sentMs, what),
      versions,
    });
    this.clients.push(client);
    return client;
  }

  /** One that may not be there yet. */
  topicNamed(name: string, partitions: number): SimulatedTopic {
    return new SimulatedTopic(this, name, partitions);
  }

  /** Creates a topic by CreateTopics, as often as it takes; resolves when every partition has a leader. */
  async createTopic(
    name: string,
    options: { assignment: readonly (readonly number[])[]; configs?: Readonly<Record<string, string>> },
  ): Promise<SimulatedTopic> {
    const topic = this.topicNamed(name, options.assignment.length);
    const request = {
      topics: [
        {
          name,
          numPartitions: -1,
          replicationFactor: -1,
          assignments: options.assignment.map((brokerIds, partitionIndex) => ({
            partitionIndex,
            brokerIds: [...brokerIds],
          })),
          configs: Object.entries(options.configs ?? {}).map(([key, value]) => ({ name: key, value })),
        },
      ],
      timeoutMs: ADMIN_TIMEOUT_MS,
    };
    await this.askController(ApiKey.CreateTopics, request, (response: CreateTopicsResponse) => {
      const { errorCode } = response.topics[0]!;
      return errorCode === ErrorCode.TOPIC_ALREADY_EXISTS ? 0 : errorCode;
    });
    this.topics.set(name, topic);
    this.deletedTopics.delete(name);
    return topic;
  }

  /** Deletes a topic by DeleteTopics, as often as it takes. */
  async deleteTopic(name: string): Promise<void> {
    this.topics.delete(name);
    const request = { topics: [{ name, topicId: undefined }], timeoutMs: ADMIN_TIMEOUT_MS };
    await this.askController(ApiKey.DeleteTopics, request, (response: DeleteTopicsResponse) => {
      const { errorCode } = response.responses[0]!;
      return errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION && !this.zooKeeper.exists(`/brokers/topics/${name}`)
        ? 0
        : errorCode;
    });
    this.deletedTopics.add(name);
  }

  /** Asks whoever is the controller until `errorOf` the answer is 0. */
  async askController<T extends object>(apiKey: number, request: object, errorOf: (response: T) => number): Promise<T> {
    const { admin } = this;
    for (;;) {
      await admin.refreshMetadata();
      if (admin.controllerId >= 0) {
        try {
          const response = await admin.send<T>(admin.controllerId, apiKey, request, null);
          const error = errorOf(response);
          if (error === 0) return response;
          this.trace.add('admin', `api ${apiKey}: ${errorName(error)}`);
        } catch (error) {
          if (!(error instanceof NetworkError)) throw error;
        }
      }
      await admin.pause(ADMIN_RETRY_MS);
    }
  }

  /** A producer that goes on until `finish`. */
  produceContinuously(
    topic: SimulatedTopic,
    options: Partial<ProducerOptions> = {},
    versions: ClientVersions = {},
  ): SimulatedProducer {
    const name = options.name ?? `p${this.producers.length + 1}`;
    const producer = new SimulatedProducer(
      this.client(`client-${name}`, versions),
      { name, idempotent: false, intervalMs: 100, ...options, topic: topic.name, partitions: topic.partitions },
      this.history,
      (message) => this.fail(new Violation(message)),
      (partition, brokerId) => leaderOf(this.zooKeeper, topic.name, partition) === brokerId,
    );
    this.producers.push(producer);
    return producer;
  }

  /** Somebody who reads the topic from its beginning: a fetch a partition, or with sessions. */
  readContinuously(topic: SimulatedTopic, { session = null, versions }: ReaderOptions = {}): Reader {
    const name = `r${this.readers.length + 1}`;
    const client = this.client(`client-${name}`, versions);
    const { history } = this;
    const onViolation = (message: string): void => this.fail(new Violation(message));
    const settings = { name, topic: topic.name, partitions: topic.partitions, history, onViolation };
    const reader = session ? new SessionReader(client, settings, session) : new SimulatedReader(client, settings);
    this.readers.push({ topic, reader });
    return reader;
  }

  /** Somebody who looks for records by their time. */
  seekTimes(topic: SimulatedTopic, versions: ClientVersions = {}): void {
    const client = this.client(`client-s${this.seekers.length + 1}`, versions);
    const onViolation = (message: string): void => this.fail(new Violation(message));
    const isLeading = (partition: number, id: number): boolean => {
      const replica = this.broker(id).running?.services?.replicas.partitionOf({ topic: topic.name, partition });
      return replica?.isLeader === true && replica.leaderEpoch === topic.leaderEpoch(partition);
    };
    this.seekers.push(new TimeSeeker(client, topic.name, this.history, isLeading, onViolation));
  }

  /** A group of consumers of the topic, which commit offsets and come and go. */
  consumeInGroup(topic: SimulatedTopic, members: number): void {
    const name = `group${this.groups.size + 1}`;
    const history = new GroupHistory(name, topic.name, topic.partitions, (message) =>
      this.fail(new Violation(message)),
    );
    this.groups.set(
      history,
      Array.from({ length: members }, (_, index) => {
        const member = `${name}-m${index + 1}`;
        return new GroupMember(this.client(member), member, history);
      }),
    );
  }

  /** Administrators who each go about the same few topics at other brokers, and those who keep groups there, for so long. */
  administerFor(ms: number, administrators: number): void {
    for (let index = 0; index < administrators; index++) {
      const administrator = new Administrator(this, this.client(`admin${index + 1}`), index, this.history.admin);
      this.doLater(() => administrator.workFor(ms));
    }
    for (const [index, topic] of ADMINISTERED_TOPICS.entries()) {
      const group = `kept${index + 1}`;
      const keeper = new GroupKeeper(this, this.client(group), group, topic);
      this.doLater(() => keeper.workFor(ms));
    }
  }

  /** Begins something that takes as long as it takes; the cluster is not at rest before it is done. */
  doLater(task: () => Promise<void>): void {
    this.pendingAdmin++;
    task().then(
      () => this.pendingAdmin--,
      (error: unknown) => this.fail(error),
    );
  }

  // Faults

  /** Nothing sent by `from` reaches `to` any more; hosts by name, brokers also by id. */
  cutOneWay(from: string | number, to: string | number): void {
    const [a, b] = [nameOf(from), nameOf(to)];
    this.trace.add('fault', `cut ${a} -> ${b}`);
    this.network.cut(a, b);
    this.disturbLink(a, b);
  }

  /** Neither reaches the other. */
  cut(one: string | number, other: string | number): void {
    this.cutOneWay(one, other);
    this.cutOneWay(other, one);
  }

  /** Mends the ways between two hosts. */
  mend(one: string | number, other: string | number): void {
    const [a, b] = [nameOf(one), nameOf(other)];
    this.trace.add('fault', `mend ${a} <-> ${b}`);
    this.disturbLink(a, b);
    this.network.heal(a, b);
  }

  /** Ends every fault: all ways mended, all brokers up and going, ZooKeeper too. */
  heal(): this {
    this.trace.add('fault', 'heal everything');
    this.faultTerm++;
    this.networkSettings.resetProbability = 0;
    for (const client of this.clients) for (const broker of this.brokers) this.disturbLink(client.host, broker.host);
    this.network.heal();
    this.zooKeeper.heal();
    for (const broker of this.brokers) {
      // Before it goes on: what it was about to write must not fail after it was looked at.
      broker.repairDisks();
      broker.resume();
      if (broker.isUp && broker.hasFailedLogDir) broker.crash('process');
      // One that lost power comes back when its fault lets it.
      if (!broker.isUp && !broker.hasLostPower) broker.start();
    }
    return this;
  }

  // The loop

  /** Lets `ms` of simulated time pass. */
  async run(ms: number): Promise<void> {
    const isOver = this.deadline(ms);
    await settle();
    while (!isOver()) await this.step();
    this.throwIfFailed();
  }

  /** Runs until `condition` holds; throws when it does not within `withinMs` of simulated time. */
  async until(
    condition: () => boolean,
    { withinMs = 60_000, what = condition.toString() }: { withinMs?: number; what?: string } = {},
  ): Promise<this> {
    const isOver = this.deadline(withinMs);
    await settle();
    while (!condition()) {
      if (isOver()) throw new Violation(`not within ${withinMs} ms: ${what}`);
      await this.step();
    }
    return this;
  }

  /** Runs until `promise` has settled, and gives its result. */
  async drive<T>(promise: Promise<T>, withinMs = 60_000): Promise<T> {
    let settled = false;
    const watched = promise.finally(() => (settled = true));
    watched.catch(() => undefined);
    await this.until(() => settled, { withinMs, what: 'something that was asked is done' });
    return watched;
  }

  /**
   * Lets producers finish and everything catch up, then checks all that must hold at rest. Throws when the cluster does not come to rest.
   */
  async untilQuiet(withinMs = REST_WITHIN_MS): Promise<this> {
    for (const members of this.groups.values()) for (const member of members) member.settle();
    for (const { reader } of this.readers) reader.settle();
    const endMs = this.clock.nowMs() + withinMs;
    let quietSinceMs: number | null = null;
    for (;;) {
      // A topic that is being created yet gets its producer only now.
      for (const producer of this.producers) producer.finish();
      await this.run(LOOK_FOR_REST_EVERY_MS);
      const reasons = this.unrest();
      const nowMs = this.clock.nowMs();
      if (reasons.length > 0) quietSinceMs = null;
      else quietSinceMs ??= nowMs;
      // Readers are to see the end too.
      if (quietSinceMs !== null && nowMs - quietSinceMs >= 3_000) break;
      if (nowMs > endMs) {
        throw new Violation(`the cluster does not come to rest within ${withinMs} ms:\n  ${reasons.join('\n  ')}`);
      }
    }
    for (const invariant of this.invariants) this.checkOne(invariant, () => invariant.atRest?.(this));
    this.throwIfFailed();
    return this;
  }

  /** Why the cluster is not at rest; empty when it is. */
  unrest(): string[] {
    const reasons: string[] = [];
    for (const broker of this.brokers) if (!broker.running) reasons.push(`broker ${broker.id} does not serve`);
    for (const producer of this.producers) if (!producer.isDone) reasons.push(producer.describe());
    if (this.pendingAdmin > 0) reasons.push(`${this.pendingAdmin} requests to the controller are not done`);
    if (reasons.length > 0) return reasons;
    const controller = this.controllerId;
    if (controller < 0) reasons.push('there is no controller');
    if (this.zooKeeper.exists('/admin/reassign_partitions')) reasons.push('replicas are being moved');
    for (const broker of this.brokers)
      if (broker.hasFailedLogDir) reasons.push(`broker ${broker.id} has a failed directory`);
    for (const { id, running } of this.brokers)
      if (running?.services?.groups['store'].isLoading) reasons.push(`broker ${id} loads groups`);
    for (const { topic, partition, replicas, leader, leaderEpoch, isr } of partitionStates(this.zooKeeper)) {
      const name = `${topic}-${partition}`;
      if (leader < 0) reasons.push(`${name} has no leader (isr ${isr.join(',')}, epoch ${leaderEpoch})`);
      if (!sameMembers(isr, replicas))
        reasons.push(`${name} has isr ${isr.join(',')} of replicas ${replicas.join(',')}`);
      const ends = new Set<string>();
      for (const id of replicas) {
        const replica = this.broker(id).running?.services?.replicas.partitionOf({ topic, partition });
        const log = replica && this.broker(id).running?.services?.replicas.localLog({ topic, partition });
        if (!log) reasons.push(`${name} is not on broker ${id}`);
        else ends.add(`${log.logEndOffset}/${log.highWatermark}`);
      }
      if (ends.size > 1) reasons.push(`${name} ends and high watermarks differ: ${[...ends].join(' ')}`);
      const [end] = ends;
      if (ends.size === 1 && end!.split('/')[0] !== end!.split('/')[1])
        reasons.push(`${name} has a high watermark behind its end: ${end}`);
      for (const broker of this.brokers) {
        const known = broker.running?.services?.metadata.partitionInfo({ topic, partition });
        if (!known || known.leader !== leader || known.leaderEpoch !== leaderEpoch) {
          reasons.push(
            `broker ${broker.id} believes ${name} led by ${known?.leader} in ${known?.leaderEpoch}, not ${leader} in ${leaderEpoch}`,
          );
        }
      }
    }
    for (const { topic, reader } of this.readers) {
      for (let partition = 0; partition < topic.partitions; partition++) {
        const leader = this.brokers[topic.leader(partition) - 1]?.running?.services?.replicas;
        const end = leader?.localLog({ topic: topic.name, partition })?.highWatermark ?? -1;
        const position = reader.position(partition);
        if (position < end) reasons.push(`a reader of ${topic.name}-${partition} is at ${position} of ${end}`);
      }
    }
    for (const [{ group, partitions }, members] of this.groups) {
      const memberships = members.map(({ membership }) => membership);
      const generations = new Set(memberships.map((membership) => membership?.generation ?? -1));
      if (generations.size > 1 || generations.has(-1)) {
        reasons.push(`${group} has members in generations ${[...generations].join(', ')}`);
      }
      const owned = memberships.flatMap((membership) => membership?.partitions ?? []);
      if (owned.length !== partitions || new Set(owned).size !== partitions) {
        reasons.push(`${group} owns ${owned.join(', ')} of ${partitions} partitions`);
      }
    }
    for (const topic of this.topics.keys()) {
      if (!this.zooKeeper.exists(`/brokers/topics/${topic}`)) reasons.push(`${topic} is not in ZooKeeper`);
    }
    for (const topic of this.zooKeeper.childrenOf('/admin/delete_topics')) reasons.push(`${topic} is being deleted`);
    for (const topic of this.zooKeeper.childrenOf('/brokers/topics')) {
      const assignment = assignmentOf(this.zooKeeper, topic);
      for (const partition of assignment?.keys() ?? []) {
        if (!this.stateOf(topic, partition)) reasons.push(`${topic}-${partition} has no state`);
      }
    }
    for (const topic of this.deletedTopics) {
      if (this.zooKeeper.exists(`/brokers/topics/${topic}`)) reasons.push(`${topic} is still in ZooKeeper`);
      for (const { id, disk } of this.brokers) {
        const left = foldersOf(disk, topic);
        if (left.length > 0) reasons.push(`broker ${id} still has ${left.join(', ')}`);
      }
    }
    return reasons;
  }

  fail(error: unknown): void {
    if (this.failure) return;
    this.failure = error instanceof Error ? error : new Error(String(error));
    this.trace.add('FAILURE', this.failure.message);
  }

  /** Becomes true when `ms` have passed. Its timer also keeps time going when nothing else does. */
  private deadline(ms: number): () => boolean {
    let isOver = false;
    this.clock.setTimer(ms, () => (isOver = true));
    return () => isOver;
  }

  /** Lets the next thing happen, and what follows from it without time passing. */
  private async step(): Promise<void> {
    const beforeMs = this.clock.monotonicMs();
    try {
      this.clock.step();
    } catch (error) {
      const what = isProgrammingError(error) ? 'a bug' : 'an error that nobody caught';
      this.fail(new Violation(`${what} in a timer: ${error instanceof Error ? error.stack : String(error)}`));
    }
    await settle();
    this.stepsAtThisTime = this.clock.monotonicMs() === beforeMs ? this.stepsAtThisTime + 1 : 0;
    if (this.stepsAtThisTime > MAX_STEPS_WITHOUT_TIME) this.fail(new Violation('time does not pass any more'));
    if (this.clock.monotonicMs() >= this.nextSampleMs) {
      this.nextSampleMs = this.clock.monotonicMs() + SAMPLE_EVERY_MS;
      this.check((invariant) => invariant.sample?.(this));
    }
    this.throwIfFailed();
  }

  private check(look: (invariant: Invariant) => void): void {
    for (const invariant of this.invariants) this.checkOne(invariant, () => look(invariant));
  }

  private checkOne(invariant: Invariant, look: () => void): void {
    try {
      look();
    } catch (error) {
      if (!(error instanceof Violation)) this.fail(error);
      else this.fail(new Violation(`${invariant.name}: ${error.message}`));
    }
  }

  private throwIfFailed(): void {
    if (this.failure) throw this.failure;
  }

  private disturbLink(one: string, other: string): void {
    this.disturbedLinks.set(linkOf(one, other), this.clock.monotonicMs());
  }

  /** Every request is answered, or its connection closed, by its deadline: unless the network or the broker was held up. */
  private onLateAnswer(host: string, brokerId: number, sentMs: number, what: string): void {
    const broker = this.broker(brokerId);
    const isCut = this.network.isCut(host, broker.host) || this.network.isCut(broker.host, host);
    const disturbedMs = Math.max(broker.disturbedAtMs, this.disturbedLinks.get(linkOf(host, broker.host)) ?? -1);
    if (isCut || broker.isPaused || disturbedMs >= sentMs) return;
    this.fail(
      new Violation(`broker ${brokerId} did not answer ${what} of ${host}, sent at ${sentMs.toFixed(3)}, in time`),
    );
  }
}

/** A promise of a process that was killed under its own code rejects with no one left to hear it. */
function isOfKilled(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ((at as NodeJS.ErrnoException).code === 'EKILLED') return true;
  }
  return false;
}

function nameOf(host: string | number): string {
  return typeof host === 'number' ? hostOf(host) : host;
}

function linkOf(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`;
}
