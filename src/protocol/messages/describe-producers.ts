/** DescribeProducers (API key 61): describes the producers that write to partitions. */
import { array, int16, int32, int64, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** The partitions to look at. */
export const describeProducersRequest = message(
  { name: 'DescribeProducersRequest', kind: 'request', apiKey: 61, versions: '0', flexible: '0+' },
  {
    topics: array(
      '0+',
      struct('TopicRequest', {
        name: string('0+'),
        partitionIndexes: array('0+', 'int32'),
      }),
    ),
  },
);
export type DescribeProducersRequest = TypeOf<typeof describeProducersRequest>;
export type DescribeProducersRequestInput = InputOf<typeof describeProducersRequest>;
export type DescribeProducersRequestTopicRequest = DescribeProducersRequest['topics'][number];

/**
 * Producer states of each partition.
 * Errors: NOT_LEADER_OR_FOLLOWER, UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION, TOPIC_AUTHORIZATION_FAILED.
 */
export const describeProducersResponse = message(
  { name: 'DescribeProducersResponse', kind: 'response', apiKey: 61, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32('0+'),
    topics: array(
      '0+',
      struct('TopicResponse', {
        name: string('0+'),
        partitions: array(
          '0+',
          struct('PartitionResponse', {
            partitionIndex: int32('0+'),
            errorCode: int16('0+'),
            errorMessage: string('0+', { nullable: '0+', default: null }),
            activeProducers: array(
              '0+',
              struct('ProducerState', {
                producerId: int64('0+'),
                producerEpoch: int32('0+'),
                lastSequence: int32('0+', { default: -1 }),
                lastTimestamp: int64('0+', { default: -1n }),
                coordinatorEpoch: int32('0+'),
                currentTxnStartOffset: int64('0+', { default: -1n }),
              }),
            ),
          }),
        ),
      }),
    ),
  },
);
export type DescribeProducersResponse = TypeOf<typeof describeProducersResponse>;
export type DescribeProducersResponseInput = InputOf<typeof describeProducersResponse>;
export type DescribeProducersResponseTopicResponse = DescribeProducersResponse['topics'][number];
export type DescribeProducersResponsePartitionResponse = DescribeProducersResponseTopicResponse['partitions'][number];
export type DescribeProducersResponseProducerState =
  DescribeProducersResponsePartitionResponse['activeProducers'][number];
