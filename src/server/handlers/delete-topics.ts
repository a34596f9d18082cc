import { mapInSteps, runInSlices, ZERO_UUID } from '../../common/index.js';
import { deleteTopicsRequest, deleteTopicsResponse, ErrorCode } from '../../protocol/index.js';
import type { DeletableTopic } from '../admin/topic-admin.js';
import { handler } from '../handler.js';
import type { AwaitOthers } from '../awaited.js';
import { topicsToDelete, type TopicToDelete } from '../request-shapes.js';

interface TopicAnswer extends TopicToDelete {
  readonly errorCode: number;
}

const keyOf = ({ name, topicId }: TopicToDelete): string => `${topicId} ${name}`;

/** Deletes topics by name or, from version 6 on, by id; on the controller only. */
export const deleteTopics = handler(deleteTopicsRequest, deleteTopicsResponse, function* (request, context) {
  const { apiVersion, authorize, clock, config, controller, metadata, topicAdmin } = context;
  const asked = yield* topicsToDelete(request, apiVersion);
  const refuseAll = (errorCode: number) => mapInSteps(asked, (topic) => ({ ...topic, errorCode }));
  if (!controller.isActive) return { responses: yield* refuseAll(ErrorCode.NOT_CONTROLLER) };
  if (!config.get('delete.topic.enable')) {
    const errorCode = apiVersion < 3 ? ErrorCode.INVALID_REQUEST : ErrorCode.TOPIC_DELETION_DISABLED;
    return { responses: yield* refuseAll(errorCode) };
  }
  if (apiVersion >= 6 && asked.some(({ name, topicId }) => name !== null && topicId !== ZERO_UUID)) {
    // Kafka refuses the request as a whole with the answer's error code in every topic.
    return { responses: yield* refuseAll(ErrorCode.INVALID_REQUEST) };
  }
  // Those that there are: as many as the cluster has, however often they are named.
  const deletable = new Map<string, DeletableTopic>();
  const resolved = yield* mapInSteps(asked, ({ name, topicId }): TopicAnswer => {
    const topic = topicId === ZERO_UUID ? name : (controller.topicName(topicId) ?? null);
    const refuse = (errorCode: number, shownName = topic): TopicAnswer => ({ name: shownName, topicId, errorCode });
    // Named by nothing it is one that the client may not delete.
    if (topic === null)
      return refuse(topicId === ZERO_UUID ? ErrorCode.TOPIC_AUTHORIZATION_FAILED : ErrorCode.UNKNOWN_TOPIC_ID);
    if (topicId !== ZERO_UUID && !authorize('DESCRIBE', { type: 'TOPIC', name: topic })) {
      // The id may be known to somebody who must not learn the name.
      return refuse(ErrorCode.TOPIC_AUTHORIZATION_FAILED, null);
    }
    if (!authorize('DELETE', { type: 'TOPIC', name: topic })) return refuse(ErrorCode.TOPIC_AUTHORIZATION_FAILED);
    if (!metadata.hasTopic(topic)) return refuse(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    const found = { name: topic, topicId };
    if (!deletable.has(keyOf(found))) deletable.set(keyOf(found), found);
    return { ...found, errorCode: ErrorCode.NONE };
  });
  const awaitOthers: AwaitOthers = (wait) => context.awaitOthers(wait);
  const remove = () => topicAdmin.deleteTopics([...deletable.values()], request.timeoutMs, awaitOthers);
  return context.atZooKeeper(remove).then(async (outcomes) => {
    const answerOf = (topic: TopicAnswer): TopicAnswer => {
      if (topic.errorCode !== ErrorCode.NONE) return topic;
      const errorCode = outcomes.get(deletable.get(keyOf(topic))!)!;
      return { ...topic, name: errorCode === ErrorCode.UNKNOWN_TOPIC_ID ? null : topic.name, errorCode };
    };
    return { responses: await runInSlices(clock, mapInSteps(resolved, answerOf)) };
  });
});
