import { ErrorCode, heartbeatRequest, heartbeatResponse } from '../../protocol/index.js';
import { mayReadGroup } from '../group-request.js';
import { handler } from '../handler.js';

/** A member shows that it lives, and hears of a rebalance. */
export const heartbeat = handler(heartbeatRequest, heartbeatResponse, (request, context) => {
  if (!mayReadGroup(context, request.groupId)) return { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED };
  return { errorCode: context.groups.heartbeat(request) };
});
