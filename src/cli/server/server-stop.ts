import fs from 'node:fs';
import path from 'node:path';
import type { Terminal } from '../terminal.js';

/** Tells every broker of this machine to stop, as kafka-server-stop.sh does. It does not wait for them. */
export function stopServers(terminal: Terminal): Promise<number> {
  const pids = findServers();
  if (pids.length === 0) {
    terminal.stdout.write('No kafka server to stop\n');
    return Promise.resolve(1);
  }
  let failures = 0;
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGTERM');
    } catch (error) {
      // Gone by itself in between, which is what was asked for.
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') continue;
      terminal.stderr.write(`Cannot stop the broker with pid ${pid}: ${(error as Error).message}\n`);
      failures++;
    }
  }
  return Promise.resolve(failures === 0 ? 0 : 1);
}

/** The processes whose command line is `… ottla server start …`. Needs /proc. */
export function findServers(procDirectory = '/proc'): number[] {
  if (!fs.existsSync(procDirectory)) return [];
  return fs
    .readdirSync(procDirectory)
    .filter((name) => /^\d+$/.test(name) && isServer(path.join(procDirectory, name, 'cmdline')))
    .map(Number)
    .filter((pid) => pid !== process.pid);
}

function isServer(commandLineFile: string): boolean {
  let words: string[];
  try {
    words = fs.readFileSync(commandLineFile, 'utf8').split('\0');
  } catch (error) {
    void error; // The process ended while we looked, or belongs to somebody else.
    return false;
  }
  const program = words.findIndex((word) => /^ottla(\.cjs)?$/.test(path.basename(word)));
  if (program < 0 || words[program + 1] !== 'server' || words[program + 2] !== 'start') return false;
  // Not a shell or a supervisor that was merely given these words.
  return program === 0 || path.basename(words[0]!).startsWith('node');
}
