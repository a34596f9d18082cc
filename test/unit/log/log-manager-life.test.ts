/** What a log manager knows of its logs through moves, deletions, changes of configuration and restarts. */
import { type FileHandle } from '../../../src/common/index.js';
import { SimulatedClock, SimulatedFileSystem } from '../../../src/testing/index.js';
import { FolderSync } from '../../../src/log/files/folder-sync.js';
import type { LogManager, UnifiedLog } from '../../../src/log/index.js';
import {
  crash,
  LOG_CONFIG,
  newManager,
  newWorld,
  numbered,
  readAll,
  startManager,
  type LogWorld,
} from './log-fixture.js';

const orders = (partition: number) => ({ topic: 'orders', partition });

let world: LogWorld;
beforeEach(() => {
  world = newWorld(1);
});

async function stop(manager: LogManager): Promise<void> {
  const stopped = manager.shutdown();
  await world.clock.advance(1);
  await stopped;
}

function append(log: UnifiedLog, count: number, text = ''): void {
  for (let at = 0; at < count; at++) {
    const producer = { producerId: 7, producerEpoch: 0, baseSequence: log.logEndOffset };
    log.appendAsLeader(numbered(0, 1, { values: [`${text}${log.logEndOffset}`], ...producer }), { leaderEpoch: 0 });
  }
}

const linesOf = (dir: string, file: string): string[] =>
  world.fs.readFile(`${dir}/${file}`).toString().trim().split('\n').slice(2).sort();

/** Makes a copy of the log in the other directory the log. */
async function move(manager: LogManager, log: UnifiedLog, target: string): Promise<UnifiedLog> {
  manager.maybeUpdatePreferredLogDir(log.topicPartition, target);
  const copy = manager.getOrCreateLog(log.topicPartition, { isFuture: true });
  const { records } = await log.read(0, 1 << 20, 'LOG_END', true);
  copy.appendAsFollower(Buffer.concat([records].flat() as Buffer[]));
  await manager.prepareReplacement(log.topicPartition);
  return manager.replaceCurrentWithFutureLog(log.topicPartition);
}

test('a clean stop leaves what is durable and where each log starts', async () => {
  const manager = await startManager(world);
  const logs = [0, 1].map((partition) => manager.getOrCreateLog(orders(partition), { isNew: true }));
  for (const log of logs) append(log, 5);
  logs[1]!.updateHighWatermark(5);
  logs[1]!.maybeIncrementLogStartOffset(2, 'a test');
  await stop(manager);
  expect(linesOf('/data', 'recovery-point-offset-checkpoint')).toEqual(['orders 0 5', 'orders 1 5']);
  expect(linesOf('/data', 'log-start-offset-checkpoint')).toEqual(['orders 1 2']);
});

test.each(['a clean stop', 'a kill'])('a log begins after %s where it began before', async (how) => {
  const manager = await startManager(world);
  const log = manager.getOrCreateLog(orders(0), { isNew: true });
  append(log, 5);
  log.updateHighWatermark(5);
  log.maybeIncrementLogStartOffset(2, 'a test');
  manager.checkpointLogStartOffsets();
  if (how === 'a kill') crash(world, 'process');
  else await stop(manager);
  const again = (await startManager(world)).getLog(orders(0))!;
  expect([again.logStartOffset, again.logEndOffset]).toEqual([2, 5]);
  expect(() => again.read(1, 100, 'LOG_END', true)).toThrow(expect.objectContaining({ kind: 'OFFSET_OUT_OF_RANGE' }));
});

test('a log starts no later than its high watermark, and what lies before is not read', async () => {
  const log = (await startManager(world)).getOrCreateLog(orders(0), { isNew: true });
  append(log, 5);
  log.updateHighWatermark(3);
  const outOfRange = expect.objectContaining({ kind: 'OFFSET_OUT_OF_RANGE' });
  expect(() => log.maybeIncrementLogStartOffset(4, 'a test')).toThrow(outOfRange);
  expect(log.maybeIncrementLogStartOffset(3, 'a test')).toBe(true);
  expect(() => log.read(2, 100, 'LOG_END', true)).toThrow(outOfRange);
  expect((await readAll(log)).map(({ offset }) => offset)).toEqual([3, 4]);
});

