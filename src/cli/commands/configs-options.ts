import { illegalArgument } from '../client/client-error.js';
import type { OptionChecks, OptionSpec, ParsedOptions } from '../options.js';

const required = (name: string, argumentName: string, description: string): OptionSpec => ({
  name,
  argument: 'required',
  argumentName,
  description,
});

const TYPES = ['topics', 'clients', 'users', 'brokers', 'ips', 'broker-loggers'] as const;
/** What this tool describes and alters; the others are quotas and credentials. */
export const SUPPORTED_TYPES = ['topics', 'brokers', 'broker-loggers'] as const;
export type EntityType = (typeof SUPPORTED_TYPES)[number];

/** An option that names an entity of one type, and one that means its default. */
const FLAGS = [
  ['topic', 'topics'],
  ['client', 'clients'],
  ['user', 'users'],
  ['broker', 'brokers'],
  ['broker-logger', 'broker-loggers'],
  ['ip', 'ips'],
] as const;
const DEFAULT_FLAGS = [
  ['client-defaults', 'clients'],
  ['user-defaults', 'users'],
  ['broker-defaults', 'brokers'],
  ['ip-defaults', 'ips'],
] as const;

/** The options of kafka-configs.sh. */
export const CONFIGS_OPTIONS: readonly OptionSpec[] = [
  required('bootstrap-server', 'server to connect to', 'The brokers to connect to.'),
  required('command-config', 'command config property file', 'Property file with settings of the admin client.'),
  { name: 'alter', description: 'Alter the configuration of the entity.' },
  { name: 'describe', description: 'List configs of the entity.' },
  { name: 'all', description: 'List all configs, not the dynamic ones only.' },
  required('entity-type', 'String', `Type of entity (${TYPES.join('/')}).`),
  required('entity-name', 'String', 'Name of the entity (topic name or broker id).'),
  { name: 'entity-default', description: 'The default of the entity type.' },
  required('add-config', 'String', "Key value pairs to set: 'k1=v1,k2=[v1,v2,v2],k3=v3'."),
  required('add-config-file', 'String', 'Properties file with configs to set.'),
  {
    name: 'delete-config',
    argument: 'required',
    argumentName: 'String',
    description: "Config keys to remove: 'k1,k2'.",
  },
  ...FLAGS.map(([name, type]) => required(name, 'String', `The name of one of the ${type}.`)),
  ...DEFAULT_FLAGS.map(([name, type]) => ({ name, description: `The default of ${type}.` })),
  { name: 'force', description: 'Suppress console prompts' },
];

export interface ConfigsRequest {
  readonly action: 'alter' | 'describe';
  readonly type: EntityType;
  /** Null for all of that type, empty for the default. */
  readonly entity: string | null;
}

/** The rules between the options, in the order of Kafka's `ConfigCommandOptions.checkArgs`. */
export function checkConfigsOptions(options: ParsedOptions, check: OptionChecks): ConfigsRequest {
  const action = options.has('alter') ? 'alter' : 'describe';
  if (options.has('alter') === options.has('describe')) {
    check.fail('Command must include exactly one action: --describe, --alter');
  }
  check.conflicts('describe', 'alter', 'add-config', 'delete-config');
  const flagged = FLAGS.filter(([name]) => options.has(name));
  const defaulted = DEFAULT_FLAGS.filter(([name]) => options.has(name));
  const types = [...options.all('entity-type'), ...[...flagged, ...defaulted].map(([, type]) => type)];
  const allowed: readonly string[] = TYPES;
  for (const type of types) {
    if (!allowed.includes(type)) {
      throw illegalArgument(
        `Invalid entity type ${type}, the entity type must be one of ${TYPES.join(', ')} with the --bootstrap-server argument`,
      );
    }
  }
  const [type] = types;
  if (type === undefined) throw illegalArgument('At least one entity type must be specified');
  if (types.length > 1) throw illegalArgument("Only 'users' and 'clients' entity types may be specified together");
  const byType = ['entity-type', 'entity-name', 'entity-default'].some((name) => options.has(name));
  if (byType && flagged.length + defaulted.length > 0) {
    throw illegalArgument('--entity-{type,name,default} should not be used in conjunction with specific entity flags');
  }
  if (!options.has('bootstrap-server')) {
    throw illegalArgument('One of the required --bootstrap-server or --zookeeper arguments must be specified');
  }
  if (!isSupported(type)) {
    throw illegalArgument(`Entity type ${type} is not supported, it must be one of ${SUPPORTED_TYPES.join(', ')}`);
  }
  const isDefault = options.has('entity-default') || defaulted.length > 0;
  const entity = isDefault ? '' : options.value(flagged[0]?.[0] ?? 'entity-name');
  checkEntity(options, action, type, entity);
  return { action, type, entity };
}

function isSupported(type: string): type is EntityType {
  return (SUPPORTED_TYPES as readonly string[]).includes(type);
}

function checkEntity(options: ParsedOptions, action: string, type: EntityType, entity: string | null): void {
  if (type !== 'topics' && entity !== null && entity !== '' && !/^[+-]?\d{1,10}$/.test(entity)) {
    throw illegalArgument(`The entity name for ${type} must be a valid integer broker id, but it is: ${entity}`);
  }
  if (action === 'describe') {
    if (type === 'broker-loggers' && !entity) {
      throw illegalArgument('an entity name must be specified with --describe of broker-loggers');
    }
    return;
  }
  if (type === 'brokers' && entity === null) {
    throw illegalArgument(
      'an entity-name or default entity must be specified with --alter of users, clients, brokers or ips',
    );
  }
  if (type !== 'brokers' && !entity) throw illegalArgument(`an entity name must be specified with --alter of ${type}`);
  if (options.has('add-config') && options.has('add-config-file')) {
    throw illegalArgument('Only one of --add-config or --add-config-file must be specified');
  }
  if (!['add-config', 'add-config-file', 'delete-config'].some((name) => options.has(name))) {
    throw illegalArgument(
      'At least one of --add-config, --add-config-file, or --delete-config must be specified with --alter',
    );
  }
}

/** `k1=v1,k2=[v1,v2]`: commas inside brackets belong to the value. */
export function parseAddedConfigs(text: string): Map<string, string> {
  const outside = '(?=[^\\]]*(?:\\[|$))';
  const pairs = text.split(new RegExp(`,${outside}`)).map((pair) => pair.split(new RegExp(`\\s*=\\s*${outside}`)));
  if (pairs.some((pair) => pair.length !== 2)) {
    throw illegalArgument(
      'requirement failed: Invalid entity config: all configs to be added must be in the format "key=val".',
    );
  }
  return new Map(pairs.map(([name, value]) => [name!.trim(), value!.replace(/[[\]]/g, '').trim()]));
}
