import type { LogManager } from '../../../src/log/index.js';
import { seededRandom, silentLogger } from '../../../src/common/index.js';
import {
  batch,
  LOG_CONFIG,
  newManager,
  newWorld,
  crash,
  numbered,
  readAll,
  startManager,
  TOPIC_ID,
  type LogWorld,
} from './log-fixture.js';

const tp = { topic: 'orders', partition: 0 };

async function stop(world: LogWorld, manager: LogManager): Promise<void> {
  const stopped = manager.shutdown();
  await world.clock.advance(1);
  await stopped;
}

async function fill(world: LogWorld, manager: LogManager, count = 20) {
  const log = manager.getOrCreateLog(tp, {
    isNew: true,
    topicId: TOPIC_ID,
    config: { ...LOG_CONFIG, segmentBytes: 500 },
  });
  for (let at = 0; at < count; at++) log.appendAsLeader(numbered(at * 2, 2), { leaderEpoch: at < 10 ? 0 : 3 });
  log.updateHighWatermark(log.logEndOffset);
  await world.clock.advance(1);
  return log;
}

describe('after a clean shutdown', () => {
  test('everything is as it was, without recovery', async () => {
    const world = newWorld();
    const manager = await startManager(world);
    const log = await fill(world, manager);
    log.maybeIncrementLogStartOffset(3, 'test');
    const before = await readAll(log);
    await stop(world, manager);
    expect(world.fs.exists('/data/.kafka_cleanshutdown')).toBe(true);
    expect(world.fs.openHandles).toBe(0);
    const again = await startManager(world);
    expect(world.fs.exists('/data/.kafka_cleanshutdown')).toBe(false);
    const loaded = again.getLog(tp)!;
    expect(loaded).toMatchObject({
      logStartOffset: 3,
      logEndOffset: 40,
      recoveryPoint: 40,
      topicId: TOPIC_ID,
      latestEpoch: 3,
    });
    expect(await readAll(loaded)).toEqual(before);
    expect(loaded.endOffsetForEpoch(0)).toEqual({ epoch: 0, offset: 20 });
  });

  test('a stop of a log that nobody wrote to touches none of its files', async () => {
    const world = newWorld();
    const manager = await startManager(world);
    await fill(world, manager);
    await stop(world, manager);
    const again = await startManager(world);
    const touched: string[] = [];
    world.fs.fault = (operation, path) => {
      if (path.includes('orders-0') && operation !== 'close') touched.push(`${operation} ${path}`);
      return null;
    };
    await stop(world, again);
    expect(touched).toEqual([]);
  });

  test('the last five batches of a producer are still known', async () => {
    const world = newWorld();
    const manager = await startManager(world);
    const log = manager.getOrCreateLog(tp, { isNew: true });
    for (let sequence = 0; sequence < 20; sequence++) {
      log.appendAsLeader(batch({ producerId: 7, producerEpoch: 0, baseSequence: sequence }), { leaderEpoch: 0 });
      log.appendAsLeader(numbered(0, 1), { leaderEpoch: 0 });
    }
    await stop(world, manager);
    const loaded = (await startManager(world)).getLog(tp)!;
    for (const sequence of [19, 15, 17]) {
      const retry = batch({ producerId: 7, producerEpoch: 0, baseSequence: sequence });
      expect(loaded.appendAsLeader(retry, { leaderEpoch: 1 })).toMatchObject({
        duplicate: true,
        lastOffset: sequence * 2,
      });
    }
    const tooOld = batch({ producerId: 7, producerEpoch: 0, baseSequence: 14 });
    expect(() => loaded.appendAsLeader(tooOld, { leaderEpoch: 1 })).toThrow(
      expect.objectContaining({ kind: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }),
    );
    const next = batch({ producerId: 7, producerEpoch: 0, baseSequence: 20 });
    expect(loaded.appendAsLeader(next, { leaderEpoch: 1 })).toMatchObject({ duplicate: false, lastOffset: 40 });
  });
});

