import {
  describeGroupsRequest,
  describeGroupsResponse,
  ErrorCode,
  type DescribeGroupsResponseInput,
} from '../../protocol/index.js';
import type { Resource } from '../../security/index.js';
import { handler } from '../handler.js';
import { mapInSteps } from '../in-steps.js';

type DescribedGroup = NonNullable<DescribeGroupsResponseInput['groups']>[number];

/** Shows groups with their members and assignments. */
export const describeGroups = handler(describeGroupsRequest, describeGroupsResponse, function* (request, context) {
  const describe = (groupId: string): DescribedGroup => {
    const resource: Resource = { type: 'GROUP', name: groupId };
    if (!context.authorize('DESCRIBE', resource)) {
      return { groupId, errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED };
    }
    const group = context.groups.describeGroup(groupId);
    if (group.errorCode !== ErrorCode.NONE || !request.includeAuthorizedOperations) return group;
    return { ...group, authorizedOperations: context.authorizedOperations(resource) };
  };
  return { groups: yield* mapInSteps(request.groups, describe) };
});
