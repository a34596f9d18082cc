import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { nodeFileSystem, sleep, systemClock } from '../common/index.js';
import { MAIN_LOG } from './log-folder.js';
import { openOutputFile } from './output-file.js';
import { parseConfig, readProperties, type Overrides } from './server-start.js';
import type { Terminal } from './terminal.js';

/** So long a broker that starts is waited for: one with many logs, or whose last session is not over yet, takes longer. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 50;
const OUTPUT_FILE = 'ottla-server.out';
/** What the log says of a broker that serves. */
const STARTED = /\[KafkaServer id=-?\d+\] started/;
const FAILED = /^The broker could not start: .*$/m;

/**
 * Starts the broker as a process of its own. Its log files are in LOG_DIR, or else in the first log directory, and so is what it says besides,
 * in `ottla-server.out`. The exit code is 1, and its last words are repeated, when it ends at once; Kafka's script does not wait for that.
 */
export async function startDaemon(file: string, overrides: Overrides, terminal: Terminal): Promise<number> {
  const { config } = parseConfig(file, readProperties(file), overrides);
  const directory = terminal.env.LOG_DIR ?? config.logDirs[0]!;
  nodeFileSystem.makeDir(directory);
  const files = { log: path.join(directory, MAIN_LOG), output: path.join(directory, OUTPUT_FILE) };
  const output = openOutputFile(files.output);
  const from = { log: sizeOf(files.log), output: sizeOf(files.output) };
  const overrideArgs = [...overrides].flatMap(([name, value]) => ['--override', `${name}=${value}`]);
  const { spawn } = await import('node:child_process'); // Only here: a broker that starts in the foreground need not load it.
  const child = spawn(
    process.execPath,
    [...process.execArgv, process.argv[1]!, 'server', 'start', file, ...overrideArgs],
    // What a broker writes to stdout stands in its log files.
    { detached: true, stdio: ['ignore', 'ignore', output], env: { ...terminal.env, LOG_DIR: directory } },
  );
  fs.closeSync(output);
  await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  child.unref();
  const said = (): Said => ({ log: textBehind(files.log, from.log), output: textBehind(files.output, from.output) });
  return await report(child, said, files, terminal);
}

/** Of the log and of the output: their paths, or what they have got. */
interface Said {
  readonly log: string;
  readonly output: string;
}

async function report(
  child: ChildProcess,
  said: () => Said,
  { log, output }: Said,
  { stdout, stderr }: Terminal,
): Promise<number> {
  const deadlineMs = systemClock.monotonicMs() + PATIENCE_MS;
  for (;;) {
    // In this order: what it said before it ended is there then.
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    const text = said();
    const where = `Its log is ${log}, what it says besides is in ${output}\n`;
    if (hasEnded) {
      stderr.write(`${FAILED.exec(text.output)?.[0] ?? 'The broker has ended.'}\n${where}`);
      return 1;
    }
    if (STARTED.test(text.log)) {
      stdout.write(`The broker has started (pid ${child.pid}). ${where}`);
      return 0;
    }
    if (systemClock.monotonicMs() > deadlineMs) {
      stdout.write(`The broker is still starting (pid ${child.pid}). ${where}`);
      return 0;
    }
    await sleep(systemClock, PAUSE_MS);
  }
}

function sizeOf(file: string): number {
  return fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** Of a file that was put aside meanwhile, what the new one has. */
function textBehind(file: string, from: number): string {
  const size = sizeOf(file);
  if (size === 0) return '';
  const start = size < from ? 0 : from;
  const text = Buffer.alloc(size - start);
  const fd = fs.openSync(file, 'r');
  try {
    return text.toString('utf8', 0, fs.readSync(fd, text, 0, text.length, start));
  } finally {
    fs.closeSync(fd);
  }
}
