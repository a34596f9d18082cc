// Writes docs/compatibility.md from the code's own tables: the APIs with the versions served, and every configuration.
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadSources, root } from './bundle.mjs';

process.chdir(root);
mkdirSync('docs', { recursive: true });
const { compatibilityDocument } = await loadSources(`export * from './src/cli/compatibility.ts';`);
writeFileSync('docs/compatibility.md', compatibilityDocument());
