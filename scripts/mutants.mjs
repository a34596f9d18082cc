// Tries the mutants: patches that each put one fault into `src`. At least one of the tests that a mutant names must fail under it.
//   node scripts/mutants.mjs [AREA | NAME | AREA/NAME ...] [--check] [--shard 1/4] [--workers 2] [--budget SECONDS] [--total SECONDS] [--write]
// Without names, all but those marked `later`. The work tree is never touched: each worker has a copy of it in a temporary folder.
// `--check` only looks whether every patch applies. A run of everything, or one with `--write`, writes docs/mutants.md. Exits with 1
// when a mutant survived, does not apply, or could not be decided.
import path from 'node:path';
import { readCommandLine } from './command-line.mjs';
import { choose, readMutants } from './mutants/catalogue.mjs';
import { writeReport } from './mutants/report.mjs';
import { ScratchCopy, patchApplies } from './mutants/scratch-copy.mjs';

const root = path.join(import.meta.dirname, '..');
process.chdir(root);
const { values, words } = readCommandLine(
  { check: false, shard: '1/1', workers: 2, budget: 120, total: 7200, write: false },
  { words: 'texts' },
);
const budgetMs = values.budget * 1000;
const endsAt = performance.now() + values.total * 1000;

const { mutants, errors } = readMutants(root);
for (const mutant of mutants) {
  const complaint = patchApplies(root, mutant.patch);
  if (complaint !== null) errors.push(`${mutant.id} does not apply: ${complaint}`);
}
for (const error of errors) console.error(error);
if (values.check) {
  console.log(`${mutants.length} mutants, ${errors.length} errors`);
  process.exit(errors.length > 0 ? 1 : 0);
}

const chosen = choose(mutants, words, values.shard);
if (chosen.length === 0) {
  console.error('There is no such mutant.');
  process.exit(1);
}
const copies = Array.from({ length: Math.min(values.workers, chosen.length) }, () => new ScratchCopy(root));
const stop = () => {
  for (const copy of copies) copy.remove();
  process.exit(1);
};
process.once('SIGINT', stop);
process.once('SIGTERM', stop);

const results = [];
try {
  const unmutated = await runUnmutated();
  const waiting = [...chosen];
  await Promise.all(
    copies.map(async (copy) => {
      for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
        const result =
          performance.now() > endsAt
            ? { outcome: 'undecided', by: 'no time left' }
            : await copy.tryOut(mutant, unmutated, budgetMs);
        results.push({ ...result, mutant });
        const seconds = result.ms === undefined ? '' : ` (${(result.ms / 1000).toFixed(1)} s)`;
        console.log(`${result.outcome.padEnd(9)} ${mutant.id}: ${result.by}${seconds}`);
      }
    }),
  );
} finally {
  for (const copy of copies) copy.remove();
}

const count = (outcome) => results.filter((result) => result.outcome === outcome).length;
if (values.write || (words.length === 0 && values.shard === '1/1')) writeReport(root, mutants, results);
console.log(
  `${results.length} mutants: ${count('caught')} caught, ${count('SURVIVED')} survived, ${count('undecided')} undecided, ${errors.length} errors`,
);
process.exitCode = count('caught') === results.length && errors.length === 0 ? 0 : 1;

/** How long each test file takes without a patch, or why it proves nothing: a test that is red anyway catches no mutant. */
async function runUnmutated() {
  const files = [...new Set(chosen.flatMap(({ tests }) => tests))];
  console.log(`${chosen.length} mutants; first their ${files.length} test files without a patch`);
  const unmutated = new Map();
  const waiting = [...files];
  await Promise.all(
    copies.map(async (copy) => {
      for (let file = waiting.shift(); file; file = waiting.shift()) {
        const { failure, ms } = await copy.runTests(file, 10 * budgetMs);
        unmutated.set(file, { ms, failure });
        if (failure !== null) console.error(`${file} fails without a patch: ${failure}`);
      }
    }),
  );
  return unmutated;
}
