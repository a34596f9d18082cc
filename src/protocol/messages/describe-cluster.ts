/** DescribeCluster (API key 60): describes the cluster. */
import { array, bool, int16, int32, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** Whether to tell authorized operations. */
export const describeClusterRequest = message(
  { name: 'DescribeClusterRequest', kind: 'request', apiKey: 60, versions: '0', flexible: '0+' },
  {
    includeClusterAuthorizedOperations: bool('0+'),
  },
);
export type DescribeClusterRequest = TypeOf<typeof describeClusterRequest>;
export type DescribeClusterRequestInput = InputOf<typeof describeClusterRequest>;

/**
 * Cluster id, controller and brokers.
 * Errors: CLUSTER_AUTHORIZATION_FAILED.
 */
export const describeClusterResponse = message(
  { name: 'DescribeClusterResponse', kind: 'response', apiKey: 60, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32('0+'),
    errorCode: int16('0+'),
    errorMessage: string('0+', { nullable: '0+', default: null }),
    clusterId: string('0+'),
    controllerId: int32('0+', { default: -1 }),
    brokers: array(
      '0+',
      struct('DescribeClusterBroker', {
        brokerId: int32('0+', { mapKey: true }),
        host: string('0+'),
        port: int32('0+'),
        rack: string('0+', { nullable: '0+', default: null }),
      }),
    ),
    /** Bits by AclOperation; -2147483648 when not asked for. */
    clusterAuthorizedOperations: int32('0+', { default: -2147483648 }),
  },
);
export type DescribeClusterResponse = TypeOf<typeof describeClusterResponse>;
export type DescribeClusterResponseInput = InputOf<typeof describeClusterResponse>;
export type DescribeClusterBroker = DescribeClusterResponse['brokers'][number];
