import { runAtOnce } from '../../common/index.js';
import {
  ErrorCode,
  stopReplicaRequest,
  stopReplicaResponse,
  type StopReplicaRequest,
  type StopReplicaResponseInput,
} from '../../protocol/index.js';
import type { StopReplicasResult } from '../../replication/index.js';
import { isBrokerEpochStale } from '../broker-epoch.js';
import { handler, LATER, type RequestContext } from '../handler.js';
import { stoppedPartitions } from '../request-shapes.js';
import { stopReplicas } from '../stopped-replicas.js';

/** The controller tells which replicas to stop, and which of them to delete. */
export const stopReplica = handler(stopReplicaRequest, stopReplicaResponse, (request, context) => {
  context.authorizeClusterAction();
  if (!context.controlOrder.admits(request, context)) return LATER;
  // The turn ends before what was deleted is durable: with it a disk that is slow, or hangs, would hold up every command of the controller.
  return context.controlOrder.inTurn(() => carryOut(request, context)).then(answerOf);
});

async function answerOf({ errorCode, partitions }: StopReplicasResult): Promise<StopReplicaResponseInput> {
  return {
    errorCode,
    partitionErrors: (await partitions).map((partition) => ({
      topicName: partition.tp.topic,
      partitionIndex: partition.tp.partition,
      errorCode: partition.errorCode,
    })),
  };
}

async function carryOut(
  request: StopReplicaRequest,
  context: RequestContext<StopReplicaResponseInput>,
): Promise<StopReplicasResult> {
  const { brokerEpoch, logger, correlationId } = context;
  if (isBrokerEpochStale(request.brokerEpoch, brokerEpoch)) {
    logger.info('Received a StopReplica request for an earlier life of this broker', {
      epoch: request.brokerEpoch,
      current: brokerEpoch,
    });
    return { errorCode: ErrorCode.STALE_BROKER_EPOCH, partitions: Promise.resolve([]) };
  }
  const { controllerId, controllerEpoch } = request;
  const controller = { controllerId, controllerEpoch, correlationId };
  return stopReplicas(context, controller, runAtOnce(stoppedPartitions(request)));
}
