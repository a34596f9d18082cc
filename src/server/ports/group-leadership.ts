import { GROUP_METADATA_TOPIC, type TopicPartition } from '../../cluster/index.js';
import type { GroupCoordinator } from '../../coordinator/index.js';
import type { Partition } from '../../replication/index.js';

/** The group coordinator takes over the partitions of its topic that this broker leads, and gives up those that it leads no more. */
export function groupLeadership(groups: () => Pick<GroupCoordinator, 'onElection' | 'onResignation'> | undefined): {
  readonly onLed: (partition: Partition) => void;
  readonly onNotLed: (tp: TopicPartition) => void;
} {
  return {
    onLed: ({ tp, leaderEpoch }) => {
      if (tp.topic === GROUP_METADATA_TOPIC) groups()?.onElection(tp.partition, leaderEpoch);
    },
    onNotLed: ({ topic, partition }) => {
      if (topic === GROUP_METADATA_TOPIC) groups()?.onResignation(partition);
    },
  };
}
