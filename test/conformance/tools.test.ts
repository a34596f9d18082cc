import { readFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { main } from '../../src/cli/main.js';
import type { Terminal } from '../../src/cli/terminal.js';
import {
  formatDeletedOffsets,
  formatGroupStates,
  formatMembers,
  formatOffsets,
  formatReset,
  formatState,
} from '../../src/cli/commands/consumer-groups-format.js';
import { formatTopics, type DescribeFilter } from '../../src/cli/commands/topic-description.js';
import { CONSUMER_GROUPS_OPTIONS } from '../../src/cli/commands/consumer-groups-options.js';
import { TOPICS_OPTIONS } from '../../src/cli/commands/topics-options.js';
import { CONSOLE_CONSUMER_OPTIONS } from '../../src/cli/commands/console-consumer-options.js';
import type { OptionSpec } from '../../src/cli/options.js';

interface Recorded {
  name: string;
  args: string[];
  exit: number | string;
  stdout: string;
  stderr: string;
}

const directory = path.join(__dirname, '..', '.fixtures', 'reference', 'tools');
const read = (file: string): unknown => JSON.parse(readFileSync(path.join(directory, file), 'utf8'));
const recordings = (tool: string) => read(`${tool}.json`) as Recorded[];
const recorded = (tool: string, name: string) => recordings(tool).find((it) => it.name === name)!;

async function run(args: readonly string[]) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const stdin = new PassThrough();
  stdin.end();
  const terminal: Terminal = { stdout, stderr, stdin, env: {}, colour: false };
  const exit = await main(args, terminal);
  return { exit, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

/** Without the table of options and the stacks, which the recordings leave out too. */
const withoutTable = (text: string) => text.replace(/^Option {2,}Description[^]*$/m, '(option table)\n');
const withoutStacks = (text: string) => text.replaceAll('\t(stack)\n', '').replace(/\n\n$/, '\n');

const TOOLS = ['topics', 'console-producer', 'console-consumer', 'consumer-groups', 'get-offsets', 'configs'];
/** What a tool refuses before it asks a broker, as recorded of Kafka. */
const refusals = TOOLS.flatMap((tool) =>
  recordings(tool)
    .filter(
      ({ stderr }) =>
        stderr.includes('(option table)') ||
        stderr.startsWith('Exception in thread') ||
        /^(requirement failed|At least one|Invalid entity type planets|The entity name for)/.test(stderr),
    )
    .map((it) => ({ tool, ...it })),
);

describe('what the tools refuse', () => {
  test('is compared for every recorded refusal', () => {
    expect(refusals.length).toBeGreaterThanOrEqual(25);
  });

  test.each(refusals)('$tool: $name', async ({ tool, args, exit, stdout, stderr }) => {
    const found = await run([tool, ...args]);
    expect({ ...found, stderr: withoutTable(found.stderr) }).toEqual({ exit, stdout, stderr: withoutStacks(stderr) });
  });

  test('get-offsets: bad time', async () => {
    const { args, exit, stdout } = recorded('get-offsets', 'bad time');
    expect(await run(['get-offsets', ...args])).toMatchObject({ exit, stdout });
  });

  test('console-producer: bad acks', async () => {
    const { args, exit, stderr } = recorded('console-producer', 'bad acks');
    expect(await run(['console-producer', ...args])).toMatchObject({ exit, stderr: withoutStacks(stderr) });
  });

  test('console-consumer: bad isolation', async () => {
    const { args, exit, stderr } = recorded('console-consumer', 'bad isolation');
    const found = await run(['console-consumer', ...args]);
    const withoutTime = found.stderr.replace(/^\[[^\]]*\]/, '[TIME]');
    expect({ exit: found.exit, stderr: withoutTime }).toEqual({ exit, stderr: withoutStacks(stderr) });
  });

  test.each([
    'create RF 0',
    'create zero partitions',
    'create invalid config name',
    'create invalid config value',
    'create config out of range',
    'create config no equals',
    'create name empty',
  ])('topics: %s', async (name) => {
    const { args, exit, stdout, stderr } = recorded('topics', name);
    const found = await run(['topics', ...args]);
    const withoutTime = found.stderr.replace(/^\[[^\]]*\]/, '[TIME]');
    expect({ exit: found.exit, stdout: found.stdout, stderr: withoutTime }).toEqual({
      exit,
      stdout,
      stderr: stderr.replaceAll('\t(stack)\n', ''),
    });
  });
});

describe('the options of the tools', () => {
  const all = read('options.json') as Record<string, { options: { option: string; aliases: string[] }[] }>;
  const tables: [string, readonly OptionSpec[]][] = [
    ['topics', TOPICS_OPTIONS],
    ['consumer-groups', CONSUMER_GROUPS_OPTIONS],
    ['console-consumer', CONSOLE_CONSUMER_OPTIONS],
  ];

  test.each(tables)('%s has all that Kafka has', (tool, specs) => {
    const ours = new Set([...specs.map(({ name }) => `--${name}`), '--help', '--version']);
    expect(all[tool]!.options.map(({ option }) => option).filter((option) => !ours.has(option))).toEqual([]);
  });
});

