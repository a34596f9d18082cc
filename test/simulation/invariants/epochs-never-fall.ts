import { partitionKey } from '../../../src/cluster/index.js';
import { partitionOfStatePath, topicLifeOf, type StateJson } from '../support/cluster-state.js';
import { ensure, type Invariant } from '../support/invariant.js';
import { TopicLives } from '../support/topic-lives.js';

/** Leader epochs in ZooKeeper and in every life of a broker only grow; the controller epoch grows by one each time. */
export function epochsNeverFall(): Invariant {
  const states = new Map<string, StateJson>();
  const known = new Map<string, number>();
  /** In which epoch a partition of a broker's life was last looked at. */
  const seen = new WeakMap<object, number>();
  let controllerEpoch = -1;
  let lives: TopicLives | null = null;
  return {
    name: 'epochs never fall',
    transaction({ changes }, { zooKeeper }) {
      for (const { op, path, data } of changes) {
        if (path === '/controller_epoch' && data) {
          const epoch = Number(data.toString());
          const isNext = controllerEpoch === -1 || epoch === controllerEpoch + 1 || epoch === controllerEpoch;
          ensure(op !== 'delete' && isNext, () => `controller epoch ${epoch} after ${controllerEpoch}`);
          controllerEpoch = epoch;
        }
        const tp = partitionOfStatePath(path);
        if (!tp) continue;
        const key = `${partitionKey(tp)} ${topicLifeOf(zooKeeper, tp.topic)}`;
        if (op === 'delete' || !data) {
          states.delete(key);
          continue;
        }
        const next = JSON.parse(data.toString()) as StateJson;
        const before = states.get(key);
        states.set(key, next);
        if (!before) continue;
        const isNewer =
          next.leader_epoch > before.leader_epoch ||
          (next.leader_epoch === before.leader_epoch && next.leader === before.leader);
        ensure(
          isNewer && next.controller_epoch >= before.controller_epoch,
          () => `${key}: ${JSON.stringify(next)} after ${JSON.stringify(before)}`,
        );
      }
    },
    sample({ brokers, zooKeeper }) {
      lives ??= new TopicLives(zooKeeper);
      for (const { id, running } of brokers) {
        if (!running?.services) continue;
        for (const partition of running.services.replicas.onlinePartitions()) {
          const { leaderEpoch } = partition;
          if (seen.get(partition) === leaderEpoch) continue;
          seen.set(partition, leaderEpoch);
          const key = `${partitionKey(partition.tp)} ${lives.of(partition)} on ${id}`;
          const before = known.get(key) ?? -1;
          // A restarted broker begins with none, until the controller tells it.
          if (leaderEpoch < 0) continue;
          ensure(leaderEpoch >= before, () => `${key}: leader epoch ${leaderEpoch} after ${before}`);
          known.set(key, leaderEpoch);
        }
      }
    },
  };
}
