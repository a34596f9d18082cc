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
  const areas = [...new Set(mutants.map((mutant) => mutant.area))];
  const ofArea = (area) => mutants.filter((mutant) => mutant.area === area);
  const outcomeOf = ({ id, later }) => {
    const by = found.get(id);
    if (by === undefined || by.startsWith('not run')) return later ? 'later' : 'notRun';
    return /^\*\*/.test(by) ? 'open' : 'caught';
  };
  const count = (area, outcome) => ofArea(area).filter((mutant) => outcomeOf(mutant) === outcome).length;
  const total = (outcome) => areas.reduce((sum, area) => sum + count(area, outcome), 0);
  const row = (name, all, of) => `| ${[name, all, of('caught'), of('open'), of('notRun'), of('later')].join(' | ')} |`;
  const date = new Date().toISOString().slice(0, 10);
  const lines = [
    `Last written on ${date}, after a run of ${results.length} of ${mutants.length} mutants.`,
    '',
    '| area | mutants | caught | survived or undecided | not run | of later issues |',
    '|---|---|---|---|---|---|',
    ...areas.map((area) => row(area, ofArea(area).length, (outcome) => count(area, outcome))),
    row('all', mutants.length, total),
  ];
  for (const area of areas) {
    lines.push(
      '',
      `## ${area} (${count(area, 'caught')} of ${ofArea(area).length} caught)`,
      '',
      '| mutant | what a user gets | caught by |',
      '|---|---|---|',
    );
    for (const { id, name, breaks, later } of ofArea(area)) {
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
