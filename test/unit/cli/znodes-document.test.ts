import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ZNODES, znodesDocument } from '../../../src/cli/documents/znodes-document.js';
import * as zookeeper from '../../../src/zookeeper/index.js';

test('docs/znodes.md is what scripts/documents.mjs writes now', () => {
  const written = readFileSync(path.join(__dirname, '../../../docs/znodes.md'), 'utf8');
  expect(written).toBe(znodesDocument());
});

test('every znode that the code knows has a section', () => {
  const described = new Set<unknown>(ZNODES.map(({ znode }) => znode));
  const known = Object.entries(zookeeper).filter(
    ([name, value]) => name.endsWith('Znode') && typeof value === 'object',
  );
  expect(known.filter(([, znode]) => !described.has(znode)).map(([name]) => name)).toEqual([]);
  expect(known.length).toBe(ZNODES.length);
});
