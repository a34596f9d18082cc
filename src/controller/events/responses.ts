import {
  ApiKey,
  ErrorCode,
  errorName,
  type LeaderAndIsrResponse,
  type StopReplicaResponse,
  type UpdateMetadataResponse,
} from '../../protocol/index.js';
import type { ControllerContext, PartitionEntry, PartitionReplica } from '../core/controller-context.js';
import type { ControlResponse } from '../channel-manager.js';
import type { OutgoingRequest } from '../core/request-batch.js';
import type { ControllerEvent } from '../runtime.js';
import { onReplicasBecomeOffline } from './replicas-offline.js';

/**
 * What a broker answered, if it lives on as the one that was asked: an answer of an earlier life, heard behind the news of the next, says nothing of
 * the replicas that it has now.
 */
export function ofLife(broker: number, epoch: bigint | undefined, event: ControllerEvent): ControllerEvent {
  return {
    ...event,
    process: (controller) =>
      controller.context.liveOrShuttingDownBrokers.get(broker)?.epoch === epoch ? event.process(controller) : undefined,
  };
}

/** What an answer means; null when it means nothing new. */
export function responseReceived(
  { brokerId, request, deletedPartitions }: OutgoingRequest,
  response: ControlResponse,
): ControllerEvent | null {
  switch (request.apiKey) {
    case ApiKey.LeaderAndIsr:
      return leaderAndIsrResponseReceived(response as LeaderAndIsrResponse, brokerId);
    case ApiKey.UpdateMetadata:
      if (response.errorCode === ErrorCode.NONE) return null;
      return updateMetadataResponseReceived(response as UpdateMetadataResponse, brokerId);
    case ApiKey.StopReplica:
      if (deletedPartitions.length === 0) return null;
      return topicDeletionStopReplicaResponseReceived(response as StopReplicaResponse, deletedPartitions, brokerId);
  }
}

/** A broker took over what its replicas are; those it cannot serve because of their log directory are offline from now on. */
function leaderAndIsrResponseReceived(response: LeaderAndIsrResponse, broker: number): ControllerEvent {
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

function updateMetadataResponseReceived(response: UpdateMetadataResponse, broker: number): ControllerEvent {
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
function topicDeletionStopReplicaResponseReceived(
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
      const errors = new Map(
        response.partitionErrors.map((it) => [`${it.topicName}-${it.partitionIndex}`, it.errorCode]),
      );
      const failed: PartitionReplica[] = [];
      const deleted: PartitionReplica[] = [];
      for (const partition of asked) {
        const { topic, assignment } = partition;
        const isTheOne = context.partition(topic, partition.partition) === partition;
        if (!isTheOne || !context.topicsWithDeletionStarted.has(topic)) continue;
        // Replicas that a reassignment removed are deleted too, but nobody waits for those.
        if (!assignment.replicas.includes(broker)) continue;
        // What fails as a whole may name no partition.
        const ok =
          response.errorCode === ErrorCode.NONE && errors.get(`${topic}-${partition.partition}`) === ErrorCode.NONE;
        (ok ? deleted : failed).push({ partition, replica: broker });
      }
      if (failed.length > 0) await deletions.failReplicaDeletion(failed);
      if (deleted.length > 0) await deletions.completeReplicaDeletion(deleted);
    },
  };
}
