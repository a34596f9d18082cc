/** What is left of a log that was in a directory says nothing of the next one of that name. */
import type { LogManager, UnifiedLog } from '../../../src/log/index.js';
import { bytesOf, crash, newWorld, numbered, readAll, startManager, type LogWorld } from './log-fixture.js';

const tp = { topic: 'orders', partition: 0 };
const other = { topic: 'others', partition: 0 };
const CHECKPOINTS = [
  'recovery-point-offset-checkpoint',
  'log-start-offset-checkpoint',
  'replication-offset-checkpoint',
  'cleaner-offset-checkpoint',
];
const outOfHandles = (): NodeJS.ErrnoException =>
  Object.assign(new Error('EMFILE: open'), { code: 'EMFILE', syscall: 'open' });

let world: LogWorld;
beforeEach(() => {
  world = newWorld(1);
});

const append = (log: UnifiedLog, count: number): void => {
  for (let at = 0; at < count; at++) log.appendAsLeader(numbered(at, 1), { leaderEpoch: 0 });
};
const values = async (log: UnifiedLog): Promise<string[]> => (await readAll(log)).map(({ value }) => value);
const start = (logDirs = ['/a', '/b']): Promise<LogManager> => startManager(world, { logDirs });

async function flush(log: UnifiedLog): Promise<void> {
  const flushed = log.flush(true);
  await world.clock.advance(0);
  await flushed;
}

/** A log of 10 records that begins at 8, inside of its segment, as the checkpoint says. */
async function startingAtEight(manager: LogManager): Promise<UnifiedLog> {
  const log = manager.getOrCreateLog(tp, { isNew: true });
  append(log, 10);
  log.updateHighWatermark(10);
  log.maybeIncrementLogStartOffset(8, 'test');
  await world.clock.advance(61_000);
  expect(world.fs.readFile(`${log.parentDir}/log-start-offset-checkpoint`).toString()).toContain('orders 0 8');
  return log;
}

async function move(manager: LogManager, log: UnifiedLog, to: string): Promise<void> {
  manager.maybeUpdatePreferredLogDir(tp, to);
  const future = manager.getOrCreateLog(tp, { isFuture: true, isNew: true });
  future.truncateFullyAndStartAt(log.logStartOffset);
  const truncated = future.whenTruncated();
  await world.clock.advance(1);
  await truncated;
  future.appendAsFollower(bytesOf(await log.read(log.logStartOffset, 1 << 20, 'LOG_END', true)));
  const prepared = manager.prepareReplacement(tp);
  await world.clock.advance(1);
  await prepared;
  manager.replaceCurrentWithFutureLog(tp);
  await world.clock.advance(1);
}

/** The topic is made again, written to and flushed; then the process is killed. */
async function madeAgainAndKilled(manager: LogManager): Promise<void> {
  const log = manager.getOrCreateLog(tp, { isNew: true });
  expect(log.parentDir).toBe('/a');
  append(log, 5);
  await flush(log);
  crash(world, 'process');
}

test('a topic that is made again where its log was moved away from keeps its records when the process is killed', async () => {
  const manager = await start();
  await move(manager, await startingAtEight(manager), '/b');
  manager.asyncDelete(tp);
  await world.clock.advance(1);
  await madeAgainAndKilled(manager);
  expect(await values((await start()).getLog(tp)!)).toEqual(['0', '1', '2', '3', '4']);
});

test('a topic that is made again after a deletion that found no handle for its checkpoints keeps its records', async () => {
  const manager = await start(['/a']);
  await startingAtEight(manager);
  world.fs.fault = (operation, path) => (operation === 'open' && path.includes('-checkpoint') ? outOfHandles() : null);
  manager.asyncDelete(tp);
  world.fs.fault = null;
  await madeAgainAndKilled(manager);
  expect(await values((await start(['/a'])).getLog(tp)!)).toEqual(['0', '1', '2', '3', '4']);
});

test('a topic that is made again after a kill within its deletion keeps its records', async () => {
  await startingAtEight(await start(['/a']));
  crash(world, 'process');
  const deleting = await start(['/a']);
  deleting.deleteLater(tp);
  crash(world, 'process');
  await madeAgainAndKilled(await start(['/a']));
  expect(await values((await start(['/a'])).getLog(tp)!)).toEqual(['0', '1', '2', '3', '4']);
});

