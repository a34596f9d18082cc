import { ErrorCode, syncGroupRequest, syncGroupResponse } from '../../protocol/index.js';
import { mayReadGroup } from '../group-request.js';
import { handler } from '../handler.js';

/** The leader of a group brings the assignment, the others fetch theirs. */
export const syncGroup = handler(syncGroupRequest, syncGroupResponse, function* (request, context) {
  // Protocol type and name are to be given since version 5 (KIP-559).
  if (context.apiVersion >= 5 && (request.protocolType === null || request.protocolName === null)) {
    return { errorCode: ErrorCode.INCONSISTENT_GROUP_PROTOCOL };
  }
  if (!mayReadGroup(context, request.groupId)) return { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED };
  return context.awaitOthers({ ended: yield* context.groups.syncGroup(request) });
});
