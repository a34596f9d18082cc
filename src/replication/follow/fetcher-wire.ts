/**
 * Fetch between its wire format and what `ReplicaFetcher` works with, on the side that asks.
 */
import { partitionKey } from '../../cluster/index.js';
import type { Uuid } from '../../common/index.js';
import type { FetchRequestInput, FetchResponse, FetchResponsePartitionData } from '../../protocol/index.js';
import type { ForgottenPartition, SentPartition, SessionRequest } from '../core/fetch-session-handler.js';

/** Up to this version topics go by name; from it on the leader sees divergence by the epoch last fetched. */
export const LATEST_VERSION_WITH_NAMES = 12;
const FIRST_VERSION_WITH_LAST_FETCHED_EPOCH = 12;
const FIRST_VERSION_WITH_REPLICA_STATE = 15;

/** What every request of a follower says besides its partitions. Times in ms, sizes in bytes. */
export interface FollowerIdentity {
  readonly brokerId: number;
  readonly brokerEpoch: bigint;
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly responseMaxBytes: number;
}

export function toFetchRequest(
  request: SessionRequest,
  version: number,
  follower: FollowerIdentity,
): FetchRequestInput {
  const usesTopicIds = version > LATEST_VERSION_WITH_NAMES;
  const forgotten = usesTopicIds ? [...request.toForget, ...request.toReplace] : request.toForget;
  const toPartition = (sent: SentPartition): FetchPartitionInput => ({
    partition: sent.partition,
    currentLeaderEpoch: sent.currentLeaderEpoch,
    fetchOffset: BigInt(sent.fetchOffset),
    ...(version >= FIRST_VERSION_WITH_LAST_FETCHED_EPOCH && { lastFetchedEpoch: sent.lastFetchedEpoch }),
    logStartOffset: BigInt(sent.logStartOffset),
    partitionMaxBytes: sent.maxBytes,
  });
  const { brokerId: replicaId, brokerEpoch: replicaEpoch } = follower;
  return {
    ...(version >= FIRST_VERSION_WITH_REPLICA_STATE ? { replicaState: { replicaId, replicaEpoch } } : { replicaId }),
    maxWaitMs: follower.maxWaitMs,
    minBytes: follower.minBytes,
    maxBytes: follower.responseMaxBytes,
    isolationLevel: 0,
    sessionId: request.sessionId,
    sessionEpoch: request.epoch,
    topics: groupByTopic(request.toSend, usesTopicIds, toPartition),
    forgottenTopicsData: groupByTopic(forgotten, usesTopicIds, ({ partition }) => partition),
  };
}

type FetchPartitionInput = NonNullable<NonNullable<FetchRequestInput['topics']>[number]['partitions']>[number];

/** The partitions of a response by their keys; null for one whose topic id nobody here knows. */
export function partitionsIn(
  response: FetchResponse,
  version: number,
  topicName: (topicId: Uuid) => string | undefined,
): { key: string | null; data: FetchResponsePartitionData }[] {
  const found: { key: string | null; data: FetchResponsePartitionData }[] = [];
  for (const topic of response.responses) {
    const name = version > LATEST_VERSION_WITH_NAMES ? topicName(topic.topicId) : topic.topic;
    for (const data of topic.partitions) {
      const key = name === undefined ? null : partitionKey({ topic: name, partition: data.partitionIndex });
      found.push({ key, data });
    }
  }
  return found;
}

function groupByTopic<T extends ForgottenPartition, R>(
  partitions: readonly T[],
  usesTopicIds: boolean,
  toEntry: (partition: T) => R,
): { topic?: string; topicId?: Uuid; partitions: R[] }[] {
  const topics = new Map<string, { topic?: string; topicId?: Uuid; partitions: R[] }>();
  for (const partition of partitions) {
    const key = usesTopicIds ? partition.topicId : partition.topic;
    let topic = topics.get(key);
    if (!topic) topics.set(key, (topic = { ...(usesTopicIds ? { topicId: key } : { topic: key }), partitions: [] }));
    topic.partitions.push(toEntry(partition));
  }
  return [...topics.values()];
}
