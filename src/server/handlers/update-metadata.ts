import { ErrorCode, updateMetadataRequest, updateMetadataResponse } from '../../protocol/index.js';
import { isBrokerEpochStale } from '../broker-epoch.js';
import { handler, type RequestContext } from '../handler.js';

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
    if (metadata.isFirstSinceRegistration(request.brokerEpoch)) void forgetDeletedTopics(context);
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

/**
 * The session had expired, and topics that were deleted before we were registered again are unknown to the controller, which therefore says
 * nothing of them. Kafka's brokers go on telling clients of them; here they are looked up. From this update on the controller tells us
 * of each deletion, so what was known before it and is not in ZooKeeper after it is gone.
 */
async function forgetDeletedTopics(context: RequestContext): Promise<void> {
  const { metadata, groups, stores, logger } = context;
  const known = new Map([...metadata.topicsInCluster()].map((topic) => [topic, metadata.topicId(topic)]));
  try {
    for (const topic of await stores.topics.topics({ registerWatch: false })) known.delete(topic);
  } catch (error) {
    logger.warn('Cannot tell which topics were deleted while this broker was not registered', { error });
    return;
  }
  const forgotten = metadata.forgetTopics(known);
  if (forgotten.length > 0) groups.onPartitionsDeleted(forgotten);
}
