/** AlterReplicaLogDirs (API key 34): moves replicas between the log directories of a broker. */
import { array, int16, int32, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Partitions by target directory. */
export const alterReplicaLogDirsRequest = message(
  { name: 'AlterReplicaLogDirsRequest', kind: 'request', apiKey: 34, versions: '0-2', flexible: '2+' },
  {
    dirs: array(
      '0+',
      struct('AlterReplicaLogDir', {
        path: string('0+', { mapKey: true }),
        topics: array(
          '0+',
          struct('AlterReplicaLogDirTopic', {
            name: string('0+', { mapKey: true }),
            partitions: array('0+', 'int32'),
          }),
        ),
      }),
    ),
  },
);
export type AlterReplicaLogDirsRequest = TypeOf<typeof alterReplicaLogDirsRequest>;
export type AlterReplicaLogDirsRequestInput = InputOf<typeof alterReplicaLogDirsRequest>;
export type AlterReplicaLogDirsRequestAlterReplicaLogDir = AlterReplicaLogDirsRequest['dirs'][number];
export type AlterReplicaLogDirsRequestAlterReplicaLogDirTopic =
  AlterReplicaLogDirsRequestAlterReplicaLogDir['topics'][number];

/**
 * An error code for each partition.
 * Errors: LOG_DIR_NOT_FOUND, REPLICA_NOT_AVAILABLE (placed there once it comes), KAFKA_STORAGE_ERROR, INVALID_TOPIC_EXCEPTION,
 * CLUSTER_AUTHORIZATION_FAILED.
 */
export const alterReplicaLogDirsResponse = message(
  { name: 'AlterReplicaLogDirsResponse', kind: 'response', apiKey: 34, versions: '0-2', flexible: '2+' },
  {
    throttleTimeMs: int32('0+'),
    results: array(
      '0+',
      struct('AlterReplicaLogDirTopicResult', {
        topicName: string('0+'),
        partitions: array(
          '0+',
          struct('AlterReplicaLogDirPartitionResult', {
            partitionIndex: int32('0+'),
            errorCode: int16('0+'),
          }),
        ),
      }),
    ),
  },
);
export type AlterReplicaLogDirsResponse = TypeOf<typeof alterReplicaLogDirsResponse>;
export type AlterReplicaLogDirsResponseInput = InputOf<typeof alterReplicaLogDirsResponse>;
export type AlterReplicaLogDirsResponseAlterReplicaLogDirTopicResult = AlterReplicaLogDirsResponse['results'][number];
export type AlterReplicaLogDirsResponseAlterReplicaLogDirPartitionResult =
  AlterReplicaLogDirsResponseAlterReplicaLogDirTopicResult['partitions'][number];
