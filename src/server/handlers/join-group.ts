import { GROUP_METADATA_TOPIC } from '../../cluster/index.js';
import { ErrorCode, joinGroupRequest, joinGroupResponse } from '../../protocol/index.js';
import { joinGroupErrorResponse } from '../error-responses.js';
import { groupContext, mayReadGroup } from '../group-request.js';
import { handler } from '../handler.js';

/** A member asks to be in a group; the answer comes when the rebalance has gathered its members. */
export const joinGroup = handler(joinGroupRequest, joinGroupResponse, (request, context) => {
  if (!mayReadGroup(context, request.groupId)) {
    return joinGroupErrorResponse(ErrorCode.GROUP_AUTHORIZATION_FAILED, context.apiVersion);
  }
  // No record of a group could hold it.
  const { maxMessageBytes } = context.topicConfigs.configOf(GROUP_METADATA_TOPIC);
  if (request.protocols.some(({ metadata }) => metadata.length > maxMessageBytes)) {
    return joinGroupErrorResponse(ErrorCode.GROUP_MAX_SIZE_REACHED, context.apiVersion);
  }
  return context.awaitOthers({ ended: context.groups.joinGroup(groupContext(context), request) });
});
