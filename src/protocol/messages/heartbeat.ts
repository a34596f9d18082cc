/** Heartbeat (API key 12): tells the group coordinator that a member lives. */
import { int16, int32, message, string, type InputOf, type TypeOf } from '../notation.js';

/** The member and the generation that it believes in. */
export const heartbeatRequest = message(
  { name: 'HeartbeatRequest', kind: 'request', apiKey: 12, versions: '0-4', flexible: '4+' },
  {
    groupId: string('0+'),
    generationId: int32('0+'),
    memberId: string('0+'),
    /** The name of a static member (KIP-345). */
    groupInstanceId: string('3+', { nullable: '3+', default: null }),
  },
);
export type HeartbeatRequest = TypeOf<typeof heartbeatRequest>;
export type HeartbeatRequestInput = InputOf<typeof heartbeatRequest>;

/**
 * Whether the generation still stands.
 * Errors: COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID,
 * REBALANCE_IN_PROGRESS (join again), INVALID_GROUP_ID, GROUP_AUTHORIZATION_FAILED.
 */
export const heartbeatResponse = message(
  { name: 'HeartbeatResponse', kind: 'response', apiKey: 12, versions: '0-4', flexible: '4+' },
  {
    throttleTimeMs: int32('1+', { ignorable: true }),
    errorCode: int16('0+'),
  },
);
export type HeartbeatResponse = TypeOf<typeof heartbeatResponse>;
export type HeartbeatResponseInput = InputOf<typeof heartbeatResponse>;
