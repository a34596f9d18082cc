import { ensure, type Invariant } from '../support/invariant.js';
import { logBytes, recordsIn } from '../support/stored-log.js';

/**
 * A record of an idempotent producer is in the log at most once, and the records of every producer stand in the order in which they were
 * sent (where a producer without sequence numbers repeated one, its first place counts).
 */
export function idempotence(): Invariant {
  return {
    name: 'no duplicates, and order is kept',
    atRest({ history, topics, brokers }) {
      for (const topic of topics.values()) {
        for (let partition = 0; partition < topic.partitions; partition++) {
          const { disk } = brokers[topic.leader(partition) - 1]!;
          const places = new Map<string, number>();
          const latest = new Map<string, number>();
          for (const { offset, value } of recordsIn(logBytes(disk, topic.name, partition) ?? Buffer.alloc(0))) {
            const before = places.get(value);
            if (before !== undefined) {
              ensure(
                !history.sentOnce.has(value),
                () => `${value} is in ${topic.name}-${partition} at ${before} and ${offset}`,
              );
              continue;
            }
            places.set(value, offset);
            const [producer, , number] = value.split('/');
            const last = latest.get(producer!) ?? -1;
            ensure(Number(number) > last, () => `${value} stands after ${producer}/${partition}/${last}`);
            latest.set(producer!, Number(number));
          }
        }
      }
    },
  };
}
