// docs/mutants.md: what each mutant breaks and which test noticed it, last time.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const START = '<!-- The rest is written by `npm run test:mutants`. -->';
const ROW = /^\| (\S+) \| .* \| (.*) \|$/;

/** Writes the table. A mutant that was not run this time keeps what was found before. */
export function writeReport(root, mutants, results) {
  const file = path.join(root, 'docs', 'mutants.md');
  const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const [head, table = ''] = before.split(START);
  const found = new Map();
  let area = '';
  for (const line of table.split('\n')) {
    if (line.startsWith('## ')) area = line.slice(3).split(' ')[0];
    const [, name, by] = ROW.exec(line) ?? [];
    if (name) found.set(`${area}/${name}`, by);
  }
  for (const { mutant, outcome, by, file } of results) {
    const where = file ? ` (${file.replace(/^test\//, '').replace(/\.test\.ts$/, '')})` : '';
    found.set(mutant.id, cell(outcome === 'caught' ? `${by}${where}` : `**${outcome}**: ${by}`));
  }
  const lines = [];
  for (const area of [...new Set(mutants.map((mutant) => mutant.area))]) {
    const own = mutants.filter((mutant) => mutant.area === area);
    const isCaught = ({ id }) => found.has(id) && !/^(\*\*|not run)/.test(found.get(id));
    lines.push(
      '',
      `## ${area} (${own.filter(isCaught).length} of ${own.length} caught)`,
      '',
      '| mutant | what a user gets | caught by |',
      '|---|---|---|',
    );
    for (const { id, name, breaks, later } of own) {
      lines.push(
        `| ${name} | ${cell(breaks)} | ${found.get(id) ?? (later ? 'not run yet: of a later issue' : 'not run yet')} |`,
      );
    }
  }
  writeFileSync(file, `${head.trimEnd()}\n\n${START}\n${lines.join('\n')}\n`);
}

function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
