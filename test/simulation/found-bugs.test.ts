import { runSeed } from './support/run-seed.js';

/** Seeds that found a bug, with what it was. The bug is gone; the seed stays. */
const FOUND = [
  { seed: 140, bug: 'a partition.metadata that a loss of power had torn kept the broker from starting' },
  { seed: 141, bug: 'the same, in a cluster of three' },
  { seed: 515, bug: 'a LeaderAndIsr held up on a replaced connection made the replica of a deleted topic anew' },
  { seed: 636, bug: 'the answer to an ISR write was lost, and the controller refused every later change of that ISR' },
  { seed: 1388, bug: 'a follower that came back while it was leaving the ISR was not looked at again, and stayed out' },
  { seed: 1365, bug: 'the same, after ZooKeeper had stood still' },
];

test.each(FOUND)(
  'seed $seed: $bug',
  async ({ seed }) => {
    const { error, traceTail } = await runSeed(seed);
    if (error) throw new Error(`${error.message}\n\n${traceTail}`, { cause: error });
  },
  60_000,
);
