import { randomUuid, type FileSystem, type Logger, type Random } from '../common/index.js';
import type { BrokerConfig } from '../config/index.js';
import { loadMetaProperties } from '../log/index.js';
import type { ClusterStore } from '../zookeeper/index.js';

/** The broker may not start: its directories or its id belong to another cluster or broker. */
export class InconsistentIdentityError extends Error {
  override readonly name = 'InconsistentIdentityError';
}

export interface BrokerIdentity {
  readonly clusterId: string;
  readonly brokerId: number;
  /** A log directory names the cluster as its own, as all do that brokers of it have used. */
  readonly isOfCluster: boolean;
  /** Log directories whose `meta.properties` could not be read. */
  readonly offlineDirs: readonly string[];
}

/**
 * Finds out which broker of which cluster this is: the cluster's id is made by the first broker, the broker's comes from its
 * configuration, from `meta.properties`, or is generated (`KafkaServer.getOrGenerateClusterId` and `getOrGenerateBrokerId`). Throws
 * InconsistentIdentityError with Kafka's words when they contradict each other.
 */
export async function resolveIdentity(
  config: BrokerConfig,
  logDirs: readonly string[],
  cluster: ClusterStore,
  { fs, random, logger }: { fs: FileSystem; random: Random; logger: Logger },
): Promise<BrokerIdentity> {
  const clusterId = (await cluster.clusterId()) ?? (await cluster.createOrGetClusterId(randomUuid(random)));
  logger.info(`Cluster ID = ${clusterId}`);
  const { properties, offlineDirs } = loadMetaProperties(fs, logDirs, logger);
  const storedClusterId = properties?.clusterId ?? null;
  if (storedClusterId !== null && storedClusterId !== clusterId) {
    throw new InconsistentIdentityError(
      `The Cluster ID ${clusterId} doesn't match stored clusterId Some(${storedClusterId}) in meta.properties. ` +
        'The broker is trying to join the wrong cluster. Configured zookeeper.connect may be wrong.',
    );
  }
  const brokerId = await resolveBrokerId(config, properties?.brokerId ?? null, cluster);
  return { clusterId, brokerId, isOfCluster: storedClusterId !== null, offlineDirs };
}

async function resolveBrokerId(config: BrokerConfig, stored: number | null, cluster: ClusterStore): Promise<number> {
  const configured = config.brokerId;
  if (configured >= 0 && stored !== null && stored !== configured) {
    throw new InconsistentIdentityError(
      `Configured broker.id ${configured} doesn't match stored broker.id Some(${stored}) in meta.properties. ` +
        'If you moved your data, make sure your configured broker.id matches. ' +
        'If you intend to create a new broker, you should remove all data in your data directories (log.dirs).',
    );
  }
  if (stored !== null) return stored;
  if (configured < 0 && config.get('broker.id.generation.enable')) {
    return (await cluster.generateBrokerSequenceId()) + config.get('reserved.broker.max.id');
  }
  return configured;
}
