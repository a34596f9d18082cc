// Runs the whole suite: types, lint, layers, format, build, then the tests; cluster tests one after another, since each of them
// wants both cores. The last line counts all tests; before it stand the tests that passed only when they were run again, of which more
// than two fail the run, and what random tests started from. Arguments are the names of suites to run instead of all.
//   npm test [unit] [conformance] [contract] [crash] [simulation] [cluster]
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { readCommandLine, refuse } from './command-line.mjs';

process.chdir(path.join(import.meta.dirname, '..'));
const MAX_FLAKY = 2;
/** Between the end of the last test and the end of jest. No test leaves anything open (test/support/environment.cjs sees to it). */
const EXIT_MS = 60_000;

const all = ['unit', 'conformance', 'contract', 'crash', 'simulation', 'cluster'];
const { words: asked } = readCommandLine({}, { words: 'texts' });
const unknown = asked.filter((name) => !all.includes(name));
if (unknown.length > 0) refuse(`there is no suite ${unknown.join(', ')}`);
const suites = asked.length > 0 ? asked : all;
mkdirSync('.cache', { recursive: true });

const totals = { passed: 0, failed: 0, skipped: 0 };
const flaky = [];
// Types and lint beside each other: neither uses both cores.
const steps = [
  ['types', ['npx', 'tsc', '--noEmit', '-p', 'tsconfig.json']],
  ['lint, layers, format', ['npm', 'run', '--silent', 'lint']],
  ['mutants apply', ['node', 'scripts/mutants.mjs', '--check']],
  ['build', ['npm', 'run', '--silent', 'build']],
];
const statuses = await Promise.all([steps.slice(0, 1), steps.slice(1)].map(inTurn));
totals.failed += statuses.flat().filter((status) => status !== 0).length;

const parallel = suites.filter((name) => name !== 'cluster');
if (parallel.length > 0) await jest(parallel, ['--maxWorkers=2']);
if (suites.includes('cluster')) await jest(['cluster'], ['--runInBand']);

console.log('');
if (flaky.length > MAX_FLAKY) totals.failed++;
const verdict = flaky.length > MAX_FLAKY ? `; more than ${MAX_FLAKY} fail the run` : '';
console.log(`${flaky.length} flaky${verdict}`);
for (const name of flaky) console.log(`  ${name}`);
console.log(`seed of properties: ${process.env.OTTLA_SEED ?? 'the default'} (OTTLA_SEED)`);
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed === 0 ? 0 : 1;

async function inTurn(own) {
  const done = [];
  for (const [title, command] of own) done.push(await run(title, command));
  return done;
}

async function jest(projects, options) {
  const report = path.join('.cache', `jest-${projects.join('-')}.json`);
  rmSync(report, { force: true });
  const args = ['--selectProjects', ...projects, '--json', `--outputFile=${report}`, ...options];
  const status = await run(projects.join(', '), ['npx', 'jest', ...args], report);
  const result = read(report);
  totals.passed += result.numPassedTests;
  totals.skipped += result.numPendingTests;
  // A suite that does not even load, or leaves something open, has no failed tests, and still fails.
  totals.failed += Math.max(result.numFailedTests + result.numRuntimeErrorTestSuites, status === 0 ? 0 : 1);
  for (const { assertionResults } of result.testResults) {
    for (const { status, invocations, fullName } of assertionResults) {
      if (status === 'passed' && invocations > 1) flaky.push(fullName);
    }
  }
}

function read(report) {
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return { numPassedTests: 0, numPendingTests: 0, numFailedTests: 0, numRuntimeErrorTestSuites: 1, testResults: [] };
  }
}

/** Resolves with the exit code. With a `report`, the program has a minute to end after it has written that. */
function run(title, [program, ...args], report) {
  console.log(`\n== ${title}`);
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], detached: true });
  return new Promise((resolve) => {
    let hangs = false;
    let writtenAt = null;
    const watchdog = setInterval(() => {
      if (report === undefined || !existsSync(report)) return;
      writtenAt ??= Date.now();
      if (Date.now() - writtenAt < EXIT_MS) return;
      hangs = true;
      console.error(
        `${title}: all tests have ended, and something that they left keeps jest from ending (--detectOpenHandles).`,
      );
      endGroup('SIGKILL');
    }, 1_000);
    const endGroup = (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch (error) {
        if (error.code !== 'ESRCH') throw error;
      }
    };
    const onSignal = (signal) => {
      endGroup(signal);
      process.exit(1);
    };
    process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
    child.once('error', (error) => {
      console.error(error);
      settle(1);
    });
    child.once('exit', (code) => settle(hangs ? 1 : (code ?? 1)));
    function settle(status) {
      clearInterval(watchdog);
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
      resolve(status);
    }
  });
}
