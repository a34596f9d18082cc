import type { OptionChecks, OptionSpec, ParsedOptions } from '../options.js';
import { parseKeyValues } from '../options.js';
import { CommandError } from '../terminal.js';
import { readToolProperties, requirePlaintext } from '../tool-output.js';
import { ClientError } from '../client/client-error.js';
import { OffsetSpec } from '../client/offset-admin.js';

const required = (name: string, description: string, type?: OptionSpec['type']): OptionSpec => ({
  name,
  argument: 'required',
  description,
  ...(type && { type }),
});

/** The options of kafka-console-consumer.sh, with the `--zookeeper` of versions before 2.0. */
export const CONSOLE_CONSUMER_OPTIONS: readonly OptionSpec[] = [
  required('topic', 'The topic to consume on.'),
  required('whitelist', 'DEPRECATED, use --include instead; ignored if --include specified.'),
  required('include', 'Regular expression of the topics to consume on.'),
  required('partition', 'The partition to consume from; from its end unless --offset says otherwise.', 'int'),
  required('offset', "The offset to consume from: a number, 'earliest' or 'latest'. (default: latest)"),
  required('consumer-property', 'key=value for the consumer.'),
  required('consumer.config', 'Property file for the consumer.'),
  required('formatter', 'The name of the formatter. (default: kafka.tools.DefaultMessageFormatter)'),
  required(
    'property',
    'key=value for the formatter: print.timestamp, print.key, print.offset, print.partition, print.headers, print.value, key.separator, line.separator, headers.separator, null.literal.',
  ),
  required('formatter-config', 'Property file for the formatter.'),
  { name: 'from-beginning', description: 'Start with the earliest record if the group has no offset yet.' },
  required('max-messages', 'Exit after so many records.', 'int'),
  required('timeout-ms', 'Exit if no record comes for so long.', 'int'),
  { name: 'skip-message-on-error', description: 'Skip a record that cannot be printed instead of halting.' },
  required('bootstrap-server', 'REQUIRED: The brokers to connect to.'),
  required('zookeeper', 'Find the brokers in ZooKeeper, at HOST:PORT,HOST:PORT/chroot.'),
  required('key-deserializer', 'The name of a deserializer for keys.'),
  required('value-deserializer', 'The name of a deserializer for values.'),
  { name: 'enable-systest-events', description: 'Print when the consumer has shut down.' },
  required('isolation-level', 'read_committed or read_uncommitted. (default: read_uncommitted)'),
  required('group', 'The consumer group.'),
];

export interface ConsumerSettings {
  /** One topic, or a regular expression of topics. */
  readonly topic: string | RegExp;
  /** Null when a group shares the partitions. */
  readonly partition: number | null;
  /** Where to begin in the one partition: an offset, or an `OffsetSpec`. */
  readonly offset: bigint;
  readonly group: string;
  readonly commits: boolean;
  readonly fromBeginning: boolean;
  readonly readCommitted: boolean;
  /** Null for no bound. */
  readonly maxMessages: number | null;
  readonly timeoutMs: number | null;
  readonly formatter: string;
  readonly formatterProperties: ReadonlyMap<string, string>;
  readonly skipOnError: boolean;
  readonly clientId: string;
}

