import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(__dirname, '..', '..', '..');

test('docs/ARCHITECTURE.md names every folder of src in its table of layers, and no other', () => {
  const text = readFileSync(path.join(root, 'docs', 'ARCHITECTURE.md'), 'utf8');
  const named = [...text.matchAll(/^\| `src\/([a-z]+)` \|/gm)].map(([, name]) => name!);
  const folders = readdirSync(path.join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(named.sort()).toEqual(folders.map(({ name }) => name).sort());
});
