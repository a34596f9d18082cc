import { ZERO_UUID } from '../../common/index.js';
import { deleteTopicsRequest, deleteTopicsResponse, ErrorCode } from '../../protocol/index.js';
import { handler } from '../handler.js';

/** Deletes topics by name or, from version 6 on, by id; on the controller only. */
export const deleteTopics = handler(deleteTopicsRequest, deleteTopicsResponse, async (request, context) => {
  const { apiVersion, authorize, config, controller, metadata, topicAdmin } = context;
  const asked = apiVersion >= 6 ? request.topics : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }));
  const refuseAll = (errorCode: number) => ({ responses: asked.map((topic) => ({ ...topic, errorCode })) });
  if (!controller.isActive) return refuseAll(ErrorCode.NOT_CONTROLLER);
  if (!config.get('delete.topic.enable')) {
    return refuseAll(apiVersion < 3 ? ErrorCode.INVALID_REQUEST : ErrorCode.TOPIC_DELETION_DISABLED);
  }
  if (asked.some(({ name, topicId }) => name !== null && topicId !== ZERO_UUID)) {
    // Kafka refuses the request as a whole with the answer's error code in every topic.
    return refuseAll(ErrorCode.INVALID_REQUEST);
  }
  const resolved = asked.map(({ name, topicId }) => {
    const topic = topicId === ZERO_UUID ? name : (metadata.topicName(topicId) ?? null);
    const refuse = (errorCode: number, shownName = topic) => ({ name: shownName, topicId, errorCode });
    if (topic === null) return refuse(ErrorCode.UNKNOWN_TOPIC_ID);
    if (topicId !== ZERO_UUID && !authorize('DESCRIBE', { type: 'TOPIC', name: topic })) {
      // The id may be known to somebody who must not learn the name.
      return refuse(ErrorCode.TOPIC_AUTHORIZATION_FAILED, null);
    }
    if (!authorize('DELETE', { type: 'TOPIC', name: topic })) return refuse(ErrorCode.TOPIC_AUTHORIZATION_FAILED);
    if (!metadata.hasTopic(topic)) return refuse(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    return refuse(ErrorCode.NONE);
  });
  const deletable = resolved.filter(({ errorCode }) => errorCode === ErrorCode.NONE).map(({ name }) => name!);
  const outcomes = await topicAdmin.deleteTopics([...new Set(deletable)], request.timeoutMs);
  return {
    responses: resolved.map((topic) =>
      topic.errorCode === ErrorCode.NONE ? { ...topic, errorCode: outcomes.get(topic.name!)! } : topic,
    ),
  };
});
