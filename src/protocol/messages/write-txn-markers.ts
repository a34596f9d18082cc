/** WriteTxnMarkers (API key 27): the transaction coordinator writes the end of transactions to partition leaders. */
import { array, bool, int16, int32, int64, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Producer ids with the partitions that get a marker. */
export const writeTxnMarkersRequest = message(
  { name: 'WriteTxnMarkersRequest', kind: 'request', apiKey: 27, versions: '0-1', flexible: '1+', clusterAction: true },
  {
    markers: array(
      '0+',
      struct('WritableTxnMarker', {
        producerId: int64('0+'),
        producerEpoch: int16('0+'),
        transactionResult: bool('0+'),
        topics: array(
          '0+',
          struct('WritableTxnMarkerTopic', {
            name: string('0+'),
            partitionIndexes: array('0+', 'int32'),
          }),
        ),
        coordinatorEpoch: int32('0+'),
      }),
    ),
  },
);
export type WriteTxnMarkersRequest = TypeOf<typeof writeTxnMarkersRequest>;
export type WriteTxnMarkersRequestInput = InputOf<typeof writeTxnMarkersRequest>;
export type WriteTxnMarkersRequestWritableTxnMarker = WriteTxnMarkersRequest['markers'][number];
export type WriteTxnMarkersRequestWritableTxnMarkerTopic = WriteTxnMarkersRequestWritableTxnMarker['topics'][number];

/**
 * An error code for each partition of each producer.
 * Errors: UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS, NOT_ENOUGH_REPLICAS_AFTER_APPEND, REQUEST_TIMED_OUT,
 * INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED, CORRUPT_MESSAGE, UNSUPPORTED_FOR_MESSAGE_FORMAT, CLUSTER_AUTHORIZATION_FAILED.
 */
export const writeTxnMarkersResponse = message(
  { name: 'WriteTxnMarkersResponse', kind: 'response', apiKey: 27, versions: '0-1', flexible: '1+' },
  {
    markers: array(
      '0+',
      struct('WritableTxnMarkerResult', {
        producerId: int64('0+'),
        topics: array(
          '0+',
          struct('WritableTxnMarkerTopicResult', {
            name: string('0+'),
            partitions: array(
              '0+',
              struct('WritableTxnMarkerPartitionResult', {
                partitionIndex: int32('0+'),
                errorCode: int16('0+'),
              }),
            ),
          }),
        ),
      }),
    ),
  },
);
export type WriteTxnMarkersResponse = TypeOf<typeof writeTxnMarkersResponse>;
export type WriteTxnMarkersResponseInput = InputOf<typeof writeTxnMarkersResponse>;
export type WriteTxnMarkersResponseWritableTxnMarkerResult = WriteTxnMarkersResponse['markers'][number];
export type WriteTxnMarkersResponseWritableTxnMarkerTopicResult =
  WriteTxnMarkersResponseWritableTxnMarkerResult['topics'][number];
export type WriteTxnMarkersResponseWritableTxnMarkerPartitionResult =
  WriteTxnMarkersResponseWritableTxnMarkerTopicResult['partitions'][number];
