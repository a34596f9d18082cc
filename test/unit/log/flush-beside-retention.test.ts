import { batch, LOG_CONFIG, newWorld, startManager } from './log-fixture.js';

test('a flush during which retention deletes segments moves the recovery point all the same', async () => {
  const world = newWorld();
  const manager = await startManager(world, {
    defaultConfig: { ...LOG_CONFIG, segmentBytes: 1_000, retentionBytes: 2_000 },
  });
  const log = manager.getOrCreateLog({ topic: 'orders', partition: 0 }, { isNew: true });
  for (let each = 0; each < 10; each++) log.appendAsLeader(batch({ values: ['x'.repeat(600)] }), { leaderEpoch: 0 });
  log.updateHighWatermark(log.logEndOffset);
  world.fs.pace = { clock: world.clock, delayMs: (operation) => (operation === 'sync' ? 50 : 0) };
  let isFlushed = false;
  const flushed = log.flush(true).then(() => (isFlushed = true));
  await world.clock.advance(10);
  expect(isFlushed).toBe(false);
  expect(log.deleteOldSegments()).toBeGreaterThan(0);
  for (let turn = 0; turn < 1000 && !isFlushed; turn++) await world.clock.advance(10);
  await flushed;
  // A replica that is moved waits for this, and a second flush has nothing to do.
  expect(log.recoveryPoint).toBe(log.logEndOffset);
});
