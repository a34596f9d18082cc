/**
 * Which replica a consumer should read from (KIP-392).
 */

/** A replica that could serve the fetch. */
export interface ReplicaView {
  readonly brokerId: number;
  /** The rack of its broker; null without one; undefined when the consumer could not reach it by its listener. */
  readonly rack: string | null | undefined;
  readonly logEndOffset: number;
  readonly timeSinceLastCaughtUpMs: number;
}

export type ReplicaSelector = (
  rackId: string,
  replicas: readonly ReplicaView[],
  leader: ReplicaView,
) => ReplicaView | null;

/**
 * The most caught-up replica of the consumer's rack: the furthest log end, then the shortest lag. The leader when it is in that rack
 * itself, or when no replica is (Kafka's `RackAwareReplicaSelector`).
 */
export const rackAwareReplicaSelector: ReplicaSelector = (rackId, replicas, leader) => {
  if (rackId === '') return leader;
  const sameRack = replicas.filter((replica) => replica.rack === rackId);
  if (sameRack.length === 0 || sameRack.some((replica) => replica.brokerId === leader.brokerId)) return leader;
  return sameRack.reduce((best, next) => (compareProgress(next, best) > 0 ? next : best));
};

function compareProgress(a: ReplicaView, b: ReplicaView): number {
  return (
    a.logEndOffset - b.logEndOffset || b.timeSinceLastCaughtUpMs - a.timeSinceLastCaughtUpMs || a.brokerId - b.brokerId
  );
}

/** The leader whatever the rack (Kafka's `LeaderSelector`). */
export const leaderSelector: ReplicaSelector = (_rackId, _replicas, leader) => leader;

/** Java class names that `replica.selector.class` may hold, as Kafka's users write them. */
const SELECTORS: Readonly<Record<string, ReplicaSelector>> = {
  'org.apache.kafka.common.replica.RackAwareReplicaSelector': rackAwareReplicaSelector,
  'org.apache.kafka.common.replica.LeaderSelector': leaderSelector,
};

/** The selector of that class; null when none is set; undefined when there is no such class. */
export function replicaSelectorOf(className: string | null): ReplicaSelector | null | undefined {
  return className === null || className === '' ? null : SELECTORS[className];
}
