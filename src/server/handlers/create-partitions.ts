import { forEachInSteps, mapInSteps, runInSlices, type Steps } from '../../common/index.js';
import {
  createPartitionsRequest,
  createPartitionsResponse,
  ErrorCode,
  type CreatePartitionsRequest,
  type CreatePartitionsResponseInput,
} from '../../protocol/index.js';
import { isNameOfTopicZnode } from '../../zookeeper/index.js';
import type { AwaitOthers } from '../awaited.js';
import { ApiError, handler } from '../handler.js';

type Topic = CreatePartitionsRequest['topics'][number];
type TopicAnswer = NonNullable<CreatePartitionsResponseInput['results']>[number];
type Refusal = { readonly errorCode: number; readonly errorMessage: string | null };

/** Adds partitions to topics, on the controller only. Kafka answers once for a topic that is named twice. */
export const createPartitions = handler(
  createPartitionsRequest,
  createPartitionsResponse,
  function* (request, context) {
    const { authorize, controller, topicAdmin, clock } = context;
    const counts = new Map<string, number>();
    yield* forEachInSteps(request.topics, ({ name }) => void counts.set(name, (counts.get(name) ?? 0) + 1));
    const refusalOf = (name: string): Refusal | null => {
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
    const results = new Map<string, Refusal>();
    const valid: Topic[] = [];
    let isAnyUnaskable = false;
    yield* forEachInSteps(request.topics, (topic) => {
      const refusal = refusalOf(topic.name);
      if (refusal) results.set(topic.name, refusal);
      else {
        valid.push(topic);
        isAnyUnaskable ||= !isNameOfTopicZnode(topic.name);
      }
    });
    // Where Kafka's client of ZooKeeper refuses the path, no topic of the request is answered for.
    if (isAnyUnaskable) throw new ApiError(ErrorCode.UNKNOWN_SERVER_ERROR);
    if (valid.length === 0) return { results: yield* answersOf(counts.keys(), results) };
    const { timeoutMs, validateOnly } = request;
    const awaitOthers: AwaitOthers = (wait) => context.awaitOthers(wait);
    const grow = () => topicAdmin.createPartitions(valid, timeoutMs, validateOnly, awaitOthers);
    return context.atZooKeeper(grow).then(async (outcomes) => {
      await runInSlices(
        clock,
        mapInSteps(valid, ({ name }, at) => void results.set(name, outcomes[at]!)),
      );
      return { results: await runInSlices(clock, answersOf(counts.keys(), results)) };
    });
  },
);

function answersOf(names: Iterable<string>, results: ReadonlyMap<string, Refusal>): Steps<TopicAnswer[]> {
  return mapInSteps(names, (name) => ({ name, ...results.get(name)! }));
}