describe('kafka-topics --describe', () => {
  const NO_FILTER: DescribeFilter = {
    underReplicated: false,
    unavailable: false,
    underMinIsr: false,
    atMinIsr: false,
    overrides: false,
  };
  const numbers = (text: string) => (text === '' ? [] : text.split(',').map(Number));

  /** What a description says of topics, read back from its text. */
  function parse(text: string) {
    const reassignments = new Map<string, { replicas: number[]; adding: number[]; removing: number[] }>();
    const topics = text.split(/^(?=Topic: )/m).map((part) => {
      const [head, ...lines] = part.trimEnd().split('\n');
      const [, name, topicId, , , configs] =
        /^Topic: (.*)\tTopicId: (.*)\tPartitionCount: (\d+)\tReplicationFactor: (\d+)\tConfigs: (.*)$/.exec(head!)!;
      const partitions = lines.map((line) => {
        const cells = Object.fromEntries(
          line
            .split('\t')
            .slice(1)
            .map((cell) => cell.split(': ') as [string, string]),
        ) as Record<string, string>;
        const replicas = numbers(cells.Replicas!);
        if (cells['Adding Replicas'] !== undefined) {
          const [adding, removing] = [numbers(cells['Adding Replicas']), numbers(cells['Removing Replicas']!)];
          reassignments.set(`${name}-${cells.Partition}`, { replicas, adding, removing });
        }
        const leader = cells.Leader === 'none' ? null : Number(cells.Leader);
        return { partition: Number(cells.Partition), leader, replicas, isr: numbers(cells.Isr!) };
      });
      // A list's commas do not begin another configuration.
      const pairs = configs === '' ? [] : configs!.split(/,(?=[a-z.]+=)/);
      return {
        topic: { name: name!, topicId: topicId!, isInternal: false, partitions },
        configs: pairs.map((pair) => pair.split('=') as [string, string]),
        minInsyncReplicas: Number(/min\.insync\.replicas=(\d+)/.exec(configs!)?.[1] ?? 1),
        markedForDeletion: false,
      };
    });
    return { topics, reassignments };
  }

  test.each(['describe all', 'describe one', 'describe during reassignment', 'describe broker down'])(
    '%s is written as Kafka writes it',
    (name) => {
      const { stdout } = recorded('topics', name);
      const { topics, reassignments } = parse(stdout);
      expect(formatTopics(topics, reassignments, new Set([1, 2, 3]), NO_FILTER)).toBe(stdout);
    },
  );

  test.each([
    ['under-replicated broker down', { underReplicated: true }],
    ['under-min-isr', { underMinIsr: true }],
    ['at-min-isr', { atMinIsr: true }],
    ['unavailable', { unavailable: true }],
  ] as const)('%s picks the partitions that Kafka picks', (name, filter) => {
    const { topics, reassignments } = parse(recorded('topics', 'describe broker down').stdout);
    const lines = formatTopics(topics, reassignments, new Set([1, 2]), { ...NO_FILTER, ...filter }).split('\n');
    expect(lines.sort()).toEqual(recorded('topics', name).stdout.split('\n').sort());
  });
});

describe('kafka-consumer-groups', () => {
  const rowsOf = (text: string) =>
    text
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(/ +/));
  const orNull = (cell: string | undefined) => (cell === undefined || cell === '-' ? null : BigInt(cell));

  test.each(['describe empty group', 'describe live'])('%s is written as Kafka writes it', (name) => {
    const { stdout } = recorded('consumer-groups', name);
    const rows = rowsOf(stdout).map(([group, topic, partition, offset, end, , memberId, host, clientId]) => ({
      group: group!,
      topic: topic!,
      partition: Number(partition),
      offset: orNull(offset),
      logEndOffset: orNull(end),
      member: memberId === '-' ? null : { memberId: memberId!, host: host!, clientId: clientId! },
    }));
    expect(formatOffsets(rows)).toBe(stdout);
  });

  test.each([
    ['describe live members', false],
    ['describe live members verbose', true],
  ])('%s is written as Kafka writes it', (name, verbose) => {
    const { stdout } = recorded('consumer-groups', name);
    const members = rowsOf(stdout).map(([, memberId, host, clientId, count]) => ({
      memberId: memberId!,
      instanceId: null,
      host: host!,
      clientId: clientId!,
      assignment:
        count === '1' ? [{ topic: 'multi', partition: 2 }] : [0, 1].map((partition) => ({ topic: 'multi', partition })),
    }));
    expect(formatMembers('live', members, verbose)).toBe(stdout);
  });

  test('describe state is written as Kafka writes it', () => {
    const coordinator = { nodeId: 2, host: '127.0.0.1', port: 21592 };
    expect(formatState({ group: 'grp', state: 'Empty', assignor: '', members: [], coordinator })).toBe(
      recorded('consumer-groups', 'describe state').stdout,
    );
  });

  test('list state is written as Kafka writes it', () => {
    const { stdout } = recorded('consumer-groups', 'list state');
    expect(formatGroupStates(rowsOf(stdout).map(([group, state]) => ({ group: group!, state: state! })))).toBe(stdout);
  });

  test('reset to-latest is written as Kafka writes it', () => {
    const { stdout } = recorded('consumer-groups', 'reset to-latest');
    const rows = rowsOf(stdout).map(([group, topic, partition, offset]) => ({
      group: group!,
      topic: topic!,
      partition: Number(partition),
      offset: BigInt(offset!),
    }));
    expect(formatReset(rows)).toBe(stdout);
  });

  test('delete-offsets is written as Kafka writes it', () => {
    const { stdout } = recorded('consumer-groups', 'delete-offsets');
    const rows = [{ topic: 'multi', partition: 0, status: 'Successful' }];
    expect(`Request succeed for deleting offsets with topic multi:0 group grp\n${formatDeletedOffsets(rows)}`).toBe(
      stdout,
    );
  });
});
