import { ErrorCode, fetchRequest, fetchResponse, type FetchRequest, type InputOf } from '../../protocol/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import { handler, LATER } from '../handler.js';

type Answer = InputOf<typeof fetchResponse>;

/** The least version whose answers carry batches of the present format. */
const MIN_VERSION_OF_BATCHES = 4;

/** Reads for consumers and followers; sessions, waiting and reading are the replica manager's. */
export const fetch = handler(fetchRequest, fetchResponse, (body, context) => {
  const { apiVersion, authorize, metadata, replicas, listenerName, request } = context;
  if (apiVersion < MIN_VERSION_OF_BATCHES) return unsupported(body);
  const isFollower = (apiVersion >= 15 ? body.replicaState.replicaId : body.replicaId) >= 0;
  const mayActAsFollower = isFollower && authorize('CLUSTER_ACTION', CLUSTER_RESOURCE);
  replicas.handleFetch(
    body,
    apiVersion,
    {
      listenerName,
      authorize: (tp) => {
        if (isFollower ? !mayActAsFollower : !authorize('READ', { type: 'TOPIC', name: tp.topic })) {
          return ErrorCode.TOPIC_AUTHORIZATION_FAILED;
        }
        return metadata.contains(tp) ? ErrorCode.NONE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
      },
    },
    (answer) => {
      if (!isFollower) context.quotas.recordAndThrottleMs('fetch', context, request.frame.length);
      context.respond(answer as Answer);
    },
  );
  return LATER;
});

/** Batches are not converted down to the formats of before 0.11. */
function unsupported({ topics }: FetchRequest): Answer {
  return {
    responses: topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({
        partitionIndex: partition,
        errorCode: ErrorCode.UNSUPPORTED_VERSION,
        highWatermark: -1n,
        records: Buffer.alloc(0),
      })),
    })),
  };
}
