import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';

export const projectRoot = path.join(__dirname, '..', '..');
export const ottlaBin = path.join(projectRoot, 'bin', 'ottla');
export const kafkaBin = path.join(projectRoot, 'test', 'peer', 'kafka');

export interface ToolResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. The time limit kills it, and its exit code is null then. */
export function run(
  program: string,
  args: readonly string[],
  { input = '', timeoutMs = 120_000, ...options }: SpawnOptions & { input?: string; timeoutMs?: number } = {},
): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => out.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => err.push(bytes));
    // A tool that ends before it has read everything closes the pipe; its exit code tells.
    child.stdin.on('error', () => child.stdin.destroy());
    child.stdin.end(input);
    child.once('error', reject);
    child.once('close', (exitCode) => {
      clearTimeout(timer);
      resolve({ exitCode, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    });
  });
}

/** Runs one of Kafka's own tools. */
export function kafkaTool(
  tool: string,
  args: readonly string[],
  options: { input?: string; timeoutMs?: number } = {},
): Promise<ToolResult> {
  return run(kafkaBin, [tool, ...args], options);
}

/** Runs a command of `bin/ottla`. */
export function ottla(
  args: readonly string[],
  options: { input?: string; timeoutMs?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<ToolResult> {
  return run(ottlaBin, args, options);
}

/** A process in the background whose output goes to a file. */
export class BackgroundProcess {
  private child: ChildProcess | null = null;
  private exited: Promise<number | null> = Promise.resolve(null);

  constructor(
    private readonly program: string,
    private readonly args: readonly string[],
    readonly logFile: string,
  ) {}

  get pid(): number | undefined {
    return this.child?.pid;
  }

  get isRunning(): boolean {
    return this.child !== null && this.child.exitCode === null && this.child.signalCode === null;
  }

  start(env: NodeJS.ProcessEnv = process.env): void {
    const log = openSync(this.logFile, 'a');
    const child = spawn(this.program, this.args, { stdio: ['ignore', log, log], env });
    closeSync(log);
    this.child = child;
    this.exited = new Promise((resolve) => {
      child.once('exit', (code) => resolve(code));
      child.once('error', () => resolve(null));
    });
  }

  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) this.child!.kill(signal);
  }

  /** Sends the signal and resolves with the exit code when the process is gone (null when the signal ended it). */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    // A stopped process takes no signal but KILL until it goes on.
    if (signal !== 'SIGKILL') this.signal('SIGCONT');
    this.signal(signal);
    return this.exited;
  }

  whenExited(): Promise<number | null> {
    return this.exited;
  }
}
