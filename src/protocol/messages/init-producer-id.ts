/** InitProducerId (API key 22): gives a producer its id and epoch. */
import { int16, int32, int64, message, string, type InputOf, type TypeOf } from '../notation.js';

/** The transactional id, if there is one, and the id to go on with. */
export const initProducerIdRequest = message(
  { name: 'InitProducerIdRequest', kind: 'request', apiKey: 22, versions: '0-4', flexible: '2+' },
  {
    transactionalId: string('0+', { nullable: '0+' }),
    transactionTimeoutMs: int32('0+'),
    producerId: int64('3+', { default: -1n }),
    producerEpoch: int16('3+', { default: -1 }),
  },
);
export type InitProducerIdRequest = TypeOf<typeof initProducerIdRequest>;
export type InitProducerIdRequestInput = InputOf<typeof initProducerIdRequest>;

/**
 * The producer id and epoch.
 * Errors: COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, CONCURRENT_TRANSACTIONS, INVALID_TRANSACTION_TIMEOUT,
 * INVALID_REQUEST, INVALID_PRODUCER_EPOCH (up to version 3), PRODUCER_FENCED, TRANSACTIONAL_ID_AUTHORIZATION_FAILED, CLUSTER_AUTHORIZATION_FAILED.
 */
export const initProducerIdResponse = message(
  { name: 'InitProducerIdResponse', kind: 'response', apiKey: 22, versions: '0-4', flexible: '2+' },
  {
    throttleTimeMs: int32('0+', { ignorable: true }),
    errorCode: int16('0+'),
    producerId: int64('0+', { default: -1n }),
    producerEpoch: int16('0+'),
  },
);
export type InitProducerIdResponse = TypeOf<typeof initProducerIdResponse>;
export type InitProducerIdResponseInput = InputOf<typeof initProducerIdResponse>;
