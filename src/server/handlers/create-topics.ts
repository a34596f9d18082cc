import { CLUSTER_METADATA_TOPIC } from '../../cluster/index.js';
import { forEachInSteps, mapInSteps, mutableMapOrder, runInSlices, type Steps } from '../../common/index.js';
import {
  createTopicsRequest,
  createTopicsResponse,
  ErrorCode,
  ListView,
  type CreateTopicsRequest,
  type CreateTopicsResponseInput,
} from '../../protocol/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import type { CreatedTopic } from '../admin/topic-admin.js';
import { handler, type RequestContext } from '../handler.js';

type CreatableTopic = CreateTopicsRequest['topics'][number];
type TopicAnswer = NonNullable<CreateTopicsResponseInput['topics']>[number];
type Refusals = ReadonlyMap<string, { readonly errorCode: number; readonly errorMessage: string }>;

/** So many are put in order in one step. */
const MAX_ORDERED = 1000;

/** Creates topics, on the controller only, and answers when every partition has a leader or the timeout is up. */
export const createTopics = handler(createTopicsRequest, createTopicsResponse, function* (request, context) {
  const { authorize, controller, topicAdmin, clock } = context;
  if (!controller.isActive) {
    const errorCode = ErrorCode.NOT_CONTROLLER;
    return { topics: yield* mapInSteps(request.topics, ({ name }): TopicAnswer => ({ name, errorCode })) };
  }
  const counts = new Map<string, number>();
  yield* forEachInSteps(request.topics, ({ name }) => void counts.set(name, (counts.get(name) ?? 0) + 1));
  const mayCreateAny = authorize('CREATE', CLUSTER_RESOURCE);
  const refusals = new Map<string, { errorCode: number; errorMessage: string }>();
  const allowed: CreatableTopic[] = [];
  yield* forEachInSteps(request.topics, (topic) => {
    const { name } = topic;
    if (counts.get(name)! > 1) {
      const errorMessage = 'Found multiple entries for this topic.';
      refusals.set(name, { errorCode: ErrorCode.INVALID_REQUEST, errorMessage });
    } else if (name === CLUSTER_METADATA_TOPIC || !(mayCreateAny || authorize('CREATE', { type: 'TOPIC', name }))) {
      refusals.set(name, { errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED, errorMessage: 'Authorization failed.' });
    } else {
      allowed.push(topic);
    }
  });
  const inOrder = inKafkasOrder(allowed);
  return context
    .atZooKeeper(() => topicAdmin.createTopics(inOrder, request, (wait) => context.awaitOthers(wait)))
    .then((created) => runInSlices(clock, answersOf(request.topics, refusals, created, context)));
});

/** One that is made before another may be in the way of that: Kafka goes through the map that it puts them in. */
function inKafkasOrder(topics: readonly CreatableTopic[]): readonly CreatableTopic[] {
  if (topics.length > MAX_ORDERED) return topics;
  const byName = new Map(topics.map((topic) => [topic.name, topic]));
  return mutableMapOrder(byName.keys()).map((name) => byName.get(name)!);
}

/** `created` are those that were not refused. Each answer is made when it is written: it has dozens of configs. */
function* answersOf(
  topics: readonly CreatableTopic[],
  refusals: Refusals,
  created: readonly CreatedTopic[],
  { authorize }: RequestContext,
): Steps<CreateTopicsResponseInput> {
  const results = new Map<string, CreatedTopic>();
  yield* forEachInSteps(created, (result) => void results.set(result.name, result));
  const answerOf = (at: number): TopicAnswer => {
    const { name } = topics[at]!;
    const refusal = refusals.get(name);
    if (refusal) return { name, ...refusal, numPartitions: -1, replicationFactor: -1, configs: [] };
    const result = results.get(name)!;
    if (result.errorCode !== ErrorCode.NONE || authorize('DESCRIBE_CONFIGS', { type: 'TOPIC', name })) {
      return { ...result, configs: result.configs() };
    }
    return {
      ...result,
      topicConfigErrorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
      numPartitions: -1,
      replicationFactor: -1,
      configs: [],
    };
  };
  return { topics: ListView.of(topics.length, answerOf) };
}