test('new logs go where the fewest are, counting those that were deleted or moved away', async () => {
  const manager = await startManager(world, { logDirs: ['/a', '/b'] });
  const make = (partition: number): UnifiedLog => manager.getOrCreateLog(orders(partition), { isNew: true });
  const first = [0, 1, 2, 3].map(make);
  expect(first.map(({ parentDir }) => parentDir)).toEqual(['/a', '/b', '/a', '/b']);
  for (const log of first) if (log.parentDir === '/b') manager.asyncDelete(log.topicPartition);
  expect([4, 5].map(make).map(({ parentDir }) => parentDir)).toEqual(['/b', '/b']);
  append(first[0]!, 1);
  await move(manager, first[0]!, '/b');
  expect([6, 7, 8].map(make).map(({ parentDir }) => parentDir)).toEqual(['/a', '/a', '/a']);
});

test('a wish for a place is fulfilled once', async () => {
  const manager = await startManager(world, { logDirs: ['/a', '/b'] });
  manager.maybeUpdatePreferredLogDir(orders(0), '/b');
  expect(manager.getOrCreateLog(orders(0), { isNew: true }).parentDir).toBe('/b');
  manager.asyncDelete(orders(0));
  await world.clock.advance(1);
  expect(manager.getOrCreateLog(orders(0), { isNew: true }).parentDir).toBe('/a');
});

test('a changed topic config reaches its logs and their copies, and no others', async () => {
  const manager = await startManager(world, { logDirs: ['/a', '/b'] });
  const log = manager.getOrCreateLog(orders(0), { isNew: true });
  manager.maybeUpdatePreferredLogDir(orders(0), '/b');
  const copy = manager.getOrCreateLog(orders(0), { isFuture: true });
  const other = manager.getOrCreateLog({ topic: 'bills', partition: 0 }, { isNew: true });
  manager.updateTopicConfig('orders', { ...LOG_CONFIG, retentionMs: 1234 });
  expect([log, copy, other].map(({ config }) => config.retentionMs)).toEqual([1234, 1234, LOG_CONFIG.retentionMs]);
  const later = manager.getOrCreateLog(orders(1), { isNew: true });
  manager.updateTopicConfig('orders', { ...LOG_CONFIG, retentionMs: 99 });
  expect([log, copy, later].map(({ config }) => config.retentionMs)).toEqual([99, 99, 99]);
});

test('a log that moved writes on in its new directory, and the old one knows it no more', async () => {
  const manager = await startManager(world, { logDirs: ['/a', '/b'] });
  const old = manager.getOrCreateLog(orders(0), { isNew: true });
  append(old, 3);
  await old.flush(true);
  manager.checkpointLogRecoveryOffsets();
  expect(linesOf('/a', 'recovery-point-offset-checkpoint')).toEqual(['orders 0 3']);
  const log = await move(manager, old, '/b');
  await world.clock.advance(10);
  expect(linesOf('/a', 'recovery-point-offset-checkpoint')).toEqual([]);
  expect(linesOf('/b', 'recovery-point-offset-checkpoint')).toEqual(['orders 0 3']);
  log.roll();
  append(log, 1);
  log.maybeAssignEpochStartOffset(5, 4);
  await log.flush(true);
  const names = world.fs.readDir('/b/orders-0');
  expect(names).toEqual(expect.arrayContaining(['00000000000000000003.log', '00000000000000000003.snapshot']));
  expect(world.fs.readFile('/b/orders-0/leader-epoch-checkpoint').toString()).toContain('5 4');
  expect(world.fs.exists('/a/orders-0')).toBe(false);
});

test('directories that a manager has left may be taken by the next in the same process', async () => {
  const first = await startManager(world, { logDirs: ['/a', '/b'] });
  await stop(first);
  const second = await startManager(world, { logDirs: ['/a', '/b'] });
  expect(second.offlineLogDirs).toEqual([]);
});

test('a folder that was set aside as stray is not loaded', async () => {
  const stray = `/data/orders-9.${'0'.repeat(32)}-stray`;
  world.fs.makeDir(stray);
  world.fs.open(`${stray}/00000000000000000000.log`, 'w+').close();
  const manager = await startManager(world);
  expect([...manager.allLogs()]).toEqual([]);
  expect(world.fs.exists(stray)).toBe(true);
});

test('a broker at rest writes no checkpoint again', async () => {
  const manager = await startManager(world);
  const log = manager.getOrCreateLog(orders(0), { isNew: true });
  append(log, 3);
  await log.flush(true);
  await world.clock.advance(120_000);
  const written: string[] = [];
  world.fs.fault = (operation, path) => {
    if (operation !== 'read' && path.includes('checkpoint')) written.push(`${operation} ${path}`);
    return null;
  };
  await world.clock.advance(3_600_000);
  manager.checkpointLogRecoveryOffsets();
  manager.checkpointLogStartOffsets();
  expect(written).toEqual([]);
});

