import { readFileSync } from 'node:fs';
import path from 'node:path';
import { compatibilityDocument } from '../../../src/cli/documents/compatibility.js';

test('docs/compatibility.md is what scripts/documents.mjs writes now', () => {
  const written = readFileSync(path.join(__dirname, '../../../docs/compatibility.md'), 'utf8');
  expect(written).toBe(compatibilityDocument());
});
