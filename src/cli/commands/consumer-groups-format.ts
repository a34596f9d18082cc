import type { TopicPartition } from '../../cluster/index.js';
import type { GroupDescription, GroupListing, GroupMember } from '../client/group-admin.js';

/** The tables of kafka-consumer-groups.sh, column by column as Kafka lays them out. */
export interface OffsetRow extends Partial<TopicPartition> {
  readonly group: string;
  readonly offset: bigint | null;
  readonly logEndOffset: bigint | null;
  /** Null when nobody owns the partition. */
  readonly member: Pick<GroupMember, 'memberId' | 'host' | 'clientId'> | null;
}

const MISSING = '-';

function table(lines: readonly (readonly string[])[], widths: readonly number[]): string {
  return lines.map((cells) => `${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' ')}\n`).join('');
}

function widest(least: number, cells: readonly string[]): number {
  return Math.max(least, ...cells.map((cell) => cell.length));
}

/** `--list --state`. */
export function formatGroupStates(groups: readonly GroupListing[]): string {
  const width = widest(
    15,
    groups.map(({ group }) => group),
  );
  return table([['GROUP', 'STATE'], ...groups.map(({ group, state }) => [group, state])], [width]);
}

/** `--describe`: begins with an empty line. */
export function formatOffsets(rows: readonly OffsetRow[]): string {
  const cells = rows.map(({ group, topic, partition, offset, logEndOffset, member }) => [
    group,
    topic ?? MISSING,
    String(partition ?? MISSING),
    String(offset ?? MISSING),
    String(logEndOffset ?? MISSING),
    String(offset === null || logEndOffset === null ? MISSING : logEndOffset - offset),
    member?.memberId ?? MISSING,
    member?.host ?? MISSING,
    member?.clientId ?? MISSING,
  ]);
  const column = (index: number) => cells.map((row) => row[index]!);
  const widths = [
    widest(15, column(0)),
    widest(15, column(1)),
    10,
    15,
    15,
    15,
    widest(15, column(6)),
    widest(15, column(7)),
  ];
  const header = [
    'GROUP',
    'TOPIC',
    'PARTITION',
    'CURRENT-OFFSET',
    'LOG-END-OFFSET',
    'LAG',
    'CONSUMER-ID',
    'HOST',
    'CLIENT-ID',
  ];
  return `\n${table([header, ...cells], widths)}`;
}

/** `--describe --members`: begins with an empty line, and each line ends with a space where nothing follows. */
export function formatMembers(group: string, members: readonly GroupMember[], verbose: boolean): string {
  const withInstance = members.some(({ instanceId }) => instanceId !== null && instanceId !== '');
  const columns: [title: string, least: number, value: (member: GroupMember) => string][] = [
    ['GROUP', 15, () => group],
    ['CONSUMER-ID', 15, ({ memberId }) => memberId],
    ...(withInstance
      ? [
          ['GROUP-INSTANCE-ID', 17, ({ instanceId }: GroupMember) => instanceId ?? ''] as [
            string,
            number,
            (m: GroupMember) => string,
          ],
        ]
      : []),
    ['HOST', 15, ({ host }) => host],
    ['CLIENT-ID', 15, ({ clientId }) => clientId],
    ['#PARTITIONS', 15, ({ assignment }) => String(assignment.length)],
  ];
  const widths = columns.map(([, least, value], i) =>
    i === columns.length - 1 ? least : widest(least, members.map(value)),
  );
  const header = [...columns.map(([title]) => title), verbose ? 'ASSIGNMENT' : ''];
  const lines = members.map((member) => [
    ...columns.map(([, , value]) => value(member)),
    verbose ? formatAssignment(member.assignment) : '',
  ]);
  return `\n${table([header, ...lines], widths)}`;
}

/** `topic(0,1), other(2)`. */
function formatAssignment(assignment: readonly TopicPartition[]): string {
  if (assignment.length === 0) return MISSING;
  const byTopic = new Map<string, number[]>();
  for (const { topic, partition } of assignment) byTopic.set(topic, [...(byTopic.get(topic) ?? []), partition]);
  return [...byTopic]
    .map(([topic, partitions]) => `${topic}(${partitions.sort((a, b) => a - b).join(',')})`)
    .sort()
    .join(', ');
}

/** `--describe --state`: begins with an empty line. */
export function formatState({ group, coordinator, assignor, state, members }: GroupDescription): string {
  const address = `${coordinator.host}:${coordinator.port} (${coordinator.nodeId})`;
  const widths = [widest(25, [address]), 25, 20, 15];
  const header = ['GROUP', 'COORDINATOR (ID)', 'ASSIGNMENT-STRATEGY', 'STATE', '#MEMBERS'];
  return `\n${table([header, [group, address, assignor, state, String(members.length)]], widths)}`;
}

/** The result of `--reset-offsets`: begins with an empty line. */
export function formatReset(rows: readonly (TopicPartition & { group: string; offset: bigint })[]): string {
  const cells = rows.map(({ group, topic, partition, offset }) => [group, topic, String(partition), String(offset)]);
  return `\n${table([['GROUP', 'TOPIC', 'PARTITION', 'NEW-OFFSET'], ...cells], [30, 30, 10, 15])}`;
}

/** The result of `--delete-offsets`: begins with an empty line. */
export function formatDeletedOffsets(rows: readonly (TopicPartition & { status: string })[]): string {
  const cells = rows.map(({ topic, partition, status }) => [
    topic,
    partition < 0 ? 'Not Provided' : String(partition),
    status,
  ]);
  return `\n${table([['TOPIC', 'PARTITION', 'STATUS'], ...cells], [30, 15, 15])}`;
}
