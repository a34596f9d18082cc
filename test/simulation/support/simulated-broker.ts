import path from 'node:path';
import { seededRandom, type Random } from '../../../src/common/index.js';
import {
  SimulatedFileSystem,
  type CrashKind,
  type DiskPace,
  type SimulatedClock,
  type SimulatedNetwork,
} from '../../../src/testing/index.js';
import { BrokerConfig } from '../../../src/config/index.js';
import { DuplicateLogError } from '../../../src/log/core/log-error.js';
import { Broker } from '../../../src/server/index.js';
import type { Partition } from '../../../src/replication/index.js';
import { SimulatedProcess } from './simulated-process.js';
import type { Trace } from './trace.js';

export const BROKER_PORT = 9092;
export const LOG_DIRS = ['/data1', '/data2'] as const;
/** How long a supervisor waits before it starts a broker again that ended by itself. */
const SUPERVISOR_DELAY_MS = 1_000;

export interface BrokerSettings {
  readonly id: number;
  readonly seed: number;
  readonly clock: SimulatedClock;
  readonly network: SimulatedNetwork;
  readonly trace: Trace;
  readonly zooKeeperConnect: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly logLevel: 'info' | 'debug' | 'trace';
  /** A broker ended by itself, or met a bug of ours. */
  readonly onBug: (message: string) => void;
}

/** A host with a disk on which a broker runs, one life after another. A supervisor starts it again when it fails to start. */
export class SimulatedBroker {
  readonly disk: SimulatedFileSystem;
  readonly host: string;
  private readonly faultRandom: Random;
  private process: SimulatedProcess | null = null;
  private broker: Broker | null = null;
  private lives = 0;
  private wanted = false;
  private powerIsLost = false;
  private wallOffsetMs = 0;
  private lastFailedDir: string | null = null;
  private properties: Readonly<Record<string, string>>;
  /** How fast its disk is when nothing is wrong with it. */
  private usualPace: DiskPace | null = null;
  /** When it last started, died, stood still or went on, for judging what others could expect of it. */
  disturbedAtMs = 0;

  constructor(private readonly settings: BrokerSettings) {
    const { id, clock } = settings;
    this.host = hostOf(id);
    this.disk = new SimulatedFileSystem(() => clock.nowMs() + this.wallOffsetMs);
    this.properties = settings.properties;
    this.faultRandom = seededRandom(settings.seed * 31 + id);
  }

  get id(): number {
    return this.settings.id;
  }

  /** The broker of this life; null while the host is down. */
  get running(): Broker | null {
    return this.broker?.isRunning === true ? this.broker : null;
  }

  get isUp(): boolean {
    return this.wanted;
  }

  get isPaused(): boolean {
    return this.process?.isPaused === true;
  }

  get sessionId(): bigint {
    return this.broker?.services?.stores.zk.sessionId ?? 0n;
  }

  partitions(): Partition[] {
    const replicas = this.broker?.services?.replicas;
    return replicas ? [...replicas.onlinePartitions()] : [];
  }

  /** Its power went, and it was not started since. */
  get hasLostPower(): boolean {
    return this.powerIsLost;
  }

  start(): void {
    this.endHalt();
    this.powerIsLost = false;
    this.wanted = true;
    this.beginLife();
  }

  /** kill -9, or the power goes. */
  crash(kind: CrashKind): void {
    this.powerIsLost = kind === 'power';
    this.note(kind === 'power' ? 'loses power' : 'is killed');
    this.endLife();
    this.disk.crash(kind, this.faultRandom);
    this.wanted = false;
  }

  /** SIGTERM: resolves when the broker has stopped. */
  async stop(): Promise<void> {
    this.note('is told to stop');
    this.wanted = false;
    const { broker, process } = this;
    // Before it serves, the signal just ends it.
    if (broker?.isRunning) await broker.shutdown();
    if (this.process !== process) return;
    this.endLife();
    this.disk.crash('process', this.faultRandom);
    this.note('has stopped');
  }

  /** Every use of a log directory fails from now on, until `repairDisks`. */
  failLogDir(dir: string): void {
    this.note(`cannot use ${dir} any more`);
    this.lastFailedDir = dir;
    this.disk.fault = (syscall, path) => {
      if (syscall === 'close' || (path !== dir && !path.startsWith(`${dir}/`))) return null;
      return Object.assign(new Error(`EIO: i/o error, ${syscall} '${path}'`), { code: 'EIO', syscall, path });
    };
  }

  /** kill -9 at one of its next changes of the disk: between two file operations, or in the middle of a write. */
  killAtDiskOperation(operations: number): void {
    let left = operations;
    this.disk.fault = (operation, path, length) => {
      if (!this.disk.isChange(operation, path) || --left > 0) return null;
      this.disk.fault = null;
      this.note(`is killed in ${operation} ${path}`);
      const killed = this.disk.halt(this.faultRandom.nextInt(length + 1));
      this.endLife();
      this.wanted = false;
      // The disk goes on when the code that was killed has returned.
      this.settings.clock.setTimer(0, () => this.endHalt());
      return killed;
    };
  }

