/** The scripts for contributors say what they take when they are asked, and do nothing when they are given something else. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../../support/processes.js';

/** Parts of others. */
const PARTS = ['bench-brokers.mjs', 'bundle.mjs', 'command-line.mjs'];
const scripts = fs
  .readdirSync(path.join(projectRoot, 'scripts'))
  .filter((name) => name.endsWith('.mjs') && !PARTS.includes(name));

function run(script: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [path.join(projectRoot, 'scripts', script), ...args], { encoding: 'utf8' });
}

test.each(['bench-startup.mjs', 'mutants.mjs'])('%s --help prints the comment at its top', (script) => {
  const { status, stdout, stderr } = run(script, '--help');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const [first] = fs.readFileSync(path.join(projectRoot, 'scripts', script), 'utf8').match(/^\/\/ .*/m)!;
  expect(stdout).toMatch(first.slice('// '.length));
  expect(stdout).not.toMatch(/^import/m);
});

test.each(scripts)('%s reads its command line as all do', (script) => {
  const source = fs.readFileSync(path.join(projectRoot, 'scripts', script), 'utf8');
  expect(source).toMatch(/\breadCommandLine\(/);
  expect(source).not.toMatch(/process\.argv|parseArgs/);
});

test.each(['build.mjs', 'bench-log.mjs', 'test.mjs'])('%s refuses an option that it does not take', (script) => {
  const { status, stdout, stderr } = run(script, '--nonsense');
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toBe(`${script}: Unknown option '--nonsense'; --help says what there is\n`);
});

test('quickstart --help prints the comment at its top', () => {
  const { status, stdout } = spawnSync(path.join(projectRoot, 'scripts/quickstart'), ['--help'], { encoding: 'utf8' });
  expect(status).toBe(0);
  expect(stdout).toMatch(/^From a clone to a running cluster.*--base-port/s);
});

test.each([
  ['bench-startup.mjs', ['--runs', 'x'], "--runs needs a number, not 'x'"],
  ['bench-startup.mjs', ['--runs'], "Option '--runs <value>' argument missing"],
  ['bench-startup.mjs', ['extra'], "Unexpected argument 'extra'"],
  ['bench-fetch.mjs', ['many'], "'many' is no number"],
  ['bench-stalls.mjs', ['--only', 'nonsense'], 'there is no part nonsense'],
  ['simulate.mjs', ['--count=-1'], "--count needs a number, not '-1'"],
  ['simulate.mjs', ['--ingredients', 'nonsense'], 'there is no ingredient nonsense'],
  ['test.mjs', ['nonsense'], 'there is no suite nonsense'],
] as const)('%s %j is refused in one sentence', (script, args, says) => {
  const { status, stdout, stderr } = run(script, ...args);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toContain(`${script}: ${says}`);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
});
