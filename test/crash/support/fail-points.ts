/**
 * Two log directories with logs in each, to which everything happens that happens to logs, while one operation in the first directory
 * fails, once or from then on.
 */
import type { FileOperation, SimulatedFileSystem } from '../../../src/testing/index.js';
import { LogError, type LogConfig, type LogManager, type UnifiedLog } from '../../../src/log/index.js';
import { batch, crash, LOG_CONFIG, newManager, newWorld, readAll, type LogWorld } from '../../unit/log/log-fixture.js';
import { FaultList, type Sweep } from './report.js';

export interface FailureKind {
  readonly code: 'EIO' | 'ENOSPC' | 'EMFILE';
  readonly forever: boolean;
  /** In which part of a broker's life. */
  readonly when: 'while it runs' | 'while it starts';
}

const CONFIG: LogConfig = { ...LOG_CONFIG, segmentBytes: 900, indexIntervalBytes: 100 };
const DIRS = ['/a', '/b'];
const PARTITIONS = [0, 1, 2, 3];
const DELETED = 3;
const AFTER_DELETIONS_MS = 60_001;
/** A stop that waits for what does not come goes on after a time. */
const SHUTDOWN_STEP_MS = 1000;
const TOPIC_ID = 'sx7Ghl93TiaCGaLSE2wsQw';

/** Which operations can fail so. */
const FAILING: Readonly<
  Record<FailureKind['code'], (fs: SimulatedFileSystem, operation: FileOperation, path: string) => boolean>
> = {
  EIO: () => true,
  ENOSPC: (fs, operation, path) => fs.isChange(operation, path) && operation !== 'remove' && operation !== 'truncate',
  EMFILE: (_fs, operation) => operation === 'open' || operation === 'readDir',
};

export async function sweepFailures(kind: FailureKind): Promise<Sweep> {
  const { points } = await failAt(kind, Infinity);
  const faults = new FaultList();
  for (let point = 1; point <= points; point++) {
    const { at, found } = await failAt(kind, point);
    for (const fault of new Set(found)) faults.add(`point ${point} (${at})`, fault);
  }
  return { points, tried: points, faults: faults.lines() };
}

async function failAt(kind: FailureKind, point: number): Promise<{ points: number; at: string; found: string[] }> {
  const run = new FailureRun(newWorld(Number.isFinite(point) ? point : 0), kind, point);
  await run.start();
  run.isArmed = kind.when === 'while it runs';
  await run.live();
  if (kind.when === 'while it starts') {
    crash(run.world, 'process');
    run.isArmed = true;
    await run.start();
    run.checkOther();
  }
  run.isArmed = false;
  run.world.fs.fault = null;
  crash(run.world, 'process');
  await run.start();
  await run.checkRecords();
  return { points: run.points, at: run.at, found: run.found };
}

class FailureRun {
  readonly found: string[] = [];
  points = 0;
  at = '';
  isArmed = false;
  private hasStarted = false;
  private manager!: LogManager;
  private readonly told: string[] = [];
  /** By partition: the values that were acknowledged, at their offsets. */
  private readonly acknowledged = new Map<number, (string | undefined)[]>(
    PARTITIONS.map((partition) => [partition, []]),
  );
  private readonly homes = new Map<number, string | undefined>();

  constructor(
    readonly world: LogWorld,
    private readonly kind: FailureKind,
    private readonly point: number,
  ) {}

  get hasFailed(): boolean {
    return this.at !== '';
  }

  async start(): Promise<void> {
    const { fs } = this.world;
    fs.fault = (operation, path) => this.fail(operation, path);
    this.manager = newManager(this.world, {
      defaultConfig: CONFIG,
      logDirs: DIRS,
      onLogDirFailure: (dir) => this.told.push(dir),
    });
    this.hasStarted = false;
    await this.guardLater(
      'startup',
      this.manager.startup().then(() => (this.hasStarted = true)),
    );
  }

  /** Everything that happens to logs, once. */
  async live(): Promise<void> {
    for (const partition of PARTITIONS) {
      this.guard('creating', () => {
        this.manager.getOrCreateLog({ topic: 'orders', partition }, { config: CONFIG, isNew: true, topicId: TOPIC_ID });
      });
      this.homes.set(partition, this.logOf(partition)?.parentDir);
    }
    await this.append(10, 1);
    await this.append(8, 2);
    for (const partition of PARTITIONS) await this.guardLater('flush', this.logOf(partition)?.flush(true));
    this.guard('checkpoint', () => this.manager.checkpointLogRecoveryOffsets());
    await this.append(8, 3);
    await this.truncate([0, 1], 15);
    await this.append(4, 4);
    await this.readAll();
    for (const partition of PARTITIONS) this.logOf(partition)?.updateHighWatermark(this.logOf(partition)!.logEndOffset);
    this.guard('deleting records', () => {
      const log = this.logOf(2);
      if (log && log.highWatermark >= 14) log.maybeIncrementLogStartOffset(14, 'test');
    });
    for (const partition of PARTITIONS) this.guard('retention', () => this.logOf(partition)?.deleteOldSegments());
    this.guard('checkpoint', () => this.manager.checkpointLogStartOffsets());
    this.guard('deleting', () => this.manager.asyncDelete({ topic: 'orders', partition: DELETED }));
    await this.settle();
    await this.settle(AFTER_DELETIONS_MS);
    if (this.kind.when === 'while it starts') return;
    if (this.hasFailed) this.checkDirs();
    await this.guardLater('shutdown', this.manager.shutdown(), SHUTDOWN_STEP_MS);
  }

