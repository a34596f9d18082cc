/** JoinGroup (API key 11): joins a consumer group, or takes part in its next rebalance. */
import { array, bool, bytes, int16, int32, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** A member with the protocols that it supports. */
export const joinGroupRequest = message(
  { name: 'JoinGroupRequest', kind: 'request', apiKey: 11, versions: '0-9', flexible: '6+' },
  {
    groupId: string('0+'),
    sessionTimeoutMs: int32('0+'),
    rebalanceTimeoutMs: int32('1+', { default: -1, ignorable: true }),
    memberId: string('0+'),
    /** The name of a static member (KIP-345). */
    groupInstanceId: string('5+', { nullable: '5+', default: null }),
    protocolType: string('0+'),
    /** In order of preference. */
    protocols: array(
      '0+',
      struct('JoinGroupRequestProtocol', {
        name: string('0+', { mapKey: true }),
        metadata: bytes('0+'),
      }),
    ),
    reason: string('8+', { nullable: '8+', default: null, ignorable: true }),
  },
);
export type JoinGroupRequest = TypeOf<typeof joinGroupRequest>;
export type JoinGroupRequestInput = InputOf<typeof joinGroupRequest>;
export type JoinGroupRequestProtocol = JoinGroupRequest['protocols'][number];

/**
 * Generation and member id; for the leader also all members.
 * Errors: COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, MEMBER_ID_REQUIRED (join again with the id of this answer,
 * KIP-394), UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, INCONSISTENT_GROUP_PROTOCOL, INVALID_SESSION_TIMEOUT, INVALID_GROUP_ID, GROUP_MAX_SIZE_REACHED,
 * REBALANCE_IN_PROGRESS, GROUP_AUTHORIZATION_FAILED.
 */
export const joinGroupResponse = message(
  { name: 'JoinGroupResponse', kind: 'response', apiKey: 11, versions: '0-9', flexible: '6+' },
  {
    throttleTimeMs: int32('2+', { ignorable: true }),
    errorCode: int16('0+'),
    generationId: int32('0+', { default: -1 }),
    protocolType: string('7+', { nullable: '7+', default: null, ignorable: true }),
    protocolName: string('0+', { nullable: '7+' }),
    leader: string('0+'),
    /** The leader keeps the assignment as it is (static members). */
    skipAssignment: bool('9+', { default: false }),
    memberId: string('0+'),
    /** Only for the leader. */
    members: array(
      '0+',
      struct('JoinGroupResponseMember', {
        memberId: string('0+'),
        /** The name of a static member (KIP-345). */
        groupInstanceId: string('5+', { nullable: '5+', default: null, ignorable: true }),
        metadata: bytes('0+'),
      }),
    ),
  },
);
export type JoinGroupResponse = TypeOf<typeof joinGroupResponse>;
export type JoinGroupResponseInput = InputOf<typeof joinGroupResponse>;
export type JoinGroupResponseMember = JoinGroupResponse['members'][number];
