import { partitionKey, parsePartitionKey } from '../../cluster/index.js';
import { reassignPartitionsZnode, ZnodeFormatError } from '../../zookeeper/index.js';
import type { PartitionEntry } from '../core/controller-context.js';
import { isBeingReassigned, isReassignmentComplete, reassignTo, sameAssignment } from '../core/reassignment.js';
import { removeAskedFor, removeFromZk, takeOnReassignments, type Move } from '../partition-reassignment.js';
import { endsTerm } from '../partition-store.js';
import type { ControllerEvent, ControllerRuntime } from '../runtime.js';

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
 * That node was written, by hand, or by this controller when some of what it asks for was done, which is nothing new. What is new in it is taken up.
 * (Kafka's controller listens to its creation only, so that one that no one can read is in the way of every other until it is removed.)
 */
export const zkPartitionReassignmentChange: ControllerEvent = {
  name: 'ZkPartitionReassignmentChange',
  state: 'AlterPartitionReassignment',
  async process(controller) {
    if (!controller.isActive) return;
    const { partitionsBeingReassigned } = controller.context;
    const isUnderWay = ({ partition, reassignment }: Move): boolean =>
      partitionsBeingReassigned.has(partition) && sameAssignment(partition.assignment, reassignment);
    if (await controller.stores.reassignments.hasNews()) {
      await processZkReassignments(controller, (move) => !isUnderWay(move));
    }
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
  await goOn(controller, [...controller.context.partitionsBeingReassigned].filter(chosen));
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
async function goOn(controller: ControllerRuntime, partitions: readonly PartitionEntry[]): Promise<void> {
  const moves = partitions.map((partition) => ({ partition, reassignment: partition.assignment }));
  for (const [partition, error] of await takeOnReassignments(controller, moves)) {
    controller.log.error('Cannot go on with a reassignment', { partition: partitionKey(partition), error });
  }
}

/** ISRs of partitions changed, or may have: those that were waited for can be finished. */
export async function maybeCompleteReassignments(
  controller: ControllerRuntime,
  partitions: Iterable<PartitionEntry>,
): Promise<void> {
  const { context, log } = controller;
  const complete = [...partitions].filter(
    (partition) =>
      context.partitionsBeingReassigned.has(partition) &&
      isReassignmentComplete(partition.assignment, partition.leadership?.leaderAndIsr),
  );
  for (const partition of complete) {
    log.info('Target replicas have all caught up with the leader of a partition being reassigned', {
      partition: partitionKey(partition),
      replicas: partition.assignment.replicas,
    });
  }
  await goOn(controller, complete);
}

/** Gives the partitions whose reassignment was begun, of those that are wanted; what cannot be begun is taken out of the node. */
async function processZkReassignments(
  controller: ControllerRuntime,
  isWanted: (move: Move) => boolean = () => true,
): Promise<Set<PartitionEntry>> {
  const { context, deletions, log } = controller;
  const moves: Move[] = [];
  const refused = new Map<string, readonly number[]>();
  const asked = await askedInZk(controller);
  for (const [key, target] of asked ?? []) {
    const tp = parsePartitionKey(key);
    const partition = tp && context.partition(tp.topic, tp.partition);
    if (!partition || partition.assignment.replicas.length === 0 || target.length === 0) {
      log.warn('Failed reassignment through zk: the partition does not exist', { partition: key });
      refused.set(key, target);
    } else if (new Set(target).size !== target.length) {
      log.warn('Failed reassignment through zk: a broker is named twice', { partition: key, target });
      refused.set(key, target);
    } else if (deletions.isTopicQueuedUpForDeletion(partition.topic)) {
      log.warn('Skipping reassignment since the topic is currently being deleted', { partition: key });
      refused.set(key, target);
    } else {
      moves.push({ partition, reassignment: reassignTo(partition.assignment, target) });
    }
  }
  const wanted = moves.filter(isWanted);
  const failed = await takeOnReassignments(controller, wanted);
  for (const [partition, error] of failed) {
    const key = partitionKey(partition);
    log.error('Failed reassignment through zk', { partition: key, error });
    refused.set(key, asked!.get(key)!);
  }
  // Without entries it is of no use, and in the way of others.
  if (refused.size > 0 || asked?.size === 0) await removeAskedFor(controller, refused);
  return new Set(wanted.flatMap(({ partition }) => (failed.has(partition) ? [] : [partition])));
}

/** Null when no one can read it: it stays, and is taken up when it is mended. */
async function askedInZk({ stores, log }: ControllerRuntime): Promise<ReadonlyMap<string, readonly number[]> | null> {
  try {
    return await stores.reassignments.partitionReassignment();
  } catch (error) {
    if (!(error instanceof ZnodeFormatError)) throw error;
    log.error('Ignoring a reassignment that cannot be read', { path: reassignPartitionsZnode.path, error });
    return null;
  }
}

/** Remembers which partitions are being reassigned by what their topics' nodes say. */
export function rememberReassignments({ context }: ControllerRuntime, partitions: Iterable<PartitionEntry>): void {
  for (const partition of partitions) {
    if (isBeingReassigned(partition.assignment)) context.partitionsBeingReassigned.add(partition);
  }
}