/** Checks the options in the order of Kafka's `ConsumerConfig`, and says what they ask for. `groupNumber` names a group that none was given for. */
export function readConsumerSettings(
  options: ParsedOptions,
  check: OptionChecks,
  groupNumber: () => number,
): ConsumerSettings {
  const properties = new Map([
    ...readToolProperties(options.value('consumer.config')),
    ...parseKeyValues(options.all('consumer-property')),
  ]);
  requirePlaintext(properties);
  const include = options.value('include') ?? options.value('whitelist');
  const topic = options.value('topic');
  if ((topic === null) === (include === null)) {
    const hint = options.has('whitelist')
      ? '--whitelist is DEPRECATED use --include instead; ignored if --include specified.'
      : '()';
    check.fail(`Exactly one of --include/--topic is required. ${hint}`);
  }
  const fromBeginning = options.has('from-beginning');
  const partition = options.number('partition');
  if (partition !== null) {
    if (topic === null) check.fail('The topic is required when partition is specified.');
    if (fromBeginning && options.has('offset')) {
      check.fail('Options from-beginning and offset cannot be specified together.');
    }
  } else if (options.has('offset')) {
    check.fail('The partition is required when offset is specified.');
  }
  const offset = parseOffset(options, check, fromBeginning);
  if (!options.has('zookeeper')) check.required('bootstrap-server');
  const groups = [
    ...new Set([options.value('group'), properties.get('group.id')].filter((it) => it !== null && it !== undefined)),
  ];
  if (groups.length > 1) {
    check.fail(
      "The group ids provided in different places (directly using '--group', via '--consumer-property', " +
        `or via '--consumer.config') do not match. Detected group ids: '${groups.join("', '")}'`,
    );
  }
  if (groups.length > 0 && partition !== null) {
    check.fail('Options group and partition cannot be specified together.');
  }
  const timeoutMs = options.number('timeout-ms');
  const maxMessages = options.number('max-messages');
  return {
    topic: topic ?? new RegExp(`^(?:${include!})$`),
    partition,
    offset,
    group: groups[0] ?? `console-consumer-${groupNumber()}`,
    // A group that nobody will use again needs no offsets.
    commits: properties.get('enable.auto.commit') !== 'false' && groups.length > 0,
    fromBeginning: beginsAtStart(properties.get('auto.offset.reset'), fromBeginning),
    readCommitted: isReadCommitted(options.value('isolation-level') ?? properties.get('isolation.level')),
    maxMessages: maxMessages === null || maxMessages < 0 ? null : maxMessages,
    timeoutMs: timeoutMs === null || timeoutMs < 0 ? null : timeoutMs,
    formatter: options.value('formatter') ?? 'kafka.tools.DefaultMessageFormatter',
    formatterProperties: formatterProperties(options),
    skipOnError: options.has('skip-message-on-error'),
    clientId: properties.get('client.id') ?? 'console-consumer',
  };
}

function parseOffset(options: ParsedOptions, check: OptionChecks, fromBeginning: boolean): bigint {
  const text = options.value('offset')?.toLowerCase() ?? null;
  if (text === null) return fromBeginning ? OffsetSpec.EARLIEST : OffsetSpec.LATEST;
  if (text === 'earliest') return OffsetSpec.EARLIEST;
  if (text === 'latest') return OffsetSpec.LATEST;
  if (/^\+?\d{1,18}$/.test(text)) return BigInt(text.replace('+', ''));
  return check.fail(
    `The provided offset value '${text}' is incorrect. Valid values are 'earliest', 'latest', or a non-negative long.`,
  );
}

function beginsAtStart(reset: string | undefined, fromBeginning: boolean): boolean {
  if (reset === undefined) return fromBeginning;
  if (fromBeginning && reset !== 'earliest') {
    throw new CommandError(
      `Can't simultaneously specify --from-beginning and 'auto.offset.reset=${reset}', please remove one option`,
    );
  }
  return reset === 'earliest';
}

function isReadCommitted(level: string | null | undefined): boolean {
  if (level === undefined || level === null || level === 'read_uncommitted') return false;
  if (level === 'read_committed') return true;
  throw new ClientError(
    'org.apache.kafka.common.config.ConfigException',
    `Invalid value ${level} for configuration isolation.level: String must be one of: read_committed, read_uncommitted`,
  );
}

function formatterProperties(options: ParsedOptions): Map<string, string> {
  const properties = new Map([
    ...readToolProperties(options.value('formatter-config')),
    ...parseKeyValues(options.all('property')),
  ]);
  for (const kind of ['key', 'value'] as const) {
    const name = options.value(`${kind}-deserializer`);
    if (name !== null && name !== '') properties.set(`${kind}.deserializer`, name);
  }
  return properties;
}
