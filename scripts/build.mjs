// Builds dist/: the program as one file for each command, with all it needs but native packages, since one file loads several
// times faster than the hundreds of modules it is made of; and beside each the code that V8 compiled for it (bin/chunk-loader.cjs).
// A file ends where the source says `await import('./…')`.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readCommandLine } from './command-line.mjs';

readCommandLine();
process.chdir(path.join(import.meta.dirname, '..'));
/** Packages that are, or look for, native code; and kafkajs, which only the console tools load, when they run. */
const EXTERNAL = ['@node-rs/crc32', 'fs-native-extensions', 'snappy', 'lz4-napi', '@toondepauw/node-zstd'];

const main = 'src/cli/main.ts';
if (!existsSync(main)) process.exit(0);
mkdirSync('dist', { recursive: true });
for (const file of readdirSync('dist')) rmSync(path.join('dist', file), { recursive: true });

const built = new Set();
const waiting = [main];
let failed = false;
while (waiting.length > 0) {
  const entry = waiting.shift();
  const name = chunkName(entry);
  if (built.has(name)) continue;
  try {
    await buildChunk(entry, name);
    built.add(name);
  } catch {
    // esbuild has printed why. The other commands are built all the same.
    console.error(`dist/${name} could not be built from ${entry}`);
    failed = true;
  }
}
writeCaches();
process.exitCode = failed ? 1 : 0;

async function buildChunk(entry, name) {
  await build({
    entryPoints: [entry],
    outfile: `dist/${name}`,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: EXTERNAL,
    supported: { 'dynamic-import': false },
    sourcemap: true,
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [{ name: 'chunks', setup: splitAtDynamicImports }],
  });
  // esbuild writes ASCII but for comments; a text of nothing else V8 keeps in half the memory.
  const file = `dist/${name}`;
  writeFileSync(file, readFileSync(file, 'utf8').replace(/[^\0-\x7f]/g, '?'));
}

function splitAtDynamicImports(builder) {
  builder.onResolve({ filter: /^\.\.?\// }, ({ kind, path: id, resolveDir }) => {
    if (kind !== 'dynamic-import') return undefined;
    const entry = path.relative('.', path.join(resolveDir, id)).replace(/\.js$/, '.ts');
    waiting.push(entry);
    return { path: `./${chunkName(entry)}`, external: true };
  });
}

function chunkName(entry) {
  return `${path.basename(entry, '.ts')}.js`;
}

/**
 * Loading a file runs only its definitions; what they compile is what every start needs. bin/ottla itself does it, since V8 refuses code
 * that was compiled under other settings than those a broker runs with.
 */
function writeCaches() {
  for (const step of ['--write-caches', '--check-caches']) {
    const { status } = spawnSync('bin/ottla', [step, ...built], { stdio: 'inherit' });
    if (status !== 0) failed = true;
  }
}
