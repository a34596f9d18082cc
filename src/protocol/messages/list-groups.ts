/** ListGroups (API key 16): lists the groups that a broker coordinates. */
import { array, int16, int32, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** States to list; empty stands for all. */
export const listGroupsRequest = message(
  { name: 'ListGroupsRequest', kind: 'request', apiKey: 16, versions: '0-4', flexible: '3+' },
  {
    statesFilter: array('4+', 'string'),
  },
);
export type ListGroupsRequest = TypeOf<typeof listGroupsRequest>;
export type ListGroupsRequestInput = InputOf<typeof listGroupsRequest>;

/**
 * Groups with protocol type and state.
 * Errors: COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS.
 */
export const listGroupsResponse = message(
  { name: 'ListGroupsResponse', kind: 'response', apiKey: 16, versions: '0-4', flexible: '3+' },
  {
    throttleTimeMs: int32('1+', { ignorable: true }),
    errorCode: int16('0+'),
    groups: array(
      '0+',
      struct('ListedGroup', {
        groupId: string('0+'),
        protocolType: string('0+'),
        groupState: string('4+', { ignorable: true }),
      }),
    ),
  },
);
export type ListGroupsResponse = TypeOf<typeof listGroupsResponse>;
export type ListGroupsResponseInput = InputOf<typeof listGroupsResponse>;
export type ListGroupsResponseListedGroup = ListGroupsResponse['groups'][number];
