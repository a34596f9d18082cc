import { partitionKey } from '../../cluster/index.js';
import { forEachInSteps, mapNestedInSteps } from '../../common/index.js';
import {
  ErrorCode,
  offsetDeleteRequest,
  offsetDeleteResponse,
  type OffsetDeleteRequest,
} from '../../protocol/index.js';
import { ApiError, handler } from '../handler.js';

type Topics = OffsetDeleteRequest['topics'];
type Partition = Topics[number]['partitions'][number];

/** Removes committed offsets of topics that the group does not read any more (KIP-496). */
export const offsetDelete = handler(offsetDeleteRequest, offsetDeleteResponse, function* (request, context) {
  const { authorize, groups, metadata } = context;
  if (!authorize('DELETE', { type: 'GROUP', name: request.groupId })) {
    throw new ApiError(ErrorCode.GROUP_AUTHORIZATION_FAILED);
  }
  const results = new Map<string, number>();
  // Each once, however often it is named.
  const deletable = new Map<string, Map<number, Partition>>();
  for (const { name, partitions } of request.topics) {
    const mayRead = authorize('READ', { type: 'TOPIC', name });
    yield* forEachInSteps(partitions, (partition) => {
      const { partitionIndex } = partition;
      if (!mayRead) results.set(keyOf(name, partitionIndex), ErrorCode.TOPIC_AUTHORIZATION_FAILED);
      else if (!metadata.contains({ topic: name, partition: partitionIndex })) {
        results.set(keyOf(name, partitionIndex), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
      } else {
        let ofTopic = deletable.get(name);
        if (!ofTopic) deletable.set(name, (ofTopic = new Map()));
        ofTopic.set(partitionIndex, partition);
      }
    });
    yield;
  }
  const topics = [...deletable].map(([name, partitions]) => ({ name, partitions: [...partitions.values()] }));
  const deleted = yield* groups.deleteOffsets({ ...request, topics });
  if (deleted.errorCode !== ErrorCode.NONE) return { errorCode: deleted.errorCode };
  for (const { name, partitions } of deleted.topics) {
    for (const { partitionIndex, errorCode } of partitions) results.set(keyOf(name, partitionIndex), errorCode);
  }
  const answers = yield* mapNestedInSteps(
    request.topics,
    ({ partitions }) => partitions,
    ({ partitionIndex }, { name }) => ({
      partitionIndex,
      errorCode: results.get(keyOf(name, partitionIndex)) ?? ErrorCode.NONE,
    }),
    ({ name }, partitions) => ({ name, partitions }),
  );
  return { errorCode: ErrorCode.NONE, topics: answers };
});

function keyOf(topic: string, partition: number): string {
  return partitionKey({ topic, partition });
}
