import {
  ErrorCode,
  errorName,
  type LeaderAndIsrResponse,
  type StopReplicaResponse,
  type UpdateMetadataResponse,
} from '../../protocol/index.js';
import type { ControllerContext, PartitionEntry, PartitionReplica } from '../core/controller-context.js';
import type { ControllerEvent } from '../runtime.js';
import { onReplicasBecomeOffline } from './replicas-offline.js';

/** A broker took over what its replicas are; those it cannot serve because of their log directory are offline from now on. */
export function leaderAndIsrResponseReceived(response: LeaderAndIsrResponse, broker: number): ControllerEvent {
  return {
    name: 'LeaderAndIsrResponseReceived',
    state: 'LeaderAndIsrResponseReceived',
    async process(controller) {
      if (!controller.isActive) return;
      const { context, stateChanges } = controller;
      if (response.errorCode !== ErrorCode.NONE) {
        stateChanges.receivedError('LeaderAndIsr', broker, errorName(response.errorCode));
        return;
      }
      const offline = context.replicasOnOfflineDirs.get(broker) ?? new Set<PartitionEntry>();
      const newlyOffline: PartitionEntry[] = [];
      for (const { topic, partitionErrors } of answersByTopic(response, context)) {
        for (const { partitionIndex, errorCode } of partitionErrors) {
          const partition = context.partition(topic, partitionIndex);
          if (!partition) continue;
          if (errorCode === ErrorCode.NONE) offline.delete(partition);
          else if (errorCode === ErrorCode.KAFKA_STORAGE_ERROR && !offline.has(partition)) {
            offline.add(partition);
            newlyOffline.push(partition);
          }
        }
      }
      // Without an entry for healthy brokers: most elections look only at who lives.
      if (offline.size > 0) context.replicasOnOfflineDirs.set(broker, offline);
      else context.replicasOnOfflineDirs.delete(broker);
      if (newlyOffline.length === 0) return;
      stateChanges.replicasAreOffline(newlyOffline, broker);
      await onReplicasBecomeOffline(
        controller,
        newlyOffline.map((partition) => ({ partition, replica: broker })),
      );
    },
  };
}

/** Before version 5 brokers name topics, afterwards their ids. What we do not know of is not there. */
function answersByTopic(response: LeaderAndIsrResponse, context: ControllerContext) {
  return [
    ...response.partitionErrors.map((answer) => ({ topic: answer.topicName, partitionErrors: [answer] })),
    ...response.topics.flatMap(({ topicId, partitionErrors }) => {
      const topic = context.topicName(topicId);
      return topic === undefined ? [] : [{ topic, partitionErrors }];
    }),
  ];
}

export function updateMetadataResponseReceived(response: UpdateMetadataResponse, broker: number): ControllerEvent {
  return {
    name: 'UpdateMetadataResponseReceived',
    state: 'UpdateMetadataResponseReceived',
    process({ isActive, stateChanges }) {
      if (!isActive || response.errorCode === ErrorCode.NONE) return;
      stateChanges.receivedError('UpdateMetadata', broker, errorName(response.errorCode));
    },
  };
}

/** A broker answered whether it deleted replicas. `asked` are the partitions that it was told to delete. */
export function topicDeletionStopReplicaResponseReceived(
  response: StopReplicaResponse,
  asked: readonly PartitionEntry[],
  broker: number,
): ControllerEvent {
  return {
    name: 'TopicDeletionStopReplicaResponseReceived',
    state: 'TopicDeletion',
    async process(controller) {
      if (!controller.isActive) return;
      const { context, deletions } = controller;
      const wanted = new Set(asked);
      const failed: PartitionReplica[] = [];
      const deleted: PartitionReplica[] = [];
      for (const { topicName, partitionIndex, errorCode } of response.partitionErrors) {
        const partition = context.partition(topicName, partitionIndex);
        // Replicas that a reassignment removed are deleted too, but nobody waits for those.
        if (!partition || !wanted.has(partition) || !context.topicsWithDeletionStarted.has(topicName)) continue;
        const ok = response.errorCode === ErrorCode.NONE && errorCode === ErrorCode.NONE;
        (ok ? deleted : failed).push({ partition, replica: broker });
      }
      if (failed.length > 0) await deletions.failReplicaDeletion(failed);
      if (deleted.length > 0) await deletions.completeReplicaDeletion(deleted);
    },
  };
}
