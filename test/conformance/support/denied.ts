/** What the tests of refusals ask about, and the codes that they are told. */
import { ErrorCode } from '../../../src/protocol/index.js';

export const {
  NONE,
  TOPIC_AUTHORIZATION_FAILED: TOPIC,
  GROUP_AUTHORIZATION_FAILED: GROUP,
  CLUSTER_AUTHORIZATION_FAILED: CLUSTER,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: TRANSACTIONAL_ID,
  UNKNOWN_TOPIC_OR_PARTITION: UNKNOWN,
} = ErrorCode;

export const DENIED = 'orders';
export const ALLOWED = 'bills';
export const [DENIED_GROUP, ALLOWED_GROUP] = ['buyers', 'payers'];
export const TOPIC_RESOURCE = 2;
export const BROKER_RESOURCE = 4;
export const NOTHING = Buffer.alloc(0);

export const refused = { partitionIndex: 0, errorCode: TOPIC };
export const named = (partitions: readonly object[]): object[] => [{ name: DENIED, partitions }];
