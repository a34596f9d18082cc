import { partitionStates } from '../support/cluster-state.js';
import { ensure, type Invariant } from '../support/invariant.js';
import { iterateBatches } from '../../../src/records/index.js';
import { logBytes } from '../support/stored-log.js';

/** No offset is missing in the log of any replica, none is there twice, and its batches are whole and valid. */
export function logsHaveNoHoles(): Invariant {
  return {
    name: 'logs have no holes',
    atRest({ zooKeeper, brokers }) {
      for (const { topic, partition, leader } of partitionStates(zooKeeper)) {
        let next: number | null = null;
        // Followers have the same bytes.
        for (const batch of iterateBatches(logBytes(brokers[leader - 1]!.disk, topic, partition)!)) {
          batch.ensureValid();
          const { baseOffset, nextOffset } = batch;
          ensure(next === null || baseOffset === next, () => `${topic}-${partition}: ${baseOffset} follows ${next}`);
          next = nextOffset;
        }
      }
    },
  };
}
