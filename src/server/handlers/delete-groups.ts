import { mapInSteps } from '../../common/index.js';
import { deleteGroupsRequest, deleteGroupsResponse, ErrorCode } from '../../protocol/index.js';
import { handler } from '../handler.js';

/** Removes empty groups with their offsets. */
export const deleteGroups = handler(
  deleteGroupsRequest,
  deleteGroupsResponse,
  function* (request, { authorize, groups }) {
    const deleteGroup = (groupId: string): { groupId: string; errorCode: number } => ({
      groupId,
      errorCode: authorize('DELETE', { type: 'GROUP', name: groupId })
        ? groups.deleteGroup(groupId)
        : ErrorCode.GROUP_AUTHORIZATION_FAILED,
    });
    return { results: yield* mapInSteps([...new Set(request.groupsNames)], deleteGroup) };
  },
);
