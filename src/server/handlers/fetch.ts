import { mapInSteps, runAtOnce, startInSlices, type Steps } from '../../common/index.js';
import type { ReadRoom } from '../../log/index.js';
import { ErrorCode, fetchRequest, fetchResponse, type InputOf } from '../../protocol/index.js';
import { BatchView, RECORD_BATCH_OVERHEAD } from '../../records/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import { ApiError, handler, LATER, type RequestContext } from '../handler.js';
import { isKnownIsolationLevel } from '../request-shapes.js';

type Answer = InputOf<typeof fetchResponse>;
type PartitionAnswer = NonNullable<NonNullable<Answer['responses']>[number]['partitions']>[number];

/** The least version whose answers carry batches of the present format. */
const MIN_VERSION_OF_BATCHES = 4;
/** Clients that speak this version can decompress zstd (KIP-110). */
const FIRST_VERSION_OF_ZSTD = 10;
const UNREADABLE_ZSTD = ErrorCode.UNSUPPORTED_COMPRESSION_TYPE;

/** Partitions of an answer for an older client that are looked at within the call. */
const PARTITIONS_AT_ONCE = 500;

/** An answer without records, for want of room, comes so late: its client asks again as soon as it has it. */
const WANT_OF_ROOM_DELAY_MS = 250;

/** Reads for consumers and followers; sessions, waiting and reading are the replica manager's. */
export const fetch = handler(fetchRequest, fetchResponse, (body, context) => {
  const { apiVersion, authorize, metadata, replicas, listenerName, request } = context;
  if (!isKnownIsolationLevel(body.isolationLevel)) throw new ApiError(ErrorCode.UNKNOWN_SERVER_ERROR);
  const isFollower = (apiVersion >= 15 ? body.replicaState.replicaId : body.replicaId) >= 0;
  const mayActAsFollower = isFollower && authorize('CLUSTER_ACTION', CLUSTER_RESOURCE);
  if (mayActAsFollower) request.answerRoom = 'replicas';
  let heldBytes = 0;
  let hasRoom = true;
  const room: ReadRoom = {
    availableBytes: () => {
      const { availableAnswerBytes } = request;
      hasRoom = heldBytes > 0 || availableAnswerBytes > 0;
      return availableAnswerBytes;
    },
    hold: (bytes) => {
      heldBytes = bytes;
      request.holdRead(bytes);
    },
  };
  const underWay = replicas.handleFetch(
    body,
    apiVersion,
    {
      listenerName,
      clientAddress: context.clientAddress,
      mayReplicate: mayActAsFollower,
      room,
      fail: context.fail,
      authorize: (tp) => {
        if (isFollower ? !mayActAsFollower : !authorize('READ', { type: 'TOPIC', name: tp.topic })) {
          return ErrorCode.TOPIC_AUTHORIZATION_FAILED;
        }
        return metadata.contains(tp) ? ErrorCode.NONE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
      },
    },
    (answer, delayMs = 0) => {
      context.delayAnswer(hasRoom ? delayMs : WANT_OF_ROOM_DELAY_MS);
      if (!isFollower) context.quotas.recordAndThrottleMs('fetch', context, request.frameBytes);
      if (apiVersion >= FIRST_VERSION_OF_ZSTD) context.respond(answer as Answer);
      // What was found in memory counts from the answer on: a few partitions are not to wait for a turn before it.
      else if (hasFewPartitions(answer as Answer)) {
        context.respond(runAtOnce(forOldClient(answer as Answer, context)));
      } else startInSlices(context.clock, forOldClient(answer as Answer, context), context.respond, context.fail);
    },
  );
  // As fetch sessions do; and of an answer that is kept back there is nothing but its bytes.
  context.isCountedElsewhere = true;
  if (!underWay) return LATER;
  // A client that has gone asks again, and its reads must not pile up before those of others: a disk may be slow, or hang.
  const giveUp = (): void => {
    underWay.giveUp();
    request.respondNothing();
  };
  if (request.isAbandoned) giveUp();
  else request.onAbandoned = giveUp;
  // What it is made of counts until it waits, as all that is large.
  return underWay.isBeginning?.then(() => LATER) ?? LATER;
});

function hasFewPartitions({ responses }: Answer): boolean {
  let left = PARTITIONS_AT_ONCE;
  // A topic may be there again and again.
  return responses?.every(({ partitions }) => (left -= Math.max(1, partitions?.length ?? 0)) >= 0) ?? true;
}

/**
 * What older clients cannot read is refused them (`maybeConvertFetchedData`): topics that are compressed with zstd whatever their
 * producers do; and to those of before 0.11 batches that are, and any others, since nothing is converted down.
 */
function* forOldClient(answer: Answer, { apiVersion, topicConfigs }: RequestContext): Steps<Answer> {
  const isZstd = (topic: string | undefined): boolean =>
    topic !== undefined && topicConfigs.configOf(topic).compressionType === 'zstd';
  const responses: NonNullable<Answer['responses']>[number][] = [];
  for (const response of answer.responses ?? []) {
    const refusal = isZstd(response.topic)
      ? UNREADABLE_ZSTD
      : apiVersion < MIN_VERSION_OF_BATCHES
        ? ErrorCode.UNSUPPORTED_VERSION
        : ErrorCode.NONE;
    yield;
    if (refusal === ErrorCode.NONE) {
      responses.push(response);
      continue;
    }
    const isRefused = ({ errorCode, records }: PartitionAnswer): boolean =>
      errorCode === ErrorCode.NONE && (refusal !== ErrorCode.UNSUPPORTED_VERSION || sizeOf(records) > 0);
    const partitions = yield* mapInSteps(response.partitions ?? [], (partition) => {
      if (!isRefused(partition)) return partition;
      return refused(partition.partitionIndex ?? 0, beginsWithZstd(partition.records) ? UNREADABLE_ZSTD : refusal);
    });
    responses.push({ ...response, partitions });
  }
  return { ...answer, responses };
}

function beginsWithZstd(records: PartitionAnswer['records']): boolean {
  const first = Buffer.isBuffer(records) ? records : records?.[0];
  return first !== undefined && first.length >= RECORD_BATCH_OVERHEAD && new BatchView(first).compression === 'zstd';
}

function sizeOf(records: PartitionAnswer['records']): number {
  if (!records) return 0;
  return Buffer.isBuffer(records) ? records.length : records.reduce((sum, { length }) => sum + length, 0);
}

function refused(partitionIndex: number, errorCode: number): PartitionAnswer {
  return { partitionIndex, errorCode, highWatermark: -1n, records: null };
}
