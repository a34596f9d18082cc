import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import type { ToolResult } from '../../support/processes.js';
import { cloneTo, ISOLATED, NAMESPACES, PREPARE, scratchFolder } from '../support/isolation.js';
import { SHELL_FUNCTIONS } from './shell-functions.js';

const PROCESS_1 = path.join(__dirname, '..', 'support', 'reaps-nobody.cjs');

/** A fresh clone, in a folder with a space in its name, on a machine of its own whose process 1 reaps nobody. */
export class Container {
  /** The folder of the hour; the clone is in it. */
  readonly dir: string;
  private readonly init: ChildProcess;
  private readonly answers: AsyncIterator<string>;

  constructor() {
    this.dir = scratchFolder('first hour ');
    const tree = path.join(this.dir, 'ottla');
    cloneTo(tree, ['node_modules', 'zk/.runtime', 'dist']);
    this.init = spawn('unshare', [...NAMESPACES, 'bash', '-c', `${PREPARE} && exec node "${PROCESS_1}"`], {
      cwd: tree,
      env: { ...ISOLATED, HOUR: this.dir },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.answers = readline.createInterface({ input: this.init.stdout! })[Symbol.asyncIterator]();
  }

  /** Runs what is typed into a shell in the clone. */
  async type(line: string): Promise<ToolResult> {
    const [output, errors] = ['stdout', 'stderr'].map((name) => path.join(this.dir, name)) as [string, string];
    this.init.stdin!.write(`${JSON.stringify({ command: `${SHELL_FUNCTIONS}\n${line}`, output, errors })}\n`);
    const { value } = (await this.answers.next()) as { value: string };
    const { exitCode } = JSON.parse(value) as { exitCode: number | null };
    return { exitCode, stdout: fs.readFileSync(output, 'utf8'), stderr: fs.readFileSync(errors, 'utf8') };
  }

  /** Ends whatever runs in it. */
  async remove(): Promise<void> {
    const ended = new Promise((resolve) => this.init.once('close', resolve));
    this.init.stdin!.end();
    await ended;
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}
