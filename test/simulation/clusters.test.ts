import { runSeed } from './support/run-seed.js';

/** How many clusters a run of the tests has; more are run by `scripts/simulate.mjs`, or by setting these. */
const ASKED_SEEDS = process.env.OTTLA_SIM_SEEDS;
const SEEDS = Number(ASKED_SEEDS ?? 200);
const FIRST_SEED = Number(process.env.OTTLA_SIM_FIRST_SEED ?? 1);
/** No seed is begun after so long, unless the number was asked for: a quiet machine has run all by then. */
const BUDGET_MS = 300_000;
/** So many are run on any machine. */
const LEAST_SEEDS = 40;
const HOUR_MS = 3_600_000;

/** How many have the faults of disks, and how many of them on any machine. */
const DISK_SEEDS = 20;
const LEAST_DISK_SEEDS = 5;
const DISK_BUDGET_MS = 90_000;

test(
  'clusters keep their promises under the faults of every seed',
  async () => {
    const startMs = performance.now();
    const budgetMs = ASKED_SEEDS === undefined ? BUDGET_MS : Infinity;
    let run = 0;
    for (; run < SEEDS && (run < LEAST_SEEDS || performance.now() - startMs < budgetMs); run++) {
      const seed = FIRST_SEED + run;
      const { error, traceTail, plan } = await runSeed(seed);
      if (!error) continue;
      throw new Error(
        `seed ${seed} (${plan}): ${error.message}\n\nRepeat it with: node scripts/simulate.mjs --first ${seed} --trace\n\n${traceTail}`,
        { cause: error },
      );
    }
    console.log(`${run} of ${SEEDS} seeds from ${FIRST_SEED}, ${Math.round((performance.now() - startMs) / 1000)} s`);
  },
  HOUR_MS,
);

test(
  'clusters keep their promises while processes are killed inside file operations, disks are slow and replicas move between them',
  async () => {
    const startMs = performance.now();
    let run = 0;
    for (; run < DISK_SEEDS && (run < LEAST_DISK_SEEDS || performance.now() - startMs < DISK_BUDGET_MS); run++) {
      const seed = FIRST_SEED + run;
      const { error, traceTail, plan } = await runSeed(seed, { ofDisks: true });
      if (!error) continue;
      throw new Error(
        `seed ${seed} (${plan}): ${error.message}\n\nRepeat it with: node scripts/simulate.mjs --disks --first ${seed} --trace\n\n${traceTail}`,
        { cause: error },
      );
    }
    console.log(
      `${run} of ${DISK_SEEDS} seeds with faults of disks, ${Math.round((performance.now() - startMs) / 1000)} s`,
    );
  },
  HOUR_MS,
);

test.each([false, true])('a seed runs the same way each time (faults of disks: %s)', async (ofDisks) => {
  const [one, other] = [await runSeed(FIRST_SEED, { ofDisks }), await runSeed(FIRST_SEED, { ofDisks })];
  expect(other).toMatchObject({
    traceHash: one.traceHash,
    simulatedMs: one.simulatedMs,
    acknowledged: one.acknowledged,
  });
  expect(one.acknowledged).toBeGreaterThan(0);
});
