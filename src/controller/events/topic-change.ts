import { randomUuid } from '../../common/index.js';
import type { TopicAssignment, TopicPartition } from '../../cluster/index.js';
import { replicasOf, type PartitionEntry } from '../core/controller-context.js';
import { sameAssignment } from '../core/reassignment.js';
import { OFFLINE_ELECTION } from '../partition-state-machine.js';
import { endReassignmentsOf, rememberReassignments, resumeReassignments } from './reassignment.js';
import { isZkError, ZnodeFormatError } from '../../zookeeper/index.js';
import { tellUnreadable, told, type ControllerEvent, type ControllerRuntime } from '../runtime.js';

/** The list of topics changed. */
export const topicChange: ControllerEvent = {
  name: 'TopicChange',
  state: 'TopicChange',
  isReadAgain: true,
  async process(controller) {
    if (!controller.isActive) return;
    const { context, stores, watches, log } = controller;
    const topics = new Set(await stores.topics.topics({ registerWatch: true }));
    const newTopics = [...topics].filter((topic) => !context.hasTopic(topic));
    const deletedTopics = [...context.allTopics.keys()].filter((topic) => !topics.has(topic));
    watches.registerTopics(newTopics);
    const { found, unreadable } = await stores.topics.assignments(newTopics);
    tellUnreadable(log, unreadable.values());
    for (const topic of unreadable.keys()) context.unreadableTopics.add(topic);
    for (const topic of context.unreadableTopics) if (!topics.has(topic)) context.unreadableTopics.delete(topic);
    for (const topic of found.keys()) context.addTopic(topic);
    await endReassignmentsOf(controller, deletedTopics);
    for (const topic of deletedTopics) {
      watches.unregisterTopic(topic);
      context.removeTopic(topic);
    }
    const partitions = putAssignments(controller, await addTopicIds(controller, [...found.values()]));
    log.info('The list of topics changed', { new: newTopics, deleted: deletedTopics, partitions: partitions.length });
    await onNewPartitionCreation(controller, partitions);
    await takeUpReassignments(controller, partitions);
  },
};

/** The assignment of a topic changed: partitions were added. Or its node, which no one could read, was mended. */
export function partitionModifications(topic: string): ControllerEvent {
  return {
    name: 'PartitionModifications',
    state: 'TopicChange',
    async process(controller) {
      if (!controller.isActive) return;
      const { context, stores, deletions, log } = controller;
      const assignment = await stores.topics.assignment(topic);
      if (!assignment) return;
      // The deletion of one that no one could read has waited.
      if (context.unreadableTopics.delete(topic)) controller.watches.lookForTopicDeletions();
      const added = [...assignment.partitions.keys()].filter(
        (partition) => (context.partition(topic, partition)?.assignment.replicas.length ?? 0) === 0,
      );
      if (deletions.isTopicQueuedUpForDeletion(topic)) {
        if (added.length === 0) return;
        log.warn('Skipping adding partitions since their topic is being deleted', { topic, partitions: added });
        await restoreAssignment(controller, topic);
      } else if (added.length > 0) {
        log.info('New partitions to be added', { topic, partitions: added });
        const partitions = new Map(added.map((partition) => [partition, assignment.partitions.get(partition)!]));
        // One whose node no one could read until now has no id yet, and may not even be known.
        const isKnown = context.topicId(topic) !== undefined;
        if (!isKnown) context.addTopic(topic);
        const usable = isKnown ? [assignment] : await addTopicIds(controller, [assignment]);
        const created = putAssignments(
          controller,
          usable.map((it) => ({ ...it, partitions })),
        );
        await onNewPartitionCreation(controller, created);
        await takeUpReassignments(controller, created);
      }
      // What we could not store, while no one could read it, is stored now.
      await resumeReassignments(controller, ({ topic: moved, partition, assignment: known }) => {
        const stored = assignment.partitions.get(partition);
        return moved === topic && stored !== undefined && !sameAssignment(known, stored);
      });
    },
  };
}

