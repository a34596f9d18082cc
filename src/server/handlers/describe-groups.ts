import { describeGroupsRequest, describeGroupsResponse, ErrorCode } from '../../protocol/index.js';
import type { Resource } from '../../security/index.js';
import { handler } from '../handler.js';

/** Shows groups with their members and assignments. */
export const describeGroups = handler(describeGroupsRequest, describeGroupsResponse, (request, context) => ({
  groups: request.groups.map((groupId) => {
    const resource: Resource = { type: 'GROUP', name: groupId };
    if (!context.authorize('DESCRIBE', resource)) {
      return { groupId, errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED };
    }
    const group = context.groups.describeGroup(groupId);
    if (group.errorCode !== ErrorCode.NONE || !request.includeAuthorizedOperations) return group;
    return { ...group, authorizedOperations: context.authorizedOperations(resource) };
  }),
}));
