/** AddOffsetsToTxn (API key 25): adds the offsets of a consumer group to a transaction. */
import { int16, int32, int64, message, string, type InputOf, type TypeOf } from '../notation.js';

/** The group whose offsets will be committed. */
export const addOffsetsToTxnRequest = message(
  { name: 'AddOffsetsToTxnRequest', kind: 'request', apiKey: 25, versions: '0-3', flexible: '3+' },
  {
    transactionalId: string('0+'),
    producerId: int64('0+'),
    producerEpoch: int16('0+'),
    groupId: string('0+'),
  },
);
export type AddOffsetsToTxnRequest = TypeOf<typeof addOffsetsToTxnRequest>;
export type AddOffsetsToTxnRequestInput = InputOf<typeof addOffsetsToTxnRequest>;

/**
 * Whether it was added.
 * Errors: COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, CONCURRENT_TRANSACTIONS, INVALID_TXN_STATE,
 * INVALID_PRODUCER_ID_MAPPING, INVALID_PRODUCER_EPOCH (up to version 1), PRODUCER_FENCED, GROUP_AUTHORIZATION_FAILED,
 * TRANSACTIONAL_ID_AUTHORIZATION_FAILED.
 */
export const addOffsetsToTxnResponse = message(
  { name: 'AddOffsetsToTxnResponse', kind: 'response', apiKey: 25, versions: '0-3', flexible: '3+' },
  {
    throttleTimeMs: int32('0+'),
    errorCode: int16('0+'),
  },
);
export type AddOffsetsToTxnResponse = TypeOf<typeof addOffsetsToTxnResponse>;
export type AddOffsetsToTxnResponseInput = InputOf<typeof addOffsetsToTxnResponse>;
