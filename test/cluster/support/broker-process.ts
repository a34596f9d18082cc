import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { eventually } from '../../support/eventually.js';
import { BackgroundProcess, kafkaBin, ottlaBin } from '../../support/processes.js';

/** Size, api key 18, version 0, correlation id 1, client id `test`. */
const API_VERSIONS_REQUEST = Buffer.from('0000000e00120000000000010004' + '74657374', 'hex');

export interface BrokerProcessOptions {
  readonly id: number;
  readonly port: number;
  readonly dir: string;
  readonly zookeeperConnect: string;
  readonly properties?: Readonly<Record<string, string | number>>;
  /** `kafka` runs the real one from the same file. */
  readonly kind?: 'ottla' | 'kafka';
  /** Of the real one, when it is not that of the tests. */
  readonly kafkaVersion?: string;
}

/** A broker in a process of its own. */
export class BrokerProcess {
  readonly id: number;
  readonly port: number;
  readonly logDir: string;
  private readonly process: BackgroundProcess;

  constructor(private readonly options: BrokerProcessOptions) {
    const { id, port, dir, kind = 'ottla' } = options;
    this.id = id;
    this.port = port;
    this.logDir = path.join(dir, `data-${id}`);
    mkdirSync(this.logDir, { recursive: true });
    const file = path.join(dir, `server-${id}.properties`);
    const properties = {
      'broker.id': id,
      listeners: `PLAINTEXT://127.0.0.1:${port}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
      'log.dirs': this.logDir,
      'zookeeper.connect': options.zookeeperConnect,
      ...options.properties,
    };
    writeFileSync(
      file,
      Object.entries(properties)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(''),
    );
    const logFile = path.join(dir, `broker-${id}.log`);
    this.process =
      kind === 'ottla'
        ? new BackgroundProcess(ottlaBin, ['server', 'start', file], logFile)
        : new BackgroundProcess(kafkaBin, ['broker', file], logFile);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  get isRunning(): boolean {
    return this.process.isRunning;
  }

  /** Starts it and waits until it answers ApiVersions. */
  async start(): Promise<void> {
    this.launch();
    await eventually(() => !this.isRunning || this.answers(), {
      timeoutMs: 60_000,
      what: `broker ${this.id} to answer`,
    });
    if (!this.isRunning) throw new Error(`broker ${this.options.id} has ended: ${this.logTail()}`);
  }

  /** Starts it without waiting. */
  launch(): void {
    const { kafkaVersion } = this.options;
    this.process.start(kafkaVersion === undefined ? process.env : { ...process.env, KAFKA_VERSION: kafkaVersion });
  }

  /** SIGTERM: controlled shutdown. Resolves with the exit code. */
  stop(): Promise<number | null> {
    return this.process.end('SIGTERM');
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.process.end('SIGKILL');
  }

  pause(): void {
    this.process.signal('SIGSTOP');
  }

  resume(): void {
    this.process.signal('SIGCONT');
  }

  whenExited(): Promise<number | null> {
    return this.process.whenExited();
  }

  log(): string {
    return readFileSync(this.process.logFile, 'utf8');
  }

  logTail(): string {
    return this.log().slice(-2000);
  }

  /** True when an ApiVersions request of version 0 is answered. */
  async answers(): Promise<boolean> {
    if (!this.isRunning) throw new Error(`broker ${this.options.id} has ended: ${this.logTail()}`);
    return new Promise((resolve) => {
      const socket = net.connect(this.port, '127.0.0.1');
      const finish = (isUp: boolean): void => {
        socket.destroy();
        resolve(isUp);
      };
      socket.setTimeout(5_000, () => finish(false));
      socket.once('error', () => finish(false));
      socket.once('close', () => finish(false));
      socket.once('data', () => finish(true));
      socket.once('connect', () => socket.write(API_VERSIONS_REQUEST));
    });
  }
}
