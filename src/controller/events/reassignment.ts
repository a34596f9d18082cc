import { partitionKey, parsePartitionKey, type LeaderAndIsr, type ReplicaAssignment } from '../../cluster/index.js';
import { reassignPartitionsZnode, ZnodeFormatError } from '../../zookeeper/index.js';
import type { PartitionEntry } from '../core/controller-context.js';
import { withNextLeaderEpoch } from '../core/election.js';
import {
  completedAssignment,
  isBeingReassigned,
  isReassignmentComplete,
  originReplicas,
  reassignTo,
  sameAssignment,
} from '../core/reassignment.js';
import { endsTerm } from '../partition-store.js';
import type { ControllerEvent, ControllerRuntime } from '../runtime.js';
import { StateChangeFailedError } from '../state-change-log.js';

/** Reassignments were asked for in the node of before KIP-455. */
export const zkPartitionReassignment: ControllerEvent = {
  name: 'ZkPartitionReassignment',
  state: 'AlterPartitionReassignment',
  async process(controller) {
    if (!controller.isActive) return;
    if (await controller.watches.checkPartitionReassignment()) await processZkReassignments(controller);
  },
};

/**
 * Takes up reassignments at the start of a term: those in the old node, which supplant what was under way, and then those that the
 * topics' own nodes say are under way.
 */
export async function initializeReassignments(controller: ControllerRuntime): Promise<void> {
  const taken = (await controller.watches.checkPartitionReassignment())
    ? await processZkReassignments(controller)
    : new Set<PartitionEntry>();
  await resumeReassignments(controller, (partition) => !taken.has(partition));
}

/** Goes on with the reassignments of the partitions chosen. */
export async function resumeReassignments(
  controller: ControllerRuntime,
  chosen: (partition: PartitionEntry) => boolean,
): Promise<void> {
  for (const partition of [...controller.context.partitionsBeingReassigned]) {
    if (chosen(partition)) await goOn(controller, partition);
  }
}

/**
 * Topics that are gone, or will be deleted now, are moved no more: all of their replicas, old ones and new ones, are deleted alike. Whoever asked
 * for the moves must not wait for them: as long as their node is there, no one can ask for others.
 */
export async function endReassignmentsOf(controller: ControllerRuntime, topics: readonly string[]): Promise<void> {
  const { partitionsBeingReassigned } = controller.context;
  const gone = new Set(topics);
  const ended = [...partitionsBeingReassigned].filter(({ topic }) => gone.has(topic));
  if (ended.length === 0) return;
  for (const partition of ended) partitionsBeingReassigned.delete(partition);
  controller.log.info('Topics are deleted while being reassigned', { partitions: ended.map(partitionKey) });
  try {
    await removeFromZk(controller, (key) => gone.has(parsePartitionKey(key)?.topic ?? ''));
  } catch (error) {
    if (endsTerm(error)) throw error;
    controller.log.error('Cannot take the reassignments of deleted topics back', { error });
  }
}

/** What keeps one from going on, as a state that no one can read, is no other's trouble. (It ends the term of Kafka's controller.) */
async function goOn(controller: ControllerRuntime, partition: PartitionEntry): Promise<void> {
  try {
    await onPartitionReassignment(controller, partition, partition.assignment);
  } catch (error) {
    if (endsTerm(error)) throw error;
    controller.log.error('Cannot go on with a reassignment', { partition: partitionKey(partition), error });
  }
}

/** A partition's ISR changed: if it was waited for, its reassignment can be finished. */
export async function maybeCompleteReassignment(
  controller: ControllerRuntime,
  partition: PartitionEntry,
): Promise<void> {
  if (!controller.context.partitionsBeingReassigned.has(partition)) return;
  if (!isReassignmentComplete(partition.assignment, partition.leadership?.leaderAndIsr)) return;
  controller.log.info('Target replicas have all caught up with the leader of a partition being reassigned', {
    partition: partitionKey(partition),
    replicas: partition.assignment.replicas,
  });
  await goOn(controller, partition);
}

