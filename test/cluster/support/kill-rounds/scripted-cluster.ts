import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { serversRunningIn } from '../../../../src/cli/cluster/core/servers.js';
import { endProcesses, listProcesses } from '../../../../src/cli/cluster/processes.js';
import { shuffled, type Random } from '../../../../src/common/index.js';
import { run, type ToolResult } from '../../../support/processes.js';

const KILL_MS = 20_000;

/** A verb of `scripts/cluster.sh` that is under way. */
export interface Verb {
  readonly child: ChildProcess;
  readonly ended: Promise<ToolResult>;
}

/** A cluster that is run by `scripts/cluster.sh`, as people run one. */
export class ScriptedCluster {
  readonly ports: readonly number[];
  readonly bootstrap: string;

  private readonly script: string;

  constructor(
    /** Of the checkout. */
    private readonly root: string,
    /** As the kernel names it. */
    readonly dir: string,
    readonly basePort: number,
    readonly brokers: number,
  ) {
    this.script = path.join(root, 'scripts', 'cluster.sh');
    this.ports = Array.from({ length: brokers }, (_, index) => basePort + index);
    this.bootstrap = this.ports.map((port) => `127.0.0.1:${port}`).join();
  }

  /** The first start. */
  create(properties: Readonly<Record<string, string | number>>): Promise<ToolResult> {
    const config = path.join(path.dirname(this.dir), 'more.properties');
    fs.writeFileSync(
      config,
      Object.entries(properties)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );
    return this.verb('start', '--brokers', this.brokers, '--base-port', this.basePort, '--config', config);
  }

  verb(name: string, ...words: (string | number)[]): Promise<ToolResult> {
    return run(this.script, [name, '--dir', this.dir, ...words.map(String)]);
  }

  begin(name: string): Verb {
    const child = spawn(this.script, [name, '--dir', this.dir], { stdio: ['ignore', 'pipe', 'pipe'] });
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (bytes: Buffer) => out.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => err.push(bytes));
    const ended = new Promise<ToolResult>((resolve) =>
      child.once('close', (exitCode) =>
        resolve({ exitCode, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
      ),
    );
    return { child, ended };
  }

  /** A tool at all brokers. */
  ask(args: readonly string[]): Promise<ToolResult> {
    return run(path.join(this.root, 'bin', 'ottla'), args);
  }

  /** Kills all servers with -9 until none is left; one that is being started meanwhile, too. Answers how many there were. */
  async killAll(random: Random): Promise<number> {
    let killed = 0;
    for (;;) {
      const pids = serversRunningIn(this.dir, listProcesses()).map(({ pid }) => pid);
      if (pids.length === 0) return killed;
      await endProcesses(shuffled(random, pids), 'SIGKILL', KILL_MS);
      killed += pids.length;
    }
  }
}
