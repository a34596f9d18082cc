import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { signalProcess } from './processes.js';
import { CommandError, type Terminal } from '../terminal.js';

/** What a cluster is run with. */
export interface Surroundings {
  /** Of the checkout. */
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Tells what is waited for, and what goes on. */
  readonly say: (line: string) => void;
}

/** Of a command that is bundled into `dist`. What reads its output may be gone, as a closed terminal is: what was begun is ended all the same. */
export function surroundingsOf({ env, stdout, stderr }: Terminal): Surroundings {
  for (const output of [stdout, stderr]) {
    output.removeAllListeners('error');
    output.on('error', () => undefined);
  }
  return { root: path.join(__dirname, '..'), env, say: (line) => void stderr.write(`${line}\n`) };
}

export function serverProgram(root: string): string {
  return path.join(root, 'zk', 'server');
}

/** Where ZooKeeper's jars and, unless told otherwise, ensembles are. */
export function zooKeeperRuntime({ root, env }: Pick<Surroundings, 'root' | 'env'>): string {
  const cache = env['OTTLA_CACHE'];
  return cache ? path.join(cache, 'zookeeper') : path.join(root, 'zk', '.runtime');
}

/** Makes sure that ZooKeeper can be run: there is a Java, and its jars are there or can be fetched. */
export async function prepareZooKeeper({ root, env, say }: Surroundings, signal: AbortSignal): Promise<void> {
  const hasJava = (env['PATH'] ?? '').split(path.delimiter).some((dir) => fs.existsSync(path.join(dir, 'java')));
  if (!hasJava) throw new CommandError('no java on the PATH; ZooKeeper needs Java 8 or newer');
  const child = spawn(serverProgram(root), ['prepare'], { stdio: ['ignore', 'ignore', 'pipe'], env, detached: true });
  // Its own group, for Maven below it; gone already when there is nobody to tell.
  const end = (): void => signalProcess(-child.pid!, 'SIGTERM');
  signal.addEventListener('abort', end);
  let refusal = '';
  child.stderr.on('data', (bytes: Buffer) => {
    for (const line of bytes.toString().split('\n').filter(Boolean)) {
      if (line.startsWith('server: ')) refusal = line.slice('server: '.length);
      else say(line);
    }
  });
  try {
    const code = await new Promise<number | null>((resolve, reject) =>
      child.once('close', resolve).once('error', reject),
    );
    signal.throwIfAborted();
    if (code !== 0) throw new CommandError(refusal);
  } finally {
    signal.removeEventListener('abort', end);
  }
}
