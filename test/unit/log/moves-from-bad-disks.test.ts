/** Replicas that are moved away from a disk that is full, hangs, or wants for file handles: what a move leaves behind, and what a start finds. */
import type { CrashKind } from '../../../src/testing/index.js';
import { DeletionPendingError, type LogManager, type UnifiedLog } from '../../../src/log/index.js';
import { crash, newManager, newWorld, numbered, readAll, startManager, type LogWorld } from './log-fixture.js';

const ORDERS = { topic: 'orders', partition: 0 };
const TOPIC_ID = 'sx7Ghl93TiaCGaLSE2wsQw';
const NEXT_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAEQ';
const DIRS = ['/one', '/two', '/three'];
const MARK = '.replaces-current';

/** Three directories, and a log with records in the first. */
async function threeDirs(seed = 1): Promise<{ world: LogWorld; manager: LogManager; log: UnifiedLog }> {
  const world = newWorld(seed);
  // Disks of their own: what one has made durable says nothing of another.
  world.fs.lostOrders = ['folders'];
  for (const dir of DIRS) world.fs.makeDir(dir);
  world.fs.syncDir('/');
  const manager = await startManager(world, { logDirs: DIRS });
  manager.maybeUpdatePreferredLogDir(ORDERS, '/one');
  const log = manager.getOrCreateLog(ORDERS, { isNew: true, topicId: TOPIC_ID });
  for (let at = 0; at < 5; at++) append(log);
  await inTime(world, log.flush(true));
  await world.clock.advance(60_000);
  return { world, manager, log };
}

function append(log: UnifiedLog): void {
  log.appendAsLeader(numbered(log.logEndOffset, 1), { leaderEpoch: 3 });
}

/** What `work` gives; it ends within two minutes. */
async function inTime<T>(world: LogWorld, work: Promise<T>): Promise<T> {
  let isOver = false;
  const over = (): void => void (isOver = true);
  work.then(over, over);
  for (let second = 0; second < 120 && !isOver; second++) await world.clock.advance(1000);
  expect(isOver).toBe(true);
  return work;
}

/** All of a move but the two renames. */
async function prepare(world: LogWorld, manager: LogManager, target: string): Promise<void> {
  manager.maybeUpdatePreferredLogDir(ORDERS, target);
  const copy = manager.getOrCreateLog(ORDERS, { isFuture: true, topicId: TOPIC_ID });
  const { records } = await manager.getLog(ORDERS)!.read(0, 1 << 20, 'LOG_END', true);
  copy.appendAsFollower(Buffer.concat([records].flat() as Buffer[]));
  await inTime(world, manager.prepareReplacement(ORDERS));
  expect(manager.isReadyToReplace(ORDERS)).toBe(true);
}

async function move(world: LogWorld, manager: LogManager, target: string): Promise<UnifiedLog> {
  await prepare(world, manager, target);
  return manager.replaceCurrentWithFutureLog(ORDERS);
}

/** Syncs in a directory do not end. */
function hang(world: LogWorld, dir: string): void {
  const delayMs = (operation: string, path: string): number =>
    operation === 'sync' && (path === dir || path.startsWith(`${dir}/`)) ? 1e9 : 0;
  world.fs.pace = { clock: world.clock, delayMs };
}

