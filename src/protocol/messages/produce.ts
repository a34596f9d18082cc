/** Produce (API key 0): appends record batches to partitions. */
import {
  array,
  int16,
  int32,
  int64,
  message,
  records,
  string,
  struct,
  type InputOf,
  type TypeOf,
} from '../notation.js';

/** Record batches for partitions that the broker leads. */
export const produceRequest = message(
  { name: 'ProduceRequest', kind: 'request', apiKey: 0, versions: '0-9', flexible: '9+' },
  {
    /** Null outside transactions. */
    transactionalId: string('3+', { nullable: '3+', default: null }),
    /** 0: no answer; 1: written by the leader; -1: by the whole ISR. */
    acks: int16('0+'),
    timeoutMs: int32('0+'),
    topicData: array(
      '0+',
      struct('TopicProduceData', {
        name: string('0+', { mapKey: true }),
        partitionData: array(
          '0+',
          struct('PartitionProduceData', {
            index: int32('0+'),
            records: records('0+', { nullable: '0+' }),
          }),
        ),
      }),
    ),
  },
);
export type ProduceRequest = TypeOf<typeof produceRequest>;
export type ProduceRequestInput = InputOf<typeof produceRequest>;
export type ProduceRequestTopicProduceData = ProduceRequest['topicData'][number];
export type ProduceRequestPartitionProduceData = ProduceRequestTopicProduceData['partitionData'][number];

/**
 * Where each batch was put, or why it was refused.
 * Errors: CORRUPT_MESSAGE, INVALID_RECORD, INVALID_TIMESTAMP, MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE, UNSUPPORTED_FOR_MESSAGE_FORMAT,
 * UNSUPPORTED_COMPRESSION_TYPE, INVALID_TOPIC_EXCEPTION, UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS (nothing was
 * appended), NOT_ENOUGH_REPLICAS_AFTER_APPEND, REQUEST_TIMED_OUT (both: it was), INVALID_REQUIRED_ACKS, KAFKA_STORAGE_ERROR,
 * OUT_OF_ORDER_SEQUENCE_NUMBER, DUPLICATE_SEQUENCE_NUMBER, UNKNOWN_PRODUCER_ID, INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE,
 * TOPIC_AUTHORIZATION_FAILED, TRANSACTIONAL_ID_AUTHORIZATION_FAILED, CLUSTER_AUTHORIZATION_FAILED.
 */
export const produceResponse = message(
  { name: 'ProduceResponse', kind: 'response', apiKey: 0, versions: '0-9', flexible: '9+' },
  {
    responses: array(
      '0+',
      struct('TopicProduceResponse', {
        name: string('0+', { mapKey: true }),
        partitionResponses: array(
          '0+',
          struct('PartitionProduceResponse', {
            index: int32('0+'),
            errorCode: int16('0+'),
            baseOffset: int64('0+'),
            /** -1 unless the topic has LogAppendTime. */
            logAppendTimeMs: int64('2+', { default: -1n, ignorable: true }),
            logStartOffset: int64('5+', { default: -1n, ignorable: true }),
            recordErrors: array(
              '8+',
              struct('BatchIndexAndErrorMessage', {
                batchIndex: int32('8+'),
                batchIndexErrorMessage: string('8+', { nullable: '8+', default: null }),
              }),
              { ignorable: true },
            ),
            errorMessage: string('8+', { nullable: '8+', default: null, ignorable: true }),
          }),
        ),
      }),
    ),
    throttleTimeMs: int32('1+', { default: 0, ignorable: true }),
  },
);
export type ProduceResponse = TypeOf<typeof produceResponse>;
export type ProduceResponseInput = InputOf<typeof produceResponse>;
export type ProduceResponseTopicProduceResponse = ProduceResponse['responses'][number];
export type ProduceResponsePartitionProduceResponse = ProduceResponseTopicProduceResponse['partitionResponses'][number];
export type ProduceResponseBatchIndexAndErrorMessage = ProduceResponsePartitionProduceResponse['recordErrors'][number];
