import type { SimulatedCluster } from './simulated-cluster.js';
import type { Transaction } from './simulated-zookeeper.js';

/** What must hold in every run. Made anew for each, so it may remember. A check that fails throws `Violation`. */
export interface Invariant {
  readonly name: string;
  /** ZooKeeper wrote something. */
  transaction?(transaction: Transaction, cluster: SimulatedCluster): void;
  /** Looked at many times a second of simulated time. */
  sample?(cluster: SimulatedCluster): void;
  /** All faults are over, and the cluster has come to rest. */
  atRest?(cluster: SimulatedCluster): void;
}

/** Something happened that never may. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** Throws unless `condition` holds. */
export function ensure(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new Violation(message());
}
