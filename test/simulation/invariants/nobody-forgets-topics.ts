import { partitionKey } from '../../../src/cluster/index.js';
import {
  assignmentOf,
  partitionOfStatePath,
  topicIdOf,
  topicLifeOf,
  type StateJson,
} from '../support/cluster-state.js';
import { ensure, type Invariant } from '../support/invariant.js';

/** A broker that has heard of a topic knows it as long as it is in ZooKeeper, not marked for deletion, whoever the controller is. */
export function nobodyForgetsTopics(): Invariant {
  /** By life of a broker: the topics of which it has heard, by what tells them from others of their names. */
  const heardOf = new WeakMap<object, Set<bigint>>();
  /** Whose the states are that were written. Null: more than one topic of the name has had it. */
  const written = new Map<string, bigint | null>();
  return {
    name: 'nobody forgets topics',
    transaction({ changes }, { zooKeeper }) {
      for (const { path, data, version } of changes) {
        const tp = partitionOfStatePath(path);
        const life = tp && topicLifeOf(zooKeeper, tp.topic);
        if (!tp || !data || life === null) continue;
        const state = JSON.parse(data.toString()) as StateJson;
        const key = stateKey(partitionKey(tp), state.leader, state.leader_epoch, state.controller_epoch, version);
        written.set(key, !written.has(key) || written.get(key) === life ? life : null);
      }
    },
    sample({ brokers, zooKeeper }) {
      const existing = zooKeeper
        .childrenOf('/brokers/topics')
        .filter((topic) => !zooKeeper.exists(`/admin/delete_topics/${topic}`));
      for (const { id, running } of brokers) {
        const metadata = running?.services?.metadata;
        if (!metadata) continue;
        let heard = heardOf.get(metadata);
        if (!heard) heardOf.set(metadata, (heard = new Set()));
        for (const topic of existing) {
          const life = topicLifeOf(zooKeeper, topic)!;
          if (!metadata.hasTopic(topic)) {
            ensure(!heard.has(life), () => `broker ${id} has forgotten ${topic}`);
            continue;
          }
          if (heard.has(life)) continue;
          // What it knows may be the topic that had the name before: without ids, what it knows of leaders tells.
          const isOfThisLife = [...(assignmentOf(zooKeeper, topic)?.keys() ?? [])].some((partition) => {
            const tp = { topic, partition };
            const info = metadata.partitionInfo(tp);
            if (!info) return false;
            const { leader, leaderEpoch, controllerEpoch, zkVersion } = info;
            return written.get(stateKey(partitionKey(tp), leader, leaderEpoch, controllerEpoch, zkVersion)) === life;
          });
          if (metadata.topicId(topic) === topicIdOf(zooKeeper, topic) || isOfThisLife) heard.add(life);
        }
      }
    },
  };
}

function stateKey(partition: string, leader: number, epoch: number, controllerEpoch: number, version: number): string {
  return `${partition} led by ${leader} in ${epoch}, version ${version} of controller ${controllerEpoch}`;
}
