import type { LeaderAndIsr } from '../../cluster/index.js';
import { ErrorCode } from '../../protocol/index.js';

/** What becomes of an ISR that a leader asks for. */
export type AlterPartitionDecision =
  | { readonly kind: 'write'; readonly next: LeaderAndIsr }
  /** Already so: answered with the current state and not written again, so that a leader may repeat a request. */
  | { readonly kind: 'unchanged'; readonly current: LeaderAndIsr }
  | { readonly kind: 'refused'; readonly errorCode: number; readonly reason: string | null };

/**
 * Judges the state that a leader proposes for its partition, in the order of Kafka's `KafkaController.tryProcessAlterPartition`
 * (KIP-497, KIP-704, KIP-841). `proposed` carries the leader epoch and the partition epoch that the leader knows.
 *
 * @param current what the controller believes; undefined for a partition it does not know
 * @param liveBrokerIds brokers that may join an ISR: registered and not shutting down
 * @param version of the AlterPartition request: before version 2 an ineligible replica has no error code of its own
 */
export function decideAlterPartition(
  current: LeaderAndIsr | undefined,
  proposed: LeaderAndIsr,
  liveBrokerIds: ReadonlySet<number>,
  version: number,
): AlterPartitionDecision {
  if (current === undefined) return refuse(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  if (proposed.partitionEpoch > current.partitionEpoch || proposed.leaderEpoch > current.leaderEpoch) {
    // The leader has seen a later state than we have: most likely another controller's. It is to look for that one.
    return refuse(ErrorCode.NOT_CONTROLLER);
  }
  if (proposed.leaderEpoch < current.leaderEpoch) return refuse(ErrorCode.FENCED_LEADER_EPOCH);
  // Before the fencing by partition epoch, so that a request whose answer was lost can be repeated.
  if (isSameButForPartitionEpoch(proposed, current)) return { kind: 'unchanged', current };
  if (proposed.partitionEpoch < current.partitionEpoch) return refuse(ErrorCode.INVALID_UPDATE_VERSION);
  if (proposed.recovering && proposed.isr.length > 1) {
    return refuse(ErrorCode.INVALID_REQUEST, 'the leader is recovering and the ISR is greater than 1');
  }
  if (!current.recovering && proposed.recovering) {
    return refuse(ErrorCode.INVALID_REQUEST, 'the leader recovery state cannot change from RECOVERED to RECOVERING');
  }
  const ineligible = proposed.isr.filter((replica) => !liveBrokerIds.has(replica));
  if (ineligible.length > 0) {
    return refuse(
      version > 1 ? ErrorCode.INELIGIBLE_REPLICA : ErrorCode.OPERATION_NOT_ATTEMPTED,
      `it specified ineligible replicas ${ineligible.join(',')} in the new ISR`,
    );
  }
  return { kind: 'write', next: proposed };
}

/** Kafka's `LeaderAndIsr.equalsAllowStalePartitionEpoch`: the order of the ISR counts. */
function isSameButForPartitionEpoch(proposed: LeaderAndIsr, current: LeaderAndIsr): boolean {
  return (
    proposed.leader === current.leader &&
    proposed.leaderEpoch === current.leaderEpoch &&
    proposed.recovering === current.recovering &&
    proposed.partitionEpoch <= current.partitionEpoch &&
    proposed.isr.length === current.isr.length &&
    proposed.isr.every((replica, i) => replica === current.isr[i])
  );
}

function refuse(errorCode: number, reason: string | null = null): AlterPartitionDecision {
  return { kind: 'refused', errorCode, reason };
}
