/** AddPartitionsToTxn (API key 24): adds partitions to a transaction; brokers also verify with it (KIP-890). */
import { array, bool, int16, int32, int64, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

const addPartitionsToTxnTopic = struct('AddPartitionsToTxnTopic', {
  name: string('0+', { mapKey: true }),
  partitions: array('0+', 'int32'),
});

/** Partitions that take part in a transaction. */
export const addPartitionsToTxnRequest = message(
  { name: 'AddPartitionsToTxnRequest', kind: 'request', apiKey: 24, versions: '0-4', flexible: '3+' },
  {
    transactions: array(
      '4+',
      struct('AddPartitionsToTxnTransaction', {
        transactionalId: string('4+', { mapKey: true }),
        producerId: int64('4+'),
        producerEpoch: int16('4+'),
        /** Only asks whether the partitions are in the transaction. */
        verifyOnly: bool('4+', { default: false }),
        topics: array('4+', addPartitionsToTxnTopic),
      }),
    ),
    v3AndBelowTransactionalId: string('0-3'),
    v3AndBelowProducerId: int64('0-3'),
    v3AndBelowProducerEpoch: int16('0-3'),
    v3AndBelowTopics: array('0-3', addPartitionsToTxnTopic),
  },
);
export type AddPartitionsToTxnRequest = TypeOf<typeof addPartitionsToTxnRequest>;
export type AddPartitionsToTxnRequestInput = InputOf<typeof addPartitionsToTxnRequest>;
export type AddPartitionsToTxnTransaction = AddPartitionsToTxnRequest['transactions'][number];
export type AddPartitionsToTxnTopic = AddPartitionsToTxnTransaction['topics'][number];

const addPartitionsToTxnPartitionResult = struct('AddPartitionsToTxnPartitionResult', {
  partitionIndex: int32('0+', { mapKey: true }),
  partitionErrorCode: int16('0+'),
});

const addPartitionsToTxnTopicResult = struct('AddPartitionsToTxnTopicResult', {
  name: string('0+', { mapKey: true }),
  resultsByPartition: array('0+', addPartitionsToTxnPartitionResult),
});

/**
 * An error code for each partition.
 * Errors: COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, CONCURRENT_TRANSACTIONS, INVALID_TXN_STATE,
 * INVALID_PRODUCER_ID_MAPPING, INVALID_PRODUCER_EPOCH (up to version 1), PRODUCER_FENCED, OPERATION_NOT_ATTEMPTED (another partition was refused),
 * UNKNOWN_TOPIC_OR_PARTITION, TOPIC_AUTHORIZATION_FAILED, TRANSACTIONAL_ID_AUTHORIZATION_FAILED.
 */
export const addPartitionsToTxnResponse = message(
  { name: 'AddPartitionsToTxnResponse', kind: 'response', apiKey: 24, versions: '0-4', flexible: '3+' },
  {
    throttleTimeMs: int32('0+'),
    errorCode: int16('4+', { ignorable: true }),
    resultsByTransaction: array(
      '4+',
      struct('AddPartitionsToTxnResult', {
        transactionalId: string('4+', { mapKey: true }),
        topicResults: array('4+', addPartitionsToTxnTopicResult),
      }),
    ),
    resultsByTopicV3AndBelow: array('0-3', addPartitionsToTxnTopicResult),
  },
);
export type AddPartitionsToTxnResponse = TypeOf<typeof addPartitionsToTxnResponse>;
export type AddPartitionsToTxnResponseInput = InputOf<typeof addPartitionsToTxnResponse>;
export type AddPartitionsToTxnResult = AddPartitionsToTxnResponse['resultsByTransaction'][number];
export type AddPartitionsToTxnTopicResult = AddPartitionsToTxnResult['topicResults'][number];
export type AddPartitionsToTxnPartitionResult = AddPartitionsToTxnTopicResult['resultsByPartition'][number];
