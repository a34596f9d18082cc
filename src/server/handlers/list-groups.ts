import { forEachInSteps } from '../../common/index.js';
import { listGroupsRequest, listGroupsResponse, type ListGroupsResponse } from '../../protocol/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import { handler } from '../handler.js';

/** The groups that this broker coordinates, or those of them that the client may see. */
export const listGroups = handler(listGroupsRequest, listGroupsResponse, function* (request, { authorize, groups }) {
  const states = new Set<string>();
  yield* forEachInSteps(request.statesFilter, (state) => void states.add(state));
  const mayDescribeAll = authorize('DESCRIBE', CLUSTER_RESOURCE);
  const { errorCode, groups: all } = groups.listGroups();
  const listed: ListGroupsResponse['groups'] = [];
  yield* forEachInSteps(all, (group) => {
    const isAsked = states.size === 0 || states.has(group.groupState);
    if (isAsked && (mayDescribeAll || authorize('DESCRIBE', { type: 'GROUP', name: group.groupId })))
      listed.push(group);
  });
  return { errorCode, groups: listed };
});
