import type { Clock } from '../../../src/common/index.js';
import { LOG_CONFIG, newWorld, numbered, readAll, startManager, type LogWorld } from './log-fixture.js';

const tp = { topic: 'orders', partition: 0 };
const YEAR = 365 * 24 * 3600 * 1000;

/** The wall clock of the machine, which someone sets. */
function wallClock(world: LogWorld): { clock: Clock; setBy(ms: number): void } {
  let setBy = 0;
  const nowMs = (): number => world.clock.nowMs() + setBy;
  return {
    clock: Object.assign(Object.create(world.clock) as Clock, { nowMs }),
    setBy: (ms) => (setBy += ms),
  };
}

test('a clock that is set back keeps no log from being flushed', async () => {
  const world = newWorld();
  const { clock, setBy } = wallClock(world);
  const defaultConfig = { ...LOG_CONFIG, flushMs: 5000 };
  const manager = await startManager(world, { clock, defaultConfig, flushSchedulerIntervalMs: 1000 });
  const log = manager.getOrCreateLog(tp, { isNew: true });
  log.appendAsLeader(numbered(0, 3), { leaderEpoch: 0 });
  setBy(-YEAR);
  for (let second = 0; second < 40; second++) await world.clock.advance(1000);
  expect(log.recoveryPoint).toBe(3);
});

test('a clock that is set back deletes nothing, and the log goes on', async () => {
  const world = newWorld();
  await world.clock.advance(2 * YEAR);
  const { clock, setBy } = wallClock(world);
  const defaultConfig = { ...LOG_CONFIG, segmentBytes: 100, retentionMs: 3_600_000 };
  const log = (await startManager(world, { clock, defaultConfig })).getOrCreateLog(tp, { isNew: true });
  const append = (): void => void log.appendAsLeader(numbered(log.logEndOffset, 1, { timestamp: clock.nowMs() }), { leaderEpoch: 0 }); // prettier-ignore
  for (let count = 0; count < 3; count++) append();
  setBy(-YEAR);
  for (let count = 0; count < 3; count++) append();
  log.updateHighWatermark(log.logEndOffset);
  expect(log.deleteOldSegments()).toBe(0);
  expect((await readAll(log)).map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4, 5]);
  setBy(YEAR);
  // What was written while it was set back is old now, but lies behind what is not.
  expect(log.deleteOldSegments()).toBe(0);
});
