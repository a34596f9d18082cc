/** Ports, processes and /tmp of its own, for what names the ports that people use, and stops what runs on the machine. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../../support/processes.js';

export const NAMESPACES = [
  ...['--user', '--map-root-user', '--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child'],
];
/** The first commands of a shell in these. This checkout stays where it is, though that is below /tmp. */
export const PREPARE =
  'ip link set lo up && mount --bind "$CHECKOUT" /mnt && mount -t tmpfs tmpfs /tmp' +
  ' && mkdir -p "$CHECKOUT" && mount --bind /mnt "$CHECKOUT" && cd "$PWD"';
export const ISOLATED = { ...process.env, CHECKOUT: projectRoot, TMPDIR: '/tmp' };

export function canIsolate(): boolean {
  return spawnSync('unshare', [...NAMESPACES, 'sh', '-c', PREPARE], { env: ISOLATED }).status === 0;
}

/** A folder for copies of this checkout: not in /tmp, where the namespaces have their own. */
export function scratchFolder(prefix: string): string {
  fs.mkdirSync(path.join(projectRoot, '.cache'), { recursive: true });
  return fs.mkdtempSync(path.join(projectRoot, '.cache', prefix));
}

/** Copies what git knows of this checkout, without its tests, as a fresh clone is. What is `installed` is the same in both. */
export function cloneTo(tree: string, installed: readonly string[]): void {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ':!test'];
  for (const file of execFileSync('git', list, { cwd: projectRoot, encoding: 'utf8' }).split('\0')) {
    if (file === '' || !fs.existsSync(path.join(projectRoot, file))) continue;
    fs.cpSync(path.join(projectRoot, file), path.join(tree, file), { verbatimSymlinks: true });
  }
  for (const name of installed) {
    const there = path.join(projectRoot, name);
    if (fs.existsSync(there)) fs.symlinkSync(there, path.join(tree, name));
  }
}
