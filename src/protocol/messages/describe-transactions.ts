/** DescribeTransactions (API key 65): describes transactions. */
import { array, int16, int32, int64, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Transactional ids. */
export const describeTransactionsRequest = message(
  { name: 'DescribeTransactionsRequest', kind: 'request', apiKey: 65, versions: '0', flexible: '0+' },
  {
    transactionalIds: array('0+', 'string'),
  },
);
export type DescribeTransactionsRequest = TypeOf<typeof describeTransactionsRequest>;
export type DescribeTransactionsRequestInput = InputOf<typeof describeTransactionsRequest>;

/**
 * State and partitions of each transaction.
 * Errors: COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, TRANSACTIONAL_ID_NOT_FOUND,
 * TRANSACTIONAL_ID_AUTHORIZATION_FAILED.
 */
export const describeTransactionsResponse = message(
  { name: 'DescribeTransactionsResponse', kind: 'response', apiKey: 65, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32('0+'),
    transactionStates: array(
      '0+',
      struct('TransactionState', {
        errorCode: int16('0+'),
        transactionalId: string('0+'),
        transactionState: string('0+'),
        transactionTimeoutMs: int32('0+'),
        transactionStartTimeMs: int64('0+'),
        producerId: int64('0+'),
        producerEpoch: int16('0+'),
        topics: array(
          '0+',
          struct('TopicData', {
            topic: string('0+', { mapKey: true }),
            partitions: array('0+', 'int32'),
          }),
        ),
      }),
    ),
  },
);
export type DescribeTransactionsResponse = TypeOf<typeof describeTransactionsResponse>;
export type DescribeTransactionsResponseInput = InputOf<typeof describeTransactionsResponse>;
export type DescribeTransactionsResponseTransactionState = DescribeTransactionsResponse['transactionStates'][number];
export type DescribeTransactionsResponseTopicData = DescribeTransactionsResponseTransactionState['topics'][number];
