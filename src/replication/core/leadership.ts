/**
 * What a LeaderAndIsr request means for one partition (the checks of Kafka's `ReplicaManager.becomeLeaderOrFollower`).
 */
import type { Uuid } from '../../common/index.js';

/** What this broker knows of the partition. */
export interface HostedView {
  readonly isOffline: boolean;
  /** -1 for one that was just made. */
  readonly leaderEpoch: number;
  /** The id in the log's `partition.metadata`; null when the log has none or does not exist. */
  readonly topicId: Uuid | null;
  readonly hasLog: boolean;
}

/** What the controller says of it. */
export interface RequestedView {
  readonly leaderEpoch: number;
  readonly leader: number;
  readonly replicas: readonly number[];
  /** Null when the request carries none. */
  readonly topicId: Uuid | null;
}

export type LeadershipDecision =
  | { readonly kind: 'becomeLeader' }
  | { readonly kind: 'becomeFollower' }
  /** The same epoch, but a topic id that the log lacks: write it, and fetch by it. */
  | { readonly kind: 'assignTopicId'; readonly isFollower: boolean }
  /** The same epoch, and the controller no longer uses topic ids: fetch by name again. */
  | { readonly kind: 'dropTopicId' }
  | {
      readonly kind: 'refuse';
      readonly error:
        'KAFKA_STORAGE_ERROR' | 'INCONSISTENT_TOPIC_ID' | 'UNKNOWN_TOPIC_OR_PARTITION' | 'STALE_CONTROLLER_EPOCH';
    };

/** A null or unknown id fits any other. */
export function isConsistentTopicId(requested: Uuid | null, known: Uuid | null): boolean {
  return requested === null || known === null || requested === known;
}

/** An epoch that is not newer changes nothing: the answer is STALE_CONTROLLER_EPOCH, also for a repetition of what is known. */
export function decideLeadership(
  localBrokerId: number,
  hosted: HostedView,
  requested: RequestedView,
): LeadershipDecision {
  if (hosted.isOffline) return { kind: 'refuse', error: 'KAFKA_STORAGE_ERROR' };
  if (!isConsistentTopicId(requested.topicId, hosted.topicId))
    return { kind: 'refuse', error: 'INCONSISTENT_TOPIC_ID' };
  if (requested.leaderEpoch > hosted.leaderEpoch) {
    if (!requested.replicas.includes(localBrokerId)) return { kind: 'refuse', error: 'UNKNOWN_TOPIC_OR_PARTITION' };
    return { kind: requested.leader === localBrokerId ? 'becomeLeader' : 'becomeFollower' };
  }
  if (requested.leaderEpoch === hosted.leaderEpoch) {
    const isFollower = requested.leader !== localBrokerId;
    if (requested.topicId !== null && hosted.topicId === null && hosted.hasLog)
      return { kind: 'assignTopicId', isFollower };
    if (requested.topicId === null && hosted.topicId !== null && isFollower) return { kind: 'dropTopicId' };
  }
  return { kind: 'refuse', error: 'STALE_CONTROLLER_EPOCH' };
}

/** Epochs in StopReplica that stop whatever is here: the topic is being deleted, or the controller sends none (below v3). */
const EPOCH_DURING_DELETE = -2;
const NO_EPOCH = -1;

/** Whether StopReplica with that leader epoch applies to a partition at `currentLeaderEpoch`; else it answers FENCED_LEADER_EPOCH. */
export function mayStopReplica(requestLeaderEpoch: number, currentLeaderEpoch: number): boolean {
  return (
    requestLeaderEpoch === EPOCH_DURING_DELETE ||
    requestLeaderEpoch === NO_EPOCH ||
    requestLeaderEpoch >= currentLeaderEpoch
  );
}

/** How a client's or follower's `currentLeaderEpoch` compares with ours (KIP-320). -1: it did not say. */
export function checkCurrentLeaderEpoch(
  requested: number,
  current: number,
): 'FENCED_LEADER_EPOCH' | 'UNKNOWN_LEADER_EPOCH' | null {
  if (requested === -1 || requested === current) return null;
  return requested < current ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH';
}
