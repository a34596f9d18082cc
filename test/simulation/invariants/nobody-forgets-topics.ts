import { ZERO_UUID } from '../../../src/common/index.js';
import { topicIdOf } from '../support/cluster-state.js';
import { ensure, type Invariant } from '../support/invariant.js';

/** A broker that has heard of a topic knows it as long as it is in ZooKeeper, not marked for deletion, whoever the controller is. */
export function nobodyForgetsTopics(): Invariant {
  /** By life of a broker: the topics of which it has heard, as `name id`. */
  const heardOf = new WeakMap<object, Set<string>>();
  return {
    name: 'nobody forgets topics',
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
          const topicId = topicIdOf(zooKeeper, topic);
          const key = `${topic} ${topicId}`;
          // What it knows may be the topic that had the name before.
          if (metadata.hasTopic(topic) && (topicId ?? ZERO_UUID) === metadata.topicId(topic)) heard.add(key);
          else if (!metadata.hasTopic(topic)) ensure(!heard.has(key), () => `broker ${id} has forgotten ${topic}`);
        }
      }
    },
  };
}
