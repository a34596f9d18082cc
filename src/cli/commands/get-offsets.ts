import { isInternalTopic, partitionKey, type TopicPartition } from '../../cluster/index.js';
import { ClientError, illegalArgument } from '../client/client-error.js';
import { byTopicAndPartition } from '../client/group-admin.js';
import { listOffsets, OffsetSpec, UNKNOWN_OFFSET } from '../client/offset-admin.js';
import { describeTopics, listTopics } from '../client/topic-admin.js';
import { OptionChecks, parseOptions, UsageError, type OptionSpec, type ParsedOptions } from '../options.js';
import { isCommandError, type Command, type Terminal } from '../terminal.js';
import { adminClient, includeList, messageOf, readToolProperties } from '../tool-output.js';

const OPTIONS: readonly OptionSpec[] = [
  {
    name: 'broker-list',
    argument: 'required',
    argumentName: 'HOST1:PORT1,...,HOST3:PORT3',
    description: 'DEPRECATED, use --bootstrap-server instead; ignored if --bootstrap-server is specified.',
  },
  {
    name: 'bootstrap-server',
    argument: 'required',
    argumentName: 'HOST1:PORT1,...,HOST3:PORT3',
    description: 'REQUIRED. The brokers to connect to.',
  },
  {
    name: 'topic-partitions',
    argument: 'required',
    argumentName: 'topic1:1,topic2:0-3,topic3,topic4:5-,topic5:-3',
    description:
      'Patterns of topics, each with a partition, or a range of them whose upper bound is not included. Cannot be used with --topic or --partitions.',
  },
  {
    name: 'topic',
    argument: 'required',
    argumentName: 'topic',
    description: 'The topic, or a regular expression. All topics if not present.',
  },
  {
    name: 'partitions',
    argument: 'required',
    argumentName: 'partition ids',
    description: 'Comma separated list of partition ids. All partitions if not present.',
  },
  {
    name: 'time',
    argument: 'required',
    argumentName: '<timestamp> / -1 or latest / -2 or earliest / -3 or max-timestamp',
    description: 'Which offset: of the first record at or after a time, or one of these. (default: latest)',
  },
  {
    name: 'command-config',
    argument: 'required',
    argumentName: 'config file',
    description: 'Property file with settings of the admin client.',
  },
  { name: 'exclude-internal-topics', description: 'Leaves internal topics out.' },
];

/** kafka-get-offsets.sh (`kafka.tools.GetOffsetShell`). */
export const getOffsetsCommand: Command = async (args, terminal) => {
  if (args.length === 0 || args.includes('--help'))
    throw new UsageError('An interactive shell for getting topic-partition offsets.', OPTIONS);
  try {
    await getOffsets(args, terminal);
    return 0;
  } catch (error) {
    if (isCommandError(error)) throw error;
    terminal.stdout.write(`Error occurred: ${messageOf(error)}\n`);
    return 1;
  }
};

async function getOffsets(args: readonly string[], terminal: Terminal): Promise<void> {
  const options = parseOptions(OPTIONS, args);
  const servers = options.has('bootstrap-server') || !options.has('broker-list') ? 'bootstrap-server' : 'broker-list';
  new OptionChecks(OPTIONS, options).required(servers);
  if (options.has('topic-partitions') && (options.has('topic') || options.has('partitions'))) {
    throw illegalArgument('--topic-partitions cannot be used with --topic or --partitions');
  }
  const timestamp = parseOffsetSpec(options.value('time') ?? 'latest');
  const isWanted = partitionFilter(options);
  const properties = new Map([
    ...readToolProperties(options.value('command-config')),
    ['client.id', 'GetOffsetShell'] as const,
  ]);
  const client = adminClient(options.value(servers)!, properties, terminal);
  try {
    const names = (await listTopics(client)).map(({ name }) => name);
    const listed = names.filter(
      (name) => isWanted(name, null) && !(options.has('exclude-internal-topics') && isInternalTopic(name)),
    );
    const partitions = (await describeTopics(client, listed))
      .flatMap((topic) => topic.partitions.map(({ partition }) => ({ topic: topic.name, partition })))
      .filter(({ topic, partition }) => isWanted(topic, partition))
      .sort(byTopicAndPartition);
    if (partitions.length === 0) {
      throw illegalArgument('Could not match any topic-partitions with the specified filters');
    }
    const offsets = await listOffsets(client, partitions, timestamp);
    for (const partition of partitions) print(partition, offsets.get(partitionKey(partition))!, terminal);
  } finally {
    client.close();
  }
}

function print(
  { topic, partition }: TopicPartition,
  found: ClientError | { offset: bigint },
  terminal: Terminal,
): void {
  if (found instanceof ClientError) {
    terminal.stderr.write(
      `Skip getting offsets for topic-partition ${topic}:${partition} due to error: ${found.message}\n`,
    );
  } else if (found.offset !== UNKNOWN_OFFSET) {
    terminal.stdout.write(`${topic}:${partition}:${found.offset}\n`);
  }
}

export function parseOffsetSpec(text: string): bigint {
  if (text === 'earliest') return OffsetSpec.EARLIEST;
  if (text === 'latest') return OffsetSpec.LATEST;
  if (text === 'max-timestamp') return OffsetSpec.MAX_TIMESTAMP;
  if (/^[+-]?\d{1,18}$/.test(text)) return BigInt(text.replace('+', ''));
  throw illegalArgument(
    `Malformed time argument ${text}, please use -1 or latest / -2 or earliest / -3 or max-timestamp, or a specified long format timestamp`,
  );
}

type PartitionFilter = (topic: string, partition: number | null) => boolean;

/** Whether a topic, or with a number one of its partitions, is asked for. */
function partitionFilter(options: ParsedOptions): PartitionFilter {
  const patterns = options.value('topic-partitions');
  if (patterns !== null) return topicPartitionsFilter(patterns);
  const matches = includeList(options.value('topic') ?? '.*');
  const text = options.value('partitions') ?? '';
  const ids = text.split(',').map((id) => id.trim());
  if (text !== '' && !ids.every((id) => /^\d{1,10}$/.test(id))) {
    throw illegalArgument(
      `--partitions expects a comma separated list of numeric partition ids, but received: ${text}`,
    );
  }
  return (topic, partition) =>
    matches(topic) && (partition === null || text === '' || ids.some((id) => Number(id) === partition));
}

/** `topic:1`, `topic:0-3`, `topic:5-`, `topic:-3`, `topic`, `:1`, by commas. */
export function topicPartitionsFilter(text: string): PartitionFilter {
  const rules = text.split(',').map((rule): PartitionFilter => {
    const match = /^([^:,]*)(?::(?:([0-9]*)|(?:([0-9]*)-([0-9]*))))?$/.exec(rule);
    if (!match) throw illegalArgument(`Invalid rule specification: ${rule}`);
    const [, topicPattern, only, lower, upper] = match;
    const matches = includeList(topicPattern || '.*');
    const from = only ? Number(only) : Number(lower || 0);
    const below = only ? from + 1 : upper ? Number(upper) : Infinity;
    return (topic, partition) => matches(topic) && (partition === null || (partition >= from && partition < below));
  });
  return (topic, partition) => rules.some((rule) => rule(topic, partition));
}
