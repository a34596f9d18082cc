import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import { systemClock } from '../../common/index.js';
import { openOutputFile } from '../logging/output-file.js';
import { CommandError } from '../terminal.js';
import { pause } from './attempt.js';
import type { MachineProcess } from './core/servers.js';

const POLL_MS = 20;
/** What a program may take to replace another in a process. */
const EXEC_MS = 20;
/** After SIGKILL. */
const KILLED_MS = 10_000;
const NEVER = new AbortController().signal;

/**
 * The processes of this machine. What runs is looked up among them, not in files of pids: these go stale when a machine crashes, and are not
 * written when a start is killed. One that has ended has no command line any more, whether or not its parent has asked for its status.
 */
export function listProcesses(): MachineProcess[] {
  if (!fs.existsSync('/proc/self/cmdline')) return listWithPs();
  return fs.readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const words = commandLineOf(name).split('\0');
    return words.length > 1 ? [{ pid: Number(name), words }] : [];
  });
}

/** Empty for a zombie, a thread of the kernel, and whoever has ended; and for a moment while a program takes the place of another: it comes. */
function commandLineOf(pid: string): string {
  for (let tries = 0; tries < EXEC_MS; tries++) {
    const line = readOrNull(`/proc/${pid}/cmdline`);
    if (line !== '') return line ?? '';
    if (!hasProgram(pid)) return '';
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  }
  return '';
}

function hasProgram(pid: string): boolean {
  try {
    fs.readlinkSync(`/proc/${pid}/exe`);
    return true;
  } catch (error) {
    void error;
    return false;
  }
}

/** Where there is no /proc (macOS). A path with spaces is not found there. */
function listWithPs(): MachineProcess[] {
  const table = execFileSync('ps', ['-axww', '-o', 'pid=,command='], { encoding: 'utf8', maxBuffer: 1 << 26 });
  return table.split('\n').flatMap((line) => {
    const [pid, ...words] = line.trim().split(' ');
    return words.length > 0 ? [{ pid: Number(pid), words }] : [];
  });
}

/** Whether any thread of the process still runs: until the last has ended, the process has its files and its ports. A zombie has none. */
export function isAlive(pid: number): boolean {
  if (!fs.existsSync('/proc/self/stat')) return existsProcess(pid);
  if (isRunningState(readOrNull(`/proc/${pid}/stat`))) return true;
  let threads: string[] = [];
  try {
    threads = fs.readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    void error; // Gone.
  }
  return threads.some((thread) => isRunningState(readOrNull(`/proc/${pid}/task/${thread}/stat`)));
}

/** `PID (NAME) STATE …`; the name may hold anything. */
function isRunningState(stat: string | null): boolean {
  return stat !== null && !/^ [ZXx]/.test(stat.slice(stat.lastIndexOf(')') + 1));
}

function existsProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Sends a signal; nothing happens when the process has ended. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Ends processes, and answers when all are gone which of them took longer than the limit, and were killed. Who gives an `abort` waits no longer when
 * that is aborted: they end by themselves.
 */
export async function endProcesses(
  pids: readonly number[],
  signal: 'SIGTERM' | 'SIGKILL',
  limitMs: number,
  abort: AbortSignal = NEVER,
): Promise<number[]> {
  for (const pid of pids) {
    signalProcess(pid, signal);
    // One that was stopped acts on nothing but SIGKILL until it goes on.
    signalProcess(pid, 'SIGCONT');
  }
  const late = await untilGone(pids, limitMs, abort);
  for (const pid of late) signalProcess(pid, 'SIGKILL');
  const [stuck] = await untilGone(late, KILLED_MS, abort);
  if (stuck !== undefined) throw new CommandError(`process ${stuck} does not end, not even by kill -9`);
  return late;
}

/** Answers those that are still there after the limit. */
async function untilGone(pids: readonly number[], limitMs: number, abort: AbortSignal): Promise<number[]> {
  const deadlineMs = systemClock.monotonicMs() + limitMs;
  let left = pids.filter(isAlive);
  while (left.length > 0 && systemClock.monotonicMs() < deadlineMs) {
    await pause(POLL_MS, abort);
    left = left.filter(isAlive);
  }
  return left;
}

/** Starts a process of its own session, which outlives the terminal; what it says goes to the ends of files. Answers its pid. */
export async function launch(
  program: string,
  args: readonly string[],
  { stdout, stderr }: { readonly stdout: string | null; readonly stderr: string },
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const [output, errors] = [stdout === null ? null : openOutputFile(stdout), openOutputFile(stderr)];
  try {
    const child = spawn(program, args, { detached: true, stdio: ['ignore', output ?? 'ignore', errors], env });
    // Told when the program has taken the place of this one: from then on it is found by its own command line.
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.unref();
    return child.pid!;
  } finally {
    for (const fd of [output, errors]) if (fd !== null) fs.closeSync(fd);
  }
}

function readOrNull(file: string): string | null {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    void error; // Ended meanwhile, or somebody else's.
    return null;
  }
}
