import { LOG_DIRS } from '../support/simulated-broker.js';
import { assignmentOf, topicIdOf } from '../support/cluster-state.js';
import { ensure, type Invariant } from '../support/invariant.js';
import type { SimulatedCluster } from '../support/simulated-cluster.js';

type Assignment = ReadonlyMap<number, readonly number[]>;

const TOPIC_PATH = /^\/brokers\/topics\/([^/]+)$/;
const PARTITION_FOLDER = /^(.+)-(\d+)$/;

/**
 * At rest brokers tell clients of the partitions that ZooKeeper has, of no others, and hold the replicas that it names; and what was said to
 * have been added is there.
 */
export function noMorePartitions(): Invariant {
  // A replica that was moved away while its broker was away stays there, as in Kafka: nobody tells it to go.
  const movedAway = new Set<string>();
  const assignments = new Map<string, Assignment>();
  return {
    name: 'brokers know and hold what ZooKeeper names, and nothing else',
    transaction({ changes }, { zooKeeper }) {
      for (const { path } of changes) {
        const topic = TOPIC_PATH.exec(path)?.[1];
        if (topic === undefined) continue;
        const now = assignmentOf(zooKeeper, topic);
        for (const [partition, replicas] of now ?? []) {
          for (const id of assignments.get(topic)?.get(partition) ?? []) {
            if (!replicas.includes(id)) movedAway.add(`${topic}-${partition} ${id}`);
          }
        }
        if (now) assignments.set(topic, now);
        else assignments.delete(topic);
      }
    },
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
          const isNamed = replicas.includes(id) || movedAway.has(`${topic}-${partition} ${id}`);
          ensure(isNamed, () => `broker ${id} holds ${topic}-${partition}, which is on ${replicas.join()}`);
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
