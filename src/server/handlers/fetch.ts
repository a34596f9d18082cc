import { ErrorCode, fetchRequest, fetchResponse, type FetchRequest, type InputOf } from '../../protocol/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import { handler, LATER, type RequestContext } from '../handler.js';

type Answer = InputOf<typeof fetchResponse>;
type PartitionAnswer = NonNullable<NonNullable<Answer['responses']>[number]['partitions']>[number];

/** The least version whose answers carry batches of the present format. */
const MIN_VERSION_OF_BATCHES = 4;
/** Clients that speak this version can decompress zstd (KIP-110). */
const FIRST_VERSION_OF_ZSTD = 10;

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
      maxQuotaBytes: request.availableAnswerBytes,
      authorize: (tp) => {
        if (isFollower ? !mayActAsFollower : !authorize('READ', { type: 'TOPIC', name: tp.topic })) {
          return ErrorCode.TOPIC_AUTHORIZATION_FAILED;
        }
        return metadata.contains(tp) ? ErrorCode.NONE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
      },
    },
    (answer) => {
      if (!isFollower) context.quotas.recordAndThrottleMs('fetch', context, request.frame.length);
      context.respond(apiVersion < FIRST_VERSION_OF_ZSTD ? withoutZstd(answer as Answer, context) : (answer as Answer));
    },
  );
  return LATER;
});

/** Of topics that are compressed with zstd whatever their producers do, older clients are told so (`maybeConvertFetchedData`). */
function withoutZstd(answer: Answer, { topicConfigs }: RequestContext): Answer {
  const isZstd = (topic: string | undefined): boolean =>
    topic !== undefined && topicConfigs.configOf(topic).compressionType === 'zstd';
  if (!answer.responses?.some(({ topic }) => isZstd(topic))) return answer;
  const responses = answer.responses.map((response) => {
    if (!isZstd(response.topic)) return response;
    const partitions = response.partitions?.map((partition) =>
      partition.errorCode === ErrorCode.NONE
        ? refused(partition.partitionIndex ?? 0, ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)
        : partition,
    );
    return { ...response, partitions };
  });
  return { ...answer, responses };
}

function refused(partitionIndex: number, errorCode: number): PartitionAnswer {
  return { partitionIndex, errorCode, highWatermark: -1n, records: Buffer.alloc(0) };
}

/** Batches are not converted down to the formats of before 0.11. */
function unsupported({ topics }: FetchRequest): Answer {
  return {
    responses: topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => refused(partition, ErrorCode.UNSUPPORTED_VERSION)),
    })),
  };
}
