import { deleteGroupsRequest, deleteGroupsResponse, ErrorCode } from '../../protocol/index.js';
import { handler } from '../handler.js';

/** Of groups that are not here. */
const NAMES_A_STEP = 64;

/** Removes empty groups with their offsets. */
export const deleteGroups = handler(
  deleteGroupsRequest,
  deleteGroupsResponse,
  function* (request, { authorize, groups }) {
    const codes = new Map<string, number>();
    let left = NAMES_A_STEP;
    for (const groupId of request.groupsNames) {
      if (codes.has(groupId)) continue;
      const mayDelete = authorize('DELETE', { type: 'GROUP', name: groupId });
      codes.set(groupId, mayDelete ? yield* groups.deleteGroup(groupId) : ErrorCode.GROUP_AUTHORIZATION_FAILED);
      if (--left > 0) continue;
      yield;
      left = NAMES_A_STEP;
    }
    return { results: [...codes].map(([groupId, errorCode]) => ({ groupId, errorCode })) };
  },
);
