import type { ApiHandler } from './handler.js';
import { allocateProducerIds } from './handlers/allocate-producer-ids.js';
import { alterPartition } from './handlers/alter-partition.js';
import { alterConfigs, incrementalAlterConfigs } from './handlers/alter-configs.js';
import { apiVersions } from './handlers/api-versions.js';
import { controlledShutdown } from './handlers/controlled-shutdown.js';
import { createPartitions } from './handlers/create-partitions.js';
import { createTopics } from './handlers/create-topics.js';
import { deleteGroups } from './handlers/delete-groups.js';
import { deleteRecords } from './handlers/delete-records.js';
import { deleteTopics } from './handlers/delete-topics.js';
import { describeCluster } from './handlers/describe-cluster.js';
import { describeConfigs } from './handlers/describe-configs.js';
import { describeGroups } from './handlers/describe-groups.js';
import { electLeaders } from './handlers/elect-leaders.js';
import { fetch } from './handlers/fetch.js';
import { findCoordinator } from './handlers/find-coordinator.js';
import { heartbeat } from './handlers/heartbeat.js';
import { initProducerId } from './handlers/init-producer-id.js';
import { joinGroup } from './handlers/join-group.js';
import { leaderAndIsr } from './handlers/leader-and-isr.js';
import { leaveGroup } from './handlers/leave-group.js';
import { listGroups } from './handlers/list-groups.js';
import { listOffsets } from './handlers/list-offsets.js';
import { metadata } from './handlers/metadata.js';
import { offsetCommit } from './handlers/offset-commit.js';
import { offsetDelete } from './handlers/offset-delete.js';
import { offsetFetch } from './handlers/offset-fetch.js';
import { offsetForLeaderEpoch } from './handlers/offset-for-leader-epoch.js';
import { produce } from './handlers/produce.js';
import { stopReplica } from './handlers/stop-replica.js';
import { syncGroup } from './handlers/sync-group.js';
import { updateMetadata } from './handlers/update-metadata.js';

/** What this broker serves: the one list that requests are handed out by and ApiVersions answers from, in the order of the keys. */
export const API_HANDLERS: readonly ApiHandler[] = [
  produce,
  fetch,
  listOffsets,
  metadata,
  leaderAndIsr,
  stopReplica,
  updateMetadata,
  controlledShutdown,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  apiVersions,
  createTopics,
  deleteTopics,
  deleteRecords,
  initProducerId,
  offsetForLeaderEpoch,
  describeConfigs,
  alterConfigs,
  createPartitions,
  deleteGroups,
  electLeaders,
  incrementalAlterConfigs,
  offsetDelete,
  alterPartition,
  describeCluster,
  allocateProducerIds,
];

/** What ApiVersions lists. */
export function offeredApis(
  handlers: readonly ApiHandler[],
): { apiKey: number; minVersion: number; maxVersion: number }[] {
  return handlers.flatMap(({ api: { key, advertised } }) =>
    advertised ? [{ apiKey: key, minVersion: advertised.min, maxVersion: advertised.max }] : [],
  );
}
