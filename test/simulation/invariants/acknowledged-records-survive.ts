import { assignmentOf } from '../support/cluster-state.js';
import { ensure, type Invariant } from '../support/invariant.js';
import { logBytes, recordsIn, type StoredRecord } from '../support/stored-log.js';

/** What was acknowledged under acks=all is at its offset in the log of every replica. */
export function acknowledgedRecordsSurvive(): Invariant {
  return {
    name: 'acknowledged records survive',
    atRest({ history, zooKeeper, brokers, topics }) {
      const logs = new Map<string, Map<number, StoredRecord>>();
      const logOf = (broker: number, topic: string, partition: number): Map<number, StoredRecord> => {
        const key = `${broker} ${topic}-${partition}`;
        let log = logs.get(key);
        if (!log) {
          const bytes = logBytes(brokers[broker - 1]!.disk, topic, partition) ?? Buffer.alloc(0);
          log = new Map(recordsIn(bytes).map((record) => [record.offset, record]));
          logs.set(key, log);
        }
        return log;
      };
      for (const { topic, partition, offset, value, atMs } of history.acknowledged) {
        if (!topics.has(topic)) continue;
        for (const id of assignmentOf(zooKeeper, topic)?.get(partition) ?? []) {
          const log = logOf(id, topic, partition);
          const isThere =
            offset >= 0 ? log.get(offset)?.value === value : [...log.values()].some((record) => record.value === value);
          ensure(
            isThere,
            () =>
              `${value} was acknowledged at ${topic}-${partition}@${offset} at ${atMs.toFixed(3)}; broker ${id} has ${log.get(offset)?.value} there`,
          );
        }
      }
    },
  };
}
