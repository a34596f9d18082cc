import type { Random } from '../../../src/common/index.js';
import { partitionStates } from './cluster-state.js';
import { allIsInSync, isForgotten, isLastInSync } from './faults.js';
import { LOG_DIRS } from './simulated-broker.js';
import type { SimulatedCluster } from './simulated-cluster.js';

const OFFSETS_TOPIC = '__consumer_offsets';
const FAIL_EVERY_MS = 6_000;
const MAX_FAILED_MS = 8_000;
const REPLACE_EVERY_MS = 8_000;
const LOOK_EVERY_MS = 500;

/** Does `task` again and again for so long, with pauses of `everyMs` in the mean. */
function repeat(cluster: SimulatedCluster, random: Random, forMs: number, everyMs: number, task: () => void): void {
  const endMs = cluster.clock.monotonicMs() + forMs;
  const next = (): void => {
    if (cluster.clock.monotonicMs() >= endMs) return;
    task();
    cluster.clock.setTimer(2 * everyMs * random.nextDouble(), next);
  };
  cluster.clock.setTimer(everyMs * random.nextDouble(), next);
}

/** The directories fail that hold partitions of `__consumer_offsets`, under the brokers that lead these. */
export function failCoordinatorDirs(cluster: SimulatedCluster, random: Random, forMs: number): void {
  repeat(cluster, random, forMs, FAIL_EVERY_MS, () => {
    // Else the one that has lost power may be the last in sync, which no ISR forgets: it would wait for that for good.
    if (cluster.hasLostPower) return;
    const led = partitionStates(cluster.zooKeeper).filter(({ topic, leader }) => topic === OFFSETS_TOPIC && leader > 0);
    if (led.length === 0) return;
    const { partition, leader } = led[random.nextInt(led.length)]!;
    const broker = cluster.broker(leader);
    const dir = LOG_DIRS.find((path) => broker.disk.exists(`${path}/${OFFSETS_TOPIC}-${partition}`));
    // One with no directory left stops, as Kafka does.
    if (!broker.running || broker.hasFailedLogDir || dir === undefined) return;
    broker.failLogDir(dir);
    const { faultTerm } = cluster;
    cluster.clock.setTimer(MAX_FAILED_MS * random.nextDouble(), () => {
      if (cluster.faultTerm !== faultTerm) return;
      broker.repairDisks();
      if (!broker.isUp || !broker.hasFailedLogDir) return;
      broker.crash('process');
      broker.start();
    });
  });
}

/**
 * A broker dies, and comes back under its id with an empty disk. As with a loss of power Kafka promises nothing unless all was in sync before,
 * and the controller has taken it out of every ISR meanwhile.
 */
export function replaceDisks(cluster: SimulatedCluster, random: Random, forMs: number): void {
  repeat(cluster, random, forMs, REPLACE_EVERY_MS, () => {
    const broker = cluster.brokers[random.nextInt(cluster.brokers.length)]!;
    if (cluster.brokers.length === 1 || !allIsInSync(cluster) || isLastInSync(cluster, broker.id)) return;
    broker.crash('process');
    const { faultTerm } = cluster;
    const startWhenForgotten = (): void => {
      // Someone else may have started it, with the disk that it had.
      if (broker.isUp || cluster.faultTerm !== faultTerm) return;
      if (!isForgotten(cluster, broker.id)) return void cluster.clock.setTimer(LOOK_EVERY_MS, startWhenForgotten);
      cluster.trace.add('fault', `${broker.host} gets an empty disk`);
      for (const dir of LOG_DIRS) broker.disk.remove(dir);
      broker.start();
    };
    cluster.clock.setTimer(LOOK_EVERY_MS, startWhenForgotten);
  });
}

/** From the beginning brokers have times of day that are hours apart. */
export function setClocksApart(cluster: SimulatedCluster, random: Random, maxOffsetMs: number): void {
  for (const broker of cluster.brokers) broker.jumpClock(Math.round(maxOffsetMs * (2 * random.nextDouble() - 1)));
}