describe('after the process was killed', () => {
  test('nothing that was appended is lost, and retries are recognised', async () => {
    const world = newWorld();
    const manager = await startManager(world);
    const log = manager.getOrCreateLog(tp, { isNew: true, config: { ...LOG_CONFIG, segmentBytes: 500 } });
    for (let sequence = 0; sequence < 30; sequence++) {
      log.appendAsLeader(batch({ producerId: 7, producerEpoch: 0, baseSequence: sequence }), { leaderEpoch: 2 });
    }
    const before = await readAll(log);
    crash(world, 'process');
    const again = await startManager(world);
    const loaded = again.getLog(tp)!;
    expect(await readAll(loaded)).toEqual(before);
    expect(loaded.latestEpoch).toBe(2);
    for (const sequence of [29, 28, 27, 26, 25]) {
      const retry = batch({ producerId: 7, producerEpoch: 0, baseSequence: sequence });
      expect(loaded.appendAsLeader(retry, { leaderEpoch: 3 })).toMatchObject({ duplicate: true, lastOffset: sequence });
    }
  });

  test('a torn tail is cut at the last whole, valid batch', async () => {
    const world = newWorld();
    const manager = await startManager(world);
    const log = await fill(world, manager);
    const { path } = log.segments.at(-1)!.file;
    const size = world.fs.stat(path).size;
    const handle = world.fs.open(path, 'r+');
    handle.writeSync([Buffer.alloc(100)], size);
    handle.close();
    crash(world, 'process');
    const loaded = (await startManager(world)).getLog(tp)!;
    expect(loaded.logEndOffset).toBe(40);
    expect(world.fs.stat(path).size).toBe(size);
    expect((await readAll(loaded)).map((record) => record.value)).toEqual(
      Array.from({ length: 40 }, (_, at) => `${at}`),
    );
  });

  test('a corrupt batch takes what follows it along', async () => {
    const world = newWorld();
    const manager = await startManager(world);
    const log = manager.getOrCreateLog(tp, { isNew: true });
    for (let at = 0; at < 10; at++) log.appendAsLeader(numbered(at, 1), { leaderEpoch: 0 });
    const { path } = log.segments[0]!.file;
    const handle = world.fs.open(path, 'r+');
    handle.writeSync([Buffer.from([0xff])], (world.fs.stat(path).size / 10) * 6 + 65);
    handle.close();
    crash(world, 'process');
    expect((await startManager(world)).getLog(tp)!.logEndOffset).toBe(6);
  });

  test('missing and orphaned index files are put right', async () => {
    const world = newWorld();
    const manager = await startManager(world);
    const log = await fill(world, manager);
    const before = await readAll(log);
    const [first, second] = log.segments;
    await stop(world, manager);
    world.fs.remove(first!.offsetIndex.file.path);
    world.fs.remove(second!.timeIndex.file.path);
    world.fs.open('/data/orders-0/00000000000000000099.index', 'w+').close();
    const loaded = (await startManager(world)).getLog(tp)!;
    expect(await readAll(loaded)).toEqual(before);
    expect(world.fs.exists(first!.offsetIndex.file.path)).toBe(true);
    expect(world.fs.exists(second!.timeIndex.file.path)).toBe(true);
    expect(world.fs.exists('/data/orders-0/00000000000000000099.index')).toBe(false);
  });

  test('leader epochs lost with the power are found in the batches', async () => {
    const world = newWorld();
    const manager = await startManager(world);
    await fill(world, manager);
    const handle = world.fs.open('/data/orders-0/leader-epoch-checkpoint', 'w+');
    handle.close();
    crash(world, 'process');
    const loaded = (await startManager(world)).getLog(tp)!;
    expect(loaded.epochEntries).toEqual([
      { epoch: 0, startOffset: 0 },
      { epoch: 3, startOffset: 20 },
    ]);
  });

  test('files of an interrupted deletion go, and those of a swap take their place', async () => {
    const world = newWorld();
    const manager = await startManager(world);
    const log = await fill(world, manager);
    const before = await readAll(log);
    const [first] = log.segments;
    await stop(world, manager);
    for (const file of [first!.file, first!.offsetIndex.file, first!.timeIndex.file]) {
      world.fs.rename(file.path, `${file.path}.swap`);
    }
    world.fs.open('/data/orders-0/00000000000000000777.log.deleted', 'w+').close();
    world.fs.open('/data/orders-0/00000000000000000777.log.cleaned', 'w+').close();
    crash(world, 'process');
    const loaded = (await startManager(world)).getLog(tp)!;
    expect(await readAll(loaded)).toEqual(before);
    expect(world.fs.readDir('/data/orders-0').filter((name) => /swap|deleted|cleaned/.test(name))).toEqual([]);
  });
});