test.each([
  ['at once', 0],
  ['after its folder was removed, while the sync of its directory hung', 120_000],
])('a deletion that a kill cut short %s is durable once the next life has started', async (_when, afterMs) => {
  for (let seed = 1; seed <= 10; seed++) {
    world = newWorld(seed);
    const manager = await start(['/a']);
    const log = manager.getOrCreateLog(tp, { isNew: true });
    append(log, 3);
    await flush(log);
    if (afterMs > 0) {
      world.fs.pace = { clock: world.clock, delayMs: (operation) => (operation === 'sync' ? 3_600_000 : 0) };
    }
    manager.deleteLater(tp);
    await world.clock.advance(afterMs);
    crash(world, 'process');
    world.fs.pace = null;
    await start(['/a']);
    crash(world, 'power');
    expect((await start(['/a'])).getLog(tp)).toBeUndefined();
  }
});

describe('what a checkpoint says of a log that is gone', () => {
  const write = (dir: string, name: string, lines: string[]): void =>
    world.fs.replaceFile(`${dir}/${name}`, `0\n${lines.length}\n${lines.map((line) => `${line}\n`).join('')}`);

  test.each(CHECKPOINTS)(
    'is out of %s when a log of that name has its first record, and the others are in',
    async (name) => {
      const manager = await start(['/a']);
      append(manager.getOrCreateLog(other, { isNew: true }), 2);
      crash(world, 'process');
      write('/a', name, ['orders 0 3', 'others 0 1', 'gone 0 7']);
      const again = await start(['/a']);
      append(again.getOrCreateLog(tp, { isNew: true }), 1);
      const kept =
        name === 'recovery-point-offset-checkpoint'
          ? /^0\n\d\n(orders 0 0\n)?others 0 [01]\n$/
          : /^0\n1\nothers 0 1\n$/;
      expect(world.fs.readFile(`/a/${name}`).toString()).toMatch(kept);
    },
  );

  test.each(CHECKPOINTS)('is out of %s when a copy takes that name', async (name) => {
    const manager = await start();
    const log = manager.getOrCreateLog(tp, { isNew: true });
    append(log, 5);
    manager.maybeUpdatePreferredLogDir(tp, '/b');
    manager.getOrCreateLog(tp, { isFuture: true, isNew: true });
    crash(world, 'process');
    write('/b', name, ['orders 0 3']);
    const again = await start();
    const future = again.getLog(tp, true)!;
    expect(future.logEndOffset).toBe(0);
    again.replaceCurrentWithFutureLog(tp);
    expect(world.fs.readFile(`/b/${name}`).toString()).not.toContain('orders 0 3');
  });

  test('keeps records from being taken when the entry cannot be taken out, and does not when it can', async () => {
    const manager = await start(['/a']);
    await startingAtEight(manager);
    manager.deleteLater(tp);
    world.fs.fault = (operation, path) =>
      operation === 'open' && path.includes('-checkpoint') ? outOfHandles() : null;
    const log = manager.getOrCreateLog(tp, { isNew: true });
    await world.clock.advance(1000);
    expect(log.isReadyForAppends).toBe(false);
    expect(() => append(log, 1)).toThrow(expect.objectContaining({ kind: 'KAFKA_STORAGE_ERROR' }));
    world.fs.fault = null;
    const prepared = log.prepareForAppends();
    await world.clock.advance(1);
    await prepared;
    expect([log.isReadyForAppends, log.dir]).toEqual([true, '/a/orders-0']);
    await madeAgainAndKilled(manager);
    expect(await values((await start(['/a'])).getLog(tp)!)).toEqual(['0', '1', '2', '3', '4']);
  });

  /** A log starts at 8, is deleted and made again while the directory's syncs hang. */
  async function madeAgainWhereItHangs(): Promise<UnifiedLog> {
    const manager = await start(['/a']);
    await startingAtEight(manager);
    world.fs.pace = { clock: world.clock, delayMs: (operation) => (operation === 'sync' ? 3_600_000 : 0) };
    manager.asyncDelete(tp);
    await world.clock.advance(1000);
    return manager.getOrCreateLog(tp, { isNew: true });
  }

  test('blocks no one where the disk hangs, and keeps the log from appends', async () => {
    const { blockedMs } = world.fs;
    const log = await madeAgainWhereItHangs();
    await world.clock.advance(60_000);
    expect(log.isReadyForAppends).toBe(false);
    expect(world.fs.blockedMs).toBe(blockedMs);
  });

  test.each(['process', 'power'] as const)(
    'is not taken for what a log was that was made and not written to (%s)',
    async (kind) => {
      for (let seed = 1; seed <= 20; seed++) {
        world = newWorld(seed);
        await madeAgainWhereItHangs();
        await world.clock.advance(100);
        world.fs.pace = null;
        crash(world, kind);
        const next = (await start(['/a'])).getLog(tp);
        // After a loss of power the deleted one may be back.
        if (kind === 'process') expect(next).toBeUndefined();
        else if (next) expect([next.logStartOffset, next.logEndOffset > 0]).toEqual([8, true]);
        world.fs.pace = null;
      }
    },
  );

  test('is taken out by a clean stop, however soon that comes', async () => {
    const manager = await start(['/a']);
    await startingAtEight(manager);
    manager.deleteLater(tp);
    manager.getOrCreateLog(tp, { isNew: true });
    const stopped = manager.shutdown();
    await world.clock.advance(1);
    await stopped;
    crash(world, 'process');
    const log = (await start(['/a'])).getLog(tp)!;
    expect([log.dir, log.logStartOffset, log.logEndOffset]).toEqual(['/a/orders-0', 0, 0]);
  });

  test('is taken out once for all logs that are made together', async () => {
    const manager = await start(['/a']);
    const tps = Array.from({ length: 20 }, (_, partition) => ({ topic: 'orders', partition }));
    for (const one of tps) append(manager.getOrCreateLog(one, { isNew: true }), 1);
    await world.clock.advance(61_000);
    for (const one of tps) manager.deleteLater(one);
    let writes = 0;
    world.fs.fault = (operation, path) => {
      if (operation === 'write' && path.includes('/recovery-point-offset-checkpoint.')) writes++;
      return null;
    };
    const logs = tps.map((one) => manager.getOrCreateLog(one, { isNew: true }));
    await world.clock.advance(1);
    expect(logs.every((log) => log.isReadyForAppends && !log.dir.endsWith('-delete'))).toBe(true);
    expect(writes).toBe(1);
  });

  test('is taken out before a copy takes that name, without blocking', async () => {
    const manager = await start();
    const log = await startingAtEight(manager);
    const [from, to] = log.parentDir === '/a' ? ['/a', '/b'] : ['/b', '/a'];
    await move(manager, log, to!);
    const { blockedMs } = world.fs;
    world.fs.pace = { clock: world.clock, delayMs: (operation) => (operation === 'sync' ? 10 : 0) };
    manager.maybeUpdatePreferredLogDir(tp, from!);
    void manager.highWatermarkCheckpoint(from!)!.writeInBackground(new Map([['orders-0', 10]]));
    const future = manager.getOrCreateLog(tp, { isFuture: true, isNew: true });
    const prepared = manager.prepareReplacement(tp);
    await world.clock.advance(1000);
    await prepared;
    expect(future.dir.startsWith(`${from}/`)).toBe(true);
    manager.replaceCurrentWithFutureLog(tp);
    expect(world.fs.readFile(`${from}/replication-offset-checkpoint`).toString()).not.toContain('orders 0');
    expect(world.fs.blockedMs).toBe(blockedMs);
  });
});

