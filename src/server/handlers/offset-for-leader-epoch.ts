import { ErrorCode, offsetForLeaderEpochRequest, offsetForLeaderEpochResponse } from '../../protocol/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import { handler } from '../handler.js';

/** The replica id of consumers; followers say their own, and clients of before version 3 none. */
const CONSUMER_REPLICA_ID = -1;

/** Says where a leader epoch ended, so that a follower or a consumer finds where its log and ours part. */
export const offsetForLeaderEpoch = handler(
  offsetForLeaderEpochRequest,
  offsetForLeaderEpochResponse,
  (request, { authorize, metadata, replicas, apiVersion }) => {
    const isBroker = apiVersion <= 3 || request.replicaId !== CONSUMER_REPLICA_ID;
    // Brokers may see all; whoever is none needs to be allowed to describe the topic.
    const mayAll = isBroker && authorize('CLUSTER_ACTION', CLUSTER_RESOURCE);
    const topics = request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }) => {
        const tp = { topic, partition };
        if (!mayAll && !authorize('DESCRIBE', { type: 'TOPIC', name: topic })) {
          return { partition, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED };
        }
        if (!metadata.contains(tp) && replicas.partitionOf(tp) === undefined) {
          return { partition, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION };
        }
        const found = replicas.lastOffsetForLeaderEpoch(tp, currentLeaderEpoch, leaderEpoch);
        return {
          partition,
          errorCode: found.errorCode,
          leaderEpoch: found.leaderEpoch,
          endOffset: BigInt(found.endOffset),
        };
      }),
    }));
    return { topics };
  },
);
