import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { reasonOfRefusal, sleep, systemClock } from '../../common/index.js';
import { ensureLogFolder, MAIN_LOG } from '../logging/log-folder.js';
import { openOutputFile } from '../logging/output-file.js';
import { parseConfig, readProperties, type Overrides } from './server-start.js';
import { CommandError, type Terminal } from '../terminal.js';

/** So long a broker that starts is waited for: one with many logs, or whose last session is not over yet, takes longer. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 50;
const MAX_READ_BYTES = 1024 * 1024;
const KEPT_LENGTH = 64 * 1024;
const OUTPUT_FILE = 'ottla-server.out';
/** What the log says of a broker that serves. */
const STARTED = /\[KafkaServer id=-?\d+\] started/;
const FAILED = /^The broker could not start: .*$/m;

/**
 * Starts the broker as a process of its own. Its log files are in LOG_DIR, or else in the first log directory that can be written to, and so is what it says besides,
 * in `ottla-server.out`. The exit code is 1, and its last words are repeated, when it ends at once; Kafka's script does not wait for that.
 */
export async function startDaemon(file: string, overrides: Overrides, terminal: Terminal): Promise<number> {
  const { config } = parseConfig(file, readProperties(file), overrides);
  const directory = logFolder(terminal.env.LOG_DIR, config.logDirs);
  const files = { log: path.join(directory, MAIN_LOG), output: path.join(directory, OUTPUT_FILE) };
  const output = openOutput(files.output);
  const tails = { log: new Tail(files.log), output: new Tail(files.output) };
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
  const said = (): Said => ({ log: tails.log.read(), output: tails.output.read() });
  return await report(child, said, files, terminal);
}

/** LOG_DIR, or else the first log directory that can be written to: a broker starts as long as there is one. Throws a sentence when there is none. */
function logFolder(named: string | undefined, logDirs: readonly string[]): string {
  if (named) {
    ensureLogFolder(named);
    return named;
  }
  for (const dir of logDirs) {
    try {
      ensureLogFolder(dir);
      return dir;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
    }
  }
  throw new CommandError(`Cannot write log files to any of ${logDirs.join()}: set LOG_DIR to a directory for them`);
}

function openOutput(file: string): number {
  try {
    return openOutputFile(file);
  } catch (error) {
    throw new CommandError(`Cannot write to ${file}: ${reasonOfRefusal(error)}`);
  }
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

/** What a file gets from now on, also when it is put aside for a new one. */
class Tail {
  private at: number;
  private last = '';

  constructor(private readonly file: string) {
    this.at = this.size();
  }

  /** What has come since the last time, behind the end of what had come before. */
  read(): string {
    const size = this.size();
    if (size < this.at) this.at = 0;
    const bytes = Buffer.alloc(Math.min(size - this.at, MAX_READ_BYTES));
    if (bytes.length > 0) {
      const fd = fs.openSync(this.file, 'r');
      try {
        this.at += fs.readSync(fd, bytes, 0, bytes.length, this.at);
      } finally {
        fs.closeSync(fd);
      }
    }
    const text = this.last + bytes.toString();
    this.last = text.slice(-KEPT_LENGTH);
    return text;
  }

  private size(): number {
    return fs.statSync(this.file, { throwIfNoEntry: false })?.size ?? 0;
  }
}