/** Gives the partitions whose reassignment was begun; the rest is taken out of the node. */
async function processZkReassignments(controller: ControllerRuntime): Promise<Set<PartitionEntry>> {
  const { context, deletions, log } = controller;
  const begun = new Set<PartitionEntry>();
  const failed = new Map<string, readonly number[]>();
  for (const [key, target] of await askedInZk(controller)) {
    const tp = parsePartitionKey(key);
    const partition = tp && context.partition(tp.topic, tp.partition);
    if (!partition || partition.assignment.replicas.length === 0 || target.length === 0) {
      log.warn('Failed reassignment through zk: the partition does not exist', { partition: key });
      failed.set(key, target);
    } else if (deletions.isTopicQueuedUpForDeletion(partition.topic)) {
      log.warn('Skipping reassignment since the topic is currently being deleted', { partition: key });
      failed.set(key, target);
    } else {
      try {
        await onPartitionReassignment(controller, partition, reassignTo(partition.assignment, target));
        begun.add(partition);
      } catch (error) {
        if (endsTerm(error)) throw error;
        log.error('Failed reassignment through zk', { partition: key, error });
        failed.set(key, target);
      }
    }
  }
  if (failed.size > 0)
    await removeFromZk(controller, (key, target) => failed.has(key) && sameIds(failed.get(key)!, target));
  return begun;
}

/**
 * Takes a reassignment as far as it goes now (Kafka's `onPartitionReassignment`; the steps' names are its). While the target replicas
 * are not all in sync: the assignment is stored, everybody concerned is told, the new replicas start (phase A). Once they are: the
 * leader moves if it must, the old replicas leave and are deleted, and the final assignment is stored (phase B).
 */
async function onPartitionReassignment(
  controller: ControllerRuntime,
  partition: PartitionEntry,
  reassignment: ReplicaAssignment,
): Promise<void> {
  const { context, batch, replicas } = controller;
  await updateCurrentReassignment(controller, partition, reassignment);

  const { adding, removing } = reassignment;
  const added = adding.map((replica) => ({ partition, replica }));
  if (!(await isComplete(controller, partition, reassignment))) {
    // A1. To every replica, old and new. A replica that is added may go to any log directory, hence new.
    await raiseLeaderEpoch(controller, partition);
    batch.addLeaderAndIsr(originReplicas(reassignment), partition, false);
    batch.addLeaderAndIsr(adding, partition, true);
    // A2.
    await replicas.handleStateChanges(added, 'NewReplica');
    return;
  }
  // B1.
  await replicas.handleStateChanges(added, 'OnlineReplica');
  // B2. In memory only: ZooKeeper is the one place that remembers the old replicas until they are gone.
  const completed = completedAssignment(reassignment);
  context.putAssignment(partition, completed);
  // B3.
  await moveLeaderIfRequired(controller, partition, completed);
  // B4, B5.
  await stopRemovedReplicas(controller, partition, removing);
  // B6.
  await storeAssignment(controller, partition, completed);
  // B7.
  await removeFromZk(
    controller,
    (key, target) => key === partitionKey(partition) && sameIds(target, completed.replicas),
  );
  context.partitionsBeingReassigned.delete(partition);
  // B8.
  batch.addUpdateMetadata(context.liveOrShuttingDownBrokerIds, [partition]);
}

/**
 * As the state in ZooKeeper says. Old leaders write there, and are heard of later; and what is complete ends with the deletion of replicas, which
 * no version of a znode would stop.
 */
async function isComplete(
  { context, partitionStore }: ControllerRuntime,
  partition: PartitionEntry,
  reassignment: ReplicaAssignment,
): Promise<boolean> {
  if (!isReassignmentComplete(reassignment, partition.leadership?.leaderAndIsr)) return false;
  if (!isBeingReassigned(reassignment)) return true;
  const [state] = await partitionStore.readPartitionStates([partition]);
  if (state instanceof Error) throw state;
  if (!state) return false;
  context.putLeadership(partition, state);
  return isReassignmentComplete(reassignment, state.leaderAndIsr);
}

/** Stores what is under way, first in ZooKeeper, and stops replicas that only the reassignment before this one wanted. */
async function updateCurrentReassignment(
  controller: ControllerRuntime,
  partition: PartitionEntry,
  reassignment: ReplicaAssignment,
): Promise<void> {
  const { context } = controller;
  const before = partition.assignment;
  if (!sameAssignment(before, reassignment)) {
    await storeAssignment(controller, partition, reassignment);
    context.putAssignment(partition, reassignment);
    const unneeded = before.replicas.filter((replica) => !reassignment.replicas.includes(replica));
    if (unneeded.length > 0) await stopRemovedReplicas(controller, partition, unneeded);
  }
  context.partitionsBeingReassigned.add(partition);
}

