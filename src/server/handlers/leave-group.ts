import { ErrorCode, leaveGroupRequest, leaveGroupResponse } from '../../protocol/index.js';
import { groupContext, mayReadGroup } from '../group-request.js';
import { handler } from '../handler.js';

/** Members leave a group. */
export const leaveGroup = handler(leaveGroupRequest, leaveGroupResponse, (request, context) => {
  if (!mayReadGroup(context, request.groupId)) return { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED };
  return context.groups.leaveGroup(groupContext(context), request);
});
