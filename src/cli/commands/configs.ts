import { whyInvalidTopicName } from '../../cluster/index.js';
import { ConfigSource } from '../../config/index.js';
import { ErrorCode } from '../../protocol/index.js';
import { ClientError } from '../client/client-error.js';
import type { ClusterClient } from '../client/cluster-client.js';
import {
  alterConfigs,
  ConfigOperation,
  describeConfigs,
  listTopics,
  ResourceType,
  type ConfigEntry,
} from '../client/topic-admin.js';
import { readToolOptions, type ParsedOptions } from '../options.js';
import { CommandError, isCommandError, type Command, type Terminal } from '../terminal.js';
import { adminClient, describeError, readToolProperties } from '../tool-output.js';
import { KAFKA_VERSION } from '../version.js';
import {
  checkConfigsOptions,
  CONFIGS_OPTIONS,
  parseAddedConfigs,
  type ConfigsRequest,
  type EntityType,
} from './configs-options.js';

const PURPOSE = 'This tool helps to manipulate and describe entity config for a topic, client, user, broker or ip';

const RESOURCES: Readonly<
  Record<EntityType, { type: ResourceType; dynamicSource: (isDefault: boolean) => number | null }>
> = {
  topics: { type: ResourceType.TOPIC, dynamicSource: () => ConfigSource.DYNAMIC_TOPIC_CONFIG },
  brokers: {
    type: ResourceType.BROKER,
    dynamicSource: (isDefault) =>
      isDefault ? ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG : ConfigSource.DYNAMIC_BROKER_CONFIG,
  },
  'broker-loggers': { type: ResourceType.BROKER_LOGGER, dynamicSource: () => null },
};

const SOURCE_NAMES = new Map<number, string>(Object.entries(ConfigSource).map(([name, id]) => [id, name]));

/** kafka-configs.sh (`kafka.admin.ConfigCommand`) for topics, brokers and their loggers. */
export const configsCommand: Command = async (args, terminal) => {
  const read = readToolOptions(CONFIGS_OPTIONS, args, PURPOSE, KAFKA_VERSION, terminal);
  if (!read) return 0;
  const { options, check } = read;
  let client: ClusterClient | null = null;
  try {
    const request = checkConfigsOptions(options, check);
    const properties = readToolProperties(options.value('command-config'));
    client = adminClient(options.value('bootstrap-server')!, properties, terminal);
    if (request.action === 'alter') await alter(client, request, options, terminal);
    else await describe(client, request, options, terminal);
    return 0;
  } catch (error) {
    if (isCommandError(error)) throw error;
    if (isRefusal(error)) throw new CommandError(error.message);
    const text = describeError(error);
    throw new CommandError(
      `Error while executing config command with args '${args.join(' ')}'\n` +
        `java.util.concurrent.ExecutionException: ${text}\nCaused by: ${text}`,
    );
  } finally {
    client?.close();
  }
};

/** What the tool itself refuses, before or instead of asking a broker: Kafka's tool prints the message alone. */
function isRefusal(error: unknown): error is ClientError {
  return (
    error instanceof ClientError && (error.className.startsWith('java.lang') || error.className === INVALID_LOCALLY)
  );
}

const INVALID_LOCALLY = 'InvalidConfigurationException';

async function alter(
  client: ClusterClient,
  { type, entity }: ConfigsRequest,
  options: ParsedOptions,
  terminal: Terminal,
): Promise<void> {
  const name = entity!;
  const added = options.has('add-config-file')
    ? readToolProperties(options.value('add-config-file'))
    : options.has('add-config')
      ? parseAddedConfigs(options.value('add-config')!)
      : new Map<string, string>();
  const deleted = options
    .all('delete-config')
    .flatMap((text) => text.split(','))
    .map((key) => key.trim());
  const existing = (await readConfigs(client, type, name, false)).map((entry) => entry.name);
  const unknown = type === 'broker-loggers' ? [...deleted, ...added.keys()] : deleted;
  const invalid = unknown.filter((key) => !existing.includes(key));
  if (invalid.length > 0) {
    const what = type === 'broker-loggers' ? 'broker logger(s)' : 'config(s)';
    throw new ClientError(INVALID_LOCALLY, `Invalid ${what}: ${invalid.join(',')}`);
  }
  await alterConfigs(client, RESOURCES[type].type, name, [
    ...[...added].map(([key, value]) => ({ name: key, operation: ConfigOperation.SET, value })),
    ...deleted.map((key) => ({ name: key, operation: ConfigOperation.DELETE, value: '' })),
  ]);
  terminal.stdout.write(
    name === ''
      ? `Completed updating default config for ${type} in the cluster.\n`
      : `Completed updating config for ${type.slice(0, -1)} ${name}.\n`,
  );
}

async function describe(
  client: ClusterClient,
  { type, entity }: ConfigsRequest,
  options: ParsedOptions,
  terminal: Terminal,
): Promise<void> {
  const all = options.has('all');
  for (const name of entity === null ? await allEntities(client, type) : [entity]) {
    terminal.stdout.write(
      name === ''
        ? `Default configs for ${type} in the cluster are:\n`
        : `${all ? 'All' : 'Dynamic'} configs for ${type.slice(0, -1)} ${name} are:\n`,
    );
    for (const entry of await readConfigs(client, type, name, all)) terminal.stdout.write(formatEntry(entry));
  }
}

/** One line of `--describe`. */
export function formatEntry({ name, value, isSensitive, synonyms }: ConfigEntry): string {
  const texts = synonyms.map((it) => `${SOURCE_NAMES.get(it.source) ?? 'UNKNOWN'}:${it.name}=${it.value}`);
  return `  ${name}=${value} sensitive=${isSensitive} synonyms={${texts.join(', ')}}\n`;
}

async function allEntities(client: ClusterClient, type: EntityType): Promise<string[]> {
  if (type === 'topics') return (await listTopics(client)).map(({ name }) => name);
  const { brokers } = await client.metadata([]);
  return [...brokers.map(({ nodeId }) => String(nodeId)).sort(), ''];
}

/** The configurations of an entity by name; without `all` those that are dynamic for it alone. */
async function readConfigs(
  client: ClusterClient,
  type: EntityType,
  name: string,
  all: boolean,
): Promise<ConfigEntry[]> {
  if (type === 'topics') {
    const wrong = whyInvalidTopicName(name);
    if (wrong !== null) throw ClientError.ofCode(ErrorCode.INVALID_TOPIC_EXCEPTION, wrong);
  }
  const { type: resource, dynamicSource } = RESOURCES[type];
  const entries = (await describeConfigs(client, resource, [name])).get(name) ?? [];
  const source = all ? null : dynamicSource(name === '');
  return entries
    .filter(({ configSource }) => source === null || configSource === source)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
