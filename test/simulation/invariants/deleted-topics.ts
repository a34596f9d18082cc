import { ensure, type Invariant } from '../support/invariant.js';
import { foldersOf } from '../support/stored-log.js';

/** A deleted topic leaves no znode, no folder, and no memory of it in any broker. */
export function deletedTopicsLeaveNothing(): Invariant {
  return {
    name: 'deleted topics leave nothing',
    atRest({ deletedTopics, zooKeeper, brokers }) {
      for (const topic of deletedTopics) {
        for (const path of [`/brokers/topics/${topic}`, `/admin/delete_topics/${topic}`, `/config/topics/${topic}`]) {
          ensure(!zooKeeper.exists(path), () => `${path} is there`);
        }
        for (const { id, disk, running } of brokers) {
          const left = foldersOf(disk, topic);
          ensure(left.length === 0, () => `broker ${id} has ${left.join(', ')}`);
          ensure(running?.services?.metadata.hasTopic(topic) !== true, () => `broker ${id} still knows ${topic}`);
        }
      }
    },
  };
}
