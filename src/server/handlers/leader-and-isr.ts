import { ZERO_UUID, type Uuid } from '../../common/index.js';
import {
  ErrorCode,
  leaderAndIsrRequest,
  leaderAndIsrResponse,
  type InputOf,
  type LeaderAndIsrRequest,
} from '../../protocol/index.js';
import { isBrokerEpochStale } from '../broker-epoch.js';
import { handler, LATER, type RequestContext } from '../handler.js';
import { dropStrays, logsInTheWay, straysAmong, type StrayReplica } from '../stray-replicas.js';

type Answer = InputOf<typeof leaderAndIsrResponse>;

/** The controller tells which partitions this broker leads and which it follows. */
export const leaderAndIsr = handler(leaderAndIsrRequest, leaderAndIsrResponse, serve, { keepsNumbers: true });

async function serve(request: LeaderAndIsrRequest, context: RequestContext<Answer>): Promise<Answer | typeof LATER> {
  const { authorizeClusterAction, topicConfigs, controlOrder } = context;
  authorizeClusterAction();
  if (!controlOrder.admits(request, context)) return LATER;
  const topics = topicsOf(request);
  for (;;) {
    if (isStale(request, context)) return { errorCode: ErrorCode.STALE_BROKER_EPOCH };
    // No notification tells of the configuration that a topic was created with, and its logs are made below. Read before the command's
    // turn: another controller's commands do not wait for our ZooKeeper.
    const unknown = topicConfigs.unknownOf(topics);
    if (unknown.size > 0) await topicConfigs.load(unknown);
    // Left by a topic that had the name, they would be refused below, and no one says the command again. ZooKeeper is asked as above.
    const inTheWay = logsInTheWay(context, topics);
    const strays = inTheWay.length > 0 ? await straysAmong(context, inTheWay) : [];
    const answer = await controlOrder.inTurn(() => carryOut(request, topics, strays, context));
    if (answer) return answer;
  }
}

/** Null when a topic has been forgotten since its configuration was read, or is another one by now: it is to be read again. */
async function carryOut(
  request: LeaderAndIsrRequest,
  topics: ReadonlyMap<string, Uuid>,
  strays: readonly StrayReplica[],
  context: RequestContext<Answer>,
): Promise<Answer | typeof LATER | null> {
  const { apiVersion, correlationId, controlOrder, replicas, topicConfigs } = context;
  if (strays.length > 0) await dropStrays(context, strays);
  // The session may have ended meanwhile, or the controller may have gone on to other commands on another connection.
  if (isStale(request, context)) return { errorCode: ErrorCode.STALE_BROKER_EPOCH };
  if (!controlOrder.admits(request, context)) return LATER;
  if (topicConfigs.unknownOf(topics).size > 0) return null;
  return (await replicas.becomeLeaderOrFollower(request, apiVersion, correlationId)) as Answer;
}

function isStale({ brokerEpoch }: LeaderAndIsrRequest, context: RequestContext<Answer>): boolean {
  if (!isBrokerEpochStale(brokerEpoch, context.brokerEpoch)) return false;
  context.logger.info('Received a LeaderAndIsr request for an earlier life of this broker', {
    epoch: brokerEpoch,
    current: context.brokerEpoch,
  });
  return true;
}

function topicsOf({ topicStates, ungroupedPartitionStates }: LeaderAndIsrRequest): Map<string, Uuid> {
  const topics = new Map(topicStates.map(({ topicName, topicId }) => [topicName, topicId]));
  for (const { topicName } of ungroupedPartitionStates) topics.set(topicName, ZERO_UUID);
  return topics;
}
