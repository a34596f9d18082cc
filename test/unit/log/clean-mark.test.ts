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
