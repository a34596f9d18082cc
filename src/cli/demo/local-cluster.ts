import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** The cluster of a demo: `scripts/cluster.sh` and `zk/ensemble` on a temporary directory. */
export class LocalCluster {
  private readonly dir = mkdtempSync(path.join(os.tmpdir(), 'ottla-demo-'));

  constructor(
    private readonly root: string,
    private readonly basePort: number,
  ) {}

  get brokerIds(): readonly number[] {
    return [1, 2, 3];
  }

  get brokers(): string[] {
    return this.brokerIds.map((id) => `127.0.0.1:${this.basePort + id - 1}`);
  }

  /** ZooKeeper's addresses with the brokers' chroot. */
  get zookeeperConnect(): string {
    const members = this.brokerIds.map((member) => `127.0.0.1:${this.basePort + 100 + member - 1}`);
    return `${members.join()}/kafka`;
  }

  get zookeeperDir(): string {
    return path.join(this.dir, 'zookeeper');
  }

  async start(properties: string): Promise<void> {
    await this.script('start', '--base-port', String(this.basePort), '--config', properties);
  }

  killBroker(id: number): Promise<string> {
    return this.script('kill', String(id));
  }

  restartBroker(id: number): Promise<string> {
    return this.script('restart', String(id));
  }

  zookeeper(...args: string[]): Promise<string> {
    return run(path.join(this.root, 'zk', 'ensemble'), [...args, '--dir', this.zookeeperDir]);
  }

  /** The member that leads the ensemble. */
  async zookeeperLeader(): Promise<number> {
    const status = await this.zookeeper('status');
    const leader = /(\d+)[^\n]*\bleader\b/.exec(status)?.[1];
    if (leader === undefined) throw new Error(`no member of the ensemble leads:\n${status}`);
    return Number(leader);
  }

  /** Ends all processes and removes all files. */
  async clean(): Promise<void> {
    await this.script('clean');
  }

  private script(...args: string[]): Promise<string> {
    return run(path.join(this.root, 'scripts', 'cluster.sh'), [...args, '--dir', this.dir]);
  }
}

function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => out.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => err.push(bytes));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(Buffer.concat(out).toString());
      else
        reject(
          new Error(
            `${path.basename(program)} ${args.join(' ')} failed: ${Buffer.concat([...out, ...err]).toString()}`,
          ),
        );
    });
  });
}
