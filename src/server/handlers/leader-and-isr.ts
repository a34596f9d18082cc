import { ErrorCode, leaderAndIsrRequest, leaderAndIsrResponse, type InputOf } from '../../protocol/index.js';
import { isBrokerEpochStale } from '../broker-epoch.js';
import { handler } from '../handler.js';
import { GROUP_METADATA_TOPIC_NAME } from '../topic-names.js';

/** The controller tells which partitions this broker leads and which it follows. */
export const leaderAndIsr = handler(leaderAndIsrRequest, leaderAndIsrResponse, (request, context) => {
  const { authorizeClusterAction, replicas, groups, brokerEpoch, logger, apiVersion, correlationId } = context;
  authorizeClusterAction();
  if (isBrokerEpochStale(request.brokerEpoch, brokerEpoch)) {
    logger.info('Received a LeaderAndIsr request for an earlier life of this broker', {
      epoch: request.brokerEpoch,
      current: brokerEpoch,
    });
    return { errorCode: ErrorCode.STALE_BROKER_EPOCH };
  }
  const answer = replicas.becomeLeaderOrFollower(request, apiVersion, correlationId, (leaders, followers) => {
    for (const { tp, leaderAndIsr: state } of leaders) {
      if (tp.topic === GROUP_METADATA_TOPIC_NAME) groups.onElection(tp.partition, state.leaderEpoch);
    }
    for (const { tp, leaderAndIsr: state } of followers) {
      if (tp.topic === GROUP_METADATA_TOPIC_NAME) groups.onResignation(tp.partition, state.leaderEpoch);
    }
  });
  return answer as InputOf<typeof leaderAndIsrResponse>;
});