test.each([
  { title: 'cut and written again', keep: 2 },
  { title: 'emptied and begun again', keep: 0 },
])('a read that waits while its log is $title gives nothing of what is gone', async ({ keep }) => {
  const manager = await startManager(world);
  const log = manager.getOrCreateLog(orders(0), { isNew: true });
  append(log, 6, 'old-');
  await world.clock.advance(60_000);
  // The bytes are those of when the read began.
  const open = world.fs.open.bind(world.fs);
  world.fs.open = (path, mode): FileHandle => {
    const handle = open(path, mode);
    const read = handle.read.bind(handle);
    handle.read = async (...args) => {
      const bytesRead = await read(...args);
      await new Promise<void>((resolve) => void world.clock.setTimer(100, resolve));
      return bytesRead;
    };
    return handle;
  };
  for (const segment of log.segments) segment.file.close();
  const reading = Promise.resolve(log.read(0, 1 << 20, 'LOG_END', true));
  await world.clock.advance(1);
  if (keep === 0) log.truncateFullyAndStartAt(0);
  else log.truncateTo(keep);
  const settled = log.prepareForAppends();
  await world.clock.advance(1);
  append(log, 6 - keep, 'new-');
  await world.clock.advance(2000);
  await settled;
  const { records } = await reading;
  const text = Buffer.concat([records].flat() as Buffer[]).toString('latin1');
  for (let at = keep; at < 6; at++) expect(text).not.toContain(`old-${at}`);
});

describe('folders that many logs share', () => {
  /** Each sync takes some time; `syncs` says what had been made when each began. */
  function newFolders() {
    const clock = new SimulatedClock();
    const fs = new SimulatedFileSystem(() => clock.nowMs());
    fs.makeDir('/d');
    const state = { made: 0, syncs: [] as number[], fails: false };
    const open = fs.open.bind(fs);
    fs.open = (path, mode): FileHandle => {
      const handle = open(path, mode);
      handle.sync = () => {
        state.syncs.push(state.made);
        const { fails } = state;
        return new Promise((resolve, reject) => {
          clock.setTimer(10, () => (fails ? reject(new Error('EIO')) : resolve()));
        });
      };
      return handle;
    };
    return { clock, fs, folders: new FolderSync(fs), state };
  }

  test('are synced once for all that was made before, and again for what was made meanwhile', async () => {
    const { clock, folders, state } = newFolders();
    const make = (): Promise<void> => {
      state.made++;
      folders.markChanged('/d');
      return folders.ensureSynced('/d');
    };
    const durable: number[] = [];
    for (const number of [1, 2]) void make().then(() => durable.push(number));
    await clock.advance(5);
    void make().then(() => durable.push(3));
    await clock.advance(5);
    // What was made while a sync ran is not known to be durable with it.
    expect(durable).not.toContain(3);
    await clock.advance(20);
    expect(durable.sort()).toEqual([1, 2, 3]);
    expect(state.syncs.at(-1)).toBe(3);
    expect(state.syncs.length).toBeLessThanOrEqual(3);
    const { length } = state.syncs;
    await folders.ensureSynced('/d');
    expect(state.syncs).toHaveLength(length);
  });

  test('are durable after two syncs at most, however many names are made meanwhile', async () => {
    const { clock, folders } = newFolders();
    const endedMs: number[] = [];
    const make = (): void => {
      folders.markChanged('/d');
      const madeMs = clock.nowMs();
      void folders.ensureSynced('/d').then(() => endedMs.push(clock.nowMs() - madeMs));
    };
    for (let at = 0; at < 20; at++) {
      make();
      await clock.advance(4);
    }
    expect(endedMs.length).toBeGreaterThan(10);
    expect(Math.max(...endedMs)).toBeLessThanOrEqual(20);
  });

  test('that no one changes meanwhile wait for the sync under way alone', async () => {
    const { clock, folders, state } = newFolders();
    folders.markChanged('/d');
    void folders.ensureSynced('/d');
    await clock.advance(4);
    let isSynced = false;
    void folders.ensureSynced('/d').then(() => (isSynced = true));
    await clock.advance(5);
    expect(isSynced).toBe(false);
    await clock.advance(1);
    expect(isSynced).toBe(true);
    expect(state.syncs).toHaveLength(1);
  });

  test('that are made while a sync hangs wait for it, and take no further thread', async () => {
    const { clock, folders, state } = newFolders();
    folders.markChanged('/d');
    void folders.ensureSynced('/d');
    await clock.advance(4);
    for (let at = 0; at < 5; at++) {
      folders.markChanged('/d');
      void folders.ensureSynced('/d');
    }
    await clock.advance(5);
    expect(state.syncs).toHaveLength(1);
    await clock.advance(2);
    expect(state.syncs).toHaveLength(2);
  });

  test('are not believed durable when their sync failed, and leave no handle', async () => {
    const { clock, fs, folders, state } = newFolders();
    folders.markChanged('/d');
    state.fails = true;
    const failed = folders.ensureSynced('/d').catch((error: unknown) => error);
    await clock.advance(10);
    expect(await failed).toEqual(new Error('EIO'));
    state.fails = false;
    const again = folders.ensureSynced('/d');
    await clock.advance(10);
    await again;
    expect([state.syncs.length, fs.openHandles]).toEqual([2, 0]);
  });
});

