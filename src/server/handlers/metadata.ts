import { forEachInSteps, mapInSteps, runInSlices, ZERO_UUID, type Steps } from '../../common/index.js';
import {
  ErrorCode,
  metadataRequest,
  metadataResponse,
  type InputOf,
  type MetadataRequest,
} from '../../protocol/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import { metadataErrorResponse } from '../error-responses.js';
import { handler, type RequestContext } from '../handler.js';
import { beginInTurn } from '../in-turns.js';
import { isInternalTopic, whyInvalidTopicName } from '../../cluster/index.js';

type AskedTopics = NonNullable<MetadataRequest['topics']>;
type Answer = InputOf<typeof metadataResponse>;
type TopicAnswer = NonNullable<Answer['topics']>[number];

interface Described {
  readonly topics: TopicAnswer[];
  /** What is not shown, or not to be made. */
  readonly refused: TopicAnswer[];
  /** Names of topics that are not there. */
  readonly missing: string[];
}

/** Partitions that are described in one step. */
const PARTITIONS_A_STEP = 64;
/** An answer of many steps is made again when an update came between them; so often at most, for there may always be another one. */
const MAX_TRIES = 3;
/** Topics that are created together. */
const CREATED_TOGETHER = 200;

/** Tells who is in the cluster and who leads what, and creates what is missing when both the client and the config want it. */
export const metadata = handler(metadataRequest, metadataResponse, function* (request, context) {
  const { apiVersion } = context;
  const asked = request.topics;
  if (asked !== null && apiVersion < 12 && asked.some((topic) => topic.name === null || topic.topicId !== ZERO_UUID)) {
    return yield* refusedWhole(asked, ErrorCode.INVALID_REQUEST);
  }
  // Kafka finds no topic without a name, and answers no other then.
  if (asked?.some(({ name }) => name === null) && !asked.some(({ topicId }) => topicId !== ZERO_UUID)) {
    return yield* refusedWhole(asked, ErrorCode.UNKNOWN_SERVER_ERROR);
  }
  let described: Described;
  for (let tries = 1; ; tries++) {
    const { version } = context.metadata;
    described = yield* describe(request, context);
    // Reads see each update whole. Where that cannot be had, each topic is.
    if (context.metadata.version === version || tries === MAX_TRIES) break;
  }
  const { topics, refused, missing } = described;
  if (missing.length > 0 && mayCreateTopics(request, context)) {
    context.leaveTurn();
    return context
      .atZooKeeper(() => createMissing(missing, context))
      .then((created) => runInSlices(context.clock, answer(request, context, topics.concat(created), refused)));
  }
  yield* forEachInSteps(missing, (name) => {
    const errorCode =
      whyInvalidTopicName(name) === null ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.INVALID_TOPIC_EXCEPTION;
    topics.push({ errorCode, name, isInternal: isInternalTopic(name) });
  });
  return yield* answer(request, context, topics, refused);
});

/** Version 0 knows no null: there an empty list means all topics. */
function isAllTopics(topics: MetadataRequest['topics'], version: number): boolean {
  return topics === null || (version === 0 && topics.length === 0);
}

function mayCreateTopics(request: MetadataRequest, { apiVersion, config }: RequestContext): boolean {
  return (
    request.allowAutoTopicCreation &&
    config.get('auto.create.topics.enable') &&
    !isAllTopics(request.topics, apiVersion)
  );
}

