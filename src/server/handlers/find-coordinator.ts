import { mapInSteps } from '../../common/index.js';
import {
  ErrorCode,
  errorMessage,
  findCoordinatorRequest,
  findCoordinatorResponse,
  type FindCoordinatorResponseInput,
} from '../../protocol/index.js';
import type { BrokerNode } from '../metadata-cache.js';
import { handler, type RequestContext } from '../handler.js';
import { GROUP_METADATA_TOPIC } from '../../cluster/index.js';

const GROUP = 0;
const TRANSACTION = 1;
const FIRST_VERSION_OF_MANY = 4;

type Found = { readonly errorCode: number; readonly node: BrokerNode | null };
type Coordinator = NonNullable<FindCoordinatorResponseInput['coordinators']>[number];

/** Says which broker coordinates a group: the leader of its partition of `__consumer_offsets`, which is created when missing. */
export const findCoordinator = handler(findCoordinatorRequest, findCoordinatorResponse, function* (request, context) {
  if (context.apiVersion >= FIRST_VERSION_OF_MANY) {
    const findOne = (key: string): Coordinator => {
      const { errorCode, node } = find(context, request.keyType, key);
      const message = errorCode === ErrorCode.INVALID_REQUEST ? errorMessage(errorCode) : '';
      return { key, errorCode, errorMessage: message, ...address(node) };
    };
    return { coordinators: yield* mapInSteps(request.coordinatorKeys, findOne) };
  }
  const { errorCode, node } = find(context, request.keyType, request.key);
  return { errorCode, errorMessage: errorMessage(errorCode), ...address(node) };
});

function find(context: RequestContext, keyType: number, key: string): Found {
  const refuse = (errorCode: number): Found => ({ errorCode, node: null });
  if (keyType === TRANSACTION) {
    if (!context.authorize('DESCRIBE', { type: 'TRANSACTIONAL_ID', name: key })) {
      return refuse(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    }
    // There is no transaction coordinator: this tells a producer so at once, where "not available" would let it ask on and on.
    return refuse(ErrorCode.UNSUPPORTED_VERSION);
  }
  if (keyType !== GROUP) return refuse(ErrorCode.INVALID_REQUEST);
  if (!context.authorize('DESCRIBE', { type: 'GROUP', name: key })) return refuse(ErrorCode.GROUP_AUTHORIZATION_FAILED);

  const { metadata, autoTopicCreation, groups, logger, listenerName } = context;
  const topic = GROUP_METADATA_TOPIC;
  if (!metadata.hasTopic(topic)) {
    autoTopicCreation
      .createTopics([topic])
      .catch((error: unknown) => logger.warn('Creating an internal topic failed', { topic, error }));
    return refuse(ErrorCode.COORDINATOR_NOT_AVAILABLE);
  }
  const leader = metadata.partitionInfo({ topic, partition: groups.partitionFor(key) })?.leader ?? -1;
  const node = metadata.aliveBrokerNode(leader, listenerName);
  return node ? { errorCode: ErrorCode.NONE, node } : refuse(ErrorCode.COORDINATOR_NOT_AVAILABLE);
}

function address(node: BrokerNode | null): { nodeId: number; host: string; port: number } {
  return node ? { nodeId: node.id, host: node.host, port: node.port } : { nodeId: -1, host: '', port: -1 };
}
