import type { CachedPartition } from '../../../src/replication/core/fetch-set.js';
import { ensure, type Invariant } from '../support/invariant.js';

/**
 * What rests in a fetch session is watched, and has nothing to tell: it is led here, and its client has all that it may read. Otherwise no one
 * would ever wake it.
 */
export function whatRestsIsAtItsEnd(): Invariant {
  let suspects = new Map<CachedPartition, number>();
  return {
    name: 'what rests is watched and at its end',
    sample({ brokers }) {
      const found = new Map<CachedPartition, number>();
      for (const { id, running, isPaused } of brokers) {
        const replicas = running?.services?.replicas;
        if (!replicas || isPaused) continue;
        for (const { set, privileged } of replicas['sessions']['sessions'].values()) {
          for (const partition of set.partitions.values()) {
            if (set.dirty.has(partition)) continue;
            const name = `${partition.topic}-${partition.partition} of a session on broker ${id}`;
            ensure(partition.watchKey !== null, () => `${name} rests, and is not watched`);
            const tp = { topic: partition.topic!, partition: partition.partition };
            const log = replicas.partitionOf(tp)?.leaderLog;
            const end = privileged ? log?.logEndOffset : log?.highWatermark;
            if (end !== undefined && end <= partition.fetchOffset) continue;
            // What happens to a partition is told within the turn in which it happens, or the next: not twice in a row.
            ensure(
              suspects.get(partition) !== partition.changes,
              () => `${name} rests at ${partition.fetchOffset}, and its end is ${end}`,
            );
            found.set(partition, partition.changes);
          }
        }
      }
      suspects = found;
    },
  };
}