describe('a log goes by what its topic has, whatever it was loaded with', () => {
  const own = { ...LOG_CONFIG, retentionMs: 12_345 };

  test('as soon as it is asked for under that, and so does its copy', async () => {
    for (const dir of ['/a', '/b']) world.fs.makeDir(dir);
    const before = await startManager(world, { logDirs: ['/a', '/b'] });
    before.maybeUpdatePreferredLogDir(orders(0), '/a');
    before.getOrCreateLog(orders(0), { isNew: true });
    before.maybeUpdatePreferredLogDir(orders(0), '/b');
    before.getOrCreateLog(orders(0), { isFuture: true });
    await stop(before);
    const manager = await startManager(world, { logDirs: ['/a', '/b'] });
    for (const isFuture of [false, true]) {
      expect(manager.getLog(orders(0), isFuture)!.config.retentionMs).not.toBe(12_345);
      const log = manager.getOrCreateLog(orders(0), { config: own, isFuture });
      expect([log, log.config.retentionMs]).toEqual([manager.getLog(orders(0), isFuture), 12_345]);
    }
  });

  test('but a log of another topic of that name is none of its logs', async () => {
    const manager = await startManager(world);
    const log = manager.getOrCreateLog(orders(0), { isNew: true, topicId: 'sx7Ghl93TiaCGaLSE2wsQw' });
    const other = { config: own, topicId: 'q2p0a1Z2QfWr0mYl2d6dWQ' };
    expect(() => manager.getOrCreateLog(orders(0), other)).toThrow('already contained topic ID');
    expect(log.config).toBe(LOG_CONFIG);
  });
});

describe('a start reads the configurations of just the topics whose logs it loads', () => {
  async function startReading(asked: string[], logDirs = ['/a', '/b']): Promise<LogManager> {
    const manager = newManager(world, { logDirs });
    const started = manager.startup(async (topics) => {
      asked.push(...[...topics].sort());
      return new Map([...topics].map((topic) => [topic, { ...LOG_CONFIG, retentionMs: 12_345 }]));
    });
    await world.clock.advance(0);
    await started;
    return manager;
  }

  test('also of one of which there is but a copy, and of none that is deleted or set aside', async () => {
    const unique = '0'.repeat(32);
    for (const dir of ['/a', '/b']) world.fs.makeDir(dir);
    for (const name of ['bills-3', `copied-0.${unique}-future`, `gone-1.${unique}-delete`, `lost-2.${unique}-stray`]) {
      world.fs.makeDir(`/a/${name}`);
    }
    world.fs.makeDir('/b/orders-0');
    const asked: string[] = [];
    const manager = await startReading(asked);
    expect(asked).toEqual(['bills', 'copied', 'orders']);
    const logs = [manager.getLog({ topic: 'copied', partition: 0 }, true), ...manager.allLogs()];
    expect(logs.map((log) => log!.config.retentionMs)).toEqual([12_345, 12_345, 12_345]);
  });

  // Loaded blind, its logs would have the defaults, and retention would delete by them.
  test('and a directory that cannot be listed when it is asked what it holds stays out, though it could be later', async () => {
    for (const dir of ['/a', '/b']) world.fs.makeDir(dir);
    world.fs.makeDir('/a/orders-0');
    let listed = 0;
    world.fs.fault = (operation, path) =>
      operation === 'readDir' && path === '/a' && ++listed === 2
        ? Object.assign(new Error('EIO: scandir'), { code: 'EIO', syscall: 'scandir' })
        : null;
    const asked: string[] = [];
    const manager = await startReading(asked);
    expect([manager.offlineLogDirs, asked, [...manager.allLogs()]]).toEqual([['/a'], [], []]);
  });

  test('and for want of those no directory is given up: the broker does not start', async () => {
    world.fs.makeDir('/data');
    world.fs.makeDir('/data/orders-0');
    const manager = newManager(world);
    const started = manager.startup(() => Promise.reject(new Error('the session expired')));
    await expect(started).rejects.toThrow('the session expired');
    expect(manager.liveLogDirs).toEqual(['/data']);
  });
});
