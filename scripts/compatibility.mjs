// Writes docs/compatibility.md from the code's own tables: the APIs with the versions served, and every configuration.
import { build } from 'esbuild';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

process.chdir(path.join(import.meta.dirname, '..'));
const outfile = path.resolve('.cache/compatibility.cjs');
await build({
  entryPoints: ['src/cli/compatibility.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  packages: 'external',
  logLevel: 'warning',
});
mkdirSync('docs', { recursive: true });
const { compatibilityDocument } = createRequire(import.meta.url)(outfile);
writeFileSync('docs/compatibility.md', compatibilityDocument());
