// Runs many simulated clusters, each from its seed; the tests of clusters run it too, for outside of jest it takes three quarters of the time:
//   node scripts/simulate.mjs [--first SEED] [--count N] [--trace] [--disks] [--ingredients NAME,…] [--budget SECONDS --least N]
// With --disks the faults are those of disks and of moves between them. With --ingredients every run has those that are named
// (test/simulation/README.md lists them; none) in place of those that its seed draws. After --budget no seed is begun, once --least have run.
// Prints the seeds that fail, and the end of what happened in the first; with --trace it writes all that happened to trace-SEED.txt. Exits
// with 1 when any failed.
import fs from 'node:fs';
import { loadSources } from './bundle.mjs';
import { readCommandLine, refuse } from './command-line.mjs';

const { values } = readCommandLine({
  first: 1,
  count: 1,
  trace: false,
  disks: false,
  ingredients: '',
  budget: Infinity,
  least: 1,
  level: 'info',
});

const { runSeed, INGREDIENTS } = await loadSources(`export * from './test/simulation/support/run-seed.js';`);

const ingredients = values.ingredients === '' ? null : values.ingredients.split(',').filter((name) => name !== 'none');
for (const name of ingredients ?? []) if (!INGREDIENTS.includes(name)) refuse(`there is no ingredient ${name}`);
const { first, count } = values;
const startMs = performance.now();
const startCpu = process.cpuUsage();
const isInTime = (ran) => ran < values.least || performance.now() - startMs < 1000 * values.budget;
let failed = 0;
let ran = 0;
for (; ran < count && isInTime(ran); ran++) {
  const seed = first + ran;
  const result = await runSeed(seed, {
    ofDisks: values.disks,
    ...(ingredients && { ingredients }),
    ...(values.trace && { keepWholeTrace: true, logLevel: values.level }),
  });
  if (values.trace) fs.writeFileSync(`trace-${seed}.txt`, result.traceTail);
  if (!result.error && count > 1) continue;
  const what = result.error ? `FAILED: ${result.error.message}` : `passed, trace ${result.traceHash}`;
  console.log(`seed ${seed} (${result.plan}) ${what}`);
  if (result.error && failed++ === 0 && !values.trace) console.log(result.traceTail);
}
const ms = Math.round((performance.now() - startMs) / ran);
const { user, system } = process.cpuUsage(startCpu);
const cpuMs = Math.round((user + system) / 1000 / ran);
console.log(`${ran} of ${count} seeds from ${first}, ${failed} failed, ${ms} ms each, ${cpuMs} ms of CPU`);
process.exitCode = failed > 0 ? 1 : 0;
