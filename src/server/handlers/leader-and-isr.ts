import {
  ErrorCode,
  leaderAndIsrRequest,
  leaderAndIsrResponse,
  type InputOf,
  type LeaderAndIsrRequest,
} from '../../protocol/index.js';
import { isBrokerEpochStale } from '../broker-epoch.js';
import { handler } from '../handler.js';
import { GROUP_METADATA_TOPIC } from '../../cluster/index.js';

/** The controller tells which partitions this broker leads and which it follows. */
export const leaderAndIsr = handler(leaderAndIsrRequest, leaderAndIsrResponse, async (request, context) => {
  const { authorizeClusterAction, replicas, groups, logger, apiVersion, correlationId } = context;
  authorizeClusterAction();
  const isStale = (): boolean => isBrokerEpochStale(request.brokerEpoch, context.brokerEpoch);
  const refuse = (): InputOf<typeof leaderAndIsrResponse> => {
    logger.info('Received a LeaderAndIsr request for an earlier life of this broker', {
      epoch: request.brokerEpoch,
      current: context.brokerEpoch,
    });
    return { errorCode: ErrorCode.STALE_BROKER_EPOCH };
  };
  if (isStale()) return refuse();
  // No notification tells of the configuration that a topic was created with, and its logs are made below.
  const unknown = context.topicConfigs.unknownOf(topicsOf(request));
  if (unknown.length > 0) {
    await context.topicConfigs.load(unknown);
    // The session may have ended meanwhile.
    if (isStale()) return refuse();
  }
  const answer = replicas.becomeLeaderOrFollower(request, apiVersion, correlationId, (leaders, followers) => {
    for (const { tp, leaderAndIsr: state } of leaders) {
      if (tp.topic === GROUP_METADATA_TOPIC) groups.onElection(tp.partition, state.leaderEpoch);
    }
    for (const { tp, leaderAndIsr: state } of followers) {
      if (tp.topic === GROUP_METADATA_TOPIC) groups.onResignation(tp.partition, state.leaderEpoch);
    }
  });
  return answer as InputOf<typeof leaderAndIsrResponse>;
});

function topicsOf({ topicStates, ungroupedPartitionStates }: LeaderAndIsrRequest): Set<string> {
  const topics = new Set(topicStates.map(({ topicName }) => topicName));
  for (const { topicName } of ungroupedPartitionStates) topics.add(topicName);
  return topics;
}