test('files that were to go when the broker was killed go one at a time before a start writes to a disk that they fill', async () => {
  const world = newWorld();
  const log = await fill(world, await startManager(world));
  log.truncateTo(1);
  log.appendAsLeader(numbered(1, 1), { leaderEpoch: 0 });
  const before = await readAll(log);
  const deletedFiles = () => world.fs.readDir('/data/orders-0').filter((name) => name.endsWith('.deleted'));
  const leftovers = deletedFiles().length;
  expect(leftovers).toBeGreaterThan(3);
  crash(world, 'process');
  // Each takes a second.
  const monotonicMs = world.clock.monotonicMs.bind(world.clock);
  world.clock.monotonicMs = () => monotonicMs() + removedIn.length * 1000;
  let turn = 0;
  const defer = world.clock.defer.bind(world.clock);
  world.clock.defer = (task) =>
    defer(() => {
      turn++;
      task();
    });
  const removedIn: number[] = [];
  world.fs.fault = (operation, path) => {
    if (operation === 'remove' && path.endsWith('.deleted')) removedIn.push(turn);
    return operation === 'write' && removedIn.length < leftovers
      ? Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC', syscall: 'write' })
      : null;
  };
  const loaded = (await startManager(world)).getLog(tp)!;
  expect(deletedFiles()).toEqual([]);
  expect(new Set(removedIn).size).toBe(leftovers);
  expect(await readAll(loaded)).toEqual(before);
});

test('a start after a kill writes no recovery points when none has fallen', async () => {
  const world = newWorld();
  const manager = await startManager(world);
  const log = await fill(world, manager);
  await log.flush();
  manager.checkpointLogRecoveryOffsets();
  crash(world, 'process');
  const written: string[] = [];
  world.fs.fault = (operation, path) => {
    if (operation === 'write') written.push(path);
    return null;
  };
  await startManager(world);
  expect(written.filter((path) => path.includes('recovery-point-offset-checkpoint'))).toEqual([]);
});

describe('deleting a log', () => {
  test('renames its folder at once and removes it after the delay', async () => {
    const world = newWorld();
    const manager = await startManager(world);
    await fill(world, manager);
    manager.asyncDelete(tp);
    expect(manager.getLog(tp)).toBeUndefined();
    expect(world.fs.readDir('/data').filter((name) => /^orders-0\.[0-9a-f]{32}-delete$/.test(name))).toHaveLength(1);
    const again = manager.getOrCreateLog(tp, { isNew: true });
    expect(again.logEndOffset).toBe(0);
    await world.clock.advance(60_000);
    expect(world.fs.readDir('/data').filter((name) => name.endsWith('-delete'))).toEqual([]);
  });

  test('is brought to its end by the next start', async () => {
    const world = newWorld();
    const manager = await startManager(world);
    await fill(world, manager);
    manager.asyncDelete(tp);
    crash(world, 'process');
    const again = await startManager(world);
    expect(again.getLog(tp)).toBeUndefined();
    await world.clock.advance(60_000);
    expect(world.fs.readDir('/data').filter((name) => name.includes('orders'))).toEqual([]);
  });
});

