import { spawn } from 'node:child_process';
import path from 'node:path';
import { runSeed } from './support/run-seed.js';

/** How many clusters a run of the tests has; more are run by `scripts/simulate.mjs`, or by setting these. */
const ASKED_SEEDS = process.env.OTTLA_SIM_SEEDS;
const SEEDS = Number(ASKED_SEEDS ?? 200);
const FIRST_SEED = Number(process.env.OTTLA_SIM_FIRST_SEED ?? 1);
/** No seed is begun after so long, unless the number was asked for: a quiet machine has run all by then. */
const BUDGET_S = 300;
/** So many are run on any machine. */
const LEAST_SEEDS = 40;
const HOUR_MS = 3_600_000;

/** How many have the faults of disks, and how many of them on any machine. */
const DISK_SEEDS = 20;
const LEAST_DISK_SEEDS = 5;
const DISK_BUDGET_S = 90;

/** Gives what the script says, with the exit code before it. */
function simulate(...options: (string | number)[]): Promise<string> {
  const script = path.join(__dirname, '../../scripts/simulate.mjs');
  const child = spawn(process.execPath, [script, ...options.map(String)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve(`exit code ${code}: ${output}`));
  });
}

test(
  'clusters keep their promises under the faults of every seed',
  async () => {
    const bounds = ASKED_SEEDS === undefined ? ['--budget', BUDGET_S, '--least', LEAST_SEEDS] : [];
    const output = await simulate('--first', FIRST_SEED, '--count', SEEDS, ...bounds);
    expect(output).toMatch(/^exit code 0: \d+ of \d+ seeds from \d+, 0 failed/);
    console.log(output);
  },
  HOUR_MS,
);

test(
  'clusters keep their promises while processes are killed inside file operations, disks are slow and replicas move between them',
  async () => {
    const bounds = ['--budget', DISK_BUDGET_S, '--least', LEAST_DISK_SEEDS];
    const output = await simulate('--disks', '--first', FIRST_SEED, '--count', DISK_SEEDS, ...bounds);
    expect(output).toMatch(/^exit code 0: \d+ of \d+ seeds from \d+, 0 failed/);
    console.log(output);
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
