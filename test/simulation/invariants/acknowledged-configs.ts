import { topicIdOf } from '../support/cluster-state.js';
import type { ConfigResource } from '../support/admin-history.js';
import { ensure, type Invariant } from '../support/invariant.js';
import type { SimulatedCluster } from '../support/simulated-cluster.js';
import type { SimulatedBroker } from '../support/simulated-broker.js';
import type { SimulatedZooKeeper } from '../support/simulated-zookeeper.js';

/** Of what administrators were told that it is set, the last stands in ZooKeeper, and every broker goes by it. */
export function acknowledgedConfigsAreInForce(): Invariant {
  return {
    name: 'acknowledged configurations are in force',
    atRest(cluster) {
      for (const { resource, name, values } of cluster.history.admin.configClaims()) {
        if (!isThere(cluster, resource)) continue;
        const text = typeof resource === 'string' ? 'all brokers' : resource.topic;
        const stored = storedConfigs(cluster.zooKeeper, resource)[name];
        ensure(
          stored !== undefined && values.has(stored),
          () => `${name} of ${text} is ${stored}, but ${[...values].join(' or ')} was acknowledged`,
        );
        for (const broker of cluster.brokers) {
          for (const inForce of valuesInForce(broker, resource, name)) {
            ensure(inForce === stored, () => `broker ${broker.id} has ${name}=${inForce} of ${text}, not ${stored}`);
          }
        }
      }
    },
  };
}

function storedConfigs(zooKeeper: SimulatedZooKeeper, resource: ConfigResource): Readonly<Record<string, string>> {
  const path = typeof resource === 'string' ? '/config/brokers/<default>' : `/config/topics/${resource.topic}`;
  return zooKeeper.json<{ config: Record<string, string> }>(path)?.config ?? {};
}

/** That life of the topic goes on. */
function isThere({ zooKeeper }: SimulatedCluster, resource: ConfigResource): boolean {
  return typeof resource === 'string' || topicIdOf(zooKeeper, resource.topic) === resource.id;
}

/** What the broker itself, or each of its logs of the topic, goes by. */
function valuesInForce({ running }: SimulatedBroker, resource: ConfigResource, name: string): (string | undefined)[] {
  const { config, replicas } = running!.services!;
  if (typeof resource === 'string') return [config.dynamicDefaultTexts.get(name)];
  return [...replicas.onlinePartitions()]
    .filter(({ tp }) => tp.topic === resource.topic)
    .map(({ tp }) => {
      const log = replicas.localLog(tp)!.config;
      switch (name) {
        case 'retention.ms':
          return String(log.retentionMs);
        case 'segment.ms':
          return String(log.segmentMs);
        case 'retention.bytes':
          return String(log.retentionBytes);
        default:
          return String(log.indexIntervalBytes);
      }
    });
}
