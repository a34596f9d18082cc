/** Records of `__transaction_state`. */
import { array, int16, int32, int64, int8, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Key of a transactional id. */
export const transactionLogKey = message(
  { name: 'TransactionLogKey', kind: 'data', versions: '0', flexible: 'none' },
  {
    transactionalId: string('0'),
  },
);
export type TransactionLogKey = TypeOf<typeof transactionLogKey>;
export type TransactionLogKeyInput = InputOf<typeof transactionLogKey>;

/** The state of a transaction; a null value deletes it. */
export const transactionLogValue = message(
  { name: 'TransactionLogValue', kind: 'data', versions: '0-1', flexible: '1+' },
  {
    producerId: int64('0+'),
    producerEpoch: int16('0+'),
    transactionTimeoutMs: int32('0+'),
    transactionStatus: int8('0+'),
    transactionPartitions: array(
      '0+',
      struct('PartitionsSchema', {
        topic: string('0+'),
        partitionIds: array('0+', 'int32'),
      }),
      { nullable: '0+' },
    ),
    transactionLastUpdateTimestampMs: int64('0+'),
    transactionStartTimestampMs: int64('0+'),
  },
);
export type TransactionLogValue = TypeOf<typeof transactionLogValue>;
export type TransactionLogValueInput = InputOf<typeof transactionLogValue>;
export type TransactionLogValuePartitionsSchema = NonNullable<TransactionLogValue['transactionPartitions']>[number];
