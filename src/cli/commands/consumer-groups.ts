import { partitionKey, type TopicPartition } from '../../cluster/index.js';
import { ErrorCode, errorName } from '../../protocol/index.js';
import { ClientError } from '../client/client-error.js';
import type { ClusterClient } from '../client/cluster-client.js';
import {
  byTopicAndPartition,
  committedOffsets,
  deleteGroup,
  deleteOffsets,
  describeGroup,
  listGroups,
  type GroupDescription,
} from '../client/group-admin.js';
import { listOffsets, OffsetSpec } from '../client/offset-admin.js';
import { describeTopics } from '../client/topic-admin.js';
import { readToolOptions } from '../options.js';
import { isCommandError, type Command, type Terminal } from '../terminal.js';
import { adminClient, messageOf, readToolProperties } from '../tool-output.js';
import { KAFKA_VERSION } from '../version.js';
import {
  formatDeletedOffsets,
  formatGroupStates,
  formatMembers,
  formatOffsets,
  formatState,
  type OffsetRow,
} from './consumer-groups-format.js';
import { selectedGroups, type GroupsContext } from './consumer-groups-context.js';
import { checkConsumerGroupsOptions, CONSUMER_GROUPS_OPTIONS, type GroupAction } from './consumer-groups-options.js';
import { parseTopicPartitions, resetOffsets } from './consumer-groups-reset.js';

const PURPOSE =
  'This tool helps to list all consumer groups, describe a consumer group, delete consumer group info, or reset consumer group offsets.';
const STATES = ['PreparingRebalance', 'CompletingRebalance', 'Stable', 'Dead', 'Empty'];
const DEFAULT_TIMEOUT_MS = 5000;

/** kafka-consumer-groups.sh (`kafka.admin.ConsumerGroupCommand`), whose exit code is 0 after most failures too. */
export const consumerGroupsCommand: Command = async (args, terminal) => {
  const read = readToolOptions(CONSUMER_GROUPS_OPTIONS, args, PURPOSE, KAFKA_VERSION, terminal);
  if (!read) return 0;
  const { options, check } = read;
  const action = checkConsumerGroupsOptions(options, check, terminal);
  const properties = readToolProperties(options.value('command-config'));
  const timeoutMs = options.number('timeout') ?? DEFAULT_TIMEOUT_MS;
  const client = adminClient(
    options.value('bootstrap-server')!,
    new Map([...properties, ['default.api.timeout.ms', String(timeoutMs)]]),
    terminal,
  );
  try {
    await ACTIONS[action]({ client, options, check, terminal });
  } catch (error) {
    if (isCommandError(error)) throw error;
    if (error instanceof ClientError && error.className === 'java.lang.IllegalArgumentException') {
      check.fail(error.message);
    }
    const text =
      error instanceof ClientError && error.className.startsWith('org.apache') ? error.toString() : messageOf(error);
    terminal.stdout.write(`\nError: Executing consumer group command failed due to ${text}\n`);
    terminal.stderr.write(
      error instanceof ClientError && error.className.startsWith('org.apache')
        ? `java.util.concurrent.ExecutionException: ${text}\nCaused by: ${text}\n${causeOf(error)}`
        : `${String(error)}\n`,
    );
  } finally {
    client.close();
  }
  return 0;
};

function causeOf({ cause }: ClientError): string {
  return cause instanceof ClientError ? `Caused by: ${cause.toString()}\n` : '';
}

const ACTIONS: Readonly<Record<GroupAction, (context: GroupsContext) => Promise<void>>> = {
  list,
  describe,
  delete: remove,
  'reset-offsets': resetOffsets,
  'delete-offsets': removeOffsets,
};

async function list({ client, options, check, terminal }: GroupsContext): Promise<void> {
  if (!options.has('state')) {
    for (const { group } of await listGroups(client)) terminal.stdout.write(`${group}\n`);
    return;
  }
  const text = options.value('state') ?? '';
  const asked = text === '' ? [] : text.split(',').map((state) => state.trim().toLowerCase());
  const states = asked.map((state) => STATES.find((known) => known.toLowerCase() === state));
  if (states.includes(undefined)) {
    check.fail(`Invalid state list '${text}'. Valid states are: ${STATES.join(', ')}`);
  }
  terminal.stdout.write(formatGroupStates(await listGroups(client, states as string[])));
}

async function describe(context: GroupsContext): Promise<void> {
  const { client, options, terminal } = context;
  const names = [...(await selectedGroups(context))].sort();
  const groups = await Promise.all(names.map((group) => describeGroup(client, group)));
  for (const group of groups) {
    let text: string;
    let rows = 1;
    if (options.has('members')) {
      text = formatMembers(group.group, group.members, options.has('verbose'));
      rows = group.members.length;
    } else if (options.has('state')) {
      text = formatState(group);
    } else {
      const offsetRows = await offsetsOf(client, group);
      text = formatOffsets(offsetRows);
      rows = offsetRows.length;
    }
    if (announceState(group, terminal) && rows > 0) terminal.stdout.write(text);
  }
}

