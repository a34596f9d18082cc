import { partitionKey } from '../../../src/cluster/index.js';
import { ensure, type Invariant } from '../support/invariant.js';
import { TopicLives } from '../support/topic-lives.js';

/** Two brokers never act as leader of a partition in the same leader epoch. */
export function oneLeaderPerEpoch(): Invariant {
  const leaders = new Map<string, number>();
  /** In which epoch a partition of a broker's life was last looked at. */
  const seen = new WeakMap<object, number>();
  let lives: TopicLives | null = null;
  return {
    name: 'one leader per partition and epoch',
    sample(cluster) {
      lives ??= new TopicLives(cluster.zooKeeper);
      for (const broker of cluster.brokers) {
        for (const partition of broker.partitions()) {
          if (!partition.isLeader) continue;
          const { leaderEpoch } = partition;
          if (seen.get(partition) === leaderEpoch) continue;
          seen.set(partition, leaderEpoch);
          const term = `${partitionKey(partition.tp)} of ${lives.of(partition)} in epoch ${leaderEpoch}`;
          const other = leaders.get(term);
          ensure(other === undefined || other === broker.id, () => `${term}: brokers ${other} and ${broker.id}`);
          leaders.set(term, broker.id);
        }
      }
    },
  };
}
