import { ensure, type Invariant } from '../support/invariant.js';
import type { SimulatedBroker } from '../support/simulated-broker.js';

const OFFSETS_TOPIC = '__consumer_offsets';

/**
 * A broker coordinates the groups of a partition only while it leads it, by all that it has been told, and has its log. One that has not heard
 * yet that another leads is refused what it writes, and learns it so. At rest each partition has one coordinator.
 */
export function oneCoordinatorPerGroup(): Invariant {
  return {
    name: 'one coordinator per group',
    sample({ brokers }) {
      for (const broker of brokers) {
        for (const partition of coordinatedBy(broker)) {
          const replica = broker.running!.services!.replicas.partitionOf({ topic: OFFSETS_TOPIC, partition });
          ensure(replica?.isLeader === true, () => `broker ${broker.id} coordinates ${partition} without leading it`);
        }
      }
    },
    atRest({ brokers }) {
      const coordinators = new Map<number, number>();
      for (const broker of brokers) {
        for (const partition of coordinatedBy(broker)) {
          const other = coordinators.get(partition);
          ensure(other === undefined, () => `brokers ${other} and ${broker.id} coordinate ${partition}`);
          coordinators.set(partition, broker.id);
        }
      }
      for (const { partitionIndex } of brokers[0]!.running!.services!.metadata.partitionsOf(OFFSETS_TOPIC)) {
        ensure(coordinators.has(partitionIndex), () => `nobody coordinates ${partitionIndex}`);
      }
    },
  };
}

/** The partitions of `__consumer_offsets` whose groups it serves. */
function coordinatedBy({ running }: SimulatedBroker): number[] {
  if (!running?.services) return [];
  const { groups, metadata } = running.services;
  const owned = groups['store']['partitions'];
  return [...metadata.partitionsOf(OFFSETS_TOPIC)]
    .map(({ partitionIndex }) => partitionIndex)
    .filter((partition) => owned.isOwned(partition));
}
