import { runInSlices, type Clock, type Steps } from '../../../src/common/index.js';
import type { ReplicaCluster } from './replica-cluster.js';

/**
 * A crowd of clients of the first broker, whose requests go in slices: from now on each look at the time finds it a tenth of a millisecond later, and all that goes
 * in slices competes with a hundred tasks. Gives what ends it.
 */
export function crowd(cluster: ReplicaCluster): () => void {
  const { clock } = cluster;
  // A broker's own, which ends with it.
  const own = (cluster.broker(1).replicas as unknown as { options: { clock: Clock } }).options.clock;
  let isOver = false;
  let passedMs = 0;
  const monotonicMs = clock.monotonicMs.bind(clock);
  jest.spyOn(clock, 'monotonicMs').mockImplementation(() => monotonicMs() + (passedMs += 0.1));
  function* task(): Steps<void> {
    while (!isOver) yield;
  }
  for (let at = 0; at < 100; at++) void runInSlices(own, task());
  return () => {
    isOver = true;
    jest.restoreAllMocks();
  };
}
