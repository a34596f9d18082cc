/** SyncGroup (API key 14): distributes the assignment of a generation. */
import { array, bytes, int16, int32, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** The assignment by the leader; empty from followers. */
export const syncGroupRequest = message(
  { name: 'SyncGroupRequest', kind: 'request', apiKey: 14, versions: '0-5', flexible: '4+' },
  {
    groupId: string('0+'),
    generationId: int32('0+'),
    memberId: string('0+'),
    /** The name of a static member (KIP-345). */
    groupInstanceId: string('3+', { nullable: '3+', default: null }),
    protocolType: string('5+', { nullable: '5+', default: null, ignorable: true }),
    protocolName: string('5+', { nullable: '5+', default: null, ignorable: true }),
    assignments: array(
      '0+',
      struct('SyncGroupRequestAssignment', {
        memberId: string('0+'),
        assignment: bytes('0+'),
      }),
    ),
  },
);
export type SyncGroupRequest = TypeOf<typeof syncGroupRequest>;
export type SyncGroupRequestInput = InputOf<typeof syncGroupRequest>;
export type SyncGroupRequestAssignment = SyncGroupRequest['assignments'][number];

/**
 * The assignment of the member that asked.
 * Errors: COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID,
 * REBALANCE_IN_PROGRESS, INCONSISTENT_GROUP_PROTOCOL, INVALID_GROUP_ID, GROUP_AUTHORIZATION_FAILED.
 */
export const syncGroupResponse = message(
  { name: 'SyncGroupResponse', kind: 'response', apiKey: 14, versions: '0-5', flexible: '4+' },
  {
    throttleTimeMs: int32('1+', { ignorable: true }),
    errorCode: int16('0+'),
    protocolType: string('5+', { nullable: '5+', default: null, ignorable: true }),
    protocolName: string('5+', { nullable: '5+', default: null, ignorable: true }),
    assignment: bytes('0+'),
  },
);
export type SyncGroupResponse = TypeOf<typeof syncGroupResponse>;
export type SyncGroupResponseInput = InputOf<typeof syncGroupResponse>;
