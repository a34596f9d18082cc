import { execFile, execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';

const PROGRAM = path.join(__dirname, '..', '..', 'zk', 'ensemble');

export interface EnsembleOptions {
  /** The first client port; 30 ports from here on are used. */
  readonly basePort: number;
  /** 3 unless told. */
  readonly members?: number;
  /** Sessions last at least two ticks and at most twenty. 500 unless told. */
  readonly tickTimeMs?: number;
  /** A temporary directory unless told; removed by `stop` only if it was temporary. */
  readonly dir?: string;
}

/** False where ZooKeeper cannot run for want of Java; tests that need it say so once. In CI it must be there. */
export function canRunZooKeeper(): boolean {
  try {
    execFileSync('java', ['-version'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    if (process.env['CI']) throw new Error('no Java, which CI must have', { cause: error });
    return false;
  }
}

/** `describe` where Java is, else a `describe` that skips, after one line which says what (`the tests of … need Java for …`). */
export function describeIfJava(whatNeedsIt: string): jest.Describe {
  if (canRunZooKeeper()) return describe;
  console.log(`Skipped: ${whatNeedsIt}`);
  return describe.skip;
}

/** A real ZooKeeper ensemble of processes on this machine, run by `zk/ensemble`. Members are numbered from 1. */
export class ZooKeeperEnsemble {
  private constructor(
    readonly dir: string,
    private readonly temporary: boolean,
    readonly members: number,
    readonly basePort: number,
  ) {}

  /** Starts one; resolves when all its members serve. */
  static async start(options: EnsembleOptions): Promise<ZooKeeperEnsemble> {
    const members = options.members ?? 3;
    const dir = options.dir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'ottla-zk-'));
    const ensemble = new ZooKeeperEnsemble(dir, options.dir === undefined, members, options.basePort);
    const sizes = ['--members', members, '--base-port', options.basePort, '--tick-time', options.tickTimeMs ?? 500];
    try {
      await ensemble.run('start', ...sizes.map(String), '--no-fsync');
    } catch (error) {
      await ensemble.stop();
      throw error;
    }
    return ensemble;
  }

  /** `host:port` of one member. */
  address(member: number): string {
    return `127.0.0.1:${this.basePort + member - 1}`;
  }

  /** For `zookeeper.connect`. */
  get connect(): string {
    return Array.from({ length: this.members }, (_, index) => this.address(index + 1)).join();
  }

  /** The number of the member that leads, or null while none does. */
  async leader(): Promise<number | null> {
    for (let member = 1; member <= this.members; member++) {
      const answer = await this.fourLetterWord(member, 'srvr');
      if (/^Mode: (leader|standalone)$/m.test(answer)) return member;
    }
    return null;
  }

  /** `kill -9`. */
  async kill(member: number): Promise<void> {
    await this.run('kill', String(member));
  }

  /** SIGSTOP: the process keeps its sockets and says nothing. */
  async pause(member: number): Promise<void> {
    await this.run('pause', String(member));
  }

  /** SIGCONT. */
  async resume(member: number): Promise<void> {
    await this.run('resume', String(member));
  }

  /** Starts a member again; resolves when it serves. */
  async restart(member: number): Promise<void> {
    await this.run('restart', String(member));
  }

  /** Kills all members at once: the whole ensemble is away until `startAgain`. */
  async killAll(): Promise<void> {
    await Promise.all(Array.from({ length: this.members }, (_, index) => this.kill(index + 1)));
  }

  /** Starts what is not running; resolves when all serve. */
  async startAgain(): Promise<void> {
    await this.run('start');
  }

  /** Stops all members and removes what they wrote. */
  async stop(): Promise<void> {
    await this.run('clean');
    if (this.temporary) fs.rmSync(this.dir, { recursive: true, force: true });
  }

  /** Asks a member; an empty string when it does not answer. */
  fourLetterWord(member: number, word: string): Promise<string> {
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      const socket = net.connect(this.basePort + member - 1, '127.0.0.1', () => socket.write(word));
      socket.setTimeout(1000, () => socket.destroy());
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.on('error', () => socket.destroy());
      socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
    });
  }

  private run(...args: string[]): Promise<string> {
    return new Promise((resolve, reject) =>
      execFile(PROGRAM, [...args, '--dir', this.dir], (error, stdout, stderr) =>
        error ? reject(new Error(`zk/ensemble ${args.join(' ')}: ${stderr}`, { cause: error })) : resolve(stdout),
      ),
    );
  }
}
