/** ListTransactions (API key 66): lists transactions of a coordinator. */
import { array, int16, int32, int64, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** States and producer ids to list; empty stands for all. */
export const listTransactionsRequest = message(
  { name: 'ListTransactionsRequest', kind: 'request', apiKey: 66, versions: '0', flexible: '0+' },
  {
    stateFilters: array('0+', 'string'),
    producerIdFilters: array('0+', 'int64'),
  },
);
export type ListTransactionsRequest = TypeOf<typeof listTransactionsRequest>;
export type ListTransactionsRequestInput = InputOf<typeof listTransactionsRequest>;

/**
 * Transactions with producer id and state.
 * Errors: COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS.
 */
export const listTransactionsResponse = message(
  { name: 'ListTransactionsResponse', kind: 'response', apiKey: 66, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32('0+'),
    errorCode: int16('0+'),
    unknownStateFilters: array('0+', 'string'),
    transactionStates: array(
      '0+',
      struct('TransactionState', {
        transactionalId: string('0+'),
        producerId: int64('0+'),
        transactionState: string('0+'),
      }),
    ),
  },
);
export type ListTransactionsResponse = TypeOf<typeof listTransactionsResponse>;
export type ListTransactionsResponseInput = InputOf<typeof listTransactionsResponse>;
export type ListTransactionsResponseTransactionState = ListTransactionsResponse['transactionStates'][number];
