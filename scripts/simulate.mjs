// Runs many simulated clusters, each from its seed, outside of the tests:
//   node scripts/simulate.mjs [--first SEED] [--count N] [--trace] [--disks] [--ingredients NAME,…]
// With --disks the faults are those of disks and of moves between them. Every run has the ingredients named, in place of those that its seed
// draws (coldReads, jumpingClocks, oldClients, lateTopicIds; none).
// Prints the seeds that fail, and with --trace writes what happened in them to trace-SEED.txt. Exits with 1 when any failed.
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({
  options: {
    first: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    disks: { type: 'boolean', default: false },
    ingredients: { type: 'string' },
    level: { type: 'string', default: 'info' },
  },
});

const outfile = path.join(root, '.cache', `simulate-${process.pid}.cjs`);
await build({
  entryPoints: [path.join(root, 'test/simulation/support/run-seed.ts')],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  packages: 'external',
  sourcemap: 'inline',
});
process.setSourceMapsEnabled(true);
const { runSeed, INGREDIENTS } = createRequire(import.meta.url)(outfile);
fs.rmSync(outfile);

const ingredients = values.ingredients?.split(',').filter((name) => name !== 'none');
for (const name of ingredients ?? []) if (!INGREDIENTS.includes(name)) throw new Error(`no ingredient ${name}`);
const first = Number(values.first);
const count = Number(values.count);
const startMs = performance.now();
let failed = 0;
for (let seed = first; seed < first + count; seed++) {
  const result = await runSeed(seed, {
    ofDisks: values.disks,
    ...(ingredients && { ingredients }),
    ...(values.trace && { keepWholeTrace: true, logLevel: values.level }),
  });
  if (values.trace) fs.writeFileSync(`trace-${seed}.txt`, result.traceTail);
  if (!result.error && count > 1) continue;
  const what = result.error ? `FAILED: ${result.error.message}` : `passed, trace ${result.traceHash}`;
  console.log(`seed ${seed} (${result.plan}) ${what}`);
  if (result.error) failed++;
}
const ms = Math.round((performance.now() - startMs) / count);
console.log(`${count} seeds from ${first}, ${failed} failed, ${ms} ms each`);
process.exitCode = failed > 0 ? 1 : 0;
