import type { TopicPartition } from '../cluster/index.js';
import type { FormerEpochs, ZkStores } from '../zookeeper/index.js';

/**
 * What the epochs of controllers before were, should `/controller_epoch` not say. Brokers take no commands under a lower one, and leaders of
 * partitions are not elected under one that is lower than what stands in their states.
 */
export function formerEpochs({ topics, partitionStates }: ZkStores, known: number): FormerEpochs {
  return {
    known,
    async latest() {
      const { found } = await topics.assignments(await topics.topics());
      const partitions: TopicPartition[] = [...found.values()].flatMap(({ topic, partitions: assigned }) =>
        [...assigned.keys()].map((partition) => ({ topic, partition })),
      );
      const states = await partitionStates.states(partitions);
      return [...states.found.values()].reduce((highest, { controllerEpoch }) => Math.max(highest, controllerEpoch), 0);
    },
  };
}
