import type { ControllerContext, PartitionReplica } from './controller-context.js';

/**
 * Which of the topics queued for deletion take a step (Kafka's `TopicDeletionManager.resumeDeletions`). A topic may be in two lists:
 * its failed replicas are retried and its deletion is started again.
 */
export interface DeletionPlan {
  /** Every replica is deleted: the topic's znodes and our memory of it can go. */
  readonly complete: readonly string[];
  /** No replica is being deleted and at least one failed: those are made OfflineReplica again. */
  readonly retry: readonly string[];
  /** Not halted and not under way: their deletion begins, or begins again. */
  readonly start: readonly string[];
}

export function planDeletions(context: ControllerContext): DeletionPlan {
  const complete: string[] = [];
  const retry: string[] = [];
  const start: string[] = [];
  for (const topic of context.topicsToBeDeleted) {
    if (context.areAllReplicasInState(topic, 'ReplicaDeletionSuccessful')) {
      complete.push(topic);
      continue;
    }
    if (context.isAnyReplicaInState(topic, 'ReplicaDeletionStarted')) continue;
    if (context.isAnyReplicaInState(topic, 'ReplicaDeletionIneligible')) retry.push(topic);
    if (!context.topicsIneligibleForDeletion.has(topic)) start.push(topic);
  }
  return { complete, retry, start };
}

/** What the deletion of topics asks of their replicas. */
export interface ReplicaDeletions {
  /** On brokers, or in log directories, that are gone: they cannot be deleted now. */
  readonly dead: readonly PartitionReplica[];
  /** To be stopped and deleted; the ones that were deleted by an earlier try are not among them. */
  readonly toDelete: readonly PartitionReplica[];
  /** Topics with dead replicas: their deletion halts until those are back. */
  readonly halted: readonly string[];
}

export function planReplicaDeletions(context: ControllerContext, topics: readonly string[]): ReplicaDeletions {
  const dead: PartitionReplica[] = [];
  const toDelete: PartitionReplica[] = [];
  const halted: string[] = [];
  for (const topic of topics) {
    const deadBefore = dead.length;
    for (const replica of context.replicasForTopic(topic)) {
      if (!context.isReplicaOnline(replica.replica, replica.partition)) dead.push(replica);
      else if (context.replicaState(replica) !== 'ReplicaDeletionSuccessful') toDelete.push(replica);
    }
    if (dead.length > deadBefore) halted.push(topic);
  }
  return { dead, toDelete, halted };
}
