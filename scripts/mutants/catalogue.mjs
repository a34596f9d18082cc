// The list of mutants: test/mutants/AREA.json with one entry for each test/mutants/AREA/NAME.patch.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const FIELDS = new Set(['name', 'breaks', 'tests', 'seeds', 'later']);

/** Reads every entry, and says what is wrong with the lists: a patch without an entry, an entry without a patch, a test that is not there. */
export function readMutants(root) {
  const folder = path.join(root, 'test', 'mutants');
  const mutants = [];
  const errors = [];
  for (const file of readdirSync(folder).sort()) {
    const area = path.basename(file, '.json');
    if (file.endsWith('.json')) {
      for (const entry of JSON.parse(readFileSync(path.join(folder, file), 'utf8'))) {
        const { name, breaks, tests = [], seeds = [], later = false } = entry;
        const id = `${area}/${name}`;
        const patch = path.join(folder, area, `${name}.patch`);
        const complain = (what) => errors.push(`${id}: ${what}`);
        for (const field of Object.keys(entry)) if (!FIELDS.has(field)) complain(`unknown field ${field}`);
        if (!breaks) complain('does not say what it breaks');
        if (mutants.some((other) => other.id === id)) complain('is there twice');
        for (const test of tests) if (!existsSync(path.join(root, test))) complain(`there is no ${test}`);
        if (tests.length === 0 && seeds.length === 0 && !later) complain('names no test and no seed');
        if (!existsSync(patch)) complain('has no patch');
        else mutants.push({ id, area, name, breaks, tests, seeds, later, patch });
      }
    } else if (!file.includes('.')) {
      const listed = path.join(folder, `${area}.json`);
      const names = existsSync(listed)
        ? JSON.parse(readFileSync(listed, 'utf8')).map(({ name }) => `${name}.patch`)
        : [];
      for (const patch of readdirSync(path.join(folder, area)).sort()) {
        if (!names.includes(patch)) errors.push(`${area}/${patch} is not in ${area}.json`);
      }
    }
  }
  return { mutants, errors };
}

/** The mutants asked for by area, name or both; all but those of later issues when nothing is asked for. `shard` is `2/4`, say. */
export function choose(mutants, asked, shard) {
  const [index, count] = shard.split('/').map(Number);
  return mutants
    .filter(({ id, area, name, later }) =>
      asked.length === 0 ? !later : [id, area, name].some((it) => asked.includes(it)),
    )
    .filter((_, at) => at % count === index - 1);
}
