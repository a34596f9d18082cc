import type { OptionChecks, OptionSpec, ParsedOptions } from '../options.js';
import { UncaughtException } from '../options.js';

const ALTER_HINT = ' (the kafka-configs CLI supports altering topic configs with a --bootstrap-server option)';

/** The options of kafka-topics.sh, with the `--zookeeper` of versions before 3.0. */
export const TOPICS_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'bootstrap-server',
    argument: 'required',
    argumentName: 'server to connect to',
    description: 'REQUIRED unless --zookeeper is given: The brokers to connect to.',
  },
  {
    name: 'zookeeper',
    argument: 'required',
    argumentName: 'hosts',
    description: 'The ZooKeeper servers as HOST:PORT,HOST:PORT/chroot: writes and reads the znodes itself.',
  },
  {
    name: 'command-config',
    argument: 'required',
    argumentName: 'command config property file',
    description: 'Property file with settings of the admin client.',
  },
  { name: 'list', description: 'List all available topics.' },
  { name: 'create', description: 'Create a new topic.' },
  { name: 'delete', description: 'Delete a topic' },
  { name: 'alter', description: 'Raise the number of partitions, and give replicas to the new ones.' },
  { name: 'describe', description: 'List details for the given topics.' },
  {
    name: 'topic',
    argument: 'required',
    argumentName: 'topic',
    description: 'The topic; a regular expression except for --create.',
  },
  { name: 'topic-id', argument: 'required', argumentName: 'topic-id', description: 'The id of the topic to describe.' },
  {
    name: 'config',
    argument: 'required',
    argumentName: 'name=value',
    description: 'A configuration of the topic being created.',
  },
  {
    name: 'delete-config',
    argument: 'required',
    argumentName: 'name',
    description: 'A configuration to remove from an existing topic. Not supported with the --bootstrap-server option.',
  },
  {
    name: 'partitions',
    argument: 'required',
    type: 'int',
    argumentName: '# of partitions',
    description: 'The number of partitions of the topic being created or altered.',
  },
  {
    name: 'replication-factor',
    argument: 'required',
    type: 'int',
    argumentName: 'replication factor',
    description: 'The number of replicas of each partition of the topic being created.',
  },
  {
    name: 'replica-assignment',
    argument: 'required',
    argumentName: 'broker_id_for_part1_replica1 : broker_id_for_part1_replica2 , …',
    description: 'The brokers of each partition of the topic being created or altered.',
  },
  { name: 'under-replicated-partitions', description: 'Describe only under replicated partitions.' },
  { name: 'unavailable-partitions', description: 'Describe only partitions whose leader is not available.' },
  { name: 'under-min-isr-partitions', description: 'Describe only partitions with fewer in sync than the minimum.' },
  { name: 'at-min-isr-partitions', description: 'Describe only partitions with as many in sync as the minimum.' },
  { name: 'topics-with-overrides', description: 'Describe only topics that have configurations of their own.' },
  { name: 'if-exists', description: 'Alter, delete or describe only if the topic exists.' },
  { name: 'if-not-exists', description: 'Create only if the topic does not exist.' },
  { name: 'exclude-internal', description: 'Leave internal topics out of --list and --describe.' },
];

const ACTIONS = ['create', 'list', 'alter', 'describe', 'delete'] as const;
const REPORTS = [
  'under-replicated-partitions',
  'under-min-isr-partitions',
  'at-min-isr-partitions',
  'unavailable-partitions',
] as const;

/** The rules between the options, in the order of Kafka's `TopicCommandOptions.checkArgs`. */
export function checkTopicsOptions(options: ParsedOptions, check: OptionChecks): (typeof ACTIONS)[number] {
  const [action, another] = ACTIONS.filter((name) => options.has(name));
  if (action === undefined || another !== undefined) {
    check.fail('Command must include exactly one action: --list, --describe, --create, --alter or --delete');
  }
  const zookeeper = options.has('zookeeper');
  if (zookeeper && options.has('bootstrap-server')) {
    check.fail('Only one of --bootstrap-server or --zookeeper must be specified');
  }
  if (!zookeeper && !options.has('bootstrap-server')) {
    throw new UncaughtException('java.lang.IllegalArgumentException', '--bootstrap-server must be specified');
  }
  if (action === 'describe' && options.has('if-exists') && !options.has('topic') && !options.has('topic-id')) {
    check.fail('--topic or --topic-id is required to describe a topic');
  }
  if (action !== 'list' && action !== 'describe') check.required('topic');
  if (action === 'alter' && !zookeeper) {
    if (options.has('config')) {
      check.fail(
        `Option combination "[[bootstrap-server], [config]]" can't be used with option "[alter]"${ALTER_HINT}`,
      );
    }
    check.required('partitions');
  }
  if (action === 'create' && zookeeper && !options.has('replica-assignment')) {
    // Only a broker has defaults to fall back on.
    check.required('partitions', 'replication-factor');
  }
  const otherThan = (...allowed: (typeof ACTIONS)[number][]) => ACTIONS.filter((name) => !allowed.includes(name));
  check.conflicts('config', ...otherThan('alter', 'create'));
  check.conflicts('delete-config', ...otherThan('alter'), 'bootstrap-server');
  check.conflicts('partitions', ...otherThan('alter', 'create'));
  check.conflicts('replication-factor', ...otherThan('create'));
  check.conflicts('replica-assignment', ...otherThan('create', 'alter'));
  if (action === 'create') check.conflicts('replica-assignment', 'partitions', 'replication-factor');
  for (const report of REPORTS) {
    const others = REPORTS.filter((name) => name !== report);
    check.conflicts(report, ...otherThan('describe'), ...others, 'topics-with-overrides');
  }
  check.conflicts('topics-with-overrides', ...otherThan('describe'), ...REPORTS);
  check.conflicts('if-exists', ...otherThan('alter', 'delete', 'describe'));
  check.conflicts('if-not-exists', ...otherThan('create'));
  check.conflicts('exclude-internal', ...otherThan('list', 'describe'));
  return action;
}
