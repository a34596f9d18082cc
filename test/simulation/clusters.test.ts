import { runSeed } from './support/run-seed.js';

/** How many clusters a run of the tests has; more are run by `scripts/simulate.mjs`, or by setting these. */
const SEEDS = Number(process.env.OTTLA_SIM_SEEDS ?? 200);
const FIRST_SEED = Number(process.env.OTTLA_SIM_FIRST_SEED ?? 1);
/** Seeds of one test, so that a report shows where the time goes. */
const SEEDS_A_TEST = 20;
const TIMEOUT_MS = 600_000;

const groups = Array.from({ length: Math.ceil(SEEDS / SEEDS_A_TEST) }, (_, index) => {
  const first = FIRST_SEED + index * SEEDS_A_TEST;
  return [first, Math.min(first + SEEDS_A_TEST, FIRST_SEED + SEEDS) - 1] as const;
});

test.each(groups)(
  'clusters keep their promises under the faults of seeds %i to %i',
  async (first, last) => {
    for (let seed = first; seed <= last; seed++) {
      const { error, traceTail, plan } = await runSeed(seed);
      if (!error) continue;
      throw new Error(
        `seed ${seed} (${plan}): ${error.message}\n\nRepeat it with: node scripts/simulate.mjs --first ${seed} --trace\n\n${traceTail}`,
        { cause: error },
      );
    }
  },
  TIMEOUT_MS,
);

test('a seed runs the same way each time', async () => {
  const [one, other] = [await runSeed(FIRST_SEED), await runSeed(FIRST_SEED)];
  expect(other).toMatchObject({
    traceHash: one.traceHash,
    simulatedMs: one.simulatedMs,
    acknowledged: one.acknowledged,
  });
  expect(one.acknowledged).toBeGreaterThan(0);
});
