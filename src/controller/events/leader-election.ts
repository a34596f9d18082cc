import { partitionKey, NO_LEADER, type TopicPartition } from '../../cluster/index.js';
import { ErrorCode } from '../../protocol/index.js';
import { ZnodeFormatError } from '../../zookeeper/index.js';
import type { PartitionEntry } from '../core/controller-context.js';
import type { ElectionStrategy } from '../core/election.js';
import { rebalanceCandidates } from '../core/leader-balance.js';
import type { ElectionResults } from '../partition-state-machine.js';
import { tidyUp, type ControllerEvent, type ControllerRuntime } from '../runtime.js';
import { StateChangeFailedError } from '../state-change-log.js';

/** Kafka's `ElectionType`: 0 gives the lead to the preferred replica, 1 to any live one where there is no leader. */
export type ElectionType = 'preferred' | 'unclean';

/** How the election of one partition ended. `leader` is the new leader when `errorCode` is 0, else -1. */
export interface ElectLeadersResult extends TopicPartition {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly leader: number;
}

/** A tool asked for elections by the node of before KIP-183. It is gone when they are done. */
export const preferredReplicaElection: ControllerEvent = {
  name: 'ReplicaLeaderElection',
  state: 'ManualLeaderBalance',
  async process(controller) {
    if (!controller.isActive) return;
    if (!(await controller.watches.checkPreferredReplicaElection())) return;
    await electAsAskedInZk(controller);
  },
};

/** Runs the elections that the node asks for, and removes it. Also run at the start of a term, when it may have been missed. */
export async function electAsAskedInZk(controller: ControllerRuntime): Promise<void> {
  const { context, stores, log } = controller;
  const asked = await askedInZk(controller);
  const { electable } = sortOut(controller, asked, 'preferred');
  try {
    const results = await elect(controller, electable, { kind: 'preferred' });
    for (const [partition, result] of results) {
      if (result instanceof Error) {
        log.warn('Failed to elect the preferred leader', { partition: partitionKey(partition), error: result });
      }
    }
    reportPreferred(controller, electable);
  } finally {
    const isGone = await tidyUp(log, stores.elections.deletePreferredReplicaElection(context.epochZkVersion));
    // What was asked for between our read and the deletion is not seen otherwise.
    if (isGone) controller.put(preferredReplicaElection);
  }
}

async function askedInZk({ stores, log }: ControllerRuntime): Promise<readonly TopicPartition[]> {
  try {
    return await stores.elections.preferredReplicaElection();
  } catch (error) {
    if (!(error instanceof ZnodeFormatError)) throw error;
    log.error('Ignoring a preferred replica election that cannot be read', { error });
    return [];
  }
}

/** A client asked for elections (ElectLeaders). `partitions` null means all. */
export function electLeaders(
  partitions: readonly TopicPartition[] | null,
  type: ElectionType,
  respond: (results: ElectLeadersResult[]) => void,
): ControllerEvent {
  const notController = (): void =>
    respond((partitions ?? []).map((partition) => failure(partition, ErrorCode.NOT_CONTROLLER, null)));
  return {
    name: 'ReplicaLeaderElection',
    state: 'ManualLeaderBalance',
    preempt: notController,
    async process(controller) {
      if (!controller.isActive) return notController();
      const asked = partitions ?? [...controller.context.allPartitions()];
      const { electable, results } = sortOut(controller, asked, type);
      const strategy: ElectionStrategy =
        type === 'preferred' ? { kind: 'preferred' } : { kind: 'offline', allowUnclean: true };
      let elected: ElectionResults;
      try {
        elected = await elect(controller, electable, strategy);
      } catch (error) {
        notController();
        throw error;
      }
      for (const partition of electable) {
        const result = elected.get(partition);
        if (result !== undefined && !(result instanceof Error)) {
          results.push({ ...tp(partition), errorCode: ErrorCode.NONE, errorMessage: null, leader: result.leader });
        } else if (result instanceof StateChangeFailedError) {
          const code =
            type === 'preferred' ? ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE : ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE;
          results.push(failure(partition, code, result.message));
        } else {
          results.push(failure(partition, ErrorCode.UNKNOWN_SERVER_ERROR, result?.message ?? null));
        }
      }
      respond(results);
    },
  };
}

