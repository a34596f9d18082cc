import { partitionStates, topicIdOf } from '../support/cluster-state.js';
import { ensure, type Invariant } from '../support/invariant.js';

/** No replica's high watermark passes the log end of a member of the ISR: what is below it survives any clean election. */
export function highWatermarkIsCommitted(): Invariant {
  return {
    name: 'high watermark within every ISR member',
    sample(cluster) {
      // A disk that lost power may hold less than was committed until the controller has noticed.
      if (cluster.hasLostPower) return;
      for (const { topic, partition, isr, replicas } of partitionStates(cluster.zooKeeper)) {
        // A new controller tells replicas of a topic in deletion what they are, which makes some of them anew.
        if (cluster.zooKeeper.exists(`/admin/delete_topics/${topic}`)) continue;
        let highest = -1;
        let highestOn = -1;
        let lowestEnd = Infinity;
        let lowestOn = -1;
        for (const id of replicas) {
          const replicaManager = cluster.broker(id).running?.services?.replicas;
          const replica = replicaManager?.partitionOf({ topic, partition });
          const log = replica && replicaManager!.localLog({ topic, partition });
          if (!log || log.isClosed) continue;
          // One of a topic that had the name before, on a broker that has not heard of it.
          if (replica.topicId !== topicIdOf(cluster.zooKeeper, topic)) continue;
          if (log.highWatermark > highest) [highest, highestOn] = [log.highWatermark, id];
          if (isr.includes(id) && log.logEndOffset < lowestEnd) [lowestEnd, lowestOn] = [log.logEndOffset, id];
        }
        ensure(
          highest <= lowestEnd,
          () =>
            `${topic}-${partition}: ${highest} on broker ${highestOn}, but ${lowestOn} of ISR ${isr.join(',')} ends at ${lowestEnd}`,
        );
      }
    },
  };
}
