/** Followers that leave the ISRs of many partitions at once, and what may happen between two of them. */
import type { LeaderAndIsr, TopicPartition } from '../../../src/cluster/index.js';
import { ReplicaCluster, type TestBroker } from './replica-cluster.js';

const ALL: TopicPartition[] = Array.from({ length: 5 }, (_, partition) => ({ topic: 'orders', partition }));

let cluster: ReplicaCluster;
let leader: TestBroker;
let proposed: { readonly partition: number; readonly state: LeaderAndIsr }[];
/** Resolves when the look at all partitions, of which one was looked at, is over. */
let look: Promise<void>;
afterEach(() => cluster.stop());

/** All have fallen behind, and the first is proposed to leave. */
beforeEach(async () => {
  proposed = [];
  const alterPartition = {
    submit: ({ partition }: TopicPartition, _id: unknown, state: LeaderAndIsr): void =>
      void proposed.push({ partition, state }),
  };
  const slices = { maxMs: 10, maxSteps: 1 };
  cluster = await ReplicaCluster.start({
    brokers: 2,
    config: { 'replica.lag.time.max.ms': '600000' },
    extras: (id) => (id === 1 ? { alterPartition, slices } : {}),
  });
  leader = cluster.broker(1);
  await cluster.create([1, 2], ALL);
  cluster.cut(1, 2);
  for (const tp of ALL) void leader.produce(['missed'], 1, tp);
  await cluster.clock.advance(599_999);
  expect(proposed).toEqual([]);
  jest.spyOn(cluster.clock, 'monotonicMs').mockReturnValue(2_000_000);
  look = leader.replicas.maybeShrinkIsrs();
  expect(proposed).toHaveLength(1);
});

async function lookOn(): Promise<void> {
  await cluster.clock.advance(0);
  await look;
}

test('others run after each, and all are proposed to leave in the end', async () => {
  await lookOn();
  expect(proposed.map(({ partition, state }) => `${partition}: ${state.isr.join()}`)).toEqual(
    ALL.map(({ partition }) => `${partition}: 1`),
  );
});

test('a partition that is led by another broker meanwhile is passed over', async () => {
  cluster.elect(2, [1, 2], ALL[3]);
  await lookOn();
  expect(proposed.map(({ partition }) => partition)).toEqual([0, 1, 2, 4]);
});

test('nothing is proposed once the broker stops', async () => {
  leader.replicas.shutdown();
  await lookOn();
  expect(proposed).toHaveLength(1);
});