  private endHalt(): void {
    if (this.disk.isHalted) this.disk.crash('process', this.faultRandom);
  }

  /** The disk works again, at its pace. A broker uses a failed directory again when it starts the next time. */
  repairDisks(): void {
    this.disk.fault = null;
    this.disk.pace = this.usualPace;
  }

  usePace(pace: DiskPace): void {
    this.usualPace = pace;
    this.disk.pace = pace;
  }

  /** The time of day is another from now on, as by an operator's hand or NTP; no timer is moved. */
  jumpClock(byMs: number): void {
    this.wallOffsetMs += byMs;
    this.settings.trace.add(this.host, `-- its clock jumps by ${byMs} ms to ${this.wallOffsetMs} off`);
  }

  get clockOffsetMs(): number {
    return this.wallOffsetMs;
  }

  /** From its next start on. */
  setProperties(properties: Readonly<Record<string, string>>): void {
    this.properties = { ...this.properties, ...properties };
  }

  get hasFailedLogDir(): boolean {
    return (this.broker?.offlineLogDirs.length ?? 0) > 0;
  }

  pause(): void {
    this.note('stands still');
    this.process?.pause();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.note('goes on');
    this.process?.resume();
  }

  private note(what: string): void {
    this.disturbedAtMs = this.settings.clock.monotonicMs();
    this.settings.trace.add(this.host, `-- ${what}`);
  }

  private beginLife(): void {
    const { id, clock, network, trace, seed, onBug } = this.settings;
    this.lives++;
    this.note(`starts, life ${this.lives}`);
    const process = new SimulatedProcess(
      clock,
      network.transportFor(this.host),
      this.disk,
      (count) => trace.mix(count),
      () => this.wallOffsetMs,
    );
    const loggerFactory = trace.loggers(this.host, this.settings.logLevel, (_name, level, line) => {
      if (level === 'error' && isBugReport(line)) onBug(`broker ${id} reports a bug: ${line}`);
    });
    const broker = new Broker({
      config: this.config(),
      loggerFactory,
      clock: process.clock,
      random: seededRandom(seed * 1009 + id * 101 + this.lives),
      fs: process.fs,
      transport: process.transport,
    });
    this.process = process;
    this.broker = broker;
    const isCurrent = (): boolean => this.broker === broker;
    broker.startup().then(
      () => undefined,
      (error: unknown) => {
        if (!isCurrent() || !process.isAlive) return;
        trace.add(this.host, `-- did not start: ${String(error)}`);
        if (error instanceof DuplicateLogError) this.deleteOneOfTwo(error);
        if (isProgrammingError(error)) onBug(`broker ${id} did not start: ${stackOf(error)}`);
        this.startAgainLater();
      },
    );
    void broker.whenStopped().then((error) => {
      if (!error || !isCurrent() || !process.isAlive) return;
      trace.add(this.host, `-- ended: ${error.message}`);
      // A broker without a directory ends, as Kafka does.
      if (!error.message.includes('all log dirs have failed')) {
        onBug(`broker ${id} stopped by itself: ${stackOf(error)}`);
      }
      this.startAgainLater();
    });
  }

  /** What the message tells the operator to do: the folder goes that is in the directory that failed last. */
  private deleteOneOfTwo({ message }: DuplicateLogError): void {
    const [, ...folders] = /found in both (\S+) and (\S+)\. /.exec(message)!;
    const stale = folders.find((folder) => path.dirname(folder) === this.lastFailedDir);
    if (stale === undefined) return;
    this.note(`the operator deletes ${stale}`);
    this.disk.remove(stale);
  }

  private startAgainLater(): void {
    this.endLife();
    this.disk.crash('process', this.faultRandom);
    this.settings.clock.setTimer(SUPERVISOR_DELAY_MS, () => {
      if (this.wanted && !this.process) this.beginLife();
    });
  }

  private endLife(): void {
    this.process?.kill();
    this.process = null;
    this.broker = null;
    this.settings.network.crash(this.host);
  }

  private config(): BrokerConfig {
    const { id, zooKeeperConnect } = this.settings;
    const listener = `PLAINTEXT://${this.host}:${BROKER_PORT}`;
    const texts = new Map(
      Object.entries({
        'broker.id': String(id),
        listeners: listener,
        'zookeeper.connect': zooKeeperConnect,
        'log.dirs': LOG_DIRS.join(','),
        ...this.properties,
      }),
    );
    return BrokerConfig.parse(texts).config;
  }
}

export function hostOf(brokerId: number): string {
  return `b${brokerId}`;
}

/** What the world never does to us. */
export function isProgrammingError(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof TypeError || at instanceof ReferenceError || at.name === 'AssertionError') return true;
  }
  return false;
}

function isBugReport(line: string): boolean {
  return /\b(AssertionError|TypeError|ReferenceError)\b/.test(line);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
