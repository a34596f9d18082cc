import { seededRandom } from '../../../src/common/index.js';
import { ORDERS, ReplicaCluster, type ClusterOptions } from './replica-cluster.js';

/**
 * Three brokers under random cuts, crashes, elections and writes. Only members of the ISR are elected, so nothing that was acknowledged
 * with acks=all may be lost, and all agree on what lies below the high watermark.
 */
async function run(seed: number, steps: number, { config = {}, extras }: Partial<ClusterOptions> = {}): Promise<void> {
  const random = seededRandom(seed);
  const cluster = await ReplicaCluster.start({
    brokers: 3,
    seed,
    config: { 'replica.lag.time.max.ms': '2000', ...config },
    topicConfig: { 'min.insync.replicas': '2' },
    ...(extras && { extras }),
  });
  await cluster.create([1, 2, 3]);
  const acknowledged: string[] = [];
  let written = 0;
  /** The longest history seen below a high watermark. */
  let committed: string[] = [];

  const checkCommitted = async (): Promise<void> => {
    for (const broker of cluster.brokers.values()) {
      if (!broker.isUp || !broker.replicas.localLog(ORDERS)) continue;
      const values = await broker.values(broker.log().highWatermark);
      const shared = Math.min(values.length, committed.length);
      expect({ broker: broker.id, values: values.slice(0, shared) }).toEqual({
        broker: broker.id,
        values: committed.slice(0, shared),
      });
      if (values.length > committed.length) committed = values;
    }
  };

  for (let step = 0; step < steps; step++) {
    const state = cluster.stateOf();
    const leader = cluster.broker(state.leader);
    switch (random.nextInt(8)) {
      case 0:
      case 1:
      case 2: {
        if (!leader.isUp) break;
        const values = Array.from({ length: 1 + random.nextInt(3) }, () => `v${written++}`);
        void leader.produce(values, -1, ORDERS, 3000).then(({ errorCode }) => {
          if (errorCode === 0) acknowledged.push(...values);
        });
        break;
      }
      case 3:
        cluster.cut(1 + random.nextInt(3), 1 + random.nextInt(3));
        break;
      case 4:
        cluster.heal();
        break;
      case 5: {
        // The old leader may not hear of it at once.
        const candidates = state.isr.filter((id) => cluster.broker(id).isUp);
        if (candidates.length === 0) break;
        const deaf = random.nextInt(2) === 0 && leader.isUp ? leader : null;
        if (deaf) deaf.isUp = false;
        const next = candidates[random.nextInt(candidates.length)]!;
        if (deaf?.id !== next) cluster.elect(next);
        if (deaf) deaf.isUp = true;
        break;
      }
      case 6: {
        const victim = cluster.broker(1 + random.nextInt(3));
        const isLastInSync = state.isr.every((id) => id === victim.id || !cluster.broker(id).isUp);
        if (victim.isUp && !isLastInSync) victim.crash('process');
        break;
      }
      case 7:
        for (const broker of cluster.brokers.values()) {
          if (broker.isUp) continue;
          await broker.start();
          cluster.announce([ORDERS], false, broker.id);
        }
        break;
    }
    await cluster.clock.advance(random.nextInt(700));
    await checkCommitted();
  }

  cluster.heal();
  for (const broker of cluster.brokers.values()) if (!broker.isUp) await broker.start();
  // As a controller does that has lost track: a new epoch for everybody.
  cluster.elect(cluster.stateOf().isr[0]!);
  await cluster.until(() => cluster.stateOf().isr.length === 3, 120_000);
  const leader = cluster.broker(cluster.stateOf().leader);
  const isAtEnd = (id: number): boolean => {
    const { highWatermark, logEndOffset } = cluster.broker(id).log();
    return highWatermark === leader.log().logEndOffset && logEndOffset === highWatermark;
  };
  await cluster.until(() => [1, 2, 3].every(isAtEnd));
  await checkCommitted();
  const final = await leader.values();
  for (const id of [1, 2, 3]) expect(await cluster.broker(id).values()).toEqual(final);
  const survived = new Set(final.map((value) => value.slice(value.indexOf('/') + 1)));
  expect(acknowledged.filter((value) => !survived.has(value))).toEqual([]);
  cluster.stop();
}

test.each(Array.from({ length: 40 }, (_, seed) => seed + 1))(
  'nothing acknowledged is lost and all agree: seed %i',
  (seed) => run(seed, 60),
);

// 87: a follower that had to ask for the end of a second epoch waited for somebody to wake it.
test.each([1, 2, 3, 4, 5, 6, 7, 8, 87, 120])('nor with truncation by OffsetForLeaderEpoch: seed %i', (seed) =>
  run(seed, 60, { config: { 'inter.broker.protocol.version': '2.6' } }),
);

// Others run after every step of a fetch.
test.each(Array.from({ length: 12 }, (_, seed) => seed + 1))('nor with fetches that take turns: seed %i', (seed) =>
  run(seed, 60, {
    extras: () => ({
      fetchSlices: { partitionsAtOnce: 0, partitionsAStep: 1, readsAStep: 1, limits: { maxMs: 10, maxSteps: 1 } },
    }),
  }),
);
