import { GROUP_METADATA_TOPIC } from '../../cluster/index.js';
import { ErrorCode, joinGroupRequest, joinGroupResponse, type JoinGroupResponseInput } from '../../protocol/index.js';
import { joinGroupErrorResponse } from '../error-responses.js';
import { areGroupsCompressed, groupContext, mayReadGroup } from '../group-request.js';
import { handler, type RequestContext } from '../handler.js';

/** A member asks to be in a group; the answer comes when the rebalance has gathered its members. */
export const joinGroup = handler(joinGroupRequest, joinGroupResponse, (request, context) => {
  if (!mayReadGroup(context, request.groupId)) {
    return joinGroupErrorResponse(ErrorCode.GROUP_AUTHORIZATION_FAILED, context.apiVersion);
  }
  const maxBytes = maxMetadataBytes(context);
  if (request.protocols.some(({ metadata }) => metadata.length > maxBytes)) {
    return joinGroupErrorResponse(ErrorCode.GROUP_MAX_SIZE_REACHED, context.apiVersion);
  }
  return context.awaitOthers(context.groups.joinGroup(groupContext(context), request));
});

/** No record of a group could hold more; one that is compressed before it is measured may. */
function maxMetadataBytes(context: RequestContext<JoinGroupResponseInput>): number {
  return areGroupsCompressed(context) ? Infinity : context.topicConfigs.configOf(GROUP_METADATA_TOPIC).maxMessageBytes;
}