describe('several log directories', () => {
  const logDirs = ['/disk1', '/disk2'];
  const partitions = Array.from({ length: 6 }, (_, partition) => ({ topic: 'orders', partition }));

  test('a new log goes where the fewest are', async () => {
    const world = newWorld();
    const manager = await startManager(world, { logDirs });
    const dirs = partitions.map((one) => manager.getOrCreateLog(one, { isNew: true }).parentDir);
    expect(dirs.filter((dir) => dir === '/disk1')).toHaveLength(3);
    expect(dirs.filter((dir) => dir === '/disk2')).toHaveLength(3);
  });

  test('one that fails goes offline with its logs, the other serves on', async () => {
    const world = newWorld();
    const failed: string[] = [];
    const manager = await startManager(world, { logDirs, onLogDirFailure: (dir) => failed.push(dir) });
    for (const one of partitions) manager.getOrCreateLog(one, { isNew: true });
    world.fs.fault = (operation, path) =>
      path.startsWith('/disk2') && operation === 'write'
        ? Object.assign(new Error('EIO: i/o error'), { code: 'EIO', syscall: 'write' })
        : null;
    const onDisk2 = [...manager.allLogs()].find((log) => log.parentDir === '/disk2')!;
    expect(() => onDisk2.appendAsLeader(numbered(0, 1), { leaderEpoch: 0 })).toThrow(
      expect.objectContaining({ kind: 'KAFKA_STORAGE_ERROR' }),
    );
    await world.clock.advance(1);
    expect(failed).toEqual(['/disk2']);
    expect(manager.liveLogDirs).toEqual(['/disk1']);
    expect(manager.offlineLogDirs).toEqual(['/disk2']);
    expect([...manager.allLogs()].map((log) => log.parentDir)).toEqual(['/disk1', '/disk1', '/disk1']);
    expect(() => onDisk2.appendAsLeader(numbered(0, 1), { leaderEpoch: 0 })).toThrow(
      expect.objectContaining({ kind: 'KAFKA_STORAGE_ERROR' }),
    );
    expect(() => manager.getOrCreateLog(onDisk2.topicPartition)).toThrow(
      expect.objectContaining({ kind: 'KAFKA_STORAGE_ERROR' }),
    );
    expect(manager.getOrCreateLog({ topic: 'new', partition: 0 }, { isNew: true }).parentDir).toBe('/disk1');
    await stop(world, manager);
    expect(world.fs.exists('/disk1/.kafka_cleanshutdown')).toBe(true);
    expect(world.fs.exists('/disk2/.kafka_cleanshutdown')).toBe(false);
  });

  test('what lies in one that could not be read is not made anew elsewhere', async () => {
    const world = newWorld();
    const manager = await startManager(world, { logDirs, initialOfflineDirs: ['/disk2'] });
    expect(manager.offlineLogDirs).toEqual(['/disk2']);
    expect(() => manager.getOrCreateLog(tp)).toThrow(expect.objectContaining({ kind: 'KAFKA_STORAGE_ERROR' }));
    expect(manager.getOrCreateLog(tp, { isNew: true }).parentDir).toBe('/disk1');
  });

  test('the last one that fails leaves none, and the broker is told', async () => {
    const world = newWorld();
    const failed: string[] = [];
    const manager = await startManager(world, { onLogDirFailure: (dir) => failed.push(dir) });
    manager.getOrCreateLog(tp, { isNew: true });
    expect(manager.handleLogDirFailure('/data')).toEqual([tp]);
    expect(manager.handleLogDirFailure('/data')).toEqual([]);
    expect(failed).toEqual(['/data']);
    expect(manager.liveLogDirs).toEqual([]);
  });

  test('one that another process uses keeps the broker from starting', async () => {
    const world = newWorld();
    newManager(world, { logDirs });
    expect(() => newManager(world, { logDirs: ['/disk3', '/disk1'] })).toThrow(
      /Failed to acquire lock on file .lock in \/disk1/,
    );
  });

  test('a future log takes the place of the current one', async () => {
    const world = newWorld();
    const manager = await startManager(world, { logDirs });
    const current = manager.getOrCreateLog(tp, { isNew: true });
    manager.maybeUpdatePreferredLogDir(tp, '/disk2');
    const future = manager.getOrCreateLog(tp, { isNew: true, isFuture: true });
    expect([current.parentDir, future.parentDir, future.isFuture]).toEqual(['/disk1', '/disk2', true]);
    current.appendAsLeader(numbered(0, 3), { leaderEpoch: 0 });
    future.appendAsFollower(numbered(0, 3, { baseOffset: 0, partitionLeaderEpoch: 0 }));
    manager.replaceCurrentWithFutureLog(tp);
    expect(manager.getLog(tp)).toBe(future);
    expect(future.dir).toBe('/disk2/orders-0');
    expect(await readAll(future)).toHaveLength(3);
  });
});

