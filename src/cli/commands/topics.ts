import { hasCollisionChars, isInternalTopic } from '../../cluster/index.js';
import { isUuid, ZERO_UUID } from '../../common/index.js';
import { ConfigSource } from '../../config/index.js';
import { ErrorCode } from '../../protocol/index.js';
import { ClientError, illegalArgument } from '../client/client-error.js';
import type { ClusterClient } from '../client/cluster-client.js';
import {
  createPartitions,
  createTopic,
  deleteTopics,
  describeConfigs,
  describeTopics,
  listReassignments,
  listTopics,
  ResourceType,
} from '../client/topic-admin.js';
import { inHashMapOrder } from '../hash-map-order.js';
import { readToolOptions, type ParsedOptions } from '../options.js';
import type { Command, Terminal } from '../terminal.js';
import { adminClient, describeError, includeList, logLine, messageOf, readToolProperties } from '../tool-output.js';
import { KAFKA_VERSION } from '../version.js';
import { checkCounts, COLLISION_WARNING, parseReplicaAssignment, parseTopicConfigs } from './topic-arguments.js';
import { formatTopics } from './topic-description.js';
import { checkTopicsOptions, TOPICS_OPTIONS } from './topics-options.js';
import { describeFilter, ensureTopicExists } from './topics-selection.js';

/** kafka-topics.sh (`kafka.admin.TopicCommand`): output and exit codes as recorded of Kafka 3.6.1. */
export const topicsCommand: Command = async (args, terminal) => {
  const purpose =
    args.length === 0
      ? 'Create, delete, describe, or change a topic.'
      : 'This tool helps to create, delete, describe, or change a topic.';
  const read = readToolOptions(TOPICS_OPTIONS, args, purpose, KAFKA_VERSION, terminal);
  if (!read) return 0;
  const { options } = read;
  const action = checkTopicsOptions(options, read.check);
  const properties = readToolProperties(options.value('command-config'));
  let close = (): void | Promise<void> => undefined;
  try {
    if (options.has('zookeeper')) {
      const { openZooKeeperTopics } = await import('./topics-zookeeper.js');
      const topics = await openZooKeeperTopics(options.value('zookeeper')!, terminal);
      close = () => topics.close();
      await topics[action](options);
    } else {
      const client = adminClient(options.value('bootstrap-server')!, properties, terminal);
      close = () => client.close();
      await TOPIC_ACTIONS[action](client, options, terminal);
    }
    return 0;
  } catch (error) {
    terminal.stdout.write(`Error while executing topic command : ${messageOf(error)}\n`);
    logLine(terminal, 'error', 'kafka.admin.TopicCommand$', `${describeError(error)}\n`);
    return 1;
  } finally {
    await close();
  }
};

type TopicAction = (client: ClusterClient, options: ParsedOptions, terminal: Terminal) => Promise<void>;

const TOPIC_ACTIONS = { create, list, describe, alter, delete: remove } satisfies Record<string, TopicAction>;

async function create(client: ClusterClient, options: ParsedOptions, terminal: Terminal): Promise<void> {
  const name = options.value('topic')!;
  const assignment = parseReplicaAssignment(options.value('replica-assignment'));
  const [partitions, replicationFactor] = [options.number('partitions'), options.number('replication-factor')];
  const configs = parseTopicConfigs(options.all('config'));
  if (hasCollisionChars(name)) terminal.stdout.write(COLLISION_WARNING);
  checkCounts(partitions, replicationFactor);
  try {
    await createTopic(client, { name, partitions, replicationFactor, assignment, configs });
  } catch (error) {
    const exists = error instanceof ClientError && error.errorCode === ErrorCode.TOPIC_ALREADY_EXISTS;
    if (exists && options.has('if-not-exists')) return;
    throw error;
  }
  terminal.stdout.write(`Created topic ${name}.\n`);
}

async function list(client: ClusterClient, options: ParsedOptions, terminal: Terminal): Promise<void> {
  terminal.stdout.write(`${(await matchingTopics(client, options)).join('\n')}\n`);
}

