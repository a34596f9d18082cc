import type { TopicPartition } from '../../cluster/index.js';
import { assert, BROKER_SLICES, runInSlices, type Steps } from '../../common/index.js';
import {
  ErrorCode,
  updateMetadataRequest,
  updateMetadataResponse,
  type UpdateMetadataRequest,
  type UpdateMetadataResponseInput,
} from '../../protocol/index.js';
import { isBrokerEpochStale } from '../broker-epoch.js';
import { handler, LATER, type RequestContext } from '../handler.js';
import type { MetadataDraft } from '../metadata-cache.js';
import { dropStrayReplicas } from '../stray-replicas.js';
import { untilAnswered } from '../until-answered.js';

/** The controller tells what clients may ask for. */
export const updateMetadata = handler(
  updateMetadataRequest,
  updateMetadataResponse,
  (request, context) => {
    context.authorizeClusterAction();
    if (!context.controlOrder.admits(request, context)) return LATER;
    // After what the controller commanded before: a client that learns of a leader here finds it in its role.
    return context.controlOrder.inTurn(() => carryOut(request, context));
  },
  { keepsNumbers: true },
);

/**
 * Readers see all of an update or nothing, and others run between its steps. The offsets of deleted partitions go after it, in
 * more steps, but before the next command: a topic of the same name is not known here, and gets no commits, until they are gone.
 */
async function carryOut(
  request: UpdateMetadataRequest,
  context: RequestContext<UpdateMetadataResponseInput>,
): Promise<UpdateMetadataResponseInput> {
  const { clock, metadata, replicas, groups, logger, stateChangeLogger } = context;
  const inSlices = <T>(steps: Steps<T>): Promise<T> => runInSlices(clock, steps, BROKER_SLICES);
  const isOfEarlierLife = (): boolean => isBrokerEpochStale(request.brokerEpoch, context.brokerEpoch);
  let draft: MetadataDraft | null = null;
  if (!isOfEarlierLife() && request.controllerEpoch >= replicas.controllerEpoch) {
    // Before the topics that have taken their names are known, and get commits.
    const replaced = await inSlices(metadata.forgetReplaced(request));
    if (replaced.length > 0) await groups.onPartitionsDeleted(replaced);
    draft = await inSlices(metadata.draft(request));
  }
  if (isOfEarlierLife()) {
    logger.info('Received an UpdateMetadata request for an earlier life of this broker', {
      epoch: request.brokerEpoch,
      current: context.brokerEpoch,
    });
    return { errorCode: ErrorCode.STALE_BROKER_EPOCH };
  }
  let deleted: readonly TopicPartition[] = [];
  const update = (): void => {
    assert(draft !== null, 'what is accepted was drafted');
    deleted = metadata.putInForce(draft);
    const { brokerEpoch, controllerEpoch } = request;
    const isFirst = metadata.isFirst;
    const isFirstAfterChange = metadata.isFirstAfterChange(brokerEpoch, controllerEpoch);
    if (isFirstAfterChange) void lookForDeletedTopics(context);
    if (isFirst || isFirstAfterChange) void dropStrayReplicas(context);
  };
  let errorCode: number;
  try {
    errorCode = replicas.maybeUpdateMetadata(request.controllerEpoch, update);
  } finally {
    await inSlices(metadata.merge());
  }
  if (deleted.length > 0) await groups.onPartitionsDeleted(deleted);
  if (errorCode === ErrorCode.STALE_CONTROLLER_EPOCH) {
    stateChangeLogger.warn('Received an UpdateMetadata request of an old controller', {
      controller: request.controllerId,
      controllerEpoch: request.controllerEpoch,
      latestKnownControllerEpoch: replicas.controllerEpoch,
      correlationId: context.correlationId,
    });
  }
  return { errorCode };
}

/**
 * A controller tells of a deletion only the brokers that are registered then, and its successor knows nothing of topics that are gone: a broker
 * whose session had expired, or that could not be reached until the controller changed, was not told. Kafka's brokers go on telling
 * clients of such topics; here they are looked up. From this update on this controller tells us of each deletion that begins, so what was
 * known before it, and is not in ZooKeeper after it or is marked there for deletion, is gone. A topic that was made again is known by its id;
 * one without an id by its partitions.
 */
function lookForDeletedTopics(context: RequestContext): Promise<void> {
  const { clock, logger } = context;
  return untilAnswered(
    clock,
    () => forgetDeletedTopics(context),
    (error) => logger.warn('Cannot tell yet which topics were deleted while this broker was not told', { error }),
  );
}

async function forgetDeletedTopics({ metadata, groups, stores, controlOrder }: RequestContext): Promise<void> {
  const known = metadata.allPartitions();
  const withoutId = new Set([...known.keys()].filter((topic) => !metadata.isKnownById(topic)));
  // What our member of the ensemble has not heard of yet is not gone. The marks first: a topic is there as long as its mark.
  const [, marked, existing] = await Promise.all([
    stores.topics.catchUp(),
    stores.deletions.topicDeletions({ registerWatch: false }),
    stores.topics.topics({ registerWatch: false }),
  ]);
  const going = new Set(marked);
  const staying = existing.filter((topic) => known.has(topic) && !going.has(topic));
  const { found } = await stores.topics.assignments(staying.filter((topic) => withoutId.has(topic)));
  for (const topic of staying) {
    const partitions = found.get(topic)?.partitions;
    const gone = partitions && known.get(topic)!.filter(({ partitionIndex }) => !partitions.has(partitionIndex));
    if (gone && gone.length > 0) known.set(topic, gone);
    else known.delete(topic);
  }
  await controlOrder.inTurn(async () => {
    const forgotten = metadata.forget(known);
    if (forgotten.length > 0) await groups.onPartitionsDeleted(forgotten);
  });
}
