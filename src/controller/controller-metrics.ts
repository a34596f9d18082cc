import type { MetricsRegistry } from '../common/index.js';
import type { ControllerContext } from './core/controller-context.js';
import { CONTROLLER_STATES, type ControllerState } from './runtime.js';

/** What the gauges read. All is zero on a broker that is not the controller. */
export interface ControllerGauges {
  readonly context: ControllerContext;
  readonly isActive: () => boolean;
  readonly state: () => ControllerState;
  readonly eventQueueSize: () => number;
}

/** Registers the gauges under the names of Kafka's MBeans; gives what takes them away again. They are worked out when read. */
export function registerControllerMetrics(metrics: MetricsRegistry, of: ControllerGauges): () => void {
  const { context } = of;
  const replicasToDelete = (counted: (state: string) => boolean): number => {
    let count = 0;
    for (const topic of context.topicsToBeDeleted) {
      for (const replica of context.replicasForTopic(topic)) if (counted(context.replicaState(replica))) count++;
    }
    return count;
  };
  const gauges: Record<string, () => number> = {
    ActiveControllerCount: () => 1,
    OfflinePartitionsCount: () => context.offlinePartitionCount,
    PreferredReplicaImbalanceCount: () => context.preferredReplicaImbalanceCount,
    GlobalTopicCount: () => context.allTopics.size,
    GlobalPartitionCount: () => context.partitionWithLeadersCount(),
    TopicsToDeleteCount: () => context.topicsToBeDeleted.size,
    ReplicasToDeleteCount: () => replicasToDelete((state) => state !== 'ReplicaDeletionSuccessful'),
    TopicsIneligibleToDeleteCount: () => context.topicsIneligibleForDeletion.size,
    ReplicasIneligibleToDeleteCount: () => replicasToDelete((state) => state === 'ReplicaDeletionIneligible'),
    ActiveBrokerCount: () => context.liveOrShuttingDownBrokers.size,
    // Fencing is a notion of KRaft.
    FencedBrokerCount: () => 0,
  };
  const names: string[] = [];
  const register = (name: string, read: () => number): void => {
    names.push(name);
    metrics.gauge(name, read);
  };
  for (const [name, read] of Object.entries(gauges)) {
    register(`kafka.controller:type=KafkaController,name=${name}`, () => (of.isActive() ? read() : 0));
  }
  register('kafka.controller:type=KafkaController,name=ControllerState', () => CONTROLLER_STATES[of.state()]);
  register('kafka.controller:type=ControllerEventManager,name=EventQueueSize', of.eventQueueSize);
  return () => {
    for (const name of names) metrics.removeGauge(name);
  };
}
