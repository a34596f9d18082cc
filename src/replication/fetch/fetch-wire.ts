/**
 * Fetch between its wire format and what `FetchRequests` works with, on the side that answers.
 */
import { ZERO_UUID, type Steps } from '../../common/index.js';
import { ErrorCode, type FetchRequest, type FetchResponseInput } from '../../protocol/index.js';
import { cachedKey, type CachedPartition, type PartitionRequest } from '../core/fetch-set.js';
import type { ReadResult } from './fetch-reader.js';
import type { MetadataSource } from '../ports.js';

/** Below this version a request names its topics, from it on it gives their ids. */
export const FIRST_VERSION_WITH_TOPIC_IDS = 13;

/** Partitions that are looked at in one step, of less than a microsecond each. */
const PARTITIONS_A_STEP = 128;

/** What a request asks, partition by partition. A topic whose id is not known here has no name yet. */
export function* requestedPartitions(
  request: FetchRequest,
  version: number,
  metadata: MetadataSource,
): Steps<PartitionRequest[]> {
  let left = PARTITIONS_A_STEP;
  const requested: PartitionRequest[] = [];
  const usesTopicIds = version >= FIRST_VERSION_WITH_TOPIC_IDS;
  for (const topic of request.topics) {
    const name = usesTopicIds ? (metadata.topicName(topic.topicId) ?? null) : topic.topic;
    const topicId = usesTopicIds ? topic.topicId : ZERO_UUID;
    if (--left <= 0) {
      yield;
      left = PARTITIONS_A_STEP;
    }
    for (const asked of topic.partitions) {
      if (--left <= 0) {
        yield;
        left = PARTITIONS_A_STEP;
      }
      requested.push({
        topic: name,
        topicId,
        partition: asked.partition,
        fetchOffset: Number(asked.fetchOffset),
        logStartOffset: Number(asked.logStartOffset),
        maxBytes: asked.partitionMaxBytes,
        currentLeaderEpoch: optionalEpoch(asked.currentLeaderEpoch),
        lastFetchedEpoch: optionalEpoch(asked.lastFetchedEpoch),
      });
    }
  }
  return requested;
}

/** Any negative epoch is none (`FetchRequest.optionalEpoch`). */
function optionalEpoch(epoch: number): number {
  return Math.max(-1, epoch);
}

/** The partitions that are to leave the session. */
export function* forgottenKeys(request: FetchRequest, version: number): Steps<string[]> {
  const keys: string[] = [];
  let left = PARTITIONS_A_STEP;
  for (const topic of request.forgottenTopicsData) {
    if (--left <= 0) {
      yield;
      left = PARTITIONS_A_STEP;
    }
    const topicId = version >= FIRST_VERSION_WITH_TOPIC_IDS ? topic.topicId : ZERO_UUID;
    for (const partition of topic.partitions) {
      if (--left <= 0) {
        yield;
        left = PARTITIONS_A_STEP;
      }
      keys.push(cachedKey(topicId, topic.topic, partition));
    }
  }
  return keys;
}

type TopicResponse = NonNullable<FetchResponseInput['responses']>[number];
type PartitionResponse = NonNullable<TopicResponse['partitions']>[number];

/** From this version on clients know KAFKA_STORAGE_ERROR (KIP-112). */
const FIRST_VERSION_WITH_STORAGE_ERROR = 6;

/** Partitions in their order, but for those that were refused without being read, which come last; neighbours of one topic share its entry. */
export function* toResponses(results: readonly ReadResult[], version: number): Steps<TopicResponse[]> {
  const usesTopicIds = version >= FIRST_VERSION_WITH_TOPIC_IDS;
  const responses: TopicResponse[] = [];
  let last: CachedPartition | null = null;
  let partitions: PartitionResponse[] = [];
  let left = PARTITIONS_A_STEP;
  for (const result of refusedLast(results)) {
    const { cached } = result;
    if (--left === 0) {
      yield;
      left = PARTITIONS_A_STEP;
    }
    const isSameTopic = last !== null && last.topicId === cached.topicId && last.topic === cached.topic;
    if (!isSameTopic) {
      partitions = [];
      responses.push(
        usesTopicIds ? { topicId: cached.topicId, partitions } : { topic: cached.topic ?? '', partitions },
      );
    }
    last = cached;
    partitions.push(toWire(cached.partition, result, version));
  }
  return responses;
}

function refusedLast(results: readonly ReadResult[]): readonly ReadResult[] {
  const isRefused = ({ cached }: ReadResult): boolean => cached.isRefused;
  if (!results.some(isRefused)) return results;
  return [...results.filter((result) => !isRefused(result)), ...results.filter(isRefused)];
}

function toWire(partitionIndex: number, result: ReadResult, version: number): PartitionResponse {
  const { divergingEpoch, abortedTransactions, errorCode } = result;
  // Older clients would not look for another leader (`maybeDownConvertStorageError`).
  const isUnknownToClient = errorCode === ErrorCode.KAFKA_STORAGE_ERROR && version < FIRST_VERSION_WITH_STORAGE_ERROR;
  return {
    partitionIndex,
    errorCode: isUnknownToClient ? ErrorCode.NOT_LEADER_OR_FOLLOWER : errorCode,
    highWatermark: BigInt(result.highWatermark),
    lastStableOffset: BigInt(result.lastStableOffset),
    logStartOffset: BigInt(result.logStartOffset),
    ...(divergingEpoch && {
      divergingEpoch: { epoch: divergingEpoch.epoch, endOffset: BigInt(divergingEpoch.endOffset) },
    }),
    abortedTransactions:
      abortedTransactions?.map(({ producerId, firstOffset }) => ({
        producerId: BigInt(producerId),
        firstOffset: BigInt(firstOffset),
      })) ?? null,
    preferredReadReplica: result.preferredReadReplica,
    records: result.records,
  };
}
