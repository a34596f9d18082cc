import {
  assignReplicas,
  collides,
  hasCollisionChars,
  NO_LEADER,
  ReplicaAssignmentError,
  whyInvalidTopicName,
  type AssignableBroker,
  type ReplicaAssignment,
  type TopicAssignment,
} from '../../cluster/index.js';
import {
  forEachInSteps,
  mapInSteps,
  randomUuid,
  runInSlices,
  ZERO_UUID,
  type Clock,
  type Logger,
  type Random,
  type Steps,
  type Uuid,
} from '../../common/index.js';
import { describeTopicConfig, TopicConfig, validateTopicConfig, type BrokerConfig } from '../../config/index.js';
import { ErrorCode, type CreatePartitionsRequest, type CreateTopicsRequest } from '../../protocol/index.js';
import { isZkError, type ZkStores } from '../../zookeeper/index.js';
import {
  AdminError,
  apiResultOf,
  attempt,
  MAX_CONFIGS,
  NO_ERROR,
  tooManyConfigs,
  type ApiResult,
} from './admin-error.js';
import { beginInTurn, mapInTurns } from '../in-turns.js';
import { manualPartitions, validateAssignment } from './asked-replicas.js';
import { requireFittingAssignment, requireFittingConfig } from './znode-size.js';
import type { AwaitOthers, Wait } from '../awaited.js';
import type { TopicView } from './topic-view.js';
import { TopicWaiter } from './topic-waiter.js';

type CreatableTopic = CreateTopicsRequest['topics'][number];
type CreatePartitionsTopic = CreatePartitionsRequest['topics'][number];

/**
 * What one topic may have, before its assignment is made: Kafka tries, and a request for two thousand million partitions is its end.
 */
const MAX_PARTITIONS = 100_000;

/** That are looked at in one step. */
const PARTITIONS_A_STEP = 64;

/** Topics whose assignments are read and written side by side. */
const MAX_CONCURRENT = 100;

/** In a request: take the broker's default. */
const UNSET = -1;

export interface CreatedTopicConfig {
  readonly name: string;
  readonly value: string | null;
  readonly readOnly: boolean;
  readonly configSource: number;
  readonly isSensitive: boolean;
}

/** By name alone, with the zero id, or the topic of that id, whose name that is as far as is known. */
export interface DeletableTopic {
  readonly name: string;
  readonly topicId: Uuid;
}

/** What became of one topic of a CreateTopics. The last three are what the topic got, or would get. */
export interface CreatedTopic extends ApiResult {
  readonly name: string;
  readonly topicId: Uuid;
  readonly numPartitions: number;
  readonly replicationFactor: number;
  /** Made when they are asked for: dozens, for each of thousands of topics. */
  readonly configs: () => readonly CreatedTopicConfig[];
}

const NO_CONFIGS = (): readonly CreatedTopicConfig[] => [];

/**
 * Creates, grows and deletes topics as Kafka's ZkAdminManager does on the controller: it writes the znodes, and the controller's
 * watches do the rest. Answers when the metadata shows it, or with REQUEST_TIMED_OUT, in which case it happens all the same.
 */
export class TopicAdmin {
  readonly waiter: TopicWaiter;

  constructor(
    private readonly deps: {
      readonly config: () => BrokerConfig;
      readonly stores: ZkStores;
      readonly view: TopicView;
      readonly clock: Clock;
      readonly random: Random;
      readonly log: Logger;
    },
  ) {
    this.waiter = new TopicWaiter(deps.clock);
    deps.view.onUpdate(() => this.waiter.onChanged());
  }

  /** One result for each topic, in their order. */
  async createTopics(
    topics: readonly CreatableTopic[],
    { timeoutMs, validateOnly }: { readonly timeoutMs: number; readonly validateOnly: boolean },
    awaitOthers: AwaitOthers = plainly,
  ): Promise<CreatedTopic[]> {
    const created: CreatedTopic[] = [];
    const { clock } = this.deps;
    for (const topic of topics) {
      created.push(await beginInTurn(clock, () => this.createTopic(topic, validateOnly)));
    }
    const isPending = ({ errorCode }: CreatedTopic): boolean => errorCode === ErrorCode.NONE;
    if (validateOnly || !created.some(isPending)) return created;
    const missesLeader = (result: CreatedTopic): Steps<boolean> => this.missesLeader(result.name, result.numPartitions);
    const late = new Set(await this.lateOf(created.filter(isPending), timeoutMs, missesLeader, awaitOthers));
    return created.map((result) => (late.has(result) ? timedOut(result) : result));
  }

