import type { OptionChecks, OptionSpec, ParsedOptions } from '../options.js';
import type { Terminal } from '../terminal.js';

const required = (name: string, argumentName: string, description: string, type?: 'long'): OptionSpec => ({
  name,
  argument: 'required',
  argumentName,
  description,
  ...(type && { type }),
});

/** The options of kafka-consumer-groups.sh. */
export const CONSUMER_GROUPS_OPTIONS: readonly OptionSpec[] = [
  required('bootstrap-server', 'server to connect to', 'REQUIRED: The brokers to connect to.'),
  required('group', 'consumer group', 'The consumer group to act on.'),
  required('topic', 'topic', 'The topic whose offsets are meant, or some of its partitions as topic1:0,1,2.'),
  { name: 'all-topics', description: 'All topics with offsets of the group, for --reset-offsets.' },
  { name: 'list', description: 'List all consumer groups.' },
  { name: 'describe', description: 'Describe consumer groups and their lag.' },
  { name: 'all-groups', description: 'Apply to all consumer groups.' },
  { name: 'delete', description: 'Delete consumer groups.' },
  required('timeout', 'timeout (ms)', 'How long to wait for an answer. (default: 5000)', 'long'),
  required('command-config', 'command config property file', 'Property file with settings of the admin client.'),
  { name: 'reset-offsets', description: 'Reset offsets of groups that are not active.' },
  { name: 'delete-offsets', description: 'Delete offsets of a group.' },
  { name: 'dry-run', description: 'Only show what --reset-offsets would do.' },
  { name: 'execute', description: 'Do what --reset-offsets says.' },
  { name: 'export', description: 'Print the result of --reset-offsets as CSV.' },
  required('to-offset', 'offset', 'Reset offsets to a specific offset.', 'long'),
  required('from-file', 'path to CSV file', 'Reset offsets to values defined in CSV file.'),
  required('to-datetime', 'datetime', "Reset offsets to offset from datetime. Format: 'YYYY-MM-DDTHH:mm:SS.sss'"),
  required('by-duration', 'duration', "Reset offsets to offset by duration from now. Format: 'PnDTnHnMnS'"),
  { name: 'to-earliest', description: 'Reset offsets to earliest offset.' },
  { name: 'to-latest', description: 'Reset offsets to latest offset.' },
  { name: 'to-current', description: 'Reset offsets to current offset.' },
  required('shift-by', 'number-of-offsets', "Reset offsets shifting current offset by 'n'.", 'long'),
  { name: 'members', description: 'Describe the members of the group.' },
  { name: 'verbose', description: 'With --members: also what is assigned to them.' },
  { name: 'offsets', description: 'Describe partitions with their offset and lag (the default).' },
  {
    name: 'state',
    argument: 'optional',
    description: 'With --describe the state of the group; with --list the states, or groups with these states only.',
  },
];

export const RESET_SCENARIOS = [
  'to-offset',
  'to-datetime',
  'by-duration',
  'to-earliest',
  'to-latest',
  'to-current',
  'shift-by',
  'from-file',
] as const;

const ACTIONS = ['list', 'describe', 'delete', 'reset-offsets', 'delete-offsets'] as const;
export type GroupAction = (typeof ACTIONS)[number];

/** The rules between the options, in the order of Kafka's `ConsumerGroupCommandOptions.checkArgs`. */
export function checkConsumerGroupsOptions(
  options: ParsedOptions,
  check: OptionChecks,
  terminal: Terminal,
): GroupAction {
  check.required('bootstrap-server');
  const hasGroup = options.has('group') || options.has('all-groups');
  if (options.has('describe')) {
    if (!hasGroup) check.fail('Option [describe] takes one of these options: [group], [all-groups]');
    if (['members', 'offsets', 'state'].filter((name) => options.has(name)).length > 1) {
      check.fail('Option [describe] takes at most one of these options: [members], [offsets], [state]');
    }
    if (options.all('state').length > 0) check.fail('Option [describe] does not take a value for [state]');
  }
  if (options.has('delete')) {
    if (!hasGroup) check.fail('Option [delete] takes one of these options: [group], [all-groups]');
    if (options.has('topic')) {
      check.fail('The consumer does not support topic-specific offset deletion from a consumer group.');
    }
  }
  if (options.has('delete-offsets') && !(options.has('group') && options.has('topic'))) {
    check.fail('Option [delete-offsets] takes the following options: [group], [topic]');
  }
  if (options.has('reset-offsets')) checkReset(options, check, hasGroup, terminal);
  check.conflicts('group', 'all-groups', 'list');
  check.conflicts('topic', 'list', 'describe');
  const actions = ACTIONS.filter((name) => options.has(name));
  if (actions.length !== 1) {
    check.fail(
      'Command must include exactly one action: --list, --describe, --delete, --reset-offsets, --delete-offsets',
    );
  }
  return actions[0]!;
}

function checkReset(options: ParsedOptions, check: OptionChecks, hasGroup: boolean, terminal: Terminal): void {
  if (options.has('dry-run') && options.has('execute')) {
    check.fail('Option [reset-offsets] only accepts one of [execute] and [dry-run]');
  }
  if (!options.has('dry-run') && !options.has('execute')) {
    terminal.stderr.write(
      'WARN: No action will be performed as the --execute option is missing.' +
        'In a future major release, the default behavior of this command will be to prompt the user before ' +
        'executing the reset rather than doing a dry run. You should add the --dry-run option explicitly ' +
        'if you are scripting this command and want to keep the current default behavior without prompting.\n',
    );
  }
  if (!hasGroup) check.fail('Option [reset-offsets] takes one of these options: [group], [all-groups]');
  for (const scenario of RESET_SCENARIOS) {
    check.conflicts(scenario, ...RESET_SCENARIOS.filter((other) => other !== scenario));
  }
  // Kafka finds these two only when it has looked at the groups.
  if (!['all-topics', 'topic', 'from-file'].some((name) => options.has(name))) {
    check.fail('One of the reset scopes should be defined: --all-topics, --topic.');
  }
  if (!RESET_SCENARIOS.some((name) => options.has(name))) {
    check.fail(
      "Option '[reset-offsets]' requires one of the following scenarios: HashSet([by-duration], [to-offset], [from-file], " +
        '[to-datetime], [to-earliest], [to-current], [shift-by], [to-latest])',
    );
  }
}
