import { tellUnreadable, tidyUp, type ControllerEvent } from '../runtime.js';
import type { PartitionEntry } from '../core/controller-context.js';
import { maybeCompleteReassignments } from './reassignment.js';

/** Leaders of before KIP-497 changed ISRs in ZooKeeper themselves and say so by notification nodes. */
export const isrChangeNotification: ControllerEvent = {
  name: 'IsrChangeNotification',
  state: 'IsrChange',
  isReadAgain: true,
  async process(controller) {
    if (!controller.isActive) return;
    const { context, stores, batch, log } = controller;
    const names = await stores.notifications.isrChangeNotifications();
    if (names.length === 0) return;
    try {
      const { found, unreadable } = await stores.notifications.partitionsFromIsrChanges(names);
      tellUnreadable(log, unreadable.values());
      const partitions = [...found.values()]
        .flat()
        .map(({ topic, partition }) => context.partition(topic, partition))
        .filter((partition): partition is PartitionEntry => partition !== undefined);
      const states = await controller.partitionStore.readPartitionStates(partitions);
      states.forEach((state, i) => {
        if (state !== null && !(state instanceof Error)) context.putLeadership(partitions[i]!, state);
      });
      batch.addUpdateMetadata(context.liveOrShuttingDownBrokerIds, partitions);
      await maybeCompleteReassignments(controller, partitions);
    } finally {
      await tidyUp(log, stores.notifications.deleteIsrChangeNotifications(context.epochZkVersion, names));
    }
  },
};
