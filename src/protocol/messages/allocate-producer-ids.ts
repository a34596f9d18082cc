/** AllocateProducerIds (API key 67): a broker takes a block of producer ids from the controller. */
import { int16, int32, int64, message, type InputOf, type TypeOf } from '../notation.js';

/** The broker that asks. */
export const allocateProducerIdsRequest = message(
  {
    name: 'AllocateProducerIdsRequest',
    kind: 'request',
    apiKey: 67,
    versions: '0',
    flexible: '0+',
    clusterAction: true,
  },
  {
    brokerId: int32('0+'),
    /** Refuses an earlier life of the same broker (KIP-380). */
    brokerEpoch: int64('0+', { default: -1n }),
  },
);
export type AllocateProducerIdsRequest = TypeOf<typeof allocateProducerIdsRequest>;
export type AllocateProducerIdsRequestInput = InputOf<typeof allocateProducerIdsRequest>;

/**
 * The first id of the block, and how many there are.
 * Errors: NOT_CONTROLLER, STALE_BROKER_EPOCH, CLUSTER_AUTHORIZATION_FAILED.
 */
export const allocateProducerIdsResponse = message(
  { name: 'AllocateProducerIdsResponse', kind: 'response', apiKey: 67, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32('0+'),
    errorCode: int16('0+'),
    producerIdStart: int64('0+'),
    /** How many ids the block has. */
    producerIdLen: int32('0+'),
  },
);
export type AllocateProducerIdsResponse = TypeOf<typeof allocateProducerIdsResponse>;
export type AllocateProducerIdsResponseInput = InputOf<typeof allocateProducerIdsResponse>;
