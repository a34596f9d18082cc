import {
  describeGroupsRequest,
  describeGroupsResponse,
  ErrorCode,
  type DescribeGroupsResponseInput,
} from '../../protocol/index.js';
import type { Resource } from '../../security/index.js';
import { handler } from '../handler.js';

/** Of members, which are described in one step with those of the groups before. */
const MEMBERS_A_STEP = 200;

type DescribedGroup = NonNullable<DescribeGroupsResponseInput['groups']>[number];

/** Shows groups with their members and assignments. */
export const describeGroups = handler(describeGroupsRequest, describeGroupsResponse, function* (request, context) {
  const groups: DescribedGroup[] = [];
  const describe = (groupId: string): DescribedGroup => {
    const resource: Resource = { type: 'GROUP', name: groupId };
    if (!context.authorize('DESCRIBE', resource)) {
      return { groupId, errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED };
    }
    const group = context.groups.describeGroup(groupId);
    if (group.errorCode !== ErrorCode.NONE || !request.includeAuthorizedOperations) return group;
    return { ...group, authorizedOperations: context.authorizedOperations(resource) };
  };
  // However often a group is named, it is one object.
  const described = new Map<string, DescribedGroup>();
  let left = MEMBERS_A_STEP;
  for (const groupId of request.groups) {
    let group = described.get(groupId);
    if (!group) described.set(groupId, (group = describe(groupId)));
    groups.push(group);
    left -= 1 + (group.members?.length ?? 0);
    if (left > 0) continue;
    yield;
    left = MEMBERS_A_STEP;
  }
  return { groups };
});
