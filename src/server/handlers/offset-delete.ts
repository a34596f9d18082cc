import { ErrorCode, offsetDeleteRequest, offsetDeleteResponse } from '../../protocol/index.js';
import { ApiError, handler } from '../handler.js';

/** Removes committed offsets of topics that the group does not read any more (KIP-496). */
export const offsetDelete = handler(offsetDeleteRequest, offsetDeleteResponse, (request, context) => {
  const { authorize, groups, metadata } = context;
  if (!authorize('DELETE', { type: 'GROUP', name: request.groupId })) {
    throw new ApiError(ErrorCode.GROUP_AUTHORIZATION_FAILED);
  }
  const results = new Map<string, number>();
  const topics = request.topics.flatMap((topic) => {
    const { name } = topic;
    const mayRead = authorize('READ', { type: 'TOPIC', name });
    const partitions = topic.partitions.filter(({ partitionIndex: partition }) => {
      if (!mayRead) results.set(`${name}-${partition}`, ErrorCode.TOPIC_AUTHORIZATION_FAILED);
      else if (metadata.contains({ topic: name, partition })) return true;
      else results.set(`${name}-${partition}`, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
      return false;
    });
    return partitions.length > 0 ? [{ ...topic, partitions }] : [];
  });
  const deleted = groups.deleteOffsets({ ...request, topics });
  if (deleted.errorCode !== ErrorCode.NONE) return { errorCode: deleted.errorCode };
  for (const { name, partitions } of deleted.topics) {
    for (const { partitionIndex, errorCode } of partitions) results.set(`${name}-${partitionIndex}`, errorCode);
  }
  return {
    errorCode: ErrorCode.NONE,
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode: results.get(`${name}-${partitionIndex}`) ?? ErrorCode.NONE,
      })),
    })),
  };
});
