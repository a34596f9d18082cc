import { partitionKey } from '../../../src/cluster/index.js';
import { ensure, type Invariant } from '../support/invariant.js';

/** In every log: start ≤ last stable offset ≤ high watermark ≤ end, and each segment begins where the one before it ends. */
export function offsetsInOrder(): Invariant {
  return {
    name: 'start, high watermark, end and segments of a log are in order',
    sample({ brokers }) {
      for (const broker of brokers) {
        for (const { tp } of broker.partitions()) {
          const log = broker.running?.services?.replicas.localLog(tp);
          if (!log || log.isClosed) continue;
          const { logStartOffset: start, highWatermark, lastStableOffset: stable, logEndOffset: end } = log;
          ensure(
            start <= stable && stable <= highWatermark && highWatermark <= end,
            () => `${partitionKey(tp)} on ${broker.id}: ${start} ≤ ${stable} ≤ ${highWatermark} ≤ ${end}`,
          );
          const bases = log.segments.map(({ baseOffset }) => baseOffset);
          ensure(
            bases.every((base, at) => (at === 0 ? base <= start : base > bases[at - 1]!)) && bases.at(-1)! <= end,
            () => `${partitionKey(tp)} on ${broker.id}: segments ${bases.join(' ')} of ${start} to ${end}`,
          );
        }
      }
    },
  };
}
