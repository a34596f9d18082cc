import { spawn } from 'node:child_process';
import { serverProgram, type Surroundings } from './surroundings.js';

/** ZooKeeper's own shell, with this command's terminal; a Ctrl-C there is the shell's. */
export async function runShell(
  connect: string,
  words: readonly string[],
  { root, env }: Surroundings,
): Promise<number> {
  const child = spawn(serverProgram(root), ['shell', connect, ...words], { stdio: 'inherit', env });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGTERM', forward).on('SIGHUP', forward);
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? 1));
    });
  } finally {
    process.off('SIGTERM', forward).off('SIGHUP', forward);
  }
}