  /** One result for each topic, in their order. */
  async createPartitions(
    topics: readonly CreatePartitionsTopic[],
    timeoutMs: number,
    validateOnly: boolean,
    awaitOthers: AwaitOthers,
  ): Promise<ApiResult[]> {
    const brokers = await this.registeredBrokers();
    const results = await mapInTurns(this.deps.clock, topics, MAX_CONCURRENT, (topic) =>
      attempt(this.deps.log, topic.name, () => this.addPartitions(topic, brokers, validateOnly)),
    );
    // As many as the cluster has, while those that are named may be any number.
    const growing: number[] = [];
    for (const [at, { errorCode }] of results.entries()) if (errorCode === ErrorCode.NONE) growing.push(at);
    if (validateOnly || growing.length === 0) return results;
    const missesLeader = (at: number): Steps<boolean> => this.missesLeader(topics[at]!.name, topics[at]!.count);
    const late = await this.lateOf(growing, timeoutMs, missesLeader, awaitOthers);
    for (const at of late) results[at] = { errorCode: ErrorCode.REQUEST_TIMED_OUT, errorMessage: null };
    return results;
  }

  /** Error codes by topic. A topic that is being deleted already is waited for like the others. */
  async deleteTopics<T extends DeletableTopic>(
    topics: readonly T[],
    timeoutMs: number,
    awaitOthers: AwaitOthers,
  ): Promise<Map<T, number>> {
    const { clock, stores, log, view } = this.deps;
    const results = new Map<T, number>();
    const mark = async ({ name, topicId }: DeletableTopic): Promise<void> => {
      const isName = whyInvalidTopicName(name) === null;
      if (!isName || !(await stores.topics.topicExists(name)))
        throw new AdminError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
      if (topicId === ZERO_UUID) await stores.deletions.createDeleteTopicPath(name).catch(unless('NodeExists'));
      else if (!(await stores.deletions.markTopicForDeletion(name, topicId)))
        throw new AdminError(ErrorCode.UNKNOWN_TOPIC_ID);
    };
    for (const topic of topics) {
      const { errorCode } = await beginInTurn(clock, () => attempt(log, topic.name, () => mark(topic)));
      results.set(topic, errorCode);
    }
    const marked = topics.filter((topic) => results.get(topic) === ErrorCode.NONE);
    const isThere = function* ({ name }: T): Steps<boolean> {
      return view.hasTopic(name);
    };
    const late = await this.lateOf(marked, timeoutMs, isThere, awaitOthers);
    for (const topic of late) results.set(topic, ErrorCode.REQUEST_TIMED_OUT);
    return results;
  }

  /** Waits until the metadata show for all that they are done, at most so long, and gives those that are late then: all when no one waits. */
  private async lateOf<T>(
    pending: readonly T[],
    timeoutMs: number,
    isLate: (item: T) => Steps<boolean>,
    awaitOthers: AwaitOthers,
  ): Promise<readonly T[]> {
    if (timeoutMs <= 0) return pending;
    await awaitOthers(this.waiter.wait(timeoutMs, () => noneOf(pending, isLate)));
    return runInSlices(this.deps.clock, allOf(pending, isLate));
  }

  private async createTopic(topic: CreatableTopic, validateOnly: boolean): Promise<CreatedTopic> {
    const { config, stores, clock, random, log } = this.deps;
    try {
      const assignment = await runInSlices(clock, this.plan(topic));
      const overrides = new Map(topic.configs.map(({ name, value }) => [name, value ?? '']));
      await this.validateNew(topic.name, assignment, overrides);
      const result = {
        ...NO_ERROR,
        name: topic.name,
        topicId: ZERO_UUID,
        numPartitions: assignment.size,
        replicationFactor: assignment.get(0)!.length,
        configs: () => describeTopicConfig(config(), TopicConfig.create(config(), overrides)),
      };
      if (validateOnly) return result;
      // As `KafkaConfig.usesTopicId`: a controller of before 2.8 would not read the node.
      const topicId = config().interBrokerProtocolAtLeast('2.8-IV0') ? randomUuid(random) : null;
      log.info('Creating topic', {
        topic: topic.name,
        configs: Object.fromEntries(overrides),
        partitions: assignment.size,
      });
      try {
        await stores.topics.createTopic(topic.name, topicId, assignment, overrides);
      } catch (error) {
        if (isZkError(error, 'NodeExists')) throw alreadyExists(topic.name);
        throw error;
      }
      return { ...result, topicId: topicId ?? ZERO_UUID };
    } catch (error) {
      const failure = apiResultOf(error, log, topic.name);
      return {
        ...failure,
        name: topic.name,
        topicId: ZERO_UUID,
        numPartitions: -1,
        replicationFactor: -1,
        configs: NO_CONFIGS,
      };
    }
  }

