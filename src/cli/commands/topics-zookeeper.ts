import {
  assignReplicas,
  collides,
  hasCollisionChars,
  isInternalTopic,
  NO_LEADER,
  ReplicaAssignmentError,
  whyInvalidTopicName,
  type AssignableBroker,
  type TopicAssignment,
} from '../../cluster/index.js';
import { randomUuid, systemRandom, ZERO_UUID } from '../../common/index.js';
import { ErrorCode } from '../../protocol/index.js';
import { isZkError, nodeOf, type ZkStores } from '../../zookeeper/index.js';
import { ClientError } from '../client/client-error.js';
import type { Reassignment } from '../client/topic-admin.js';
import { openZooKeeper } from '../client/zookeeper-session.js';
import type { ParsedOptions } from '../options.js';
import type { Terminal } from '../terminal.js';
import { includeList, warnOfZooKeeper } from '../tool-output.js';
import { checkCounts, COLLISION_WARNING, parseReplicaAssignment, parseTopicConfigs } from './topic-arguments.js';
import { formatTopics, type DescribedTopic } from './topic-description.js';
import { describeFilter, ensureTopicExists } from './topics-selection.js';

type Action = 'create' | 'list' | 'describe' | 'alter' | 'delete';
export type ZooKeeperTopics = Record<Action, (options: ParsedOptions) => Promise<void>> & { close(): Promise<void> };

/**
 * kafka-topics.sh with `--zookeeper` as it was up to Kafka 2.8 (`ZookeeperTopicService`): no broker is asked. The tool writes the znodes
 * itself, and the watches of the controller do the rest.
 */
export async function openZooKeeperTopics(connect: string, terminal: Terminal): Promise<ZooKeeperTopics> {
  const { stores, close } = await openZooKeeper(connect, warnOfZooKeeper(terminal));
  return {
    create: (options) => create(stores, options, terminal),
    list: (options) => list(stores, options, terminal),
    describe: (options) => describe(stores, options, terminal),
    alter: (options) => alter(stores, options, terminal),
    delete: (options) => remove(stores, options, terminal),
    close,
  };
}

const PARTITIONS_WARNING =
  'WARNING: If partitions are increased for a topic that has a key, ' +
  'the partition logic or ordering of the messages will be affected\n';
const CONFIG_WARNING =
  'WARNING: Altering topic configuration from this script has been deprecated and may be removed in future releases.\n' +
  '         Going forward, please use kafka-configs.sh for this functionality\n';

async function create(stores: ZkStores, options: ParsedOptions, terminal: Terminal): Promise<void> {
  const topic = options.value('topic')!;
  const manual = parseReplicaAssignment(options.value('replica-assignment'));
  const [partitions, factor] = [options.number('partitions'), options.number('replication-factor')];
  const configs = parseTopicConfigs(options.all('config'));
  if (hasCollisionChars(topic)) terminal.stdout.write(COLLISION_WARNING);
  checkCounts(partitions, factor);
  try {
    await checkNewTopic(stores, topic);
    const assignment = manual
      ? new Map(manual.map((replicas, partition) => [partition, replicas]))
      : assign(await registeredBrokers(stores), {
          partitionCount: partitions!,
          replicationFactor: factor!,
          start: systemRandom,
        });
    await stores.topics.createTopic(topic, randomUuid(systemRandom), assignment, configs).catch((error: unknown) => {
      throw isZkError(error, 'NodeExists') ? topicExists(topic) : error;
    });
  } catch (error) {
    const exists = error instanceof ClientError && error.errorCode === ErrorCode.TOPIC_ALREADY_EXISTS;
    if (exists && options.has('if-not-exists')) return;
    throw error;
  }
  terminal.stdout.write(`Created topic ${topic}.\n`);
}

function topicExists(topic: string): ClientError {
  return ClientError.ofCode(ErrorCode.TOPIC_ALREADY_EXISTS, `Topic '${topic}' already exists.`);
}

async function checkNewTopic(stores: ZkStores, topic: string): Promise<void> {
  const invalid = (text: string) => ClientError.ofCode(ErrorCode.INVALID_TOPIC_EXCEPTION, text);
  const wrong = whyInvalidTopicName(topic);
  if (wrong !== null) throw invalid(wrong);
  if (await stores.deletions.isTopicMarkedForDeletion(topic)) {
    throw ClientError.ofCode(ErrorCode.TOPIC_ALREADY_EXISTS, `Topic '${topic}' is marked for deletion.`);
  }
  if (await stores.topics.topicExists(topic)) throw topicExists(topic);
  const colliding = (await stores.topics.topics()).filter((other) => collides(topic, other));
  if (colliding.length > 0) {
    throw invalid(`Topic '${topic}' collides with existing topics: ${colliding.join(', ')}`);
  }
}