async function alter(client: ClusterClient, options: ParsedOptions): Promise<void> {
  const assignment = parseReplicaAssignment(options.value('replica-assignment'));
  const count = options.number('partitions')!;
  const names = await matchingTopics(client, options);
  ensureTopicExists(names, options);
  if (names.length === 0) return;
  const existing = new Map((await describeTopics(client, names)).map((it) => [it.name, it.partitions.length]));
  await createPartitions(
    client,
    names.map((name) => ({ name, count, assignments: assignment?.slice(existing.get(name)) ?? null })),
  );
}

async function remove(client: ClusterClient, options: ParsedOptions): Promise<void> {
  const names = await matchingTopics(client, options);
  ensureTopicExists(names, options);
  if (names.length > 0) await deleteTopics(client, names);
}

async function describe(client: ClusterClient, options: ParsedOptions, terminal: Terminal): Promise<void> {
  const names = await topicsToDescribe(client, options, terminal);
  const topics = await describeTopics(client, names);
  const configs = await describeConfigs(client, ResourceType.TOPIC, names, false);
  const liveBrokers = new Set((await client.metadata([])).brokers.map(({ nodeId }) => nodeId));
  const reassignments = await listReassignments(client);
  const described = topics.map((topic) => {
    const entries = inHashMapOrder(configs.get(topic.name) ?? [], ({ name }) => name);
    const minIsr = entries.find(({ name }) => name === 'min.insync.replicas')?.value ?? null;
    return {
      topic,
      configs: entries
        .filter(({ configSource }) => configSource !== ConfigSource.DEFAULT_CONFIG)
        .map(({ name, value }) => [name, value] as const),
      minInsyncReplicas: minIsr === null ? null : Number(minIsr),
      markedForDeletion: false,
    };
  });
  terminal.stdout.write(formatTopics(described, reassignments, liveBrokers, describeFilter(options)));
}

/** An id, unless it is the zero one, wins over the name. One that nobody has describes nothing. */
async function topicsToDescribe(client: ClusterClient, options: ParsedOptions, terminal: Terminal): Promise<string[]> {
  const topicId = options.value('topic-id');
  if (topicId !== null && options.has('topic') && options.has('if-exists')) {
    terminal.stdout.write(
      'Only topic id will be used when both --topic and --topic-id are specified and topicId is not Uuid.ZERO_UUID\n',
    );
  }
  const parsed = topicId === null ? ZERO_UUID : parseTopicId(topicId);
  if (parsed === ZERO_UUID) {
    const names = await matchingTopics(client, options);
    ensureTopicExists(names, options);
    return names;
  }
  const found = (await listTopics(client)).filter((topic) => topic.topicId === parsed).map(({ name }) => name);
  if (found.length === 0 && !options.has('if-exists')) {
    throw illegalArgument(`TopicId '${topicId}' does not exist as expected`);
  }
  return found;
}

/** Java decodes any base64url of 16 bytes, so bits that do not count may be set. */
function parseTopicId(text: string): string {
  const bytes = Buffer.from(text, 'base64url');
  if (text.length > 24) {
    throw illegalArgument(
      `Input string with prefix \`${text.slice(0, 24)}\` is too long to be decoded as a base64 UUID`,
    );
  }
  if (bytes.length !== 16) {
    throw illegalArgument(
      `Input string \`${text}\` decoded as ${bytes.length} bytes, which is not equal to the expected 16 bytes of a base64-encoded UUID`,
    );
  }
  return isUuid(text) ? text : bytes.toString('base64url');
}

async function matchingTopics(client: ClusterClient, options: ParsedOptions): Promise<string[]> {
  const pattern = options.value('topic');
  const matches = pattern === null ? () => true : includeList(pattern);
  const names = (await listTopics(client)).map(({ name }) => name);
  return names.filter((name) => matches(name) && !(options.has('exclude-internal') && isInternalTopic(name)));
}
