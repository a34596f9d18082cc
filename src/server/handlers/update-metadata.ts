import { ErrorCode, updateMetadataRequest, updateMetadataResponse } from '../../protocol/index.js';
import { isBrokerEpochStale } from '../broker-epoch.js';
import { handler } from '../handler.js';

/** The controller tells what clients may ask for. */
export const updateMetadata = handler(updateMetadataRequest, updateMetadataResponse, (request, context) => {
  const { authorizeClusterAction, metadata, replicas, groups, brokerEpoch, logger, stateChangeLogger } = context;
  authorizeClusterAction();
  if (isBrokerEpochStale(request.brokerEpoch, brokerEpoch)) {
    logger.info('Received an UpdateMetadata request for an earlier life of this broker', {
      epoch: request.brokerEpoch,
      current: brokerEpoch,
    });
    return { errorCode: ErrorCode.STALE_BROKER_EPOCH };
  }
  const errorCode = replicas.maybeUpdateMetadata(request.controllerEpoch, () => {
    const deleted = metadata.updateMetadata(request);
    if (deleted.length > 0) groups.onPartitionsDeleted(deleted);
  });
  if (errorCode === ErrorCode.STALE_CONTROLLER_EPOCH) {
    stateChangeLogger.warn('Received an UpdateMetadata request of an old controller', {
      controller: request.controllerId,
      controllerEpoch: request.controllerEpoch,
      latestKnownControllerEpoch: replicas.controllerEpoch,
      correlationId: context.correlationId,
    });
  }
  return { errorCode };
});
