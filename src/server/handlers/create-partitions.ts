import { createPartitionsRequest, createPartitionsResponse, ErrorCode } from '../../protocol/index.js';
import { handler } from '../handler.js';

/** Adds partitions to topics, on the controller only. Kafka answers once for a topic that is named twice. */
export const createPartitions = handler(createPartitionsRequest, createPartitionsResponse, async (request, context) => {
  const { authorize, controller, topicAdmin } = context;
  const counts = new Map<string, number>();
  for (const { name } of request.topics) counts.set(name, (counts.get(name) ?? 0) + 1);
  const refusalOf = (name: string): { errorCode: number; errorMessage: string | null } | null => {
    if (!controller.isActive) return { errorCode: ErrorCode.NOT_CONTROLLER, errorMessage: null };
    if (counts.get(name)! > 1) {
      return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage: 'Duplicate topic in request.' };
    }
    if (!authorize('ALTER', { type: 'TOPIC', name })) {
      const errorMessage = 'The topic authorization is failed.';
      return { errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED, errorMessage };
    }
    if (controller.isTopicQueuedForDeletion(name)) {
      const errorMessage = 'The topic is queued for deletion.';
      return { errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION, errorMessage };
    }
    return null;
  };
  const valid = request.topics.filter(({ name }) => refusalOf(name) === null);
  const outcomes =
    valid.length === 0 ? [] : await topicAdmin.createPartitions(valid, request.timeoutMs, request.validateOnly);
  const byName = new Map(valid.map(({ name }, i) => [name, outcomes[i]!]));
  return { results: [...counts.keys()].map((name) => ({ name, ...(byName.get(name) ?? refusalOf(name)!) })) };
});
