// Scores the tables of the `core` folders with Stryker: of all small changes it makes there, how many do the unit tests of that core see?
//   node scripts/stryker.mjs [AREA ...]     log and replication unless told
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readCommandLine } from './command-line.mjs';

process.chdir(path.join(import.meta.dirname, '..'));
const { words: asked } = readCommandLine({}, { words: 'texts' });
for (const area of asked.length > 0 ? asked : ['log', 'replication']) {
  const config = `.cache/stryker-${area}.conf.json`;
  mkdirSync('.cache', { recursive: true });
  writeFileSync(
    config,
    JSON.stringify({
      testRunner: 'jest',
      plugins: ['@stryker-mutator/jest-runner'],
      mutate: [`src/${area}/core/*.ts`],
      coverageAnalysis: 'perTest',
      // A change of what is computed once when a file is loaded would need a process of its own.
      ignoreStatic: true,
      jest: { configFile: 'scripts/stryker/jest.config.cjs', enableFindRelatedTests: false },
      concurrency: 1,
      tempDirName: '.cache/stryker',
      ignorePatterns: ['dist', '.cache'],
      reporters: ['clear-text', 'json'],
      jsonReporter: { fileName: `.cache/stryker-${area}.json` },
      clearTextReporter: { allowColor: false, reportTests: false, logTests: false },
      timeoutMS: 20_000,
    }),
  );
  const env = { ...process.env, OTTLA_STRYKER_AREAS: area };
  const { status } = spawnSync('npx', ['stryker', 'run', config], { env, stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
