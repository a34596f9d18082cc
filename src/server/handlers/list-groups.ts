import { listGroupsRequest, listGroupsResponse } from '../../protocol/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import { handler } from '../handler.js';

/** The groups that this broker coordinates, or those of them that the client may see. */
export const listGroups = handler(listGroupsRequest, listGroupsResponse, (request, { authorize, groups }) => {
  const listed = groups.listGroups(request.statesFilter);
  if (authorize('DESCRIBE', CLUSTER_RESOURCE)) return listed;
  const visible = listed.groups.filter(({ groupId }) => authorize('DESCRIBE', { type: 'GROUP', name: groupId }));
  return { ...listed, groups: visible };
});