  /** The replicas of each partition: those asked for, unchecked against the live brokers as in Kafka, or a spread of our own. */
  private *plan(topic: CreatableTopic): Steps<Map<number, readonly number[]>> {
    const { config, view, random } = this.deps;
    if (view.hasTopic(topic.name)) throw alreadyExists(topic.name);
    if (topic.configs.length > MAX_CONFIGS) {
      throw new AdminError(ErrorCode.INVALID_CONFIG, tooManyConfigs(topic.configs.length));
    }
    const nulls = topic.configs.filter(({ value }) => value === null).map(({ name }) => name);
    if (nulls.length > 0) {
      throw new AdminError(ErrorCode.INVALID_CONFIG, `Null value not supported for topic configs: ${nulls.join(',')}`);
    }
    if (topic.assignments.length > 0) {
      if (topic.numPartitions !== UNSET || topic.replicationFactor !== UNSET) {
        throw new AdminError(
          ErrorCode.INVALID_REQUEST,
          'Both numPartitions or replicationFactor and replicasAssignments were set. Both cannot be used at the same time.',
        );
      }
      requireFitting(topic.assignments.length);
      const assigned = new Map<number, readonly number[]>();
      yield* forEachInSteps(topic.assignments, ({ partitionIndex, brokerIds }) => {
        assigned.set(partitionIndex, brokerIds);
      });
      return assigned;
    }
    const partitionCount = topic.numPartitions === UNSET ? config().get('num.partitions') : topic.numPartitions;
    requireFitting(partitionCount);
    return assignReplicas(
      [...view.aliveBrokers()].sort((a, b) => a.id - b.id),
      {
        partitionCount,
        replicationFactor:
          topic.replicationFactor === UNSET ? config().get('default.replication.factor') : topic.replicationFactor,
        start: random,
      },
    );
  }

  /** `AdminZkClient.validateTopicCreate`, in its order. */
  private async validateNew(
    topic: string,
    assignment: ReadonlyMap<number, readonly number[]>,
    overrides: ReadonlyMap<string, string>,
  ): Promise<void> {
    const { clock, stores, config } = this.deps;
    const invalid = whyInvalidTopicName(topic);
    if (invalid !== null) throw new AdminError(ErrorCode.INVALID_TOPIC_EXCEPTION, invalid);
    const [isMarked, exists] = await Promise.all([
      stores.deletions.isTopicMarkedForDeletion(topic),
      stores.topics.topicExists(topic),
    ]);
    if (isMarked) throw new AdminError(ErrorCode.TOPIC_ALREADY_EXISTS, `Topic '${topic}' is marked for deletion.`);
    if (exists) throw alreadyExists(topic);
    const others = hasCollisionChars(topic) ? await stores.topics.topics() : [];
    await runInSlices(clock, checkNew());

    /** What ZooKeeper answers comes for many at one time. */
    function* checkNew(): Steps<void> {
      const colliding: string[] = [];
      yield* forEachInSteps(others, (other) => {
        if (collides(topic, other)) colliding.push(other);
      });
      if (colliding.includes(topic)) throw alreadyExists(topic);
      if (colliding.length > 0) {
        const text = `Topic '${topic}' collides with existing topics: ${colliding.join(', ')}`;
        throw new AdminError(ErrorCode.INVALID_TOPIC_EXCEPTION, text);
      }
      yield* validateAssignment(assignment);
      // Both go to ZooKeeper in one request.
      yield* requireFittingAssignment(assignment, requireFittingConfig(overrides));
      validateTopicConfig(config(), overrides);
    }
  }

