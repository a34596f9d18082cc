import {
  ErrorCode,
  type ControlledShutdownRequest,
  type ControlledShutdownResponseInput,
} from '../../protocol/index.js';
import type { PartitionEntry } from '../core/controller-context.js';
import type { ControllerEvent, ControllerRuntime } from '../runtime.js';

/** In requests of before KIP-380 the sender's epoch is missing, and not checked. */
const UNKNOWN_BROKER_EPOCH = -1n;

/**
 * A broker says that it is about to stop: what it leads is moved, and it leaves the ISRs, while it still serves. It asks again until
 * nothing is left that others could lead.
 */
export function controlledShutdown(
  request: ControlledShutdownRequest,
  respond: (response: ControlledShutdownResponseInput) => void,
): ControllerEvent {
  const refuse = (errorCode: number): void => respond({ errorCode, remainingPartitions: [] });
  return {
    name: 'ControlledShutdown',
    state: 'ControlledShutdown',
    preempt: () => refuse(ErrorCode.STALE_CONTROLLER_EPOCH),
    async process(controller) {
      if (!controller.isActive) return refuse(ErrorCode.STALE_CONTROLLER_EPOCH);
      const { context, log } = controller;
      const broker = context.liveOrShuttingDownBrokers.get(request.brokerId);
      if (!broker) {
        // Kafka looks for its epoch first, where one is given, and does not expect to find none.
        const isEpochGiven = request.brokerEpoch !== UNKNOWN_BROKER_EPOCH;
        return refuse(isEpochGiven ? ErrorCode.UNKNOWN_SERVER_ERROR : ErrorCode.BROKER_NOT_AVAILABLE);
      }
      if (request.brokerEpoch !== UNKNOWN_BROKER_EPOCH && request.brokerEpoch < broker.epoch) {
        log.info('Received controlled shutdown request from an old broker epoch', {
          broker: broker.id,
          epoch: request.brokerEpoch,
          currentEpoch: broker.epoch,
        });
        return refuse(ErrorCode.STALE_BROKER_EPOCH);
      }
      let remaining: readonly PartitionEntry[];
      try {
        remaining = await shutDown(controller, broker.id);
      } catch (error) {
        refuse(ErrorCode.STALE_CONTROLLER_EPOCH);
        throw error;
      }
      respond({
        errorCode: ErrorCode.NONE,
        remainingPartitions: remaining.map(({ topic, partition }) => ({ topicName: topic, partitionIndex: partition })),
      });
    },
  };
}

async function shutDown(controller: ControllerRuntime, id: number): Promise<readonly PartitionEntry[]> {
  const { context, batch, deletions, partitions, replicas, log } = controller;
  log.info('Shutting down broker', { broker: id });
  context.addShuttingDownBroker(id);
  const led: PartitionEntry[] = [];
  const followed: PartitionEntry[] = [];
  for (const partition of context.partitionsOnBroker(id)) {
    if (partition.assignment.replicas.length < 2 || !partition.leadership) continue;
    if (deletions.isTopicQueuedUpForDeletion(partition.topic)) continue;
    (partition.leadership.leaderAndIsr.leader === id ? led : followed).push(partition);
  }
  await partitions.handleStateChanges(led, 'OnlinePartition', { kind: 'controlledShutdown' });
  // It stops fetching before its leaders hear that it left, so that they do not take it back.
  for (const partition of followed) batch.addStopReplica([id], partition, false);
  await controller.flush();
  await replicas.handleStateChanges(
    followed.map((partition) => ({ partition, replica: id })),
    'OfflineReplica',
  );
  return context.partitionLeadersOnBroker(id);
}