function* describe(request: MetadataRequest, context: RequestContext): Steps<Described> {
  const { apiVersion, authorize, metadata, listenerName } = context;
  const asked = request.topics;
  const { names, refused } = isAllTopics(asked, apiVersion)
    ? yield* allTopics(context)
    : yield* askedTopics(asked!, context);
  const topics: TopicAnswer[] = [];
  const missing: string[] = [];
  const mayCreate = mayCreateTopics(request, context);
  const rules = { errorUnavailableEndpoints: apiVersion === 0, errorUnavailableListeners: apiVersion >= 6 };
  let left = PARTITIONS_A_STEP;
  for (const name of names) {
    const partitions = metadata.partitionMetadata(name, listenerName, rules);
    if (partitions) {
      const topicId = metadata.topicId(name);
      topics.push({ errorCode: ErrorCode.NONE, name, topicId, isInternal: isInternalTopic(name), partitions });
    } else if (mayCreate && !authorize('CREATE', CLUSTER_RESOURCE) && !authorize('CREATE', { type: 'TOPIC', name })) {
      refused.push({ errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED, name, isInternal: isInternalTopic(name) });
    } else {
      missing.push(name);
    }
    left -= 1 + (partitions?.length ?? 0);
    if (left > 0) continue;
    yield;
    left = PARTITIONS_A_STEP;
  }
  return { topics, refused, missing };
}

async function createMissing(names: readonly string[], context: RequestContext): Promise<TopicAnswer[]> {
  const { autoTopicCreation, clock } = context;
  const created: TopicAnswer[] = [];
  for (let at = 0; at < names.length; at += CREATED_TOGETHER) {
    const some = names.slice(at, at + CREATED_TOGETHER);
    created.push(...(await beginInTurn(clock, () => autoTopicCreation.createTopics(some))));
  }
  return created;
}

/** Topics that the client may see; others it is not told of. */
function* allTopics({ metadata, authorize }: RequestContext): Steps<{ names: string[]; refused: TopicAnswer[] }> {
  const names: string[] = [];
  yield* forEachInSteps([...metadata.topicsInCluster()], (name) => {
    if (authorize('DESCRIBE', { type: 'TOPIC', name })) names.push(name);
  });
  return { names, refused: [] };
}

/** The topics by name, each once, and answers for those that are not found by id or not to be shown. */
function* askedTopics(
  asked: AskedTopics,
  { metadata, authorize }: RequestContext,
): Steps<{ names: Iterable<string>; refused: TopicAnswer[] }> {
  const names = new Set<string>();
  const refused = new Map<string, TopicAnswer>();
  const useTopicIds = asked.some(({ topicId }) => topicId !== ZERO_UUID);
  yield* forEachInSteps(asked, ({ name: askedName, topicId }) => {
    if (useTopicIds && topicId === ZERO_UUID) return;
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
  });
  return { names, refused: yield* mapInSteps(refused.values(), (topic) => topic) };
}

function* answer(
  request: MetadataRequest,
  context: RequestContext,
  topics: TopicAnswer[],
  refused: TopicAnswer[],
): Steps<Answer> {
  const { apiVersion, metadata, authorize, listenerName, clusterId } = context;
  let clusterAuthorizedOperations = -2147483648;
  if (request.includeClusterAuthorizedOperations && apiVersion >= 8 && apiVersion <= 10) {
    const mayDescribe = authorize('DESCRIBE', CLUSTER_RESOURCE);
    clusterAuthorizedOperations = mayDescribe ? context.authorizedOperations(CLUSTER_RESOURCE) : 0;
  }
  const withOperations = (topic: TopicAnswer): TopicAnswer => ({
    ...topic,
    topicAuthorizedOperations: context.authorizedOperations({ type: 'TOPIC', name: topic.name ?? '' }),
  });
  const described = request.includeTopicAuthorizedOperations ? yield* mapInSteps(topics, withOperations) : topics;
  return {
    brokers: metadata
      .aliveBrokerNodes(listenerName)
      .map(({ id, host, port, rack }) => ({ nodeId: id, host, port, rack })),
    clusterId,
    controllerId: metadata.controllerId,
    topics: described.concat(refused),
    clusterAuthorizedOperations,
  };
}

/** What Kafka answers to a request that names no topic, or, in a version before 12, an id. */
function* refusedWhole(asked: AskedTopics, errorCode: number): Steps<Answer> {
  return { clusterId: null, controllerId: -1, ...(yield* metadataErrorResponse(asked, errorCode)) };
}
