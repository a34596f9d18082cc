/** LeaveGroup (API key 13): leaves a consumer group. */
import { array, int16, int32, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** The members that leave. */
export const leaveGroupRequest = message(
  { name: 'LeaveGroupRequest', kind: 'request', apiKey: 13, versions: '0-5', flexible: '4+' },
  {
    groupId: string('0+'),
    memberId: string('0-2'),
    members: array(
      '3+',
      struct('MemberIdentity', {
        memberId: string('3+'),
        /** The name of a static member (KIP-345). */
        groupInstanceId: string('3+', { nullable: '3+', default: null }),
        reason: string('5+', { nullable: '5+', default: null, ignorable: true }),
      }),
    ),
  },
);
export type LeaveGroupRequest = TypeOf<typeof leaveGroupRequest>;
export type LeaveGroupRequestInput = InputOf<typeof leaveGroupRequest>;
export type LeaveGroupRequestMemberIdentity = LeaveGroupRequest['members'][number];

/**
 * An error code for each member.
 * Errors: COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, INVALID_GROUP_ID, GROUP_AUTHORIZATION_FAILED; of a member
 * UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID.
 */
export const leaveGroupResponse = message(
  { name: 'LeaveGroupResponse', kind: 'response', apiKey: 13, versions: '0-5', flexible: '4+' },
  {
    throttleTimeMs: int32('1+', { ignorable: true }),
    errorCode: int16('0+'),
    members: array(
      '3+',
      struct('MemberResponse', {
        memberId: string('3+'),
        /** The name of a static member (KIP-345). */
        groupInstanceId: string('3+', { nullable: '3+' }),
        errorCode: int16('3+'),
      }),
    ),
  },
);
export type LeaveGroupResponse = TypeOf<typeof leaveGroupResponse>;
export type LeaveGroupResponseInput = InputOf<typeof leaveGroupResponse>;
export type LeaveGroupResponseMemberResponse = LeaveGroupResponse['members'][number];
