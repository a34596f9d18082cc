import type { PartitionReplica } from '../core/controller-context.js';
import type { ControllerRuntime } from '../runtime.js';

/**
 * Replicas can no longer serve, because their broker died or their log directory failed (Kafka's `onReplicasBecomeOffline`): what they
 * led is led by others, they leave their ISRs, and the deletion of their topics halts.
 */
export async function onReplicasBecomeOffline(
  controller: ControllerRuntime,
  newlyOffline: readonly PartitionReplica[],
): Promise<void> {
  const { context, batch, deletions, partitions, replicas } = controller;
  const forDeletion: PartitionReplica[] = [];
  const others: PartitionReplica[] = [];
  for (const replica of newlyOffline) {
    (deletions.isTopicQueuedUpForDeletion(replica.partition.topic) ? forDeletion : others).push(replica);
  }
  await partitions.handleStateChanges(context.partitionsWithOfflineLeader(), 'OfflinePartition');
  await partitions.triggerOnlinePartitionStateChange();
  await replicas.handleStateChanges(others, 'OfflineReplica');
  // A replica that cannot answer would otherwise stay ReplicaDeletionStarted for ever.
  if (forDeletion.length > 0) await deletions.failReplicaDeletion(forDeletion);
  // Brokers hear who is alive even if no partition changed.
  batch.addUpdateMetadata(context.liveOrShuttingDownBrokerIds, []);
}
