// Runs the whole suite: types, lint, layers, format, build, then the tests; cluster tests one after another, since each of them
// wants both cores. The last line counts all tests. Arguments are the names of suites to run instead of all.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

process.chdir(path.join(import.meta.dirname, '..'));
const all = ['unit', 'conformance', 'contract', 'simulation', 'crash', 'cluster'];
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`There is no suite ${unknown.join(', ')}; the suites are ${all.join(', ')}.`);
  process.exit(1);
}
const suites = asked.length > 0 ? asked : all;

const steps = [
  ['types', ['npx', 'tsc', '--noEmit', '-p', 'tsconfig.json']],
  ['lint, layers, format', ['npm', 'run', '--silent', 'lint']],
  ['mutants apply', ['node', 'scripts/mutants.mjs', '--check']],
  ['build', ['npm', 'run', '--silent', 'build']],
];
let failedSteps = 0;
for (const [title, command] of steps) failedSteps += run(title, command) === 0 ? 0 : 1;

const totals = { passed: 0, failed: 0, skipped: 0 };
mkdirSync('.cache', { recursive: true });
const parallel = suites.filter((name) => name !== 'cluster');
if (parallel.length > 0) jest(parallel, ['--maxWorkers=2']);
if (suites.includes('cluster')) jest(['cluster'], ['--runInBand']);

totals.failed += failedSteps;
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed === 0 ? 0 : 1;

function jest(projects, options) {
  const report = path.join('.cache', `jest-${projects.join('-')}.json`);
  rmSync(report, { force: true });
  const status = run(projects.join(', '), [
    'npx',
    'jest',
    '--selectProjects',
    ...projects,
    '--json',
    `--outputFile=${report}`,
    '--forceExit',
    ...options,
  ]);
  const result = read(report);
  totals.passed += result.numPassedTests;
  totals.skipped += result.numPendingTests;
  // A suite that does not even load has no failed tests, and still fails.
  totals.failed += Math.max(result.numFailedTests + result.numRuntimeErrorTestSuites, status === 0 ? 0 : 1);
}

function read(report) {
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return { numPassedTests: 0, numPendingTests: 0, numFailedTests: 0, numRuntimeErrorTestSuites: 1 };
  }
}

function run(title, [program, ...args]) {
  console.log(`\n== ${title}`);
  return spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] }).status ?? 1;
}
