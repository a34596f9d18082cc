import type { MetricsRegistry } from '../common/index.js';
import type { FetchSessionCache } from './core/fetch-session.js';
import type { ProducePurgatory } from './delayed-operations.js';
import type { Deletions } from './append/delete-records.js';
import type { FetchRequests } from './fetch/fetch-requests.js';
import type { ReplicaFetcherManager } from './follow/fetcher-manager.js';
import type { HostedPartitions } from './hosted-partitions.js';
import type { Partition } from './partition.js';

/** What the gauges of a replica manager look into. */
export interface GaugeSources {
  readonly partitions: HostedPartitions;
  readonly produces: ProducePurgatory;
  readonly fetches: FetchRequests;
  readonly deletions: Deletions;
  readonly sessions: FetchSessionCache;
  readonly fetchers: ReplicaFetcherManager;
}

/** The domain and type that the metrics of `ReplicaManager` have in Kafka; the name follows. */
export const REPLICA_MANAGER_METRIC = 'kafka.server:type=ReplicaManager,name=';

/** Registers the gauges of a broker's replicas, under the names that they have in Kafka. */
export function registerReplicaGauges(metrics: MetricsRegistry, sources: GaugeSources): void {
  const { partitions, produces, fetches, deletions, sessions, fetchers } = sources;
  const ofReplicas = (name: string, value: () => number): void => metrics.gauge(REPLICA_MANAGER_METRIC + name, value);
  const countLeaders = (name: string, matches: (partition: Partition) => boolean): void =>
    ofReplicas(name, () => {
      let matching = 0;
      for (const partition of partitions.leaders()) if (matches(partition)) matching++;
      return matching;
    });
  countLeaders('LeaderCount', () => true);
  ofReplicas('PartitionCount', () => partitions.onlineCount + partitions.offlineCount);
  ofReplicas('OfflineReplicaCount', () => partitions.offlineCount);
  countLeaders('UnderReplicatedPartitions', (partition) => partition.isUnderReplicated);
  countLeaders('UnderMinIsrPartitionCount', (partition) => partition.isUnderMinIsr);
  countLeaders('AtMinIsrPartitionCount', (partition) => partition.isAtMinIsr);
  countLeaders('ReassigningPartitions', (partition) => partition.isReassigning);
  const purgatory = (name: string, value: () => number): void =>
    metrics.gauge(`kafka.server:type=DelayedOperationPurgatory,name=PurgatorySize,delayedOperation=${name}`, value);
  purgatory('Produce', () => produces.numDelayed);
  purgatory('Fetch', () => fetches.numDelayed);
  purgatory('DeleteRecords', () => deletions.numDelayed);
  const ofSessions = (name: string, value: () => number): void =>
    metrics.gauge(`kafka.server:type=FetchSessionCache,name=${name}`, value);
  ofSessions('NumIncrementalFetchSessions', () => sessions.size);
  ofSessions('NumIncrementalFetchPartitionsCached', () => sessions.totalPartitions);
  const ofFetchers = (name: string, value: () => number): void =>
    metrics.gauge(`kafka.server:type=ReplicaFetcherManager,name=${name},clientId=Replica`, value);
  ofFetchers('MaxLag', () => fetchers.maxLag);
  ofFetchers('FailedPartitionsCount', () => fetchers.failedPartitions.size);
}
