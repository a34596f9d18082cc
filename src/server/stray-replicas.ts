/**
 * Replicas that stayed on this broker because no one could tell it to delete them: it was away, or cut off, while their topic was deleted (and
 * perhaps made again), or while they were moved to others. The controller counts them as gone, and asks no one again.
 */
import { partitionKey, type TopicAssignment, type TopicPartition } from '../cluster/index.js';
import { ZERO_UUID, type Uuid } from '../common/index.js';
import type { UnifiedLog } from '../log/index.js';
import { ErrorCode, errorName } from '../protocol/index.js';
import type { BrokerServices } from './services.js';
import { stopReplicas } from './stopped-replicas.js';
import { untilAnswered } from './until-answered.js';

/** The parts of the broker that this takes. */
export type StrayServices = Pick<
  BrokerServices,
  | 'brokerId'
  | 'clock'
  | 'clusterId'
  | 'controlOrder'
  | 'hasLogsOfItsCluster'
  | 'logger'
  | 'logs'
  | 'replicas'
  | 'stateChangeLogger'
  | 'stores'
  | 'topicConfigs'
>;

/** A replica as it was before ZooKeeper was asked. */
interface Held {
  readonly log: UnifiedLog;
  /** Undefined when no controller has told its role. */
  readonly leaderEpoch: number | undefined;
}

export interface StrayReplica extends Held {
  readonly reason: string;
}

/** The assignments of so many topics are in memory at once. */
const TOPICS_AT_ONCE = 200;
/** In StopReplica this stops a replica whatever its epoch is. */
const EPOCH_DURING_DELETE = -2;

/**
 * Sets aside all replicas that ZooKeeper does not assign to this broker: their folders are renamed to `…-stray`, as Kafka names what it finds so
 * (`LogManager.addStrayLog`), and stay until someone removes them, for ZooKeeper may have been emptied, or be a copy of an earlier day. Called with
 * the first UpdateMetadata of a controller, or for a registration: whatever that controller deletes or moves away from then on, it tells us of, and
 * what was deleted or moved before is to be seen in ZooKeeper.
 */
export function dropStrayReplicas(services: StrayServices): Promise<void> {
  const { clock, logs, controlOrder, logger } = services;
  const look = async (): Promise<void> => {
    const strays = await findStrays(services, logs.allLogs());
    if (strays.length > 0) await controlOrder.inTurn(() => dropStrays(services, strays));
  };
  return untilAnswered(clock, look, (error) =>
    logger.warn('Cannot tell yet which replicas are not assigned to this broker any more', { error }),
  );
}

/** The logs that keep those of topics with these ids from being made, because they have the names. */
export function logsInTheWay(
  { logs }: Pick<BrokerServices, 'logs'>,
  topicIds: ReadonlyMap<string, Uuid>,
): readonly UnifiedLog[] {
  const inTheWay: UnifiedLog[] = [];
  for (const [topic, topicId] of topicIds) {
    if (topicId === ZERO_UUID) continue;
    for (const log of logs.logsByTopic(topic)) {
      if (log.topicId !== null && log.topicId !== topicId && isCurrent(logs, log)) inTheWay.push(log);
    }
  }
  return inTheWay;
}

/** Those of these logs that are to go. None when ZooKeeper cannot be asked. */
export async function straysAmong(
  services: StrayServices,
  logs: readonly UnifiedLog[],
): Promise<readonly StrayReplica[]> {
  try {
    return await findStrays(services, logs);
  } catch (error) {
    services.logger.warn('Cannot tell whether replicas are of topics that were deleted', { logs: logs.length, error });
    return [];
  }
}

