import { mapNestedInSteps } from '../../common/index.js';
import {
  ErrorCode,
  offsetForLeaderEpochRequest,
  offsetForLeaderEpochResponse,
  type OffsetForLeaderEpochRequest,
  type OffsetForLeaderEpochResponseInput,
} from '../../protocol/index.js';
import { CLUSTER_RESOURCE } from '../../security/index.js';
import { handler } from '../handler.js';

type AskedTopic = OffsetForLeaderEpochRequest['topics'][number];
type AskedPartition = AskedTopic['partitions'][number];
type TopicAnswer = NonNullable<OffsetForLeaderEpochResponseInput['topics']>[number];
type PartitionAnswer = NonNullable<TopicAnswer['partitions']>[number];

/** The replica id of consumers; followers say their own, and clients of before version 3 none. */
const CONSUMER_REPLICA_ID = -1;

/** Says where a leader epoch ended, so that a follower or a consumer finds where its log and ours part. */
export const offsetForLeaderEpoch = handler(
  offsetForLeaderEpochRequest,
  offsetForLeaderEpochResponse,
  function* (request, { authorize, metadata, replicas, apiVersion }) {
    const isBroker = apiVersion <= 3 || request.replicaId !== CONSUMER_REPLICA_ID;
    // Brokers may see all; whoever is none needs to be allowed to describe the topic.
    const mayAll = isBroker && authorize('CLUSTER_ACTION', CLUSTER_RESOURCE);
    const find = (
      { partition, currentLeaderEpoch, leaderEpoch }: AskedPartition,
      { topic }: AskedTopic,
    ): PartitionAnswer => {
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
    };
    return { topics: yield* mapNestedInSteps(request.topics, partitionsOf, find, topicAnswer) };
  },
);

function partitionsOf({ partitions }: AskedTopic): readonly AskedPartition[] {
  return partitions;
}

function topicAnswer({ topic }: AskedTopic, partitions: PartitionAnswer[]): TopicAnswer {
  return { topic, partitions };
}
