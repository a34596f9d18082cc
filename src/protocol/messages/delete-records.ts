/** DeleteRecords (API key 21): moves the log start offset of partitions forward. */
import { array, int16, int32, int64, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** The offset before which each partition is cut; -1 stands for the high watermark. */
export const deleteRecordsRequest = message(
  { name: 'DeleteRecordsRequest', kind: 'request', apiKey: 21, versions: '0-2', flexible: '2+' },
  {
    topics: array(
      '0+',
      struct('DeleteRecordsTopic', {
        name: string('0+'),
        partitions: array(
          '0+',
          struct('DeleteRecordsPartition', {
            partitionIndex: int32('0+'),
            /** -1 stands for the high watermark. */
            offset: int64('0+'),
          }),
        ),
      }),
    ),
    timeoutMs: int32('0+'),
  },
);
export type DeleteRecordsRequest = TypeOf<typeof deleteRecordsRequest>;
export type DeleteRecordsRequestInput = InputOf<typeof deleteRecordsRequest>;
export type DeleteRecordsTopic = DeleteRecordsRequest['topics'][number];
export type DeleteRecordsPartition = DeleteRecordsTopic['partitions'][number];

/**
 * The low watermark reached.
 * Errors: OFFSET_OUT_OF_RANGE, UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER, POLICY_VIOLATION (the topic is not of cleanup.policy delete),
 * INVALID_TOPIC_EXCEPTION (internal), REQUEST_TIMED_OUT, KAFKA_STORAGE_ERROR, TOPIC_AUTHORIZATION_FAILED.
 */
export const deleteRecordsResponse = message(
  { name: 'DeleteRecordsResponse', kind: 'response', apiKey: 21, versions: '0-2', flexible: '2+' },
  {
    throttleTimeMs: int32('0+'),
    topics: array(
      '0+',
      struct('DeleteRecordsTopicResult', {
        name: string('0+', { mapKey: true }),
        partitions: array(
          '0+',
          struct('DeleteRecordsPartitionResult', {
            partitionIndex: int32('0+', { mapKey: true }),
            lowWatermark: int64('0+'),
            errorCode: int16('0+'),
          }),
        ),
      }),
    ),
  },
);
export type DeleteRecordsResponse = TypeOf<typeof deleteRecordsResponse>;
export type DeleteRecordsResponseInput = InputOf<typeof deleteRecordsResponse>;
export type DeleteRecordsTopicResult = DeleteRecordsResponse['topics'][number];
export type DeleteRecordsPartitionResult = DeleteRecordsTopicResult['partitions'][number];