  /** The other directory does not suffer, whatever becomes of the one that fails. */
  checkOther(): void {
    // For want of file handles the start fails as a whole, and says so.
    if (!this.hasStarted && this.kind.code === 'EMFILE') return;
    if (this.told.includes('/b') || !this.manager.isLogDirOnline('/b')) this.found.push('/b goes offline');
    for (const [partition, home] of this.homes) {
      if (home === '/b' && partition !== DELETED && !this.logOf(partition))
        this.found.push('a log of /b is not loaded');
    }
  }

  private checkDirs(): void {
    if (this.told.includes('/b') || !this.manager.isLogDirOnline('/b')) this.found.push('/b goes offline');
    const isOffline = !this.manager.isLogDirOnline('/a');
    if (this.kind.code === 'EMFILE') {
      if (isOffline) this.found.push('/a goes offline, though its disk is well');
    } else if (!isOffline && !this.at.startsWith('close')) this.found.push('/a stays online');
    if (isOffline && !this.told.includes('/a')) this.found.push('nobody is told that /a is offline');
  }

  /** After a start on disks that are well: what was acknowledged is there. */
  async checkRecords(): Promise<void> {
    if (this.manager.offlineLogDirs.length > 0) this.found.push('a directory is offline after the restart');
    for (const partition of PARTITIONS.filter((each) => each !== DELETED)) {
      const values = this.acknowledged.get(partition)!;
      const log = this.logOf(partition);
      if (!log) {
        if (values.length > 0) this.found.push('a log is missing after the restart');
        continue;
      }
      const records = await readAll(log);
      for (const [index, { offset }] of records.entries()) {
        if (index > 0 && offset !== records[index - 1]!.offset + 1) this.found.push('a hole or an overlap');
      }
      const there = new Map(records.map(({ offset, value }) => [offset, value]));
      for (const [offset, value] of values.entries()) {
        if (value === undefined || offset < log.logStartOffset || there.get(offset) === value) continue;
        this.found.push(
          there.has(offset) ? 'another record stands where an acknowledged one was' : 'an acknowledged record is lost',
        );
        break;
      }
    }
  }

  private fail(operation: FileOperation, path: string): NodeJS.ErrnoException | null {
    const { kind, point, world } = this;
    if (!this.isArmed || !(path === '/a' || path.startsWith('/a/')) || !FAILING[kind.code](world.fs, operation, path))
      return null;
    this.points++;
    if (this.points < point || (this.points > point && !kind.forever)) return null;
    this.at ||= `${operation} ${path.replace(/\.[0-9a-f]{32}/, '.*').replace(/0{8}\d{12}/, 'N')}`;
    return Object.assign(new Error(`${kind.code}: ${operation} '${path}'`), {
      code: kind.code,
      syscall: operation,
      path,
    });
  }

  private async append(count: number, epoch: number): Promise<void> {
    for (let each = 0; each < count; each++) {
      for (const partition of PARTITIONS) {
        const log = this.logOf(partition);
        if (!log) continue;
        const value = `${epoch}-${each}`;
        this.guard('append', () => {
          const records = batch({
            values: [value],
            producerId: 5 + partition,
            producerEpoch: 0,
            baseSequence: log.logEndOffset,
          });
          const { lastOffset } = log.appendAsLeader(records, { leaderEpoch: epoch });
          this.acknowledged.get(partition)![lastOffset] = value;
          if (log.parentDir === '/a' && this.isRefusing) this.found.push('a directory that failed takes an append');
        });
      }
    }
    await this.settle();
  }

  /** From the first failure on the directory takes nothing; a file that could not be closed has lost nothing. */
  private get isRefusing(): boolean {
    return this.hasFailed && this.kind.code !== 'EMFILE' && !this.at.startsWith('close');
  }

  private async truncate(partitions: readonly number[], offset: number): Promise<void> {
    this.guard('truncate', () => {
      this.manager.truncateTo(partitions.map((partition) => [{ topic: 'orders', partition }, offset]));
    });
    // In the directory that fails the cut may have happened or not.
    for (const partition of partitions) {
      const values = this.acknowledged.get(partition)!;
      if (this.logOf(partition)?.logEndOffset === offset || this.homes.get(partition) === '/a') values.splice(offset);
    }
    await this.settle();
  }

  private async readAll(): Promise<void> {
    for (const partition of PARTITIONS) {
      const log = this.logOf(partition);
      if (log) await this.guardLater('read', readAll(log));
    }
  }

  private logOf(partition: number): UnifiedLog | undefined {
    return this.manager.getLog({ topic: 'orders', partition });
  }

  private guard(what: string, work: () => unknown): void {
    try {
      work();
    } catch (error) {
      this.judge(what, error);
    }
  }

  private async guardLater(what: string, work: Promise<unknown> | undefined, stepMs = 0): Promise<void> {
    let isDone = false;
    const settled = Promise.resolve(work).then(
      () => (isDone = true),
      (error: unknown) => {
        isDone = true;
        this.judge(what, error);
      },
    );
    for (let turn = 0; !isDone; turn++) await this.settle(turn < 10 ? 0 : stepMs);
    await settled;
  }

  private async settle(ms = 0): Promise<void> {
    try {
      await this.world.clock.advance(ms);
    } catch (error) {
      this.found.push(`a background task throws ${(error as Error).message.slice(0, 80)}`);
    }
  }

  /** Callers are to hear of nothing but KAFKA_STORAGE_ERROR. */
  private judge(what: string, error: unknown): void {
    if (error instanceof LogError && error.kind === 'KAFKA_STORAGE_ERROR') return;
    this.found.push(`${what} throws ${(error as Error).name}: ${(error as Error).message.slice(0, 80)}`);
  }
}