async function registeredBrokers(stores: ZkStores): Promise<AssignableBroker[]> {
  const { found } = await stores.brokers.brokers();
  return [...found.values()].map(({ id, rack }) => ({ id, rack })).sort((a, b) => a.id - b.id);
}

/** What `assignReplicas` refuses, as the code that CreateTopics answers. */
const ASSIGNMENT_ERRORS = {
  INVALID_PARTITIONS: ErrorCode.INVALID_PARTITIONS,
  INVALID_REPLICATION_FACTOR: ErrorCode.INVALID_REPLICATION_FACTOR,
  ADMIN_OPERATION: ErrorCode.INVALID_REQUEST,
} as const;

function assign(
  brokers: readonly AssignableBroker[],
  options: Parameters<typeof assignReplicas>[1],
): Map<number, number[]> {
  try {
    return assignReplicas(brokers, options);
  } catch (error) {
    if (!(error instanceof ReplicaAssignmentError)) throw error;
    throw ClientError.ofCode(ASSIGNMENT_ERRORS[error.kind], error.message);
  }
}

async function list(stores: ZkStores, options: ParsedOptions, terminal: Terminal): Promise<void> {
  for (const topic of await matchingTopics(stores, options)) {
    const marked = await stores.deletions.isTopicMarkedForDeletion(topic);
    terminal.stdout.write(`${topic}${marked ? ' - marked for deletion' : ''}\n`);
  }
}

async function alter(stores: ZkStores, options: ParsedOptions, terminal: Terminal): Promise<void> {
  const topics = await matchingTopics(stores, options);
  ensureTopicExists(topics, options);
  for (const topic of topics) {
    if (options.has('config') || options.has('delete-config')) await alterConfig(stores, topic, options, terminal);
    if (options.has('partitions')) await addPartitions(stores, topic, options, terminal);
  }
}

async function alterConfig(stores: ZkStores, topic: string, options: ParsedOptions, terminal: Terminal): Promise<void> {
  const added = parseTopicConfigs(options.all('config'));
  terminal.stdout.write(CONFIG_WARNING);
  await stores.configs.changeTopicConfig(topic, (current) => {
    const configs = new Map([...current, ...added]);
    for (const name of options.all('delete-config')) configs.delete(name);
    return configs;
  });
  terminal.stdout.write(`Updated config for topic ${topic}.\n`);
}

async function addPartitions(
  stores: ZkStores,
  topic: string,
  options: ParsedOptions,
  terminal: Terminal,
): Promise<void> {
  const invalid = (text: string) => ClientError.ofCode(ErrorCode.INVALID_PARTITIONS, text);
  if (isInternalTopic(topic)) throw invalid(`The number of partitions for the topic ${topic} cannot be changed.`);
  terminal.stdout.write(PARTITIONS_WARNING);
  const brokers = await registeredBrokers(stores);
  await stores.topics.changeAssignment(topic, (current) => grown(current, options, brokers));
  terminal.stdout.write('Adding partitions succeeded!\n');
}

function grown(
  existing: TopicAssignment,
  options: ParsedOptions,
  brokers: readonly AssignableBroker[],
): TopicAssignment {
  const { topic } = existing;
  const invalid = (text: string) => ClientError.ofCode(ErrorCode.INVALID_PARTITIONS, text);
  const count = options.number('partitions')!;
  const toAdd = count - existing.partitions.size;
  if (toAdd <= 0) {
    throw invalid(
      `The number of partitions for a topic can only be increased. Topic ${topic} currently has ` +
        `${existing.partitions.size} partitions, ${count} would not be an increase.`,
    );
  }
  const pattern = existing.partitions.get(0)!.replicas;
  const manual = parseReplicaAssignment(options.value('replica-assignment'))?.slice(existing.partitions.size);
  const added = manual
    ? new Map(manual.map((replicas, i) => [existing.partitions.size + i, replicas]))
    : assign(brokers, {
        partitionCount: toAdd,
        replicationFactor: pattern.length,
        start: Math.max(
          0,
          brokers.findIndex(({ id }) => id >= pattern[0]!),
        ),
        startPartitionId: existing.partitions.size,
      });
  if (manual) checkManual(added, toAdd, pattern.length, brokers);
  const partitions = new Map([
    ...existing.partitions,
    ...[...added].map(([partition, replicas]) => [partition, { replicas, adding: [], removing: [] }] as const),
  ]);
  return { ...existing, partitions };
}