describe('background tasks', () => {
  test('an idle broker writes its checkpoints once', async () => {
    const world = newWorld();
    const manager = await startManager(world);
    await fill(world, manager);
    await world.clock.advance(120_000);
    const lines = world.fs.readFile('/data/recovery-point-offset-checkpoint').toString().split('\n');
    expect(lines).toEqual(['0', '1', `orders 0 ${manager.getLog(tp)!.recoveryPoint}`, '']);
    let operations = 0;
    world.fs.fault = () => {
      operations++;
      return null;
    };
    await world.clock.advance(240_000);
    expect(operations).toBe(0);
  });

  test('an idle broker keeps no records in memory', async () => {
    const world = newWorld();
    const { MetricsRegistry } = await import('../../../src/common/index.js');
    const metrics = new MetricsRegistry();
    const manager = await startManager(world, { metrics });
    await fill(world, manager);
    const held = () => metrics.snapshot().get('ottla.log:type=LogManager,name=TailCacheBytes');
    expect(held()).toBeGreaterThan(0);
    await world.clock.advance(30_000);
    expect(held()).toBe(0);
  });

  test('the number of open files stays bounded', async () => {
    const world = newWorld();
    const manager = await startManager(world, { maxOpenFiles: 10, logger: silentLogger });
    const logs = Array.from({ length: 50 }, (_, partition) =>
      manager.getOrCreateLog({ topic: 't', partition }, { isNew: true }),
    );
    for (let round = 0; round < 5; round++) {
      for (const log of logs) log.appendAsLeader(numbered(round, 1), { leaderEpoch: 0 });
    }
    expect(world.fs.openHandles).toBeLessThanOrEqual(11);
    await world.clock.advance(60_000);
    for (const log of logs)
      expect((await readAll(log)).map((record) => record.value)).toEqual(['0', '1', '2', '3', '4']);
  });
});

describe('recovery of many crashes', () => {
  test.each([...Array.from({ length: 40 }, (_, index) => index), 115, 598, 1064])(
    'a loss of power loses nothing that was flushed (seed %d)',
    async (seed) => {
      const world = { ...newWorld(), random: seededRandom(seed) };
      let flushed = 0;
      let logged: string[] = [];
      for (let life = 0; life < 8; life++) {
        const manager = await startManager(world);
        const log = manager.getOrCreateLog(tp, {
          config: { ...LOG_CONFIG, segmentBytes: 600, indexIntervalBytes: 64 },
        });
        const values = (await readAll(log)).map((record) => record.value);
        expect(values).toEqual(logged.slice(0, values.length));
        expect(values.length).toBeGreaterThanOrEqual(flushed);
        logged = values;
        const appends = world.random.nextInt(40);
        for (let at = 0; at < appends; at++) {
          const count = 1 + world.random.nextInt(3);
          const base = logged.length;
          log.appendAsLeader(numbered(base, count), { leaderEpoch: life });
          logged.push(...Array.from({ length: count }, (_, index) => `${base + index}`));
          if (world.random.nextInt(10) === 0) {
            const end = log.logEndOffset;
            await log.flush(true);
            flushed = end;
          }
          if (world.random.nextInt(15) === 0) manager.checkpointLogRecoveryOffsets();
          if (world.random.nextInt(20) === 0) await world.clock.advance(1);
        }
        crash(world, 'power');
      }
    },
  );
});
