import { seededRandom, shuffled } from '../../../src/common/index.js';
import { planFaults, sufferFaults } from './faults.js';
import { drawIngredients, IngredientMixer, type Ingredient } from './ingredients.js';
import { SimulatedCluster, type ClusterOptions } from './simulated-cluster.js';

export { INGREDIENTS } from './ingredients.js';

export interface SeedResult {
  readonly seed: number;
  /** Null when all held. */
  readonly error: Error | null;
  readonly traceHash: string;
  readonly traceTail: string;
  readonly simulatedMs: number;
  readonly acknowledged: number;
  readonly plan: string;
}

export type SeedOptions = Partial<ClusterOptions> & {
  /** Faults of disks and of moves between them in place of the others. */
  readonly ofDisks?: boolean;
  /** In place of those that the seed has. */
  readonly ingredients?: readonly Ingredient[];
};

/**
 * One cluster with everything drawn from the seed: its size, its topics and clients, the network, and the faults it suffers. Then all is
 * healed, and what must hold is looked at.
 */
export async function runSeed(
  seed: number,
  { ofDisks = false, ingredients = drawIngredients(seed), ...options }: SeedOptions = {},
): Promise<SeedResult> {
  const random = seededRandom(seed * 2_654_435_761 + 1);
  const brokers = [1, 2, 3, 3, 3, 3, 3, 4, 5][random.nextInt(9)]!;
  const slow = random.nextInt(5) === 0;
  const mixer = new IngredientMixer(new Set(ingredients), seed);
  const plan = planFaults(random, ofDisks, mixer.faultKinds());
  const cluster = new SimulatedCluster({
    seed,
    brokers,
    minDelayMs: 0.1,
    maxDelayMs: slow ? 40 : 2,
    zooKeeperMembers: mixer.zooKeeperMembers,
    properties: {
      'min.insync.replicas': String(brokers === 1 ? 1 : 2),
      'offsets.topic.replication.factor': String(Math.min(3, brokers)),
      // Small segments roll, large ones do not: both are wanted.
      'log.segment.bytes': random.nextInt(3) === 0 ? '2000' : '1000000',
      ...mixer.properties(),
    },
    ...options,
  });
  const text = `${brokers} brokers, ${slow ? 'slow network, ' : ''}${Math.round(plan.forMs / 1000)} s of ${[...plan.kinds, ...ingredients].join(', ')}`;
  let error: Error | null = null;
  cluster.trace.add('plan', text);
  try {
    await cluster.start();
    mixer.onStarted(cluster);
    const ids = cluster.brokers.map(({ id }) => id);
    for (let index = 1; index <= 1 + random.nextInt(2); index++) {
      const partitions = mixer.partitions(random.nextInt(8) === 0 ? 12 : 1 + random.nextInt(3));
      const assignment = Array.from({ length: partitions }, () => shuffled(random, ids).slice(0, 3));
      const name = `topic${index}`;
      const configs = mixer.topicConfigs();
      mixer.beforeTopic(cluster, name, assignment);
      const topic = await cluster.drive(cluster.createTopic(name, { assignment, configs }));
      cluster.produceContinuously(topic, { idempotent: true, intervalMs: 100 + random.nextInt(300) });
      if (random.nextInt(2) === 0) cluster.produceContinuously(topic, { intervalMs: 100 + random.nextInt(300) });
      cluster.readContinuously(topic, { session: random.nextInt(2) === 0 ? {} : null });
      if (random.nextInt(3) === 0) cluster.consumeInGroup(topic, 1 + random.nextInt(4));
      mixer.onTopic(cluster, topic, configs);
    }
    mixer.onFaults(cluster, plan.forMs);
    await sufferFaults(cluster, plan, seed + 3);
    await mixer.afterFaults(cluster);
    await cluster.heal().untilQuiet();
  } catch (caught) {
    error = caught instanceof Error ? caught : new Error(String(caught));
    cluster.fail(error);
  } finally {
    cluster.close();
  }
  return {
    seed,
    error,
    traceHash: cluster.trace.hash,
    traceTail: cluster.trace.tail(options.keepWholeTrace ? Infinity : undefined),
    simulatedMs: Math.round(cluster.clock.monotonicMs()),
    acknowledged: cluster.history.acknowledged.length,
    plan: text,
  };
}
