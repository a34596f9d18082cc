import type { ControllerContext, PartitionEntry } from './controller-context.js';
import { electPreferred } from './election.js';

/** How the lead over a broker's preferred partitions is spread. */
export interface BrokerBalance {
  readonly broker: number;
  /** How many partitions prefer the broker as their leader. */
  readonly preferred: number;
  /** Those of them that another leads, or none. */
  readonly ledElsewhere: readonly PartitionEntry[];
}

/** Counts, for every broker that some partition prefers, how many of those it does not lead. Topics under deletion don't count. */
export function leaderBalance(context: ControllerContext): BrokerBalance[] {
  const byBroker = new Map<number, { broker: number; preferred: number; ledElsewhere: PartitionEntry[] }>();
  for (const partition of context.allPartitions()) {
    const broker = partition.assignment.replicas[0];
    if (broker === undefined || context.isTopicQueuedUpForDeletion(partition.topic)) continue;
    let balance = byBroker.get(broker);
    if (!balance) byBroker.set(broker, (balance = { broker, preferred: 0, ledElsewhere: [] }));
    balance.preferred++;
    const { leadership } = partition;
    if (leadership && leadership.leaderAndIsr.leader !== broker) balance.ledElsewhere.push(partition);
  }
  return [...byBroker.values()];
}

/**
 * The partitions whose preferred replica is to lead again, by broker: where more than `percentage` of those that prefer a broker are
 * led elsewhere (`leader.imbalance.per.broker.percentage`), all of them whose preferred replica could lead at once.
 */
export function rebalanceCandidates(context: ControllerContext, percentage: number): PartitionEntry[][] {
  const candidates: PartitionEntry[][] = [];
  for (const { preferred, ledElsewhere } of leaderBalance(context)) {
    if (ledElsewhere.length / preferred <= percentage / 100) continue;
    const movable = ledElsewhere.filter((partition) => canPreferredReplicaLead(context, partition));
    if (movable.length > 0) candidates.push(movable);
  }
  return candidates;
}

/** Whether the preferred replica is in sync and online. */
export function canPreferredReplicaLead(context: ControllerContext, partition: PartitionEntry): boolean {
  if (!partition.leadership) return false;
  const { leaderAndIsr } = partition.leadership;
  return (
    electPreferred(leaderAndIsr, partition.assignment.replicas, context.onlineBrokersFor(partition)).kind === 'elected'
  );
}