async function moveLeaderIfRequired(
  controller: ControllerRuntime,
  partition: PartitionEntry,
  { replicas }: ReplicaAssignment,
): Promise<void> {
  const { context, batch, partitions } = controller;
  const leader = partition.leadership!.leaderAndIsr.leader;
  if (replicas.includes(leader) && context.isReplicaOnline(leader, partition)) {
    await raiseLeaderEpoch(controller, partition);
    batch.addLeaderAndIsr(replicas, partition, false);
  } else {
    await partitions.handleStateChanges([partition], 'OnlinePartition', { kind: 'reassign' });
  }
}

async function stopRemovedReplicas(
  controller: ControllerRuntime,
  partition: PartitionEntry,
  removed: readonly number[],
): Promise<void> {
  const { replicas } = controller;
  const gone = removed.map((replica) => ({ partition, replica }));
  await replicas.handleStateChanges(gone, 'OfflineReplica');
  controller.flush();
  await replicas.handleStateChanges(gone, 'ReplicaDeletionStarted');
  // Nobody waits for the answer: what is left behind on a broker is found when it starts.
  await replicas.handleStateChanges(gone, 'ReplicaDeletionSuccessful');
  await replicas.handleStateChanges(gone, 'NonExistentReplica');
}

/** Writes the partition's assignment into its topic's node; the other partitions, among them new ones, stay as they are there. */
async function storeAssignment(
  { context, stores, log }: ControllerRuntime,
  partition: PartitionEntry,
  assignment: ReplicaAssignment,
): Promise<void> {
  const { topic } = partition;
  const topicId = context.topicId(topic) ?? null;
  const stored = await stores.topics.changeAssignment(
    topic,
    (current) => {
      if (current.topicId !== topicId) return null;
      return { ...current, partitions: new Map([...current.partitions, [partition.partition, assignment]]) };
    },
    context.epochZkVersion,
  );
  if (stored?.topicId !== topicId) throw new Error(`Topic ${topic} with id ${topicId} is not there any more`);
  log.info('Successfully updated assignment', { partition: partitionKey(partition), ...assignment });
}

/** Raises the leader epoch in ZooKeeper and in memory, so that brokers take the changed assignment. */
async function raiseLeaderEpoch(controller: ControllerRuntime, partition: PartitionEntry): Promise<void> {
  const { context, partitionStore, stateChanges } = controller;
  const name = partitionKey(partition);
  let current: LeaderAndIsr | undefined = partition.leadership?.leaderAndIsr;
  for (;;) {
    if (!current) {
      const [state] = await partitionStore.readPartitionStates([partition]);
      if (state instanceof Error) throw state;
      if (!state) {
        throw new StateChangeFailedError(
          `Cannot update leader epoch for partition ${name} as leaderAndIsr path is empty. This could mean we somehow ` +
            "tried to reassign a partition that doesn't exist",
        );
      }
      current = state.leaderAndIsr;
    }
    const [result] = await partitionStore.writePartitionStates([{ partition, next: withNextLeaderEpoch(current) }]);
    if (result!.kind === 'failed') throw result!.error;
    if (result!.kind === 'written') {
      context.putLeadership(partition, { leaderAndIsr: result!.state, controllerEpoch: context.epoch });
      stateChanges.leaderEpochRaised(partition, result!.state);
      return;
    }
    current = undefined;
  }
}

/** Takes entries out of the node of before KIP-455, if there is one. */
async function removeFromZk(
  controller: ControllerRuntime,
  remove: (key: string, target: readonly number[]) => boolean,
): Promise<void> {
  const { context, stores } = controller;
  const isGone = await stores.reassignments.removePartitionReassignments(remove, context.epochZkVersion);
  // What is asked for between the deletion and the next watch is not seen otherwise.
  if (isGone) controller.put(zkPartitionReassignment);
}

async function askedInZk({ stores, log }: ControllerRuntime): Promise<ReadonlyMap<string, readonly number[]>> {
  try {
    return await stores.reassignments.partitionReassignment();
  } catch (error) {
    if (!(error instanceof ZnodeFormatError)) throw error;
    log.error('Ignoring a reassignment that cannot be read', { path: reassignPartitionsZnode.path, error });
    return new Map();
  }
}

/** Remembers, at the start of a term, which partitions are being reassigned by what their topics' nodes say. */
export function rememberReassignments({ context }: ControllerRuntime): void {
  for (const partition of context.allPartitions()) {
    if (isBeingReassigned(partition.assignment)) context.partitionsBeingReassigned.add(partition);
  }
}

function sameIds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}
