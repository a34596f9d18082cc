/** DescribeGroups (API key 15): describes consumer groups. */
import { array, bool, bytes, int16, int32, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** The groups to describe. */
export const describeGroupsRequest = message(
  { name: 'DescribeGroupsRequest', kind: 'request', apiKey: 15, versions: '0-5', flexible: '5+' },
  {
    groups: array('0+', 'string'),
    includeAuthorizedOperations: bool('3+'),
  },
);
export type DescribeGroupsRequest = TypeOf<typeof describeGroupsRequest>;
export type DescribeGroupsRequestInput = InputOf<typeof describeGroupsRequest>;

/**
 * State, protocol and members of each group.
 * Errors: COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, INVALID_GROUP_ID, GROUP_AUTHORIZATION_FAILED; a group that
 * does not exist is Dead.
 */
export const describeGroupsResponse = message(
  { name: 'DescribeGroupsResponse', kind: 'response', apiKey: 15, versions: '0-5', flexible: '5+' },
  {
    throttleTimeMs: int32('1+', { ignorable: true }),
    groups: array(
      '0+',
      struct('DescribedGroup', {
        errorCode: int16('0+'),
        groupId: string('0+'),
        groupState: string('0+'),
        protocolType: string('0+'),
        protocolData: string('0+'),
        members: array(
          '0+',
          struct('DescribedGroupMember', {
            memberId: string('0+'),
            /** The name of a static member (KIP-345). */
            groupInstanceId: string('4+', { nullable: '4+', default: null, ignorable: true }),
            clientId: string('0+'),
            clientHost: string('0+'),
            memberMetadata: bytes('0+'),
            memberAssignment: bytes('0+'),
          }),
        ),
        /** Bits by AclOperation; -2147483648 when not asked for. */
        authorizedOperations: int32('3+', { default: -2147483648 }),
      }),
    ),
  },
);
export type DescribeGroupsResponse = TypeOf<typeof describeGroupsResponse>;
export type DescribeGroupsResponseInput = InputOf<typeof describeGroupsResponse>;
export type DescribeGroupsResponseDescribedGroup = DescribeGroupsResponse['groups'][number];
export type DescribeGroupsResponseDescribedGroupMember = DescribeGroupsResponseDescribedGroup['members'][number];