/** Time to look whether too many partitions are led by another than their preferred replica. */
export function autoPreferredReplicaLeaderElection(reschedule: () => void): ControllerEvent {
  return {
    name: 'AutoPreferredReplicaLeaderElection',
    state: 'AutoLeaderBalance',
    async process(controller) {
      if (!controller.isActive) return;
      try {
        const percentage = controller.config.get('leader.imbalance.per.broker.percentage');
        for (const partitions of rebalanceCandidates(controller.context, percentage)) {
          controller.log.info('Moving the lead back to preferred replicas', { partitions: partitions.length });
          await elect(controller, partitions, { kind: 'preferred' });
          reportPreferred(controller, partitions);
        }
      } finally {
        reschedule();
      }
    },
  };
}

/** `unclean.leader.election.enable` was turned on, for all topics or one: offline partitions may have a leader now. */
export function uncleanLeaderElectionEnable(topic?: string): ControllerEvent {
  return {
    name: topic === undefined ? 'UncleanLeaderElectionEnable' : 'TopicUncleanLeaderElectionEnable',
    state: topic === undefined ? 'UncleanLeaderElectionEnable' : 'TopicUncleanLeaderElectionEnable',
    async process(controller) {
      if (!controller.isActive) return;
      controller.log.info('Unclean leader election has been enabled', { topic: topic ?? 'by default' });
      await controller.partitions.triggerOnlinePartitionStateChange(topic);
    },
  };
}

function elect(
  controller: ControllerRuntime,
  partitions: readonly PartitionEntry[],
  strategy: ElectionStrategy,
): Promise<ElectionResults> {
  if (partitions.length > 0) {
    controller.log.info('Starting replica leader election', { strategy: strategy.kind, partitions: partitions.length });
  }
  return controller.partitions.handleStateChanges(partitions, 'OnlinePartition', strategy);
}

/** Splits what was asked for into what can be elected and what is answered at once, in Kafka's order of reasons. */
function sortOut(
  { context, deletions, log }: ControllerRuntime,
  asked: readonly TopicPartition[],
  type: ElectionType,
): { electable: PartitionEntry[]; results: ElectLeadersResult[] } {
  const electable: PartitionEntry[] = [];
  const results: ElectLeadersResult[] = [];
  let unknown = 0;
  for (const { topic, partition: index } of asked) {
    const partition = context.partition(topic, index);
    if (!partition) {
      unknown++;
      results.push(
        failure({ topic, partition: index }, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 'The partition does not exist.'),
      );
    } else if (deletions.isTopicQueuedUpForDeletion(topic)) {
      log.warn('Skipping replica leader election since the topic is being deleted', { topic, partition: index });
      results.push(failure(partition, ErrorCode.INVALID_TOPIC_EXCEPTION, 'The topic is being deleted'));
    } else if (!needsElection(partition, type, context.liveBrokerIds)) {
      results.push(failure(partition, ErrorCode.ELECTION_NOT_NEEDED, null));
    } else {
      electable.push(partition);
    }
  }
  // Whoever asks names what he likes, and is told of each.
  if (unknown > 0)
    log.info('Skipping replica leader election of partitions that do not exist', { partitions: unknown });
  return { electable, results };
}

function needsElection(partition: PartitionEntry, type: ElectionType, live: ReadonlySet<number>): boolean {
  const leader = partition.leadership?.leaderAndIsr.leader ?? NO_LEADER;
  return type === 'preferred' ? leader !== partition.assignment.replicas[0] : leader === NO_LEADER || !live.has(leader);
}

function reportPreferred({ log }: ControllerRuntime, partitions: readonly PartitionEntry[]): void {
  for (const partition of partitions) {
    const leader = partition.leadership?.leaderAndIsr.leader;
    const fields = { partition: partitionKey(partition), preferred: partition.assignment.replicas[0], leader };
    if (leader === fields.preferred) log.debug('Partition completed preferred replica leader election', fields);
    else log.warn('Partition failed to complete preferred replica leader election', fields);
  }
}

function failure(partition: TopicPartition, errorCode: number, errorMessage: string | null): ElectLeadersResult {
  return { ...tp(partition), errorCode, errorMessage, leader: NO_LEADER };
}

function tp({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition };
}
