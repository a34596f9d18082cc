/** FindCoordinator (API key 10): finds the broker that coordinates a group or a transactional id. */
import { array, int16, int32, int8, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Keys (group or transactional ids) to look up. */
export const findCoordinatorRequest = message(
  { name: 'FindCoordinatorRequest', kind: 'request', apiKey: 10, versions: '0-4', flexible: '3+' },
  {
    key: string('0-3'),
    /** 0 group; 1 transactional id. */
    keyType: int8('1+', { default: 0 }),
    coordinatorKeys: array('4+', 'string'),
  },
);
export type FindCoordinatorRequest = TypeOf<typeof findCoordinatorRequest>;
export type FindCoordinatorRequestInput = InputOf<typeof findCoordinatorRequest>;

/**
 * The coordinator of each key.
 * Errors: COORDINATOR_NOT_AVAILABLE, INVALID_REQUEST, INVALID_GROUP_ID, GROUP_AUTHORIZATION_FAILED, TRANSACTIONAL_ID_AUTHORIZATION_FAILED.
 */
export const findCoordinatorResponse = message(
  { name: 'FindCoordinatorResponse', kind: 'response', apiKey: 10, versions: '0-4', flexible: '3+' },
  {
    throttleTimeMs: int32('1+', { ignorable: true }),
    errorCode: int16('0-3'),
    errorMessage: string('1-3', { nullable: '1-3', ignorable: true }),
    nodeId: int32('0-3'),
    host: string('0-3'),
    port: int32('0-3'),
    coordinators: array(
      '4+',
      struct('Coordinator', {
        key: string('4+'),
        nodeId: int32('4+'),
        host: string('4+'),
        port: int32('4+'),
        errorCode: int16('4+'),
        errorMessage: string('4+', { nullable: '4+', ignorable: true }),
      }),
    ),
  },
);
export type FindCoordinatorResponse = TypeOf<typeof findCoordinatorResponse>;
export type FindCoordinatorResponseInput = InputOf<typeof findCoordinatorResponse>;
export type FindCoordinatorResponseCoordinator = FindCoordinatorResponse['coordinators'][number];