const ioError = (code: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: write`), { code, syscall: 'write' });

/** Starts after a kill or a loss of power, with all disks well again. */
async function startAgain(world: LogWorld, kind: CrashKind = 'power'): Promise<LogManager> {
  crash(world, kind);
  world.fs.pace = null;
  world.fs.fault = null;
  return startManager(world, { logDirs: DIRS });
}

const foldersIn = (world: LogWorld, dir: string): string[] =>
  world.fs.readDir(dir).filter((name) => name.startsWith('orders'));

test('a moment without file handles at the end of a move leaves neither the old files nor the mark', async () => {
  const { world, manager } = await threeDirs();
  await prepare(world, manager, '/two');
  world.fs.fault = (operation) => (operation === 'open' || operation === 'readDir' ? ioError('EMFILE') : null);
  const moved = manager.replaceCurrentWithFutureLog(ORDERS);
  await world.clock.advance(2500);
  expect(world.fs.exists(`${moved.dir}/${MARK}`)).toBe(true);
  world.fs.fault = null;
  await world.clock.advance(120_000);
  expect(foldersIn(world, '/one')).toEqual([]);
  expect(world.fs.exists(`${moved.dir}/${MARK}`)).toBe(false);
  expect(manager.offlineLogDirs).toEqual([]);
});

test('what wants for a file handle is not tried after a stop', async () => {
  const { world, manager } = await threeDirs();
  await prepare(world, manager, '/two');
  let tries = 0;
  world.fs.fault = (operation) => {
    if (operation !== 'open' && operation !== 'readDir') return null;
    tries++;
    return ioError('EMFILE');
  };
  manager.replaceCurrentWithFutureLog(ORDERS);
  await world.clock.advance(1500);
  await inTime(world, manager.shutdown());
  const before = tries;
  expect(before).toBeGreaterThan(0);
  await world.clock.advance(10_000);
  expect(tries).toBe(before);
});

describe('a replica that has left a disk that hangs', () => {
  test('moves on between two that do not, and is marked until the first is known to have let it go', async () => {
    const { world, manager } = await threeDirs();
    await prepare(world, manager, '/two');
    hang(world, '/one');
    manager.replaceCurrentWithFutureLog(ORDERS);
    await world.clock.advance(100);
    const last = await move(world, manager, '/three');
    await world.clock.advance(600_000);
    expect([last.parentDir, foldersIn(world, '/two')]).toEqual(['/three', []]);
    expect(world.fs.exists(`${last.dir}/${MARK}`)).toBe(true);
    world.fs.pace = null;
    await world.clock.advance(1e9);
    expect(world.fs.exists(`${last.dir}/${MARK}`)).toBe(false);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('is found where it went when the power goes (seed %i)', async (seed) => {
    const { world, manager, log } = await threeDirs(seed);
    await prepare(world, manager, '/two');
    hang(world, '/one');
    const second = manager.replaceCurrentWithFutureLog(ORDERS);
    // A leader has cut it: the old folder holds what is in no other.
    second.truncateTo(3);
    await world.clock.advance(30_000);
    for (let at = 0; at < 4; at++) second.appendAsLeader(numbered(100 + at, 1), { leaderEpoch: 4 });
    await inTime(world, second.flush(true));
    const expected = await readAll(second);
    await move(world, manager, '/three');
    await world.clock.advance(seed * 2);
    const again = await startAgain(world);
    const found = again.getLog(ORDERS)!;
    expect(found.parentDir).not.toBe('/one');
    expect(await readAll(found)).toEqual(expected);
    expect(log.parentDir).toBe('/one');
  });

  test('is not taken for a log of before when its new name is lost alone', async () => {
    const { world, manager } = await threeDirs();
    await prepare(world, manager, '/two');
    hang(world, '/one');
    manager.replaceCurrentWithFutureLog(ORDERS);
    await world.clock.advance(100);
    const last = await move(world, manager, '/three');
    append(last);
    await world.clock.advance(100);
    const expected = await readAll(last);
    crash(world, 'process');
    // What the disks have: the folder in /two is gone, that in /one has not gone, and in /three the copy has not got its name yet.
    const [gone] = foldersIn(world, '/one');
    world.fs.rename(`/one/${gone}`, '/one/orders-0');
    world.fs.rename('/three/orders-0', `/three/orders-0.${'a'.repeat(32)}-future`);
    const again = await startAgain(world, 'process');
    expect(again.getLog(ORDERS)!.parentDir).toBe('/three');
    expect(await readAll(again.getLog(ORDERS)!)).toEqual(expected);
  });

  test('leaves it though the disk hung before the move began', async () => {
    const { world, manager, log } = await threeDirs();
    hang(world, '/one');
    append(log);
    void log.flush(true).catch(() => undefined);
    const moved = await move(world, manager, '/two');
    await inTime(world, moved.flush(true));
    const expected = await readAll(moved);
    const again = await startAgain(world);
    expect(again.getLog(ORDERS)!.parentDir).toBe('/two');
    expect(await readAll(again.getLog(ORDERS)!)).toEqual(expected);
  });
});

test('a replica that is copied on when the power goes is not cut to what its copy has', async () => {
  const { world, manager, log } = await threeDirs();
  await prepare(world, manager, '/two');
  append(log);
  await inTime(world, log.flush(true));
  const expected = await readAll(log);
  const again = await startAgain(world);
  expect(again.getLog(ORDERS)!.parentDir).toBe('/one');
  expect(await readAll(again.getLog(ORDERS)!)).toEqual(expected);
});

describe('a replica that leaves a full disk', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('is whole when the power goes right after it (seed %i)', async (seed) => {
    const { world, manager, log } = await threeDirs(seed);
    world.fs.fault = (operation, path) =>
      operation === 'write' && path.startsWith('/one/') ? ioError('ENOSPC') : null;
    const expected = await readAll(log);
    const delayMs = (operation: string): number => (operation === 'sync' ? 20 : 0);
    world.fs.pace = { clock: world.clock, delayMs };
    await move(world, manager, '/two');
    await world.clock.advance(seed * 7);
    const again = await startAgain(world);
    expect(await readAll(again.getLog(ORDERS)!)).toEqual(expected);
    await again.shutdown();
  });

  test('and is cut before the power goes: which of the two counts is for an operator to say', async () => {
    const { world, manager } = await threeDirs();
    world.fs.fault = (operation, path) =>
      operation === 'write' && path.startsWith('/one/') ? ioError('ENOSPC') : null;
    hang(world, '/one');
    const moved = await move(world, manager, '/two');
    moved.truncateTo(3);
    await world.clock.advance(30_000);
    moved.appendAsLeader(numbered(100, 1), { leaderEpoch: 4 });
    await inTime(world, moved.flush(true));
    crash(world, 'process');
    const [gone] = foldersIn(world, '/one');
    world.fs.rename(`/one/${gone}`, '/one/orders-0');
    world.fs.pace = null;
    world.fs.fault = null;
    const again = newManager(world, { logDirs: DIRS });
    const refused = expect(again.startup()).rejects.toThrow('Duplicate log directories for orders-0');
    await world.clock.advance(1);
    await refused;
  });
});

describe('a log that is made again before the deletion of the one before is durable', () => {
  /** Deletes the log, and gives those of its directories whose deletions are not known to be durable. */
  const remove = (world: LogWorld, manager: LogManager): Promise<ReadonlySet<string>> => {
    expect(manager.deleteLater(ORDERS)).toBe(true);
    return inTime(world, manager.makeDeletionsDurable(manager.dirsOf(ORDERS)));
  };
  const wantHandles = (world: LogWorld, dir: string): void => {
    world.fs.fault = (operation, path) => (operation === 'open' && path === dir ? ioError('EMFILE') : null);
  };

  test.each([
    { title: 'as the disk hangs', topicId: TOPIC_ID, notDurable: ['/one'], spoil: hang },
    { title: 'for want of file handles', topicId: NEXT_TOPIC_ID, notDurable: [], spoil: wantHandles },
  ])('is never one of two when the power goes ($title)', async ({ topicId, notDurable, spoil }) => {
    for (let seed = 1; seed <= 20; seed++) {
      const { world, manager } = await threeDirs(seed);
      // The other directories have room for the next log.
      manager.maybeUpdatePreferredLogDir({ topic: 'other', partition: 0 }, '/one');
      manager.getOrCreateLog({ topic: 'other', partition: 0 }, { isNew: true });
      spoil(world, '/one');
      expect([...(await remove(world, manager))]).toEqual(notDurable);
      const log = manager.getOrCreateLog(ORDERS, { isNew: true, topicId });
      await world.clock.advance(60_000);
      if (log.isReadyForAppends) append(log);
      void log.flush(true).catch(() => undefined);
      await world.clock.advance(60_000);
      const again = await startAgain(world);
      expect(again.offlineLogDirs).toEqual([]);
      await again.shutdown();
    }
  });

  test('lies where it is wished, once the deletion is durable', async () => {
    const { world, manager } = await threeDirs();
    hang(world, '/one');
    await remove(world, manager);
    manager.maybeUpdatePreferredLogDir(ORDERS, '/two');
    expect(() => manager.getOrCreateLog(ORDERS, { isNew: true, topicId: TOPIC_ID })).toThrow(DeletionPendingError);
    world.fs.pace = null;
    await world.clock.advance(1e9);
    expect(manager.getOrCreateLog(ORDERS, { isNew: true, topicId: TOPIC_ID }).parentDir).toBe('/two');
  });

  test('waits for nothing where it is wished in the place of that one', async () => {
    const { world, manager } = await threeDirs();
    hang(world, '/one');
    await remove(world, manager);
    manager.maybeUpdatePreferredLogDir(ORDERS, '/one');
    expect(manager.getOrCreateLog(ORDERS, { isNew: true, topicId: TOPIC_ID }).parentDir).toBe('/one');
  });

  test('is not made in a directory that is about to go offline, but elsewhere after that', async () => {
    const { world, manager } = await threeDirs();
    const other = { topic: 'other', partition: 0 };
    manager.maybeUpdatePreferredLogDir(other, '/one');
    const beside = manager.getOrCreateLog(other, { isNew: true });
    hang(world, '/one');
    await remove(world, manager);
    world.fs.fault = (operation, path) => (operation === 'write' && path.startsWith('/one/') ? ioError('EIO') : null);
    expect(() => append(beside)).toThrow(expect.objectContaining({ kind: 'KAFKA_STORAGE_ERROR' }));
    expect(() => manager.getOrCreateLog(ORDERS, { isNew: true, topicId: TOPIC_ID })).toThrow(DeletionPendingError);
    manager.handleLogDirFailure('/one');
    expect(manager.getOrCreateLog(ORDERS, { isNew: true, topicId: TOPIC_ID }).parentDir).not.toBe('/one');
  });

  test('and deleted again there is not taken for durably deleted by the sync for the one before', async () => {
    const { world, manager } = await threeDirs();
    world.fs.pace = {
      clock: world.clock,
      delayMs: (operation, path) => (operation === 'sync' && path === '/one' ? 10_000 : 0),
    };
    manager.asyncDelete(ORDERS);
    await world.clock.advance(5000);
    manager.getOrCreateLog(ORDERS, { isNew: true, topicId: TOPIC_ID });
    manager.asyncDelete(ORDERS);
    await world.clock.advance(9000);
    expect(manager.dirsOf(ORDERS)).toEqual(['/one']);
    await world.clock.advance(10_000);
    expect(manager.dirsOf(ORDERS)).toEqual([]);
  });

  test('is not kept from other directories by the deletion of a copy', async () => {
    const { world, manager } = await threeDirs();
    manager.maybeUpdatePreferredLogDir(ORDERS, '/two');
    manager.getOrCreateLog(ORDERS, { isFuture: true, topicId: TOPIC_ID });
    hang(world, '/two');
    manager.deleteLater(ORDERS, { isFuture: true });
    expect([...(await remove(world, manager))]).toEqual(['/two']);
    manager.maybeUpdatePreferredLogDir(ORDERS, '/three');
    expect(manager.getOrCreateLog(ORDERS, { isNew: true, topicId: TOPIC_ID }).parentDir).toBe('/three');
  });

  test('is not made as long as logs of two directories may come back, which only wants time', async () => {
    const { world, manager } = await threeDirs();
    hang(world, '/one');
    await move(world, manager, '/two');
    const { pace } = world.fs;
    world.fs.pace = {
      clock: world.clock,
      delayMs: (operation, path) => (operation === 'sync' && path === '/two' ? 1e9 : pace!.delayMs(operation, path)),
    };
    await remove(world, manager);
    expect(manager.dirsOf(ORDERS).sort()).toEqual(['/one', '/two']);
    expect(() => manager.getOrCreateLog(ORDERS, { isNew: true, topicId: TOPIC_ID })).toThrow(DeletionPendingError);
    expect(manager.offlineLogDirs).toEqual([]);
  });
});