describe('a log start that falls with a cut is not found higher after a kill', () => {
  test.each([
    { title: 'inside of the segment', cut: (log: UnifiedLog) => log.truncateTo(5), left: ['0', '1', '2', '3', '4'] },
    { title: 'with all records', cut: (log: UnifiedLog) => log.truncateFullyAndStartAt(5), left: [] },
  ])('$title', async ({ cut, left }) => {
    const log = await startingAtEight(await start(['/a']));
    cut(log);
    const truncated = log.whenTruncated();
    await world.clock.advance(1);
    await truncated;
    log.appendAsFollower(numbered(5, 2, { baseOffset: 5, partitionLeaderEpoch: 1 }));
    crash(world, 'process');
    const loaded = (await start(['/a'])).getLog(tp)!;
    expect(loaded.logStartOffset).toBeLessThanOrEqual(5);
    expect((await readAll(loaded, 0 + loaded.logStartOffset)).map(({ value }) => value)).toEqual(
      [...left, '5', '6'].slice(left.length === 0 ? 0 : loaded.logStartOffset),
    );
  });

  test('when an append comes before the cut has settled', async () => {
    const log = await startingAtEight(await start(['/a']));
    log.truncateTo(5);
    log.appendAsFollower(numbered(5, 2, { baseOffset: 5, partitionLeaderEpoch: 1 }));
    crash(world, 'process');
    const loaded = (await start(['/a'])).getLog(tp)!;
    expect(loaded.logStartOffset).toBeLessThanOrEqual(5);
    expect(loaded.logEndOffset).toBe(7);
  });
});

