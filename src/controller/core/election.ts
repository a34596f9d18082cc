import { INITIAL_LEADER_EPOCH, NO_LEADER, type LeaderAndIsr } from '../../cluster/index.js';

/**
 * Who leads, and who stays in sync, after each kind of change (Kafka's `Election` and `PartitionLeaderElectionAlgorithms`). All of
 * these decide from the state that was just read from ZooKeeper; the caller writes `next` under the partition epoch it carries.
 */
export type Election =
  | {
      readonly kind: 'elected';
      readonly next: LeaderAndIsr;
      /** The leader was not in sync: acknowledged records may be lost. */
      readonly unclean: boolean;
    }
  | { readonly kind: 'noEligibleReplica' };

/** What moved a partition to a new leader; the names are Kafka's, as its log prints them. */
export type ElectionStrategy =
  | { readonly kind: 'offline'; readonly allowUnclean: boolean }
  | { readonly kind: 'reassign' }
  | { readonly kind: 'preferred' }
  | { readonly kind: 'controlledShutdown' };

const NO_ELIGIBLE_REPLICA: Election = { kind: 'noEligibleReplica' };

/** The first state of a partition: its first live replica leads, and all live ones are in sync. `liveReplicas` is not empty. */
export function initialLeaderAndIsr(liveReplicas: readonly number[]): LeaderAndIsr {
  return {
    leader: liveReplicas[0]!,
    leaderEpoch: INITIAL_LEADER_EPOCH,
    isr: liveReplicas,
    recovering: false,
    partitionEpoch: 0,
  };
}

/**
 * Chooses a leader when the old one is gone: the first live member of the ISR, in the order of the assignment. If none is left and
 * `allowUnclean` is set, the first live replica leads alone and, if brokers know of that, recovering (KIP-704), and `unclean` says that
 * records may be lost.
 */
export function electForOffline(
  current: LeaderAndIsr,
  assignment: readonly number[],
  live: ReadonlySet<number>,
  allowUnclean: boolean,
  isLeaderRecoverySupported: boolean,
): Election {
  const clean = firstLiveInSync(current, assignment, live);
  if (clean !== undefined) {
    const isr = current.isr.filter((replica) => live.has(replica));
    return { kind: 'elected', next: withLeader(current, clean, isr), unclean: false };
  }
  const first = allowUnclean ? assignment.find((replica) => live.has(replica)) : undefined;
  if (first === undefined) return NO_ELIGIBLE_REPLICA;
  const next = { ...withLeader(current, first, [first]), recovering: current.recovering || isLeaderRecoverySupported };
  return { kind: 'elected', next, unclean: true };
}

/** Chooses the leader of a partition whose reassignment completes: the first target replica that is live and in sync. */
export function electForReassignment(
  current: LeaderAndIsr,
  targetReplicas: readonly number[],
  live: ReadonlySet<number>,
): Election {
  const leader = firstLiveInSync(current, targetReplicas, live);
  return leader === undefined
    ? NO_ELIGIBLE_REPLICA
    : { kind: 'elected', next: withLeader(current, leader, current.isr), unclean: false };
}

/** Gives the lead to the preferred replica, the first of the assignment; only if it is live and in sync. */
export function electPreferred(
  current: LeaderAndIsr,
  assignment: readonly number[],
  live: ReadonlySet<number>,
): Election {
  const leader = firstLiveInSync(current, assignment.slice(0, 1), live);
  return leader === undefined
    ? NO_ELIGIBLE_REPLICA
    : { kind: 'elected', next: withLeader(current, leader, current.isr), unclean: false };
}

/**
 * Moves the lead away from brokers that announced their shutdown: the first replica that is in sync and stays. The ones that go
 * leave the ISR at once. `liveOrShuttingDown` still contains them, for their replicas are up.
 */
export function electForControlledShutdown(
  current: LeaderAndIsr,
  assignment: readonly number[],
  liveOrShuttingDown: ReadonlySet<number>,
  shuttingDown: ReadonlySet<number>,
): Election {
  const leader = assignment.find(
    (replica) => liveOrShuttingDown.has(replica) && current.isr.includes(replica) && !shuttingDown.has(replica),
  );
  if (leader === undefined) return NO_ELIGIBLE_REPLICA;
  const isr = current.isr.filter((replica) => !shuttingDown.has(replica));
  return { kind: 'elected', next: withLeader(current, leader, isr), unclean: false };
}

/**
 * The state of a partition without a replica that went offline. The last member of an ISR stays in it, since only it is known to
 * have every acknowledged record; a leader that goes leaves the partition without one until the next election.
 */
export function removeFromIsr(current: LeaderAndIsr, replica: number): LeaderAndIsr {
  const leader = current.leader === replica ? NO_LEADER : current.leader;
  const isr = current.isr.length === 1 ? current.isr : current.isr.filter((member) => member !== replica);
  return withLeader(current, leader, isr);
}

/** Raises the leader epoch alone, so that brokers take over a changed assignment. */
export function withNextLeaderEpoch(current: LeaderAndIsr): LeaderAndIsr {
  return { ...current, leaderEpoch: current.leaderEpoch + 1 };
}

function firstLiveInSync(
  current: LeaderAndIsr,
  candidates: readonly number[],
  live: ReadonlySet<number>,
): number | undefined {
  return candidates.find((replica) => live.has(replica) && current.isr.includes(replica));
}

/** A new leader means a new leader epoch, also when leader and ISR come out the same. */
function withLeader(current: LeaderAndIsr, leader: number, isr: readonly number[]): LeaderAndIsr {
  return { ...current, leader, isr, leaderEpoch: current.leaderEpoch + 1 };
}
