import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(__dirname, '../../..');
const document = readFileSync(path.join(root, 'docs/disk.md'), 'utf8');

/** The names and the ends of names that `files` of src/log give. */
function namesIn(...files: string[]): string[] {
  return files.flatMap((file) => {
    const source = readFileSync(path.join(root, 'src/log', file), 'utf8');
    return [...source.matchAll(/^(?:export )?const [A-Z_]+ = '([a-z._-]+)';$/gm)].map((found) => found[1]!);
  });
}

test('docs/disk.md has every name that a log directory may hold', () => {
  const names = namesIn(
    'files/log-file-names.ts',
    'manager/log-dirs.ts',
    'checkpoints/meta-properties.ts',
    'checkpoints/partition-metadata-file.ts',
    'checkpoints/leader-epoch-file-cache.ts',
  );
  expect(names.length).toBeGreaterThan(15);
  expect(names.filter((name) => !document.includes(name))).toEqual([]);
});
