import { partitionKey } from '../../cluster/index.js';
import { clampToSafeNumber } from '../../common/index.js';
import { ErrorCode, listOffsetsRequest, listOffsetsResponse, type InputOf } from '../../protocol/index.js';
import { handler } from '../handler.js';

type PartitionAnswer = NonNullable<
  NonNullable<InputOf<typeof listOffsetsResponse>['topics']>[number]['partitions']
>[number];

/** Whoever asks with this replica id may also ask a follower (`ListOffsetsRequest.DEBUGGING_REPLICA_ID`). */
const DEBUGGING_REPLICA_ID = -2;
const CONSUMER_REPLICA_ID = -1;

/** Older clients do not know OFFSET_NOT_AVAILABLE; what they are told instead makes them try again too. */
const FIRST_VERSION_WITH_OFFSET_NOT_AVAILABLE = 5;
/** So many partitions are looked at side by side: a search by time opens files and takes turns in the pool. */
const MAX_CONCURRENT = 16;
/** After so many, others have their turn: an answer from memory takes no turn by itself. */
const PARTITIONS_A_TURN = 200;

/** Finds offsets by time, and the ends of logs. */
export const listOffsets = handler(listOffsetsRequest, listOffsetsResponse, async (request, context) => {
  const { authorize, replicas, apiVersion, logger, clock } = context;
  const isolationLevel = request.isolationLevel === 1 ? 'READ_COMMITTED' : 'READ_UNCOMMITTED';
  const isolation = request.replicaId === CONSUMER_REPLICA_ID ? isolationLevel : null;
  const fetchOnlyFromLeader = request.replicaId !== DEBUGGING_REPLICA_ID;
  const duplicates = duplicatesOf(request.topics);

  const find = async (
    name: string,
    { partitionIndex, timestamp, currentLeaderEpoch }: (typeof request.topics)[number]['partitions'][number],
  ): Promise<PartitionAnswer> => {
    const tp = { topic: name, partition: partitionIndex };
    if (!authorize('DESCRIBE', { type: 'TOPIC', name })) {
      return { partitionIndex, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED };
    }
    if (apiVersion > 0 && duplicates.has(partitionKey(tp))) {
      return { partitionIndex, errorCode: ErrorCode.INVALID_REQUEST };
    }
    try {
      const found = await replicas.fetchOffsetForTimestamp(tp, clampToSafeNumber(timestamp), {
        isolation,
        currentLeaderEpoch,
        fetchOnlyFromLeader,
      });
      const errorCode = knownTo(apiVersion, found.errorCode);
      if (apiVersion === 0) {
        const oldStyleOffsets = found.offset >= 0 ? [BigInt(found.offset)] : [];
        return { partitionIndex, errorCode, oldStyleOffsets };
      }
      return {
        partitionIndex,
        errorCode,
        timestamp: BigInt(found.timestamp),
        offset: BigInt(found.offset),
        leaderEpoch: apiVersion >= 4 ? found.leaderEpoch : -1,
      };
    } catch (error) {
      logger.error('Error while responding to an offset request', { partition: partitionKey(tp), error });
      return { partitionIndex, errorCode: ErrorCode.UNKNOWN_SERVER_ERROR };
    }
  };

  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }): PartitionAnswer => ({ partitionIndex })),
  }));
  const places = request.topics.flatMap(({ partitions }, topic) =>
    partitions.map((asked, at) => ({ topic, at, asked })),
  );
  let next = 0;
  let turn: Promise<void> | null = null;
  const findInTurn = async (): Promise<void> => {
    while (next < places.length) {
      // All of them wait, or the others would go on in its stead.
      if (turn) {
        await turn;
        continue;
      }
      const { topic, at, asked } = places[next++]!;
      if (next % PARTITIONS_A_TURN === 0) {
        turn = new Promise<void>((resolve) => clock.defer(resolve)).then(() => void (turn = null));
      }
      topics[topic]!.partitions[at] = await find(topics[topic]!.name, asked);
    }
  };
  await Promise.all(Array.from({ length: Math.min(MAX_CONCURRENT, places.length) }, findInTurn));
  return { topics };
});

function knownTo(apiVersion: number, errorCode: number): number {
  const isUnknown =
    errorCode === ErrorCode.OFFSET_NOT_AVAILABLE && apiVersion < FIRST_VERSION_WITH_OFFSET_NOT_AVAILABLE;
  return isUnknown ? ErrorCode.LEADER_NOT_AVAILABLE : errorCode;
}

/** Partitions named more than once: each time they are refused. */
function duplicatesOf(
  topics: readonly { readonly name: string; readonly partitions: readonly { readonly partitionIndex: number }[] }[],
): Set<string> {
  const seen = new Set<string>();
  const duplicates = new Set<string>();
  for (const { name, partitions } of topics) {
    for (const { partitionIndex } of partitions) {
      const key = partitionKey({ topic: name, partition: partitionIndex });
      if (seen.has(key)) duplicates.add(key);
      seen.add(key);
    }
  }
  return duplicates;
}
