// Ends the process, cuts the power and lets operations fail at every point of the sequences of test/crash, more often than the tests do:
//   node scripts/crash-points.mjs [--draws N] [--only TEXT]
// `--draws` is how often each point is tried, `--only` names a part of the titles. Exits with 1 when anything did not hold.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { readCommandLine } from './command-line.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { values } = readCommandLine({ draws: 10, only: '' });
const outfile = path.join(root, '.cache', `crash-points-${process.pid}.cjs`);
await build({
  entryPoints: [path.join(root, 'test/crash/support/all-sweeps.ts')],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  packages: 'external',
  sourcemap: 'inline',
});
process.setSourceMapsEnabled(true);
const { ALL_SWEEPS } = createRequire(import.meta.url)(outfile);
fs.rmSync(outfile);

const startMs = performance.now();
let [points, tried, failed] = [0, 0, 0];
for (const { title, sweep } of ALL_SWEEPS) {
  if (!title.includes(values.only)) continue;
  const result = await sweep(values.draws);
  points += result.points;
  tried += result.tried;
  failed += result.faults.length > 0 ? 1 : 0;
  console.log(`${title}: ${result.tried} tried at ${result.points} points${result.faults.length > 0 ? '' : ', held'}`);
  for (const fault of result.faults) console.log(`    ${fault}`);
}
const seconds = Math.round((performance.now() - startMs) / 1000);
console.log(`${tried} tried at ${points} points in ${seconds} s; ${failed} sequences did not hold`);
process.exitCode = failed > 0 ? 1 : 0;
