import { isZkError, ZnodeFormatError, type FinalizedFeatures } from '../../zookeeper/index.js';
import { tellUnreadable, tidyUp, type ControllerRuntime } from '../runtime.js';
import { featuresToWrite } from '../core/feature-versioning.js';
import { endReassignmentsOf, initializeReassignments, rememberReassignments } from './reassignment.js';
import { electAsAskedInZk } from './leader-election.js';
import { addTopicIds, putAssignments } from './topic-change.js';

/**
 * The start of a term (Kafka's `onControllerFailover`): listens, reads everything, tells the brokers who lives, and brings every
 * partition to a leader. The epoch is in the context already. A watch that fires meanwhile waits as an event behind this one.
 */
export async function onControllerFailover(controller: ControllerRuntime): Promise<void> {
  const { context, stores, batch, deletions, watches, partitions, replicas, log } = controller;
  await setUpFeatureVersioning(controller);
  // Before anything is read, so that no change falls in between.
  await watches.registerAll();
  await tidyUp(log, stores.notifications.deleteLogDirEvents(context.epochZkVersion));
  await tidyUp(log, stores.notifications.deleteIsrChangeNotifications(context.epochZkVersion));
  await initializeContext(controller);

  const toBeDeleted = await stores.deletions.topicDeletions();
  await deletions.init(toBeDeleted);

  // Brokers refuse to follow leaders that they have not heard of, so this goes before what the state machines will tell them.
  batch.addUpdateMetadata(context.liveOrShuttingDownBrokerIds, []);
  await controller.flush();

  await replicas.startup();
  await partitions.startup();
  await controller.flush();
  log.info('Ready to serve as the new controller', { epoch: context.epoch });

  await endReassignmentsOf(controller, [...context.topicsToBeDeleted]);
  await initializeReassignments(controller);
  await deletions.tryTopicDeletion();
  await electAsAskedInZk(controller);
}

/** Kafka's `maybeSetupFeatureVersioning` (KIP-584): the node is made, or written when it is not what this controller's protocol asks for. */
async function setUpFeatureVersioning({ stores, config, log }: ControllerRuntime): Promise<void> {
  let existing: FinalizedFeatures | null;
  try {
    existing = (await stores.cluster.features())?.features ?? null;
  } catch (error) {
    if (!(error instanceof ZnodeFormatError)) throw error;
    log.error('Leaving the finalized features alone, which cannot be read', { error });
    return;
  }
  const wanted = featuresToWrite(existing, (version) => config.interBrokerProtocolAtLeast(version));
  if (existing !== null) {
    if (wanted) await stores.cluster.updateFeatures(wanted);
    return;
  }
  try {
    await stores.cluster.createFeatures(wanted!);
  } catch (error) {
    // The answer to the first try was lost with its connection.
    if (!isZkError(error, 'NodeExists')) throw error;
  }
}

/** Reads brokers, topics, assignments and partition states: four steps, each with all its reads at once, but for the states (`piecesOf`). */
async function initializeContext(controller: ControllerRuntime): Promise<void> {
  const { context, stores, watches, channels, partitionStore, log } = controller;
  const brokers = await stores.brokers.brokers((ids) => watches.registerBrokers(ids));
  tellUnreadable(log, brokers.unreadable.values());
  context.putLiveBrokers(brokers.found.values());
  const topics = await stores.topics.topics({ registerWatch: true });
  for (const topic of topics) context.addTopic(topic);
  watches.registerTopics(topics);
  const { found, unreadable } = await stores.topics.assignments(topics);
  tellUnreadable(log, unreadable.values());
  for (const topic of unreadable.keys()) context.unreadableTopics.add(topic);
  const partitions = putAssignments(controller, await addTopicIds(controller, [...found.values()]));
  rememberReassignments(controller, partitions);
  const states = await partitionStore.readPartitionStates(partitions);
  states.forEach((state, i) => {
    if (state instanceof ZnodeFormatError) tellUnreadable(log, [state]);
    else if (state instanceof Error) throw state;
    else if (state !== null) context.putLeadership(partitions[i]!, state);
  });
  channels.startup(context.liveOrShuttingDownBrokers.values());
  log.info('Initialized controller context', {
    brokers: context.liveOrShuttingDownBrokerIds,
    topics: topics.length,
    partitions: partitions.length,
  });
}
