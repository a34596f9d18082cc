import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { nodeFileSystem, sleep, systemClock } from '../common/index.js';
import { parseConfig, readProperties, type Overrides } from './server-start.js';
import type { Terminal } from './terminal.js';

/** So long a broker that starts is waited for: one with many logs, or whose last session is not over yet, takes longer. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 50;
/** What the log says of a broker that serves. */
const STARTED = /\[KafkaServer id=-?\d+\] started/;
const FAILED = /^The broker could not start: .*$/m;

/**
 * Starts the broker as a process of its own; its output goes to `ottla-server.out` in LOG_DIR or the first log directory, which is said. The exit
 * code is 1, and its last words are repeated, when it ends at once; Kafka's script does not wait for that.
 */
export async function startDaemon(file: string, overrides: Overrides, terminal: Terminal): Promise<number> {
  const { config } = parseConfig(file, readProperties(file), overrides);
  const directory = terminal.env.LOG_DIR ?? config.logDirs[0]!;
  nodeFileSystem.makeDir(directory);
  const outputFile = path.join(directory, 'ottla-server.out');
  const output = fs.openSync(outputFile, 'a');
  const from = fs.fstatSync(output).size;
  const overrideArgs = [...overrides].flatMap(([name, value]) => ['--override', `${name}=${value}`]);
  const { spawn } = await import('node:child_process'); // Only here: a broker that starts in the foreground need not load it.
  const child = spawn(
    process.execPath,
    [...process.execArgv, process.argv[1]!, 'server', 'start', file, ...overrideArgs],
    { detached: true, stdio: ['ignore', output, output] },
  );
  fs.closeSync(output);
  await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  child.unref();
  return await report(child, () => textBehind(outputFile, from), outputFile, terminal);
}

async function report(
  child: ChildProcess,
  said: () => string,
  outputFile: string,
  { stdout, stderr }: Terminal,
): Promise<number> {
  const deadlineMs = systemClock.monotonicMs() + PATIENCE_MS;
  for (;;) {
    // In this order: what it said before it ended is there then.
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    const text = said();
    if (hasEnded) {
      stderr.write(`${FAILED.exec(text)?.[0] ?? 'The broker has ended.'}\nIts log is ${outputFile}\n`);
      return 1;
    }
    if (STARTED.test(text)) {
      stdout.write(`The broker has started (pid ${child.pid}). Its log is ${outputFile}\n`);
      return 0;
    }
    if (systemClock.monotonicMs() > deadlineMs) {
      stdout.write(`The broker is still starting (pid ${child.pid}). Its log is ${outputFile}\n`);
      return 0;
    }
    await sleep(systemClock, PAUSE_MS);
  }
}

function textBehind(file: string, from: number): string {
  return fs.readFileSync(file).subarray(from).toString('utf8');
}