function checkManual(
  added: ReadonlyMap<number, readonly number[]>,
  expected: number,
  factor: number,
  brokers: readonly AssignableBroker[],
): void {
  const refuse = (text: string): never => {
    throw ClientError.ofCode(ErrorCode.INVALID_REPLICA_ASSIGNMENT, text);
  };
  if (added.size !== expected) refuse(`${added.size} partitions are assigned, ${expected} are to be added.`);
  for (const [partition, replicas] of added) {
    const unknown = replicas.filter((replica) => !brokers.some(({ id }) => id === replica));
    if (unknown.length > 0) refuse(`Unknown broker(s) in replica assignment: ${unknown.join(', ')}.`);
    if (replicas.length !== factor) {
      refuse(
        `Inconsistent replication factor between partitions, partition 0 has ${factor} ` +
          `while partitions [${partition}] have replication factors [${replicas.length}], respectively.`,
      );
    }
  }
}

async function remove(stores: ZkStores, options: ParsedOptions, terminal: Terminal): Promise<void> {
  const topics = await matchingTopics(stores, options);
  ensureTopicExists(topics, options);
  for (const topic of topics) {
    if (isInternalTopic(topic)) {
      throw new ClientError(
        'org.apache.kafka.server.common.AdminOperationException',
        `Topic ${topic} is a kafka internal topic and is not allowed to be marked for deletion.`,
      );
    }
    try {
      await stores.deletions.createDeleteTopicPath(topic);
      terminal.stdout.write(`Topic ${topic} is marked for deletion.\n`);
      terminal.stdout.write('Note: This will have no impact if delete.topic.enable is not set to true.\n');
    } catch (error) {
      if (!isZkError(error, 'NodeExists')) throw error;
      terminal.stdout.write(`Topic ${topic} is already marked for deletion.\n`);
    }
  }
}

async function describe(stores: ZkStores, options: ParsedOptions, terminal: Terminal): Promise<void> {
  const topics = await matchingTopics(stores, options);
  ensureTopicExists(topics, options);
  const [assignments, configs, liveBrokers] = await Promise.all([
    stores.topics.assignments(topics),
    stores.configs.configs('topics', topics),
    stores.brokers.brokerIds(),
  ]);
  const described: DescribedTopic[] = [];
  const reassignments = new Map<string, Reassignment>();
  for (const topic of topics) {
    const assignment = nodeOf(assignments, topic);
    // Deleted since it was listed.
    if (!assignment) continue;
    described.push(await describeTopic(stores, assignment, nodeOf(configs, topic) ?? new Map()));
    for (const [partition, replicas] of assignment.partitions) {
      if (replicas.adding.length > 0 || replicas.removing.length > 0) {
        reassignments.set(`${topic}-${partition}`, replicas);
      }
    }
  }
  terminal.stdout.write(formatTopics(described, reassignments, new Set(liveBrokers), describeFilter(options)));
}

async function describeTopic(
  stores: ZkStores,
  { topic, topicId, partitions }: TopicAssignment,
  configs: ReadonlyMap<string, string>,
): Promise<DescribedTopic> {
  const numbers = [...partitions.keys()].sort((a, b) => a - b);
  const states = await stores.partitionStates.states(numbers.map((partition) => ({ topic, partition })));
  const minIsr = configs.get('min.insync.replicas');
  return {
    topic: {
      name: topic,
      topicId: topicId ?? ZERO_UUID,
      isInternal: isInternalTopic(topic),
      partitions: numbers.map((partition) => {
        const state = nodeOf(states, `${topic}-${partition}`)?.leaderAndIsr;
        const leader = state?.leader ?? NO_LEADER;
        const { replicas } = partitions.get(partition)!;
        return { partition, leader: leader === NO_LEADER ? null : leader, replicas, isr: state?.isr ?? [] };
      }),
    },
    configs: [...configs],
    // What the brokers have for a default is not in ZooKeeper.
    minInsyncReplicas: minIsr === undefined ? null : Number(minIsr),
    markedForDeletion: await stores.deletions.isTopicMarkedForDeletion(topic),
  };
}

async function matchingTopics(stores: ZkStores, options: ParsedOptions): Promise<string[]> {
  const pattern = options.value('topic');
  const matches = pattern === null ? () => true : includeList(pattern);
  const topics = (await stores.topics.topics()).sort();
  return topics.filter((topic) => matches(topic) && !(options.has('exclude-internal') && isInternalTopic(topic)));
}
