import { ZERO_UUID } from '../../common/index.js';
import {
  ErrorCode,
  metadataRequest,
  metadataResponse,
  type InputOf,
  type MetadataRequest,
} from '../../protocol/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import { handler, type RequestContext } from '../handler.js';
import { isInternalTopic, whyInvalidTopicName } from '../../cluster/index.js';

type Answer = InputOf<typeof metadataResponse>;
type TopicAnswer = NonNullable<Answer['topics']>[number];

/** Tells who is in the cluster and who leads what, and creates what is missing when both the client and the config want it. */
export const metadata = handler(metadataRequest, metadataResponse, (request, context): Answer | Promise<Answer> => {
  const { apiVersion, authorize, config } = context;
  const asked = request.topics;
  if (asked !== null && apiVersion < 12 && asked.some((topic) => topic.name === null || topic.topicId !== ZERO_UUID)) {
    return invalidRequest(asked);
  }
  // Version 0 knows no null: there an empty list means all topics.
  const isAllTopics = asked === null || (apiVersion === 0 && asked.length === 0);
  const { names, refused } = isAllTopics ? allTopics(context) : askedTopics(asked, context);

  const topics: TopicAnswer[] = [];
  const missing: string[] = [];
  const mayCreate = request.allowAutoTopicCreation && config.get('auto.create.topics.enable') && !isAllTopics;
  const rules = { errorUnavailableEndpoints: apiVersion === 0, errorUnavailableListeners: apiVersion >= 6 };
  for (const name of names) {
    const partitions = context.metadata.partitionMetadata(name, context.listenerName, rules);
    if (partitions) {
      const topicId = context.metadata.topicId(name);
      topics.push({ errorCode: ErrorCode.NONE, name, topicId, isInternal: isInternalTopic(name), partitions });
    } else if (mayCreate && !authorize('CREATE', CLUSTER_RESOURCE) && !authorize('CREATE', { type: 'TOPIC', name })) {
      refused.push({ errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED, name, isInternal: isInternalTopic(name) });
    } else {
      missing.push(name);
    }
  }

  if (mayCreate && missing.length > 0) {
    return context.autoTopicCreation
      .createTopics(missing)
      .then((created) => answer(request, context, [...topics, ...created], refused));
  }
  for (const name of missing) {
    const errorCode =
      whyInvalidTopicName(name) === null ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.INVALID_TOPIC_EXCEPTION;
    topics.push({ errorCode, name, isInternal: isInternalTopic(name) });
  }
  return answer(request, context, topics, refused);
});

/** Topics that the client may see; others it is not told of. */
function allTopics({ metadata, authorize }: RequestContext): { names: Iterable<string>; refused: TopicAnswer[] } {
  const names = [...metadata.topicsInCluster()].filter((name) => authorize('DESCRIBE', { type: 'TOPIC', name }));
  return { names, refused: [] };
}

/** The topics by name, each once, and answers for those that are not found by id or not to be shown. */
function askedTopics(
  asked: NonNullable<MetadataRequest['topics']>,
  { metadata, authorize }: RequestContext,
): { names: Iterable<string>; refused: TopicAnswer[] } {
  const names = new Set<string>();
  const refused = new Map<string, TopicAnswer>();
  const useTopicIds = asked.some(({ topicId }) => topicId !== ZERO_UUID);
  for (const { name: askedName, topicId } of asked) {
    if (useTopicIds && topicId === ZERO_UUID) continue;
    const name = useTopicIds ? metadata.topicName(topicId) : (askedName ?? '');
    if (name === undefined) {
      refused.set(topicId, { errorCode: ErrorCode.UNKNOWN_TOPIC_ID, name: null, topicId });
    } else if (authorize('DESCRIBE', { type: 'TOPIC', name })) {
      names.add(name);
    } else {
      const errorCode = ErrorCode.TOPIC_AUTHORIZATION_FAILED;
      // Of what was asked by id the name is not disclosed, of what was asked by name the id.
      refused.set(name, useTopicIds ? { errorCode, name: null, topicId } : { errorCode, name });
    }
  }
  return { names, refused: [...refused.values()] };
}

function answer(
  request: MetadataRequest,
  context: RequestContext,
  topics: TopicAnswer[],
  refused: readonly TopicAnswer[],
): Answer {
  const { apiVersion, metadata, authorize, listenerName, clusterId } = context;
  let clusterAuthorizedOperations = -2147483648;
  if (request.includeClusterAuthorizedOperations && apiVersion >= 8 && apiVersion <= 10) {
    const mayDescribe = authorize('DESCRIBE', CLUSTER_RESOURCE);
    clusterAuthorizedOperations = mayDescribe ? context.authorizedOperations(CLUSTER_RESOURCE) : 0;
  }
  const described = request.includeTopicAuthorizedOperations
    ? topics.map((topic) => ({
        ...topic,
        topicAuthorizedOperations: context.authorizedOperations({ type: 'TOPIC', name: topic.name ?? '' }),
      }))
    : topics;
  return {
    brokers: metadata
      .aliveBrokerNodes(listenerName)
      .map(({ id, host, port, rack }) => ({ nodeId: id, host, port, rack })),
    clusterId,
    controllerId: metadata.controllerId,
    topics: refused.length === 0 ? described : [...described, ...refused],
    clusterAuthorizedOperations,
  };
}

/** What Kafka answers to a request that names no topic, or an id, in a version before 12. */
function invalidRequest(asked: NonNullable<MetadataRequest['topics']>): Answer {
  const errorCode = ErrorCode.INVALID_REQUEST;
  return {
    clusterId: null,
    controllerId: -1,
    topics: asked.map(({ name, topicId }) => ({ errorCode, name: name ?? '', topicId, isInternal: false })),
  };
}
