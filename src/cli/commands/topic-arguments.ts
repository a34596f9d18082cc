import { BrokerConfig, ConfigError, validateTopicConfig } from '../../config/index.js';
import { ClientError } from '../client/client-error.js';

/** What the arguments of a topic mean, wherever it is then created: checked as Kafka's `TopicCommand` does before asking anybody. */

/** `1:2,2:3`: the brokers of each partition. Null for an empty text. */
export function parseReplicaAssignment(text: string | null): number[][] | null {
  if (text === null || text === '') return null;
  const partitions = text.split(',').map((brokers) =>
    brokers.split(':').map((broker) => {
      if (!/^\s*[+-]?\d{1,10}\s*$/.test(broker)) {
        throw new ClientError('java.lang.NumberFormatException', `For input string: "${broker.trim()}"`);
      }
      return Number(broker);
    }),
  );
  partitions.forEach((brokers, partition) => {
    const duplicates = [...new Set(brokers.filter((broker, i) => brokers.indexOf(broker) !== i))];
    if (duplicates.length > 0) {
      throw new ClientError(
        'kafka.common.AdminCommandFailedException',
        `Partition replica lists may not contain duplicate entries: ${duplicates.join(',')}`,
      );
    }
    if (brokers.length !== partitions[0]!.length) {
      throw new ClientError(
        'org.apache.kafka.server.common.AdminOperationException',
        // Kafka prints the address of a Java array here.
        `Partition ${partition} has different replication factor: ${brokers.join(',')}`,
      );
    }
  });
  return partitions;
}

/** `name=value` pairs, checked without a broker's defaults. */
export function parseTopicConfigs(pairs: readonly string[]): Map<string, string> {
  const split = pairs.map((pair) => splitPair(pair));
  if (split.some((parts) => parts.length !== 2)) {
    throw new ClientError(
      'java.lang.IllegalArgumentException',
      'requirement failed: Invalid topic config: all configs to be added must be in the format "key=val".',
    );
  }
  const configs = new Map(split.map(([name, value]) => [name!.trim(), value!.trim()]));
  // Whether tiered storage is there is for the broker to say.
  const anyBroker = new Map([
    ['zookeeper.connect', 'localhost'],
    ['remote.log.storage.system.enable', 'true'],
  ]);
  try {
    validateTopicConfig(BrokerConfig.parse(anyBroker).config, configs);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const className = error.message.startsWith('Invalid value')
      ? 'org.apache.kafka.common.config.ConfigException'
      : 'org.apache.kafka.common.errors.InvalidConfigurationException';
    throw new ClientError(className, error.message);
  }
  return configs;
}

/** Java's `split`, which drops empty parts at the end: `a=` is one part, `a=b=c` three. */
function splitPair(pair: string): string[] {
  const parts = pair.split(/\s*=\s*/);
  while (parts.length > 1 && parts.at(-1) === '') parts.pop();
  return parts;
}

export function checkCounts(partitions: number | null, replicationFactor: number | null): void {
  if (replicationFactor !== null && (replicationFactor > 32_767 || replicationFactor < 1)) {
    throw new ClientError(
      'java.lang.IllegalArgumentException',
      'The replication factor must be between 1 and 32767 inclusive',
    );
  }
  if (partitions !== null && partitions < 1) {
    throw new ClientError('java.lang.IllegalArgumentException', 'The partitions must be greater than 0');
  }
}

export const COLLISION_WARNING =
  "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') could collide. " +
  'To avoid issues it is best to use either, but not both.\n';
