import { deleteGroupsRequest, deleteGroupsResponse, ErrorCode } from '../../protocol/index.js';
import { handler } from '../handler.js';

/** Removes empty groups with their offsets. */
export const deleteGroups = handler(deleteGroupsRequest, deleteGroupsResponse, (request, { authorize, groups }) => ({
  results: [...new Set(request.groupsNames)].map((groupId) => ({
    groupId,
    errorCode: authorize('DELETE', { type: 'GROUP', name: groupId })
      ? groups.deleteGroup(groupId)
      : ErrorCode.GROUP_AUTHORIZATION_FAILED,
  })),
}));
