import { tellUnreadable, tidyUp, type ControllerEvent } from '../runtime.js';

/**
 * Brokers say that a log directory of theirs failed, not which. Each is told again what its replicas are, and its answer says which of
 * them are in trouble (`leaderAndIsrResponseReceived`).
 */
export const logDirEventNotification: ControllerEvent = {
  name: 'LogDirEventNotification',
  state: 'LogDirChange',
  isReadAgain: true,
  async process(controller) {
    if (!controller.isActive) return;
    const { context, stores, replicas, log } = controller;
    const names = await stores.notifications.logDirEvents();
    if (names.length === 0) return;
    try {
      const { found, unreadable } = await stores.notifications.brokerIdsFromLogDirEvents(names);
      tellUnreadable(log, unreadable.values());
      const brokers = new Set(found.values());
      log.info('Handling log directory failure', { brokers: [...brokers] });
      await replicas.handleStateChanges(context.replicasOnBrokers(brokers), 'OnlineReplica');
    } finally {
      await tidyUp(log, stores.notifications.deleteLogDirEvents(context.epochZkVersion, names));
    }
  },
};
