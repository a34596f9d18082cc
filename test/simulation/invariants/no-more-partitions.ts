import { LOG_DIRS } from '../support/simulated-broker.js';
import { assignmentOf, topicIdOf } from '../support/cluster-state.js';
import { ensure, type Invariant } from '../support/invariant.js';
import type { SimulatedCluster } from '../support/simulated-cluster.js';

const PARTITION_FOLDER = /^(.+)-(\d+)$/;

/**
 * At rest brokers tell clients of the partitions that ZooKeeper has, of no others, and hold the replicas that it names; and what was said to
 * have been added is there.
 */
export function noMorePartitions(): Invariant {
  return {
    name: 'brokers know and hold what ZooKeeper names, and nothing else',
    atRest(cluster) {
      const { zooKeeper, brokers, history } = cluster;
      for (const { id, running } of brokers) {
        const { metadata } = running!.services!;
        for (const topic of metadata.topicsInCluster()) {
          for (const { partitionIndex } of metadata.partitionsOf(topic)) {
            const isNamed = assignmentOf(zooKeeper, topic)?.has(partitionIndex) === true;
            ensure(isNamed, () => `broker ${id} tells of ${topic}-${partitionIndex}`);
          }
        }
        for (const { topic, partition } of heldBy(cluster, id)) {
          const replicas = assignmentOf(zooKeeper, topic)?.get(partition) ?? [];
          ensure(
            replicas.includes(id),
            () => `broker ${id} holds ${topic}-${partition}, which is on ${replicas.join()}`,
          );
        }
      }
      for (const [key, count] of history.admin.partitions) {
        const [topic, id] = key.split(' ') as [string, string];
        if (topicIdOf(zooKeeper, topic) !== id) continue;
        const size = assignmentOf(zooKeeper, topic)!.size;
        ensure(size >= count, () => `${topic} has ${size} partitions, but ${count} were acknowledged`);
      }
    },
  };
}

/** In memory or on disk. What waits to be deleted has another name. */
function heldBy(cluster: SimulatedCluster, id: number): { topic: string; partition: number }[] {
  const broker = cluster.broker(id);
  const folders = LOG_DIRS.flatMap((dir) => broker.disk.readDir(dir)).flatMap((name) => {
    const match = PARTITION_FOLDER.exec(name);
    return match ? [{ topic: match[1]!, partition: Number(match[2]) }] : [];
  });
  return [...folders, ...broker.partitions().map(({ tp }) => tp)];
}