  /** On the assignment that was read: a reassignment that begins meanwhile refuses it, and is not undone. */
  private async addPartitions(
    request: CreatePartitionsTopic,
    brokers: readonly AssignableBroker[],
    validateOnly: boolean,
  ): Promise<void> {
    const { name: topic } = request;
    const missing = new AdminError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `The topic '${topic}' does not exist.`);
    if (whyInvalidTopicName(topic) !== null) throw missing;
    const existing = await this.deps.stores.topics.changeAssignment(topic, async (current) => {
      const grown = await runInSlices(this.deps.clock, this.grown(current, request, brokers));
      if (validateOnly) return null;
      this.deps.log.info('Creating partitions', { topic, from: current.partitions.size, to: request.count });
      return grown;
    });
    if (!existing) throw missing;
  }

  /** The assignment with the partitions that are asked for; refused where that cannot be. */
  private *grown(
    existing: TopicAssignment,
    { name: topic, count, assignments }: CreatePartitionsTopic,
    brokers: readonly AssignableBroker[],
  ): Steps<TopicAssignment> {
    if (existing.partitions.size === 0) {
      throw new AdminError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `The topic '${topic}' does not exist.`);
    }
    const partitions = new Map<number, ReplicaAssignment>();
    let isReassigned = false;
    yield* forEachInSteps(existing.partitions, ([partition, replicas]) => {
      isReassigned ||= replicas.adding.length > 0 || replicas.removing.length > 0;
      partitions.set(partition, replicas);
    });
    if (isReassigned) {
      const text = `A partition reassignment is in progress for the topic '${topic}'.`;
      throw new AdminError(ErrorCode.REASSIGNMENT_IN_PROGRESS, text);
    }
    const oldCount = existing.partitions.size;
    if (count < oldCount) {
      const text = `Topic currently has ${oldCount} partitions, which is higher than the requested ${count}.`;
      throw new AdminError(ErrorCode.INVALID_PARTITIONS, text);
    }
    if (count === oldCount)
      throw new AdminError(ErrorCode.INVALID_PARTITIONS, `Topic already has ${oldCount} partitions.`);
    requireFitting(count);
    const first = existing.partitions.get(0);
    if (!first) throw new Error(`partition 0 is missing from the assignment of topic ${topic}`);
    const added = assignments
      ? yield* manualPartitions(assignments, oldCount, count, first, brokers)
      : assignReplicas(brokers, {
          partitionCount: count - oldCount,
          replicationFactor: first.replicas.length,
          start: Math.max(
            0,
            brokers.findIndex(({ id }) => id >= first.replicas[0]!),
          ),
          startPartitionId: oldCount,
        });
    yield* forEachInSteps(added, ([partition, replicas]) => {
      partitions.set(partition, { replicas, adding: [], removing: [] });
    });
    const all = yield* mapInSteps(partitions, ([partition, { replicas }]) => [partition, replicas] as const);
    yield* requireFittingAssignment(all);
    return { ...existing, partitions };
  }

  /** Brokers as registered, for CreatePartitions; refused when only some of them have a rack. */
  private async registeredBrokers(): Promise<AssignableBroker[]> {
    const { found } = await this.deps.stores.brokers.brokers();
    const brokers = [...found.values()].map(({ id, rack }) => ({ id, rack }));
    const withRack = brokers.filter(({ rack }) => rack !== null);
    if (withRack.length > 0 && withRack.length < brokers.length) {
      throw new ReplicaAssignmentError(
        'ADMIN_OPERATION',
        'Not all brokers have rack information. Add --disable-rack-aware in command line to make replica assignment ' +
          'without rack information.',
      );
    }
    return brokers;
  }

  private *missesLeader(topic: string, partitionCount: number): Steps<boolean> {
    for (let partition = 0; partition < partitionCount; partition++) {
      if ((partition + 1) % PARTITIONS_A_STEP === 0) yield;
      const info = this.deps.view.partitionInfo({ topic, partition });
      if (!info || info.leader === NO_LEADER) return true;
    }
    return false;
  }
}

function* allOf<T>(items: readonly T[], isSo: (item: T) => Steps<boolean>): Steps<T[]> {
  const all: T[] = [];
  for (const [at, item] of items.entries()) {
    if (yield* isSo(item)) all.push(item);
    if ((at + 1) % PARTITIONS_A_STEP === 0) yield;
  }
  return all;
}

function* noneOf<T>(items: readonly T[], isSo: (item: T) => Steps<boolean>): Steps<boolean> {
  for (const [at, item] of items.entries()) {
    if (yield* isSo(item)) return false;
    if ((at + 1) % PARTITIONS_A_STEP === 0) yield;
  }
  return true;
}

/** For whoever is no request of a client. */
function plainly<T>({ ended }: Wait<T>): Promise<T> {
  return ended;
}

function alreadyExists(topic: string): AdminError {
  return new AdminError(ErrorCode.TOPIC_ALREADY_EXISTS, `Topic '${topic}' already exists.`);
}

/** As Kafka answers: the topic will be there, so its id is told, and nothing else. */
function timedOut({ name, topicId }: CreatedTopic): CreatedTopic {
  return {
    errorCode: ErrorCode.REQUEST_TIMED_OUT,
    errorMessage: null,
    name,
    topicId,
    numPartitions: -1,
    replicationFactor: -1,
    configs: NO_CONFIGS,
  };
}

function unless(code: 'NodeExists'): (error: unknown) => void {
  return (error) => {
    if (!isZkError(error, code)) throw error;
  };
}

function requireFitting(partitionCount: number): void {
  if (partitionCount > MAX_PARTITIONS) {
    throw new AdminError(
      ErrorCode.INVALID_PARTITIONS,
      `Number of partitions must not be larger than ${MAX_PARTITIONS}.`,
    );
  }
}
