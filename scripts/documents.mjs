// Writes docs/compatibility.md from the code's own tables: the APIs with the versions served, and every configuration.
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadSources, root } from './bundle.mjs';
import { answerHelp } from './help.mjs';

answerHelp(import.meta.filename);

process.chdir(root);
mkdirSync('docs', { recursive: true });
const { compatibilityDocument } = await loadSources(`export * from './src/cli/compatibility.ts';`);
writeFileSync('docs/compatibility.md', compatibilityDocument());
