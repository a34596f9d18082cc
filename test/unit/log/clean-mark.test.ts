import { crash, newWorld, numbered, startManager } from './log-fixture.js';

const tp = { topic: 'orders', partition: 0 };

test('the mark of a clean shutdown does not come back with a loss of power', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = newWorld(seed);
    world.fs.makeDir('/data');
    world.fs.syncDir('/');
    const first = await startManager(world);
    first.getOrCreateLog(tp, { isNew: true }).appendAsLeader(numbered(0, 3), { leaderEpoch: 0 });
    const stopped = first.shutdown();
    await world.clock.advance(1);
    await stopped;
    world.fs.syncDir('/data');
    expect(world.fs.exists('/data/.kafka_cleanshutdown')).toBe(true);
    await startManager(world);
    crash(world, 'power');
    expect(world.fs.exists('/data/.kafka_cleanshutdown')).toBe(false);
  }
});

test('a disk error while a log is flushed is told as one of its directory', async () => {
  const failed: string[] = [];
  const world = newWorld();
  const manager = await startManager(world, { onLogDirFailure: (dir) => failed.push(dir) });
  const log = manager.getOrCreateLog(tp, { isNew: true });
  log.appendAsLeader(numbered(0, 3), { leaderEpoch: 0 });
  world.fs.fault = (operation, path) =>
    operation === 'write' && path.endsWith('.timeindex')
      ? Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'write' })
      : null;
  await expect(log.flush(true)).rejects.toMatchObject({ kind: 'KAFKA_STORAGE_ERROR' });
  await world.clock.advance(0);
  expect(failed).toEqual(['/data']);
});

test('what is appended while a log is made durable for the last time is durable when it counts as cleanly closed', async () => {
  const SYNC_MS = 100;
  // Between any two of the syncs that the last flush takes; a loss of power leaves more or less of what was not synced.
  let places = 0;
  for (let seed = 1; ; seed++) {
    const world = newWorld(seed);
    const { clock, fs } = world;
    const manager = await startManager(world);
    const log = manager.getOrCreateLog(tp, { isNew: true });
    log.appendAsLeader(numbered(0, 6), { leaderEpoch: 0 });
    fs.pace = { clock, delayMs: (operation) => (operation === 'sync' ? SYNC_MS : 0) };
    const stopped = manager.shutdown();
    await clock.advance((places + 0.5) * SYNC_MS);
    const isOver = log.isClosed;
    if (!isOver) log.appendAsLeader(numbered(6, 3), { leaderEpoch: 0 });
    await clock.advance(100 * SYNC_MS);
    await stopped;
    if (isOver) break;
    if (seed % 10 === 0) places++;
    expect(fs.exists('/data/.kafka_cleanshutdown')).toBe(true);
    crash(world, 'power');
    fs.pace = null;
    expect((await startManager(world)).getLog(tp)!.logEndOffset).toBe(9);
  }
  expect(places).toBeGreaterThan(1);
});

test('the shutdown is over only when nothing works on the logs any more, though one of them fails', async () => {
  const world = newWorld();
  const { clock, fs } = world;
  const manager = await startManager(world);
  const logs = [0, 1].map((partition) => manager.getOrCreateLog({ topic: 'orders', partition }, { isNew: true }));
  for (const log of logs) log.appendAsLeader(numbered(0, 3), { leaderEpoch: 0 });
  fs.pace = { clock, delayMs: (operation, path) => (operation === 'sync' && path.includes('orders-0') ? 100 : 0) };
  fs.fault = (operation, path) =>
    operation === 'sync' && path.includes('orders-1')
      ? Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'fsync' })
      : null;
  let isOver = false;
  const stopped = manager.shutdown().then(() => (isOver = true));
  await clock.advance(50);
  expect(isOver).toBe(false);
  await clock.advance(10_000);
  await stopped;
  expect(fs.exists('/data/.kafka_cleanshutdown')).toBe(false);
});
