import fs from 'node:fs';
import { partitionKey, type TopicPartition } from '../../cluster/index.js';
import { ClientError, illegalArgument } from '../client/client-error.js';
import {
  alterOffsets,
  byTopicAndPartition,
  committedOffsets,
  describeGroup,
  type CommittedOffset,
} from '../client/group-admin.js';
import { listOffsets, OffsetSpec, UNKNOWN_OFFSET } from '../client/offset-admin.js';
import { describeTopics } from '../client/topic-admin.js';
import { logLine, messageOf } from '../tool-output.js';
import { formatReset } from './consumer-groups-format.js';
import { selectedGroups, type GroupsContext } from './consumer-groups-context.js';

/** `--reset-offsets` of kafka-consumer-groups.sh: where each partition of a group shall go on, and the commit that says so. */
export async function resetOffsets(context: GroupsContext): Promise<void> {
  const { client, options, terminal } = context;
  const groups = await selectedGroups(context);
  const plan = new Map<string, CommittedOffset[]>();
  for (const group of groups) {
    const { state } = await describeGroup(client, group);
    if (state !== 'Empty' && state !== 'Dead') {
      terminal.stdout.write(
        `\nError: Assignments can only be reset if the group '${group}' is inactive, but the current state is ${state}.\n`,
      );
      plan.set(group, []);
      continue;
    }
    const offsets = await prepareOffsets(context, group, await partitionsToReset(context, group));
    if (options.has('execute') && !options.has('dry-run')) await alterOffsets(client, group, offsets);
    plan.set(group, offsets);
  }
  if (options.has('export')) {
    terminal.stdout.write(`${toCsv(plan, options.all('group').length === 1)}\n`);
  } else if (plan.size > 0) {
    terminal.stdout.write(formatReset([...plan].flatMap(([group, rows]) => rows.map((row) => ({ ...row, group })))));
  }
}

async function partitionsToReset(context: GroupsContext, group: string): Promise<TopicPartition[]> {
  const { client, options } = context;
  if (options.has('all-topics')) return [...(await committedOffsets(client, group)).values()];
  if (options.has('topic')) {
    const topics = options.all('topic');
    const named = topics.filter((topic) => topic.includes(':')).flatMap(parseTopicPartitions);
    const whole = await describeTopics(
      client,
      topics.filter((topic) => !topic.includes(':')),
    );
    const all = whole.flatMap(({ name, partitions }) =>
      partitions.map(({ partition }) => ({ topic: name, partition })),
    );
    return [...named, ...all];
  }
  // The plan names them.
  return [];
}

/** `topic:0,1,2`. */
export function parseTopicPartitions(text: string): TopicPartition[] {
  const [topic, partitions, ...more] = text.split(':');
  if (!topic || !partitions || more.length > 0) {
    throw illegalArgument(`Invalid topic arg '${text}', expected topic name and partitions`);
  }
  return partitions.split(',').map((partition) => {
    if (!/^\d{1,10}$/.test(partition)) {
      throw illegalArgument(`Invalid partition '${partition}' specified in topic arg '${text}''`);
    }
    return { topic, partition: Number(partition) };
  });
}

async function prepareOffsets(
  context: GroupsContext,
  group: string,
  partitions: readonly TopicPartition[],
): Promise<CommittedOffset[]> {
  const { client, options } = context;
  const at = async (some: readonly TopicPartition[], spec: bigint) =>
    withOffsets(some, await listOffsets(client, some, spec));
  if (options.has('to-offset')) {
    const offset = BigInt(options.value('to-offset')!);
    return inRange(
      context,
      partitions.map((partition) => ({ ...partition, offset })),
    );
  }
  if (options.has('to-earliest')) return at(partitions, OffsetSpec.EARLIEST);
  if (options.has('to-latest')) return at(partitions, OffsetSpec.LATEST);
  if (options.has('shift-by')) {
    const shift = BigInt(options.value('shift-by')!);
    const committed = await committedOffsets(client, group);
    const shifted = partitions.map((partition) => {
      const current = committed.get(partitionKey(partition));
      if (!current) {
        throw illegalArgument(
          `Cannot shift offset for partition ${partitionKey(partition)} since there is no current committed offset`,
        );
      }
      return { ...partition, offset: current.offset + shift };
    });
    return inRange(context, shifted);
  }
  if (options.has('to-datetime')) return atTime(context, partitions, parseDateTime(options.value('to-datetime')!));
  if (options.has('by-duration')) {
    const beforeNowMs = parseDuration(options.value('by-duration')!);
    return atTime(context, partitions, BigInt(Math.floor(client.clock.nowMs() - beforeNowMs)));
  }
  if (options.has('from-file')) {
    const planned = readPlan(options.value('from-file')!, options.all('group')).get(group);
    if (planned) return inRange(context, planned);
    context.terminal.stdout.write(`\nError: No reset plan for group ${group} found\n`);
    return [];
  }
  // --to-current is the one scenario that is left.
  const committed = await committedOffsets(client, group);
  const known = partitions.flatMap((partition) => committed.get(partitionKey(partition)) ?? []);
  const unknown = partitions.filter((partition) => !committed.has(partitionKey(partition)));
  return [...known, ...(await at(unknown, OffsetSpec.LATEST))].sort(byTopicAndPartition);
}

function withOffsets(
  partitions: readonly TopicPartition[],
  offsets: Awaited<ReturnType<typeof listOffsets>>,
): CommittedOffset[] {
  return [...partitions].sort(byTopicAndPartition).map(({ topic, partition }) => {
    const found = offsets.get(partitionKey({ topic, partition }))!;
    if (found instanceof ClientError) throw found;
    return { topic, partition, offset: found.offset };
  });
}

