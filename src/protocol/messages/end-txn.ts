/** EndTxn (API key 26): commits or aborts a transaction. */
import { bool, int16, int32, int64, message, string, type InputOf, type TypeOf } from '../notation.js';

/** The transaction, and which of both. */
export const endTxnRequest = message(
  { name: 'EndTxnRequest', kind: 'request', apiKey: 26, versions: '0-3', flexible: '3+' },
  {
    transactionalId: string('0+'),
    producerId: int64('0+'),
    producerEpoch: int16('0+'),
    committed: bool('0+'),
  },
);
export type EndTxnRequest = TypeOf<typeof endTxnRequest>;
export type EndTxnRequestInput = InputOf<typeof endTxnRequest>;

/**
 * Whether the end has begun.
 * Errors: COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, CONCURRENT_TRANSACTIONS, INVALID_TXN_STATE,
 * INVALID_PRODUCER_ID_MAPPING, INVALID_PRODUCER_EPOCH (up to version 1), PRODUCER_FENCED, TRANSACTIONAL_ID_AUTHORIZATION_FAILED.
 */
export const endTxnResponse = message(
  { name: 'EndTxnResponse', kind: 'response', apiKey: 26, versions: '0-3', flexible: '3+' },
  {
    throttleTimeMs: int32('0+'),
    errorCode: int16('0+'),
  },
);
export type EndTxnResponse = TypeOf<typeof endTxnResponse>;
export type EndTxnResponseInput = InputOf<typeof endTxnResponse>;