/** What no command has touched since ZooKeeper was asked is stopped as by StopReplica, and set aside. A turn among the commands of the controller. */
export async function dropStrays(services: StrayServices, strays: readonly StrayReplica[]): Promise<void> {
  const { logs, replicas, logger, stateChangeLogger } = services;
  const dropped = strays.filter(({ log, leaderEpoch }) => {
    return isCurrent(logs, log) && leaderEpoch === replicas.partitionOf(log.topicPartition)?.leaderEpoch;
  });
  const [first] = dropped;
  if (!first) return;
  logger.warn('Setting aside replicas that are not of this broker any more', {
    replicas: dropped.length,
    first: partitionKey(first.log.topicPartition),
    dir: first.log.dir,
    reason: first.reason,
  });
  for (const { log, reason } of dropped) {
    const partition = partitionKey(log.topicPartition);
    stateChangeLogger.debug('Setting aside a replica', { partition, dir: log.dir, reason });
  }
  const { partitions } = await stopReplicas(
    services,
    { controllerId: -1, controllerEpoch: replicas.controllerEpoch, correlationId: -1 },
    dropped.map(({ log: { topicPartition: tp } }) => {
      return { tp, leaderEpoch: EPOCH_DURING_DELETE, deletePartition: true, isStray: true };
    }),
  );
  // No one need wait for a disk: a loss of power that brings some back is seen at the next start.
  void partitions.then((results) => {
    const failed = results.filter(({ errorCode }) => errorCode !== ErrorCode.NONE);
    if (failed.length === 0) return;
    const [{ tp, errorCode }] = failed as [(typeof failed)[0]];
    logger.warn('Replicas that are not of this broker may come back', {
      replicas: failed.length,
      first: partitionKey(tp),
      error: errorName(errorCode),
    });
  });
}

async function findStrays(services: StrayServices, among: Iterable<UnifiedLog>): Promise<StrayReplica[]> {
  const { brokerId, clusterId, hasLogsOfItsCluster, replicas, stores, logger } = services;
  const held = new Map<string, Held[]>();
  for (const log of among) {
    const { topic } = log.topicPartition;
    const one = { log, leaderEpoch: replicas.partitionOf(log.topicPartition)?.leaderEpoch };
    const others = held.get(topic);
    if (others) others.push(one);
    else held.set(topic, [one]);
  }
  if (held.size === 0) return [];
  if (!hasLogsOfItsCluster) {
    logger.warn(
      'The log directories did not say of which cluster they are: no replica in them is taken for one of no topic',
    );
    return [];
  }
  const strays: StrayReplica[] = [];
  const topics = [...held.keys()];
  // What our member of the ensemble has not heard of yet is not missing.
  await stores.topics.catchUp();
  const clusterIdThere = await stores.cluster.clusterId();
  if (clusterIdThere !== clusterId) {
    logger.warn('ZooKeeper is not of our cluster any more: it does not say which replicas are of this broker', {
      clusterId,
      there: clusterIdThere,
    });
    return [];
  }
  for (let at = 0; at < topics.length; at += TOPICS_AT_ONCE) {
    const some = topics.slice(at, at + TOPICS_AT_ONCE);
    const { found, unreadable } = await stores.topics.assignments(some);
    for (const topic of some) {
      if (unreadable.has(topic)) continue;
      for (const one of held.get(topic)!) {
        const reason = whyStray(brokerId, one.log.topicPartition, one.log.topicId, found.get(topic) ?? null);
        if (reason !== null) strays.push({ ...one, reason });
      }
    }
  }
  return strays;
}

/**
 * Why a replica with this topic id (null: it has none) is not the broker's, by the assignment of its topic in ZooKeeper (null: there is no such
 * topic). Null when it is, or when its id does not tell whether it is of the topic that is there.
 */
export function whyStray(
  brokerId: number,
  { topic, partition }: TopicPartition,
  topicId: Uuid | null,
  assignment: Pick<TopicAssignment, 'topicId' | 'partitions'> | null,
): string | null {
  if (assignment === null) return `there is no topic ${topic}`;
  if (topicId !== null && assignment.topicId !== null && topicId !== assignment.topicId) {
    return `it is of a topic ${topic} with the id ${topicId}; the one that is there has ${assignment.topicId}`;
  }
  const replicas = assignment.partitions.get(partition)?.replicas ?? [];
  // These contain those that are being added, and those that have yet to be removed.
  return replicas.includes(brokerId) ? null : `it is assigned to ${replicas.join(',') || 'no broker'}`;
}

function isCurrent(logs: BrokerServices['logs'], log: UnifiedLog): boolean {
  return logs.getLog(log.topicPartition) === log;
}
