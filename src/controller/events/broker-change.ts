import { diffBrokers, sameEndPoints } from '../core/broker-change.js';
import { tellUnreadable, type ControllerEvent, type ControllerRuntime } from '../runtime.js';
import { resumeReassignments } from './reassignment.js';
import { onReplicasBecomeOffline } from './replicas-offline.js';
import { targetReplicas } from '../core/reassignment.js';

/** The list of registered brokers changed: some came, some went, some did both. */
export const brokerChange: ControllerEvent = {
  name: 'BrokerChange',
  state: 'BrokerChange',
  isReadAgain: true,
  async process(controller) {
    if (!controller.isActive) return;
    const { context, channels, watches, log } = controller;
    // Before they are read: those that no one can read may be mended, and others may change, from then on.
    const { found, unreadable } = await controller.stores.brokers.brokers((all) => watches.registerBrokers(all));
    tellUnreadable(log, unreadable.values());
    // Of whom no one can tell what he is, he is as he was.
    const known = [...unreadable.keys()].flatMap((id) => context.liveOrShuttingDownBrokers.get(id) ?? []);
    const registered = [...found.values(), ...known].sort((a, b) => a.id - b.id);
    const { added, bounced, dead } = diffBrokers(registered, context.liveOrShuttingDownBrokers);
    const ids = (brokers: readonly { id: number }[]): number[] => brokers.map(({ id }) => id);
    log.info('The registered brokers changed', {
      added: ids(added),
      deleted: dead,
      bounced: ids(bounced),
      live: ids(registered),
    });

    for (const { id } of bounced) channels.removeBroker(id);
    for (const broker of [...added, ...bounced]) channels.addBroker(broker);
    for (const id of dead) channels.removeBroker(id);

    if (added.length > 0) {
      context.putLiveBrokers(added);
      await onBrokerStartup(controller, ids(added));
    }
    if (bounced.length > 0) {
      // Its former life ended: what it led is led by others before it is told what it is now.
      context.removeLiveBrokers(ids(bounced));
      await onBrokerFailure(controller, ids(bounced));
      await controller.flush();
      context.putLiveBrokers(bounced);
      await onBrokerStartup(controller, ids(bounced));
    }
    if (dead.length > 0) {
      context.removeLiveBrokers(dead);
      await onBrokerFailure(controller, dead);
      watches.unregisterBrokers(dead);
    }
  },
};

/** A broker wrote its registration anew: clients must hear of changed end points. */
export function brokerModifications(id: number): ControllerEvent {
  return {
    name: 'BrokerModifications',
    state: 'BrokerChange',
    async process(controller) {
      if (!controller.isActive) return;
      const { context } = controller;
      const after = await controller.stores.brokers.broker(id);
      const before = context.liveOrShuttingDownBrokers.get(id);
      // It could not be read when it came, or came again.
      if (after && after.epoch !== before?.epoch) return brokerChange.process(controller);
      if (!after || !before || sameEndPoints(before, after)) return;
      controller.log.info('Updated broker metadata', { broker: id, from: before.endPoints, to: after.endPoints });
      // Its epoch stays the one that the list of brokers told: a new one is a bounce, and that event is on its way.
      context.putLiveBrokers([{ ...after, epoch: before.epoch }]);
      controller.batch.addUpdateMetadata(context.liveOrShuttingDownBrokerIds, []);
    },
  };
}

async function onBrokerStartup(controller: ControllerRuntime, ids: readonly number[]): Promise<void> {
  const { context, batch, partitions, replicas, deletions, log } = controller;
  for (const id of ids) context.replicasOnOfflineDirs.delete(id);
  const started = new Set(ids);
  // The others hear of the new brokers, and the new ones of everything, before anybody is told to follow them or they to follow: a
  // broker refuses to follow a leader that it has not heard of.
  batch.addUpdateMetadata(
    context.liveOrShuttingDownBrokerIds.filter((id) => !started.has(id)),
    [],
  );
  await controller.flush();
  batch.addUpdateMetadata(ids, context.partitionsWithLeaders());
  await controller.flush();

  const replicasThere = context.replicasOnBrokers(started);
  await replicas.handleStateChanges(replicasThere, 'OnlineReplica');
  await partitions.triggerOnlinePartitionStateChange();
  await resumeReassignments(controller, (partition) =>
    targetReplicas(partition.assignment).some((replica) => started.has(replica)),
  );

  const waiting = new Set<string>();
  for (const { partition } of replicasThere) {
    if (deletions.isTopicQueuedUpForDeletion(partition.topic)) waiting.add(partition.topic);
  }
  if (waiting.size > 0) {
    log.info('Restarting the deletion of topics with replicas on brokers that started', { topics: [...waiting] });
    await deletions.resumeDeletionForTopics(waiting);
  }
}

async function onBrokerFailure(controller: ControllerRuntime, ids: readonly number[]): Promise<void> {
  const { context, log } = controller;
  for (const id of ids) context.replicasOnOfflineDirs.delete(id);
  const left = ids.filter((id) => context.removeShuttingDownBroker(id));
  if (left.length > 0) log.info('Removed brokers from the list of shutting down brokers', { brokers: left });
  await onReplicasBecomeOffline(controller, context.replicasOnBrokers(new Set(ids)));
}
