import {
  ErrorCode,
  offsetCommitRequest,
  offsetCommitResponse,
  type OffsetCommitRequest,
} from '../../protocol/index.js';
import { groupContext, mayReadGroup } from '../group-request.js';
import { handler, type RequestContext } from '../handler.js';

type Topics = OffsetCommitRequest['topics'];
type Answers = { name: string; partitions: { partitionIndex: number; errorCode: number }[] }[];

/** A group's offsets are stored. (Version 0, which Kafka stores in ZooKeeper, is stored with the rest.) */
export const offsetCommit = handler(offsetCommitRequest, offsetCommitResponse, async (request, context) => {
  if (!mayReadGroup(context, request.groupId)) {
    return { topics: inOrder(request.topics, () => ErrorCode.GROUP_AUTHORIZATION_FAILED) };
  }
  const refusals = new Map<string, number>();
  const committable: Topics = [];
  for (const topic of request.topics) {
    const partitions = topic.partitions.filter(({ partitionIndex }) => {
      const errorCode = refusal(context, topic.name, partitionIndex);
      if (errorCode !== ErrorCode.NONE) refusals.set(`${topic.name}-${partitionIndex}`, errorCode);
      return errorCode === ErrorCode.NONE;
    });
    if (partitions.length > 0) committable.push({ ...topic, partitions });
  }
  if (committable.length > 0) {
    const committed = await context.groups.commitOffsets(groupContext(context), { ...request, topics: committable });
    if (refusals.size === 0) return committed;
    for (const { name, partitions } of committed.topics) {
      for (const { partitionIndex, errorCode } of partitions) refusals.set(`${name}-${partitionIndex}`, errorCode);
    }
  }
  return { topics: inOrder(request.topics, (key) => refusals.get(key) ?? ErrorCode.NONE) };
});

function refusal({ authorize, metadata }: RequestContext, name: string, partition: number): number {
  if (!authorize('READ', { type: 'TOPIC', name })) return ErrorCode.TOPIC_AUTHORIZATION_FAILED;
  return metadata.contains({ topic: name, partition }) ? ErrorCode.NONE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
}

function inOrder(topics: Topics, codeOf: (key: string) => number): Answers {
  return topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({
      partitionIndex,
      errorCode: codeOf(`${name}-${partitionIndex}`),
    })),
  }));
}
