// Writes the documents that are made from the code's own tables: docs/compatibility.md (the APIs with the versions served, and every
// configuration) and docs/znodes.md (what stands in ZooKeeper).
import { writeFileSync } from 'node:fs';
import { loadSources, root } from './bundle.mjs';
import { readCommandLine } from './command-line.mjs';

readCommandLine();

process.chdir(root);
const { compatibilityDocument, znodesDocument } = await loadSources(
  `export * from './src/cli/documents/compatibility.ts'; export * from './src/cli/documents/znodes-document.ts';`,
);
writeFileSync('docs/compatibility.md', compatibilityDocument());
writeFileSync('docs/znodes.md', znodesDocument());
