/** DeleteGroups (API key 42): deletes consumer groups that are empty. */
import { array, int16, int32, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** The groups to delete. */
export const deleteGroupsRequest = message(
  { name: 'DeleteGroupsRequest', kind: 'request', apiKey: 42, versions: '0-2', flexible: '2+' },
  {
    groupsNames: array('0+', 'string'),
  },
);
export type DeleteGroupsRequest = TypeOf<typeof deleteGroupsRequest>;
export type DeleteGroupsRequestInput = InputOf<typeof deleteGroupsRequest>;

/**
 * An error code for each group.
 * Errors: COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP, INVALID_GROUP_ID,
 * GROUP_AUTHORIZATION_FAILED.
 */
export const deleteGroupsResponse = message(
  { name: 'DeleteGroupsResponse', kind: 'response', apiKey: 42, versions: '0-2', flexible: '2+' },
  {
    throttleTimeMs: int32('0+'),
    results: array(
      '0+',
      struct('DeletableGroupResult', {
        groupId: string('0+', { mapKey: true }),
        errorCode: int16('0+'),
      }),
    ),
  },
);
export type DeleteGroupsResponse = TypeOf<typeof deleteGroupsResponse>;
export type DeleteGroupsResponseInput = InputOf<typeof deleteGroupsResponse>;
export type DeleteGroupsResponseDeletableGroupResult = DeleteGroupsResponse['results'][number];
