// A copy of the work tree in which patches are applied, tried and taken back.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A single test may take this long under a mutant: one that waits in vain is a test that fails. */
const TEST_TIMEOUT_MS = 30_000;

/** Null when the patch applies to the tree at `root`, else what git says. */
export function patchApplies(root, patch) {
  const { status, stderr } = spawnSync('git', ['apply', '--check', patch], { cwd: root, encoding: 'utf8' });
  return status === 0 ? null : stderr.trim().split('\n')[0];
}

export class ScratchCopy {
  constructor(root) {
    this.root = root;
    this.dir = mkdtempSync(path.join(os.tmpdir(), 'ottla-mutants-'));
    this.tree = path.join(this.dir, 'tree');
    const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
    for (const file of git('ls-files', '-z', '--cached', '--others', '--exclude-standard').split('\0')) {
      if (file === '' || !existsSync(path.join(root, file))) continue;
      mkdirSync(path.dirname(path.join(this.tree, file)), { recursive: true });
      // With its times: by them the recordings are known to be unpacked.
      cpSync(path.join(root, file), path.join(this.tree, file), { preserveTimestamps: true, verbatimSymlinks: true });
    }
    for (const linked of ['node_modules', 'test/.fixtures', 'zk/.runtime']) {
      if (existsSync(path.join(root, linked))) symlinkSync(path.join(root, linked), path.join(this.tree, linked));
    }
  }

  /** Applies the patch, runs what the mutant names until something fails, and takes the patch back. */
  async tryOut(mutant, unmutated, budgetMs) {
    const startMs = performance.now();
    const complaint = this.apply(mutant.patch);
    if (complaint !== null) return { outcome: 'undecided', by: `does not apply: ${complaint}` };
    try {
      for (const file of mutant.tests) {
        const { ms, failure } = unmutated.get(file);
        if (failure !== null) return { outcome: 'undecided', by: `${file} fails without the patch` };
        const leftMs = Math.max(1_000, budgetMs - (performance.now() - startMs));
        const run = await this.runTests(file, leftMs);
        if (run.failure === null) continue;
        // A mutant may well hang, but a slow machine must not be taken for one.
        if (run.timedOut && 3 * ms > leftMs) return { outcome: 'undecided', by: `${file} took too long`, ms: run.ms };
        return { outcome: run.broken ? 'undecided' : 'caught', by: run.failure, file, ms: performance.now() - startMs };
      }
      for (const seed of mutant.seeds) {
        const run = await this.run(['scripts/simulate.mjs', '--first', String(seed), '--count', '1'], budgetMs);
        if (run.status !== 0)
          return { outcome: 'caught', by: `simulation, seed ${seed}`, ms: performance.now() - startMs };
      }
      return { outcome: 'SURVIVED', by: 'nothing', ms: performance.now() - startMs };
    } finally {
      this.apply(mutant.patch, '--reverse');
    }
  }

  /** Runs one test file. `failure` is the title of the first test that failed, null when none did. */
  async runTests(file, timeoutMs) {
    const report = path.join(this.dir, 'report.json');
    rmSync(report, { force: true });
    if (/^test\/(cluster|conformance|contract)\//.test(file)) await this.run(['scripts/build.mjs'], 60_000);
    const startMs = performance.now();
    const { status, stderr } = await this.run(
      [
        path.join(this.root, 'node_modules/jest/bin/jest.js'),
        ...['--config', 'scripts/mutants/jest.config.cjs', '--runTestsByPath', file, '--runInBand', '--forceExit'],
        ...['--json', `--outputFile=${report}`, '--silent', `--cacheDirectory=${path.join(this.dir, 'cache')}`],
      ],
      timeoutMs,
    );
    const ms = performance.now() - startMs;
    if (status === null) return { ms, failure: `never ends: stopped after ${Math.round(ms / 1000)} s`, timedOut: true };
    if (!existsSync(report))
      return { ms, failure: `jest ended with ${status}: ${stderr.trim().split('\n').at(-1)}`, broken: true };
    const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
    const failed = testResults.flatMap((result) => result.assertionResults).find((test) => test.status === 'failed');
    if (failed) return { ms, failure: failed.fullName };
    if (testResults.length === 0) return { ms, failure: `no tests in ${file}`, broken: true };
    const unloaded = testResults.find((result) => result.status === 'failed');
    if (unloaded) return { ms, failure: `does not load: ${firstLine(unloaded.message)}`, broken: true };
    return { ms, failure: status === 0 ? null : `jest ended with ${status}` };
  }

  /** Runs a program of Node.js in the copy, to its end or its time limit; the status is null then. */
  run(args, timeoutMs) {
    return new Promise((resolve, reject) => {
      const env = { ...process.env, OTTLA_TEST_TIMEOUT_MS: String(TEST_TIMEOUT_MS) };
      const child = spawn(process.execPath, args, {
        cwd: this.tree,
        env,
        stdio: ['ignore', 'ignore', 'pipe'],
        detached: true,
      });
      this.child = child;
      let stderr = '';
      let timedOut = false;
      child.stderr.on('data', (bytes) => (stderr = (stderr + bytes).slice(-10_000)));
      const timer = setTimeout(() => {
        timedOut = true;
        this.kill();
      }, timeoutMs);
      child.once('error', reject);
      child.once('close', (code) => {
        clearTimeout(timer);
        this.child = null;
        resolve({ status: timedOut ? null : (code ?? 1), stderr });
      });
    });
  }

  remove() {
    this.kill();
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 3 });
  }

  /** With the processes that a test has started. */
  kill() {
    if (!this.child?.pid) return;
    try {
      process.kill(-this.child.pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }

  apply(patch, ...options) {
    // Not as a part of a repository that the temporary folder may lie in: git would pass over what is outside of it.
    const env = { ...process.env, GIT_CEILING_DIRECTORIES: this.dir };
    const { status, stderr } = spawnSync('git', ['apply', ...options, patch], {
      cwd: this.tree,
      env,
      encoding: 'utf8',
    });
    return status === 0 ? null : stderr.trim().split('\n')[0];
  }
}

function firstLine(message) {
  const [line = ''] = message
    .split('\n')
    .map((it) => it.trim())
    .filter((it) => it !== '' && !it.startsWith('●'));
  return line;
}
