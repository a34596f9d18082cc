import type { Uuid } from '../../../src/common/index.js';
import type { Partition } from '../../../src/replication/index.js';
import { topicIdOf, topicLifeOf } from './cluster-state.js';
import type { SimulatedZooKeeper } from './simulated-zookeeper.js';

/**
 * To which topic of its name a broker's partition belongs, also while brokers know no ids. Then it is the topic that is there when the
 * partition is first seen: no controller removes a topic before every broker that has replicas of it has said that it deleted them.
 */
export class TopicLives {
  private readonly ofIds = new Map<Uuid, bigint>();
  private readonly ofPartitions = new WeakMap<Partition, bigint | Uuid | null>();

  constructor(private readonly zooKeeper: SimulatedZooKeeper) {}

  of(partition: Partition): bigint | Uuid | null {
    const { topicId, tp } = partition;
    const current = topicLifeOf(this.zooKeeper, tp.topic);
    const currentId = topicIdOf(this.zooKeeper, tp.topic);
    if (current !== null && currentId !== null) this.ofIds.set(currentId, current);
    let life = this.ofPartitions.get(partition);
    // An id may come later, and a controller of an older protocol takes it away again.
    if (topicId !== null) life = this.ofIds.get(topicId) ?? topicId;
    else if (life === undefined) life = current;
    this.ofPartitions.set(partition, life);
    return life;
  }
}