/** Says what is remarkable about a group's state; false when there is nothing to show of it. */
function announceState({ group, state }: GroupDescription, terminal: Terminal): boolean {
  switch (state) {
    case 'Dead':
      terminal.stdout.write(`\nError: Consumer group '${group}' does not exist.\n`);
      return false;
    case 'Empty':
      terminal.stderr.write(`\nConsumer group '${group}' has no active members.\n`);
      return true;
    case 'PreparingRebalance':
    case 'CompletingRebalance':
      terminal.stderr.write(`\nWarning: Consumer group '${group}' is rebalancing.\n`);
      return true;
    case 'Stable':
      return true;
    default:
      throw new ClientError(
        'org.apache.kafka.common.KafkaException',
        `Expected a valid consumer group state, but found '${state}'.`,
      );
  }
}

/** The partitions of members, the one with most first, and then those that only have an offset. */
async function offsetsOf(client: ClusterClient, group: GroupDescription): Promise<OffsetRow[]> {
  const committed = await committedOffsets(client, group.group);
  const members = group.members
    .filter(({ assignment }) => assignment.length > 0)
    .sort((a, b) => b.assignment.length - a.assignment.length);
  const assigned = new Set(members.flatMap(({ assignment }) => assignment.map(partitionKey)));
  const unassigned = [...committed.values()].filter((it) => !assigned.has(partitionKey(it)));
  const all: TopicPartition[] = [...members.flatMap(({ assignment }) => assignment), ...unassigned];
  const ends = await listOffsets(client, all, OffsetSpec.LATEST);
  const rowOf =
    (member: OffsetRow['member']) =>
    ({ topic, partition }: TopicPartition): OffsetRow => {
      const key = partitionKey({ topic, partition });
      const end = ends.get(key)!;
      if (end instanceof ClientError) throw end;
      return {
        group: group.group,
        topic,
        partition,
        offset: committed.get(key)?.offset ?? null,
        logEndOffset: end.offset,
        member,
      };
    };
  return [
    ...members.flatMap((member) => [...member.assignment].sort(byTopicAndPartition).map(rowOf(member))),
    ...unassigned.map(rowOf(null)),
  ];
}

async function remove(context: GroupsContext): Promise<void> {
  const { client, terminal } = context;
  const deleted: string[] = [];
  const failed: string[] = [];
  for (const group of await selectedGroups(context)) {
    try {
      await deleteGroup(client, group);
      deleted.push(group);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      failed.push(
        `* Group '${group}' could not be deleted due to: java.util.concurrent.ExecutionException: ${error.toString()}\n`,
      );
    }
  }
  const quoted = `'${deleted.join("', '")}'`;
  if (failed.length === 0) {
    terminal.stdout.write(`Deletion of requested consumer groups (${quoted}) was successful.\n`);
    return;
  }
  terminal.stdout.write(`\nError: Deletion of some consumer groups failed:\n${failed.join('')}`);
  if (deleted.length > 0) {
    terminal.stdout.write(`\nThese consumer groups were deleted successfully: ${quoted}\n`);
  }
}

async function removeOffsets({ client, options, terminal }: GroupsContext): Promise<void> {
  const group = options.value('group')!;
  const topics = options.all('topic');
  const partitions: TopicPartition[] = [];
  const rows: (TopicPartition & { status: string })[] = [];
  for (const topic of topics) {
    if (topic.includes(':')) {
      partitions.push(...parseTopicPartitions(topic));
      continue;
    }
    try {
      const [described] = await describeTopics(client, [topic]);
      partitions.push(...described!.partitions.map(({ partition }) => ({ topic, partition })));
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      rows.push({ topic, partition: -1, status: `Error: ${error.toString()}` });
    }
  }
  const answer = await deleteOffsets(client, group, partitions);
  const partitionErrors = [...answer.partitions.values()].filter((code) => code !== ErrorCode.NONE);
  const code = answer.errorCode !== ErrorCode.NONE ? answer.errorCode : (partitionErrors[0] ?? ErrorCode.NONE);
  terminal.stdout.write(summaryOfDeletion(code, group, topics));
  for (const partition of partitions) {
    const error = answer.errorCode || answer.partitions.get(partitionKey(partition)) || ErrorCode.NONE;
    const status = error === ErrorCode.NONE ? 'Successful' : `Error: ${ClientError.ofCode(error).toString()}`;
    rows.push({ topic: partition.topic, partition: partition.partition, status });
  }
  rows.sort((a, b) => (a.topic + a.partition < b.topic + b.partition ? -1 : 1));
  terminal.stdout.write(formatDeletedOffsets(rows));
}

function summaryOfDeletion(code: number, group: string, topics: readonly string[]): string {
  switch (code) {
    case ErrorCode.NONE:
      return `Request succeed for deleting offsets with topic ${topics.join(', ')} group ${group}\n`;
    case ErrorCode.INVALID_GROUP_ID:
      return `\nError: '${group}' is not valid.\n`;
    case ErrorCode.GROUP_ID_NOT_FOUND:
      return `\nError: '${group}' does not exist.\n`;
    case ErrorCode.GROUP_AUTHORIZATION_FAILED:
      return `\nError: Access to '${group}' is not authorized.\n`;
    case ErrorCode.NON_EMPTY_GROUP:
      return `\nError: Deleting offsets of a consumer group '${group}' is forbidden if the group is not empty.\n`;
    case ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC:
    case ErrorCode.TOPIC_AUTHORIZATION_FAILED:
    case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
      return '\nError: Encounter some partition level error, see the follow-up details:\n';
    default:
      return `\nError: Encounter some unknown error: ${errorName(code)}\n`;
  }
}
