// Runs suites of one process (unit unless told) and sums up what they run of each folder of src; the whole report is in .cache/coverage.
//   node scripts/coverage.mjs [SUITE ...]
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readCommandLine } from './command-line.mjs';

process.chdir(path.join(import.meta.dirname, '..'));
const { words: asked } = readCommandLine({}, { words: 'texts' });
const { status } = spawnSync(
  'npx',
  [
    ...['jest', '--selectProjects', ...(asked.length > 0 ? asked : ['unit']), '--maxWorkers=2', '--coverage'],
    ...['--coverageProvider=v8', '--coverageDirectory=.cache/coverage', '--collectCoverageFrom=src/**/*.ts'],
    ...['--coverageReporters=json-summary', '--coverageReporters=html'],
  ],
  { stdio: ['ignore', 'inherit', 'inherit'] },
);
const { total, ...files } = JSON.parse(readFileSync('.cache/coverage/coverage-summary.json', 'utf8'));
const kinds = ['lines', 'branches'];
const folders = new Map([['all', total]]);
for (const [file, counts] of Object.entries(files)) {
  const [folder] = path.relative('src', file).split(path.sep);
  const sum = folders.get(folder) ?? Object.fromEntries(kinds.map((kind) => [kind, { covered: 0, total: 0 }]));
  for (const kind of kinds) {
    sum[kind].covered += counts[kind].covered;
    sum[kind].total += counts[kind].total;
  }
  folders.set(folder, sum);
}
const percent = ({ covered, total: of }) => (of === 0 ? '-' : `${Math.round((100 * covered) / of)} %`).padStart(9);
console.log(`\n${'folder'.padEnd(14)}${kinds.map((kind) => kind.padStart(9)).join('')}`);
for (const [folder, counts] of [...folders].sort(([a], [b]) => a.localeCompare(b))) {
  console.log(folder.padEnd(14) + kinds.map((kind) => percent(counts[kind])).join(''));
}
process.exitCode = status ?? 1;
