import { ensure, type Invariant } from '../support/invariant.js';
import { logBytes, recordsIn } from '../support/stored-log.js';

/** Whatever a consumer saw is in the log at the end: it was below a high watermark, so nothing may take it away. */
export function consumersSeeWhatStays(): Invariant {
  return {
    name: 'consumers see only what stays',
    atRest({ history, topics, brokers }) {
      for (const topic of topics.values()) {
        for (let partition = 0; partition < topic.partitions; partition++) {
          const seen = history.seen.get(`${topic.name}-${partition}`);
          if (!seen) continue;
          const { disk } = brokers[topic.leader(partition) - 1]!;
          const bytes = logBytes(disk, topic.name, partition) ?? Buffer.alloc(0);
          const log = new Map(recordsIn(bytes).map(({ offset, value }) => [offset, value]));
          for (const [offset, { value, reader }] of seen) {
            ensure(
              log.get(offset) === value,
              () => `${reader} saw ${value} at ${topic.name}-${partition}@${offset}, where ${log.get(offset)} is now`,
            );
          }
        }
      }
    },
  };
}
