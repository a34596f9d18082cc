import { CLUSTER_METADATA_TOPIC } from '../../cluster/index.js';
import { createTopicsRequest, createTopicsResponse, ErrorCode } from '../../protocol/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import { handler } from '../handler.js';

/** Creates topics, on the controller only, and answers when every partition has a leader or the timeout is up. */
export const createTopics = handler(createTopicsRequest, createTopicsResponse, async (request, context) => {
  const { authorize, controller, topicAdmin } = context;
  if (!controller.isActive) {
    return { topics: request.topics.map(({ name }) => ({ name, errorCode: ErrorCode.NOT_CONTROLLER })) };
  }
  const counts = new Map<string, number>();
  for (const { name } of request.topics) counts.set(name, (counts.get(name) ?? 0) + 1);
  const mayCreateAny = authorize('CREATE', CLUSTER_RESOURCE);
  const refusalOf = (name: string): { errorCode: number; errorMessage: string } | null => {
    if (counts.get(name)! > 1) {
      return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage: 'Found multiple entries for this topic.' };
    }
    const isAllowed = name !== CLUSTER_METADATA_TOPIC && (mayCreateAny || authorize('CREATE', { type: 'TOPIC', name }));
    if (!isAllowed) return { errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED, errorMessage: 'Authorization failed.' };
    return null;
  };
  const allowed = request.topics.filter(({ name }) => refusalOf(name) === null);
  const created = await topicAdmin.createTopics(allowed, request);
  const byName = new Map(created.map((result) => [result.name, result]));
  return {
    topics: request.topics.map(({ name }) => {
      const refusal = refusalOf(name);
      if (refusal) return { name, ...refusal, numPartitions: -1, replicationFactor: -1, configs: [] };
      const result = byName.get(name)!;
      if (result.errorCode !== ErrorCode.NONE || authorize('DESCRIBE_CONFIGS', { type: 'TOPIC', name })) return result;
      return {
        ...result,
        topicConfigErrorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
        numPartitions: -1,
        replicationFactor: -1,
        configs: [],
      };
    }),
  };
});
