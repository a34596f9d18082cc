/** DescribeLogDirs (API key 35): describes log directories and what lies in them. */
import { array, bool, int16, int32, int64, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** The partitions to describe; null stands for all. */
export const describeLogDirsRequest = message(
  { name: 'DescribeLogDirsRequest', kind: 'request', apiKey: 35, versions: '0-4', flexible: '2+' },
  {
    topics: array(
      '0+',
      struct('DescribableLogDirTopic', {
        topic: string('0+', { mapKey: true }),
        partitions: array('0+', 'int32'),
      }),
      { nullable: '0+' },
    ),
  },
);
export type DescribeLogDirsRequest = TypeOf<typeof describeLogDirsRequest>;
export type DescribeLogDirsRequestInput = InputOf<typeof describeLogDirsRequest>;
export type DescribeLogDirsRequestDescribableLogDirTopic = NonNullable<DescribeLogDirsRequest['topics']>[number];

/**
 * Sizes and lags by directory.
 * Errors: KAFKA_STORAGE_ERROR (a directory is offline), CLUSTER_AUTHORIZATION_FAILED (since version 3).
 */
export const describeLogDirsResponse = message(
  { name: 'DescribeLogDirsResponse', kind: 'response', apiKey: 35, versions: '0-4', flexible: '2+' },
  {
    throttleTimeMs: int32('0+'),
    errorCode: int16('3+', { ignorable: true }),
    results: array(
      '0+',
      struct('DescribeLogDirsResult', {
        errorCode: int16('0+'),
        logDir: string('0+'),
        topics: array(
          '0+',
          struct('DescribeLogDirsTopic', {
            name: string('0+'),
            partitions: array(
              '0+',
              struct('DescribeLogDirsPartition', {
                partitionIndex: int32('0+'),
                partitionSize: int64('0+'),
                offsetLag: int64('0+'),
                isFutureKey: bool('0+'),
              }),
            ),
          }),
        ),
        totalBytes: int64('4+', { default: -1n, ignorable: true }),
        usableBytes: int64('4+', { default: -1n, ignorable: true }),
      }),
    ),
  },
);
export type DescribeLogDirsResponse = TypeOf<typeof describeLogDirsResponse>;
export type DescribeLogDirsResponseInput = InputOf<typeof describeLogDirsResponse>;
export type DescribeLogDirsResult = DescribeLogDirsResponse['results'][number];
export type DescribeLogDirsTopic = DescribeLogDirsResult['topics'][number];
export type DescribeLogDirsPartition = DescribeLogDirsTopic['partitions'][number];