describe('the mark of a move that was killed', () => {
  const MARK = '.replaces-current';
  async function stop(manager: LogManager): Promise<void> {
    const stopped = manager.shutdown();
    await world.clock.advance(1);
    await stopped;
    crash(world, 'process');
  }

  /** Killed between the renames and the removal of the mark. */
  async function killedWithinMove(): Promise<void> {
    const manager = await start();
    const log = manager.getOrCreateLog(tp, { isNew: true });
    append(log, 5);
    manager.maybeUpdatePreferredLogDir(tp, '/b');
    const future = manager.getOrCreateLog(tp, { isFuture: true, isNew: true });
    future.appendAsFollower(bytesOf(await log.read(0, 1 << 20, 'LOG_END', true)));
    const prepared = manager.prepareReplacement(tp);
    await world.clock.advance(1);
    await prepared;
    expect(manager.isReadyToReplace(tp)).toBe(true);
    manager.replaceCurrentWithFutureLog(tp);
    crash(world, 'process');
    expect(world.fs.exists(`/b/orders-0/${MARK}`)).toBe(true);
  }

  test('is taken away by the next start that has all directories', async () => {
    await killedWithinMove();
    const manager = await start();
    await world.clock.advance(1);
    expect(world.fs.exists(`/b/orders-0/${MARK}`)).toBe(false);
    expect(await values(manager.getLog(tp)!)).toEqual(['0', '1', '2', '3', '4']);
  });

  test('stays while a directory is offline that may have the old log', async () => {
    await killedWithinMove();
    await startManager(world, { logDirs: ['/a', '/b'], initialOfflineDirs: ['/a'] });
    await world.clock.advance(1);
    expect(world.fs.exists(`/b/orders-0/${MARK}`)).toBe(true);
  });

  test('does not speak against a log that was made again in the old directory', async () => {
    await killedWithinMove();
    const manager = await start(['/a']);
    append(manager.getOrCreateLog(tp, { isNew: true }), 9);
    await stop(manager);
    await expect(start()).rejects.toThrow(/Duplicate log directories for orders-0/);
    crash(world, 'process');
    expect((await start(['/a'])).getLog(tp)!.logEndOffset).toBe(9);
  });
});

test('a left-over folder that cannot be renamed away is the trouble of its own directory', async () => {
  const both = await start();
  append(both.getOrCreateLog(tp, { isNew: true }), 5);
  crash(world, 'process');
  // Left by a directory that failed while the log was made there: it holds nothing.
  world.fs.rename('/a/orders-0', '/b/orders-0');
  const empty = await start(['/a']);
  empty.getOrCreateLog(tp, { isNew: true });
  crash(world, 'process');
  world.fs.fault = (operation, path) =>
    operation === 'rename' && path === '/a/orders-0'
      ? Object.assign(new Error('EIO: rename'), { code: 'EIO', syscall: 'rename' })
      : null;
  const manager = await start();
  await world.clock.advance(1);
  expect(manager.liveLogDirs).toEqual(['/b']);
  expect(await values(manager.getLog(tp)!)).toEqual(['0', '1', '2', '3', '4']);
});

test('wherever the process is killed in a move, a deletion and what is made again, the next log of the name keeps its records', async () => {
  let killAt = 0;
  for (let isKilled = true; isKilled; killAt++) {
    world = newWorld(killAt);
    const manager = await start();
    const log = await startingAtEight(manager);
    let changes = 0;
    world.fs.fault = (operation, path) =>
      world.fs.isChange(operation, path) && changes++ >= killAt ? world.fs.halt() : null;
    try {
      await move(manager, log, '/b');
      manager.asyncDelete(tp);
      append(manager.getOrCreateLog(tp, { isNew: true }), 3);
      await world.clock.advance(100);
    } catch (error) {
      if (!world.fs.isHalted) throw error;
    }
    isKilled = world.fs.isHalted;
    world.fs.fault = null;
    crash(world, 'process');
    // Whatever is left is deleted, as by the controller that had no answer.
    const next = await start();
    for (const isFuture of [false, true]) next.asyncDelete(tp, isFuture);
    const again = next.getOrCreateLog(tp, { isNew: true });
    append(again, 5);
    await flush(again);
    crash(world, 'process');
    expect({ killAt, values: await values((await start()).getLog(tp)!) }).toEqual({
      killAt,
      values: ['0', '1', '2', '3', '4'],
    });
    crash(world, 'process');
  }
  expect(killAt).toBeGreaterThan(30);
});

test('who deletes a replica that has just moved waits also for the disk that it has left', async () => {
  const manager = await start();
  const log = await startingAtEight(manager);
  const from = log.parentDir;
  world.fs.pace = {
    clock: world.clock,
    delayMs: (operation, path) => (operation === 'sync' && path === from ? 5000 : 0),
  };
  await move(manager, log, from === '/a' ? '/b' : '/a');
  expect(manager.dirsOf(tp)).toContain(from);
  await world.clock.advance(20_000);
  expect(manager.dirsOf(tp)).not.toContain(from);
});
