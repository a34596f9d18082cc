/** ControlledShutdown (API key 7): a broker asks the controller to move its leaderships away before it stops. */
import { array, int16, int32, int64, message, string, struct, type InputOf, type TypeOf } from '../notation.js';

/** The broker that wants to stop. */
export const controlledShutdownRequest = message(
  {
    name: 'ControlledShutdownRequest',
    kind: 'request',
    apiKey: 7,
    versions: '0-3',
    flexible: '3+',
    clusterAction: true,
  },
  {
    brokerId: int32('0+'),
    /** Refuses an earlier life of the same broker (KIP-380). */
    brokerEpoch: int64('2+', { default: -1n, ignorable: true }),
  },
);
export type ControlledShutdownRequest = TypeOf<typeof controlledShutdownRequest>;
export type ControlledShutdownRequestInput = InputOf<typeof controlledShutdownRequest>;

/**
 * The partitions that it still leads.
 * Errors: BROKER_NOT_AVAILABLE, NOT_CONTROLLER, STALE_BROKER_EPOCH, STALE_CONTROLLER_EPOCH, CLUSTER_AUTHORIZATION_FAILED.
 */
export const controlledShutdownResponse = message(
  { name: 'ControlledShutdownResponse', kind: 'response', apiKey: 7, versions: '0-3', flexible: '3+' },
  {
    errorCode: int16('0+'),
    remainingPartitions: array(
      '0+',
      struct('RemainingPartition', {
        topicName: string('0+', { mapKey: true }),
        partitionIndex: int32('0+', { mapKey: true }),
      }),
    ),
  },
);
export type ControlledShutdownResponse = TypeOf<typeof controlledShutdownResponse>;
export type ControlledShutdownResponseInput = InputOf<typeof controlledShutdownResponse>;
export type ControlledShutdownResponseRemainingPartition = ControlledShutdownResponse['remainingPartitions'][number];