/** Offsets of a time; where no record is that late, the end of the partition. */
async function atTime(
  { client, terminal }: GroupsContext,
  partitions: readonly TopicPartition[],
  timestamp: bigint,
): Promise<CommittedOffset[]> {
  const found = withOffsets(partitions, await listOffsets(client, partitions, timestamp));
  const unknown = found.filter(({ offset }) => offset === UNKNOWN_OFFSET);
  for (const { topic, partition } of unknown) {
    terminal.stdout.write(
      `\nWarn: Partition ${partition} from topic ${topic} is empty. Falling back to latest known offset.\n`,
    );
  }
  const ends = withOffsets(unknown, await listOffsets(client, unknown, OffsetSpec.LATEST));
  return [...found.filter(({ offset }) => offset !== UNKNOWN_OFFSET), ...ends].sort(byTopicAndPartition);
}

/** Moves what lies outside the log to its nearer end. */
async function inRange(
  { client, terminal }: GroupsContext,
  asked: readonly CommittedOffset[],
): Promise<CommittedOffset[]> {
  const starts = await listOffsets(client, asked, OffsetSpec.EARLIEST);
  const ends = await listOffsets(client, asked, OffsetSpec.LATEST);
  const warn = (text: string): void => logLine(terminal, 'warn', 'kafka.admin.ConsumerGroupCommand$', text);
  const sorted = [...asked].sort(byTopicAndPartition);
  const startOf = withOffsets(sorted, starts);
  return withOffsets(sorted, ends).map(({ topic, partition, offset: end }, i) => {
    const { offset } = sorted[i]!;
    const start = startOf[i]!.offset;
    const name = partitionKey({ topic, partition });
    if (offset > end) {
      warn(
        `New offset (${offset}) is higher than latest offset for topic partition ${name}. Value will be set to ${end}`,
      );
      return { topic, partition, offset: end };
    }
    if (offset < start) {
      warn(
        `New offset (${offset}) is lower than earliest offset for topic partition ${name}. Value will be set to ${start}`,
      );
      return { topic, partition, offset: start };
    }
    return { topic, partition, offset };
  });
}

/** `YYYY-MM-DDTHH:mm:SS.sss` with an optional zone, UTC without (`Utils.getDateTime`). */
export function parseDateTime(text: string): bigint {
  const failed = (reason: string) => new ClientError('java.text.ParseException', reason);
  if (!text.includes('T')) {
    throw failed(`Error parsing timestamp. It does not contain a 'T' according to ISO8601 format`);
  }
  const zone = /(Z|[+-]\d{2}(:?\d{2})?)$/.test(text.slice(text.indexOf('T'))) ? '' : 'Z';
  const match = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}/.test(text);
  const ms = Date.parse(text.replace(/([+-]\d{2})$/, '$1:00').replace(/([+-]\d{2})(\d{2})$/, '$1:$2') + zone);
  if (!match || Number.isNaN(ms)) throw failed(`Unparseable date: "${text}${zone}"`);
  return BigInt(ms);
}

/** An ISO-8601 duration as Java's `Duration.parse` takes it (`PnDTnHnMn.nS`), in milliseconds. */
export function parseDuration(text: string): number {
  const match =
    /^([+-])?P(?:([+-]?\d+)D)?(?:T(?:([+-]?\d+)H)?(?:([+-]?\d+)M)?(?:([+-]?\d+(?:[.,]\d{0,9})?)S)?)?$/i.exec(text);
  const units = [86_400_000, 3_600_000, 60_000, 1000];
  const parts = match?.slice(2).map((part) => (part === undefined ? null : Number(part.replace(',', '.'))));
  if (!match || !parts || parts.every((part) => part === null) || /T$/i.test(text)) {
    throw new ClientError('java.time.format.DateTimeParseException', 'Text cannot be parsed to a Duration');
  }
  const ms = parts.reduce<number>((sum, part, i) => sum + (part ?? 0) * units[i]!, 0);
  return match[1] === '-' ? -ms : ms;
}

/** A CSV of `topic,partition,offset` for one group, or of `group,topic,partition,offset`. */
function readPlan(file: string, groups: readonly string[]): Map<string, CommittedOffset[]> {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw new ClientError('java.nio.file.NoSuchFileException', messageOf(error));
  }
  const plan = new Map<string, CommittedOffset[]>();
  for (const line of text.split('\n').filter((it) => it.trim() !== '')) {
    const cells = line.split(',').map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));
    const [group, topic, partition, offset] =
      cells.length === 3 && groups.length === 1 ? [groups[0]!, ...cells] : cells;
    if (!group || !topic || !/^\d+$/.test(partition ?? '') || !/^-?\d+$/.test(offset ?? '')) {
      throw illegalArgument(`Invalid line in ${file}: '${line}', expected [group,]topic,partition,offset`);
    }
    plan.set(group, [...(plan.get(group) ?? []), { topic, partition: Number(partition), offset: BigInt(offset!) }]);
  }
  return plan;
}

function toCsv(plan: ReadonlyMap<string, readonly CommittedOffset[]>, oneGroup: boolean): string {
  return [...plan]
    .flatMap(([group, rows]) =>
      rows.map(({ topic, partition, offset }) => `${oneGroup ? '' : `${group},`}${topic},${partition},${offset}\n`),
    )
    .join('');
}
