import {
  deleteGroupsRequest,
  deleteGroupsResponse,
  ErrorCode,
  type DeleteGroupsResponse,
} from '../../protocol/index.js';
import { handler } from '../handler.js';

/** Of groups that are not here. */
const NAMES_A_STEP = 64;

/** Removes empty groups with their offsets. */
export const deleteGroups = handler(
  deleteGroupsRequest,
  deleteGroupsResponse,
  function* (request, { authorize, groups }) {
    const results: DeleteGroupsResponse['results'] = [];
    const seen = new Set<string>();
    let left = NAMES_A_STEP;
    for (const groupId of request.groupsNames) {
      if (--left === 0) {
        yield;
        left = NAMES_A_STEP;
      }
      if (seen.has(groupId)) continue;
      seen.add(groupId);
      const mayDelete = authorize('DELETE', { type: 'GROUP', name: groupId });
      const errorCode = mayDelete ? yield* groups.deleteGroup(groupId) : ErrorCode.GROUP_AUTHORIZATION_FAILED;
      results.push({ groupId, errorCode });
    }
    return { results };
  },
);