/** The state of a partition, which no one could read, was written anew: it is taken up as at the start of a term. */
export function partitionStateMended({ topic }: TopicPartition): ControllerEvent {
  return {
    name: 'PartitionStateMended',
    state: 'TopicChange',
    async process(controller) {
      if (!controller.isActive) return;
      await controller.partitions.triggerOnlinePartitionStateChange(topic);
      await resumeReassignments(controller, (partition) => partition.topic === topic);
    },
  };
}

/**
 * Writes ids for topics that were made by a version without them, and remembers all ids. With an inter-broker protocol that has none no
 * topic gets one, but those that are there are kept, so that a reassignment does not lose them. Gives the topics that can be used: a copy of
 * another's node, under another name, cannot.
 */
export async function addTopicIds(
  controller: ControllerRuntime,
  assignments: readonly TopicAssignment[],
): Promise<TopicAssignment[]> {
  const { context, stores, random, versions, log } = controller;
  const withId = async (assignment: TopicAssignment): Promise<TopicAssignment | null> => {
    const { topic, topicId } = assignment;
    if (topicId !== null || !versions.usesTopicIds) return assignment;
    try {
      return await stores.topics.changeAssignment(
        topic,
        (current) => (current.topicId === null ? { ...current, topicId: randomUuid(random) } : null),
        context.epochZkVersion,
      );
    } catch (error) {
      if (error instanceof ZnodeFormatError) {
        tellUnreadable(log, [error]);
        return null;
      }
      if (!isZkError(error, 'NoAuth')) throw error;
      // As in Kafka it is used without one.
      log.error('Cannot give a topic its id', { topic, ...told(error) });
      return assignment;
    }
  };
  const withIds = await Promise.all(assignments.map(withId));
  return withIds.filter((assignment): assignment is TopicAssignment => {
    // Deleted since it was read, or spoilt.
    if (assignment === null) return false;
    const { topic, topicId } = assignment;
    if (topicId === null) return true;
    const [owner, known] = [context.topicName(topicId) ?? topic, context.topicId(topic) ?? topicId];
    if (owner === topic && known === topicId) {
      context.setTopicId(topic, topicId);
      return true;
    }
    log.error('Passing over a topic whose id is not its own', { topic, topicId, owner, known });
    return false;
  });
}

/** Remembers who holds which partition. Gives the partitions. */
export function putAssignments(
  { context }: ControllerRuntime,
  assignments: readonly TopicAssignment[],
): PartitionEntry[] {
  return assignments.flatMap(({ topic, partitions }) =>
    [...partitions].map(([partition, assignment]) => context.putAssignment({ topic, partition }, assignment)),
  );
}

/** Brings partitions that were just assigned to life (Kafka's `onNewPartitionCreation`). */
async function onNewPartitionCreation(
  { partitions, replicas }: ControllerRuntime,
  created: readonly PartitionEntry[],
): Promise<void> {
  await partitions.handleStateChanges(created, 'NewPartition');
  await replicas.handleStateChanges(replicasOf(created), 'NewReplica');
  await partitions.handleStateChanges(created, 'OnlinePartition', OFFLINE_ELECTION);
  await replicas.handleStateChanges(replicasOf(created), 'OnlineReplica');
}

/** Goes on with reassignments that the nodes of new topics, or of such that were mended, say are under way. */
async function takeUpReassignments(controller: ControllerRuntime, created: readonly PartitionEntry[]): Promise<void> {
  rememberReassignments(controller, created);
  const among = new Set(created);
  await resumeReassignments(controller, (partition) => among.has(partition));
}

/** Takes back an expansion that came while the topic is being deleted: its partitions are again those that we know. */
async function restoreAssignment({ context, stores }: ControllerRuntime, topic: string): Promise<void> {
  const isKnown = (partition: number): boolean =>
    (context.partition(topic, partition)?.assignment.replicas.length ?? 0) > 0;
  await stores.topics.changeAssignment(
    topic,
    (current) => {
      const known = [...current.partitions].filter(([partition]) => isKnown(partition));
      return known.length < current.partitions.size ? { ...current, partitions: new Map(known) } : null;
    },
    context.epochZkVersion,
  );
}
