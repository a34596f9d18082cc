// For the scripts that measure or try parts of `src` and `test`: loads TypeScript as it stands in this checkout, without a build.
import { build } from 'esbuild';
import { mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

export const root = path.join(import.meta.dirname, '..');

/** Loads what `contents` exports: TypeScript whose imports are relative to the checkout. Stack traces name its lines. */
export async function loadSources(contents) {
  mkdirSync(path.join(root, '.cache'), { recursive: true });
  // Inside of the checkout, where packages are found; runs beside each other have a file each.
  const outfile = path.join(root, '.cache', `bundle-${process.pid}-${performance.now()}.cjs`);
  try {
    await build({
      stdin: { contents, resolveDir: root, loader: 'ts' },
      outfile,
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      packages: 'external',
      sourcemap: 'inline',
      logLevel: 'warning',
    });
    process.setSourceMapsEnabled(true);
    return createRequire(import.meta.url)(outfile);
  } finally {
    rmSync(outfile, { force: true });
  }
}
