import { partitionKey } from '../../../src/cluster/index.js';
import { ensure, type Invariant } from '../support/invariant.js';

/**
 * A leader epoch begins at one offset, in the log of every replica that has records of it, in every life (KIP-101): where two logs part is
 * found by that. A replica in which it begins later has records behind those in whose place they had been cut.
 */
export function epochsBeginOnce(): Invariant {
  const beginnings = new Map<string, number>();
  /** The epochs of a log that were looked at: when they change, they are others. */
  const seen = new WeakMap<object, readonly object[]>();
  return {
    name: 'an epoch begins at one offset',
    sample({ brokers }) {
      for (const broker of brokers) {
        for (const { tp, topicId } of broker.partitions()) {
          const log = broker.running?.services?.replicas.localLog(tp);
          if (!log || log.isClosed || topicId === null || seen.get(log) === log.epochEntries) continue;
          if (log.epochEntries.every(({ startOffset }) => startOffset < log.logEndOffset)) {
            seen.set(log, log.epochEntries);
          }
          for (const { epoch, startOffset } of log.epochEntries) {
            // The first is moved with the start of the log; one at the end has no record yet, and may be given up.
            if (startOffset <= log.logStartOffset || startOffset >= log.logEndOffset) continue;
            const key = `${partitionKey(tp)} of ${topicId}: epoch ${epoch}`;
            const before = beginnings.get(key) ?? startOffset;
            ensure(before === startOffset, () => `${key} began at ${before}, on broker ${broker.id} at ${startOffset}`);
            beginnings.set(key, before);
          }
        }
      }
    },
  };
}
