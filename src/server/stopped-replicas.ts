import type { ControllerIdentity, StopReplicaPartition, StopReplicasResult } from '../replication/index.js';
import type { BrokerServices } from './services.js';

/**
 * Stops replicas, and deletes those that are to be, in a turn among the commands of the controller. The configuration of a topic goes with its last
 * replica.
 */
export async function stopReplicas(
  { replicas, logs, topicConfigs }: Pick<BrokerServices, 'replicas' | 'logs' | 'topicConfigs'>,
  controller: ControllerIdentity,
  partitions: readonly StopReplicaPartition[],
): Promise<StopReplicasResult> {
  const left = new Set<string>();
  const result = await replicas.stopReplicas(controller, partitions, ({ tp }) => void left.add(tp.topic));
  // Only with its last log: the others go on under the topic's configuration, also one that no command says more about.
  for (const { tp } of replicas.onlinePartitions()) left.delete(tp.topic);
  for (const topic of left) if (logs.logsByTopic(topic).length === 0) topicConfigs.forget(topic);
  return result;
}
