import { partitionStates } from '../support/cluster-state.js';
import { ensure, type Invariant } from '../support/invariant.js';
import { logBytes } from '../support/stored-log.js';

/** At rest the logs of all replicas are equal, byte for byte. */
export function followersAgree(): Invariant {
  return {
    name: 'followers agree with their leader',
    atRest({ zooKeeper, brokers }) {
      for (const { topic, partition, replicas, leader } of partitionStates(zooKeeper)) {
        const expected = logBytes(brokers[leader - 1]!.disk, topic, partition)!;
        for (const id of replicas) {
          const bytes = logBytes(brokers[id - 1]!.disk, topic, partition);
          ensure(
            bytes?.equals(expected) === true,
            () =>
              `${topic}-${partition}: brokers ${leader} (leader, ${expected.length} bytes) and ${id} (${bytes?.length})`,
          );
        }
      }
    },
  };
}
