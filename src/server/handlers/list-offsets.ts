import { partitionKey } from '../../cluster/index.js';
import { forEachInSteps, mapNestedInSteps, nextTurn, runInSlices, type Steps } from '../../common/index.js';
import { ReadInterest } from '../../log/index.js';
import {
  ErrorCode,
  listOffsetsRequest,
  listOffsetsResponse,
  type InputOf,
  type ListOffsetsRequest,
} from '../../protocol/index.js';
import { toInt64 } from '../../records/index.js';
import { handler, type RequestContext } from '../handler.js';
import { AbandonedError } from '../awaited.js';
import { isKnownIsolationLevel } from '../request-shapes.js';
import { listLegacyOffsets, type Asker } from './legacy-list-offsets.js';

type AskedTopic = ListOffsetsRequest['topics'][number];
type AskedPartition = AskedTopic['partitions'][number];
type Answer = InputOf<typeof listOffsetsResponse>;
type TopicAnswer = NonNullable<Answer['topics']>[number];
type PartitionAnswer = NonNullable<TopicAnswer['partitions']>[number];

interface Asked {
  readonly topic: string;
  readonly partition: AskedPartition;
  /** It was asked for more than once: each time it is refused. */
  isDuplicate: boolean;
}

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
export const listOffsets = handler(listOffsetsRequest, listOffsetsResponse, function* (request, context) {
  if (context.apiVersion === 0) return yield* listLegacyOffsets(request, askerOf(request), context);
  const asked: Asked[] = [];
  const seen = new Map<string, Map<number, Asked>>();
  for (const { name: topic, partitions } of request.topics) {
    let ofTopic = seen.get(topic);
    if (!ofTopic) seen.set(topic, (ofTopic = new Map()));
    yield* forEachInSteps(partitions, (partition) => {
      const before = ofTopic.get(partition.partitionIndex);
      const one = { topic, partition, isDuplicate: before !== undefined };
      if (before) before.isDuplicate = true;
      else ofTopic.set(partition.partitionIndex, one);
      asked.push(one);
    });
    yield;
  }
  return findAll(request, asked, context);
});

async function findAll(listed: ListOffsetsRequest, asked: readonly Asked[], context: RequestContext): Promise<Answer> {
  const { clock, request } = context;
  // A search may take seconds, and whoever gives up on it asks again.
  const searches = new Set<ReadInterest>();
  const giveUp = (): void => {
    for (const search of searches) search.end();
    request.respondNothing();
  };
  if (request.isAbandoned) giveUp();
  else request.onAbandoned = giveUp;
  const answers: PartitionAnswer[] = [];
  let next = 0;
  let turn: Promise<void> | null = null;
  const findInTurn = async (): Promise<void> => {
    while (next < asked.length && !request.isAbandoned) {
      // All of them wait, or the others would go on in its stead.
      if (turn) {
        await turn;
        continue;
      }
      const at = next++;
      if (next % PARTITIONS_A_TURN === 0) {
        turn = nextTurn(clock).then(() => void (turn = null));
      }
      const interest = new ReadInterest('search');
      searches.add(interest);
      answers[at] = await find(listed, asked[at]!, context, interest);
      searches.delete(interest);
    }
  };
  await Promise.all(Array.from({ length: Math.min(MAX_CONCURRENT, asked.length) }, findInTurn));
  if (request.isAbandoned) throw new AbandonedError();
  request.onAbandoned = null;
  return runInSlices(clock, answerOf(listed, answers));
}

function* answerOf({ topics }: ListOffsetsRequest, answers: readonly PartitionAnswer[]): Steps<Answer> {
  let at = 0;
  return { topics: yield* mapNestedInSteps(topics, partitionsOf, () => answers[at++]!, topicAnswer) };
}

async function find(
  request: ListOffsetsRequest,
  { topic, partition: { partitionIndex, timestamp, currentLeaderEpoch }, isDuplicate }: Asked,
  { authorize, replicas, apiVersion, logger, clientAddress }: RequestContext,
  interest: ReadInterest,
): Promise<PartitionAnswer> {
  if (!authorize('DESCRIBE', { type: 'TOPIC', name: topic })) {
    return { partitionIndex, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED };
  }
  if (isDuplicate) return { partitionIndex, errorCode: ErrorCode.INVALID_REQUEST };
  const { isFromConsumer, fetchOnlyFromLeader } = askerOf(request);
  if (isFromConsumer && !isKnownIsolationLevel(request.isolationLevel)) {
    return { partitionIndex, errorCode: ErrorCode.UNKNOWN_SERVER_ERROR };
  }
  const isolationLevel = request.isolationLevel === 1 ? 'READ_COMMITTED' : 'READ_UNCOMMITTED';
  const tp = { topic, partition: partitionIndex };
  try {
    const found = await replicas.fetchOffsetForTimestamp(tp, toInt64(timestamp), {
      isolation: isFromConsumer ? isolationLevel : null,
      currentLeaderEpoch,
      fetchOnlyFromLeader,
      searcher: { address: clientAddress, interest },
    });
    const errorCode = knownTo(apiVersion, found.errorCode);
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
}

function askerOf({ replicaId }: ListOffsetsRequest): Asker {
  return {
    isFromConsumer: replicaId === CONSUMER_REPLICA_ID,
    fetchOnlyFromLeader: replicaId !== DEBUGGING_REPLICA_ID,
  };
}

function partitionsOf({ partitions }: AskedTopic): readonly AskedPartition[] {
  return partitions;
}

function topicAnswer({ name }: AskedTopic, partitions: PartitionAnswer[]): TopicAnswer {
  return { name, partitions };
}

function knownTo(apiVersion: number, errorCode: number): number {
  const isUnknown =
    errorCode === ErrorCode.OFFSET_NOT_AVAILABLE && apiVersion < FIRST_VERSION_WITH_OFFSET_NOT_AVAILABLE;
  return isUnknown ? ErrorCode.LEADER_NOT_AVAILABLE : errorCode;
}
