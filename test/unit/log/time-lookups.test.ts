/** Offsets by time against a walk over all records: out of order, equal, at the ends, deleted, cut, and after restarts. */
import type { LogManager, UnifiedLog } from '../../../src/log/index.js';
import { SEVERAL_SEGMENTS, TP, fillLog, type FilledBatch } from './filled-log.js';
import { batch, crash, newManager, newWorld, numbered, startManager, type LogWorld } from './log-fixture.js';

type Found = { offset: number; timestamp: number } | null;

/** As `UnifiedLog` defines it: in the first segment with a timestamp that is not earlier, the first such record from the log start on. */
function expectedOf(batches: readonly FilledBatch[], logStartOffset: number, timestamp: number): Found {
  const segment = batches.find((batch) =>
    batch.records.some((record) => record.timestamp >= timestamp),
  )?.segmentBaseOffset;
  const records = batches.filter((batch) => batch.segmentBaseOffset === segment).flatMap((batch) => batch.records);
  return records.find((record) => record.timestamp >= timestamp && record.offset >= logStartOffset) ?? null;
}

async function check(log: UnifiedLog, batches: readonly FilledBatch[]): Promise<void> {
  const all = batches.flatMap((batch) => batch.records);
  const times = new Set(all.filter((_, at) => at % 7 === 0).flatMap(({ timestamp }) => [timestamp, timestamp + 1]));
  const greatest = Math.max(...all.map(({ timestamp }) => timestamp));
  for (const timestamp of [0, ...times, greatest, greatest + 1]) {
    const found = (await log.fetchOffsetByTimestamp(timestamp)) as Found;
    const expected = expectedOf(batches, log.logStartOffset, timestamp);
    expect({ timestamp, found: found && `${found.offset} at ${found.timestamp}` }).toEqual({
      timestamp,
      found: expected && `${expected.offset} at ${expected.timestamp}`,
    });
  }
  const latest = (await log.fetchOffsetByTimestamp(-3)) as Found;
  expect(latest!.timestamp).toBe(greatest);
}

async function restart(world: LogWorld, manager: LogManager, how: 'clean' | 'kill'): Promise<LogManager> {
  if (how === 'clean') {
    const stopped = manager.shutdown();
    await world.clock.advance(1);
    await stopped;
  } else {
    manager.checkpointLogStartOffsets();
    crash(world, 'process');
  }
  const next = newManager(world, { defaultConfig: SEVERAL_SEGMENTS });
  const started = next.startup();
  await world.clock.advance(0);
  await started;
  return next;
}

describe.each([11, 12])('records of times that go forth and back (seed %d)', (seed) => {
  test('are found by time', async () => {
    const world = newWorld();
    const manager = newManager(world);
    await manager.startup();
    const { log, batches } = fillLog(manager, { seed, batches: 240 });
    await check(log, batches);
  });

  test.each(['clean', 'kill'] as const)(
    'are found after a %s stop, and retention knows their segments’ times',
    async (how) => {
      const world = newWorld();
      let manager = newManager(world);
      await manager.startup();
      const { batches } = fillLog(manager, { seed, batches: 240 });
      manager = await restart(world, manager, how);
      const log = manager.getLog(TP)!;
      await check(log, batches);
      const timesOf = (base: number) =>
        batches.filter((one) => one.segmentBaseOffset === base).flatMap((one) => one.records);
      expect(log.segments.map((segment) => segment.largestTimestamp())).toEqual(
        log.segments.map(({ baseOffset }) => Math.max(...timesOf(baseOffset).map(({ timestamp }) => timestamp))),
      );
    },
  );

  test('are not found before the log start', async () => {
    const world = newWorld();
    const manager = newManager(world);
    await manager.startup();
    const { log, batches } = fillLog(manager, { seed, batches: 240 });
    for (const at of [3, 100, 239]) {
      // Inside of a batch where it has several records.
      log.maybeIncrementLogStartOffset(batches[at]!.lastOffset, 'test');
      await check(log, batches);
      const leaderEpoch = Math.floor((at * 4) / 240);
      expect(log.fetchOffsetByTimestamp(-2)).toMatchObject({ offset: log.logStartOffset, leaderEpoch });
    }
    log.deleteOldSegments();
    await check(
      log,
      batches.filter((batch) => batch.segmentBaseOffset >= log.segments[0]!.baseOffset),
    );
  });

  test.each(['clean', 'kill'] as const)('are not found once they are cut, nor after a %s stop', async (how) => {
    const world = newWorld();
    let manager = newManager(world);
    await manager.startup();
    const { log, batches } = fillLog(manager, { seed, batches: 240 });
    const left = batches.slice(0, 130);
    log.truncateTo(batches[130]!.baseOffset);
    await check(log, left);
    manager = await restart(world, manager, how);
    await check(manager.getLog(TP)!, left);
  });
});

test('of records with one and the same greatest time the earlier segment’s is the latest', async () => {
  const world = newWorld();
  const manager = newManager(world);
  await manager.startup();
  const log = manager.getOrCreateLog(TP, { isNew: true });
  log.appendAsLeader(numbered(0, 2, { timestamp: 700 }), { leaderEpoch: 0 });
  log.roll();
  log.appendAsLeader(numbered(0, 2, { timestamp: 700 }), { leaderEpoch: 0 });
  expect(log.fetchOffsetByTimestamp(-3)).toMatchObject({ timestamp: 700, offset: 0 });
});

test('the epoch of the record is told, the first one too', async () => {
  const world = newWorld();
  const manager = newManager(world);
  await manager.startup();
  const log = manager.getOrCreateLog(TP, { isNew: true });
  expect(log.fetchOffsetByTimestamp(-1)).toEqual({ timestamp: -1, offset: 0, leaderEpoch: null });
  log.appendAsLeader(numbered(0, 1, { timestamp: 700 }), { leaderEpoch: 0 });
  log.appendAsLeader(numbered(0, 1, { timestamp: 800 }), { leaderEpoch: 4 });
  expect(await log.fetchOffsetByTimestamp(700)).toEqual({ timestamp: 700, offset: 0, leaderEpoch: 0 });
  expect(await log.fetchOffsetByTimestamp(701)).toEqual({ timestamp: 800, offset: 1, leaderEpoch: 4 });
  expect(log.fetchOffsetByTimestamp(-1)).toEqual({ timestamp: -1, offset: 2, leaderEpoch: 4 });
  expect(log.fetchOffsetByTimestamp(-2)).toEqual({ timestamp: -1, offset: 0, leaderEpoch: 0 });
});

test('a segment whose records are all cut rolls by the time of what comes then', async () => {
  const world = newWorld();
  const manager = newManager(world);
  await manager.startup();
  const config = { ...SEVERAL_SEGMENTS, maxSegmentMs: 1000 };
  const log = manager.getOrCreateLog(TP, { isNew: true, config });
  log.appendAsLeader(numbered(0, 1, { timestamp: 10_000 }), { leaderEpoch: 0 });
  log.truncateTo(0);
  log.appendAsLeader(numbered(0, 1, { timestamp: 50_000 }), { leaderEpoch: 0 });
  log.appendAsLeader(numbered(0, 1, { timestamp: 51_000 }), { leaderEpoch: 0 });
  expect(log.segments.map((segment) => segment.baseOffset)).toEqual([0]);
  log.appendAsLeader(numbered(0, 1, { timestamp: 51_001 }), { leaderEpoch: 0 });
  expect(log.segments.map((segment) => segment.baseOffset)).toEqual([0, 2]);
});

test('records before a clock went back are found by their time, and the latest of all is among them', async () => {
  const world = newWorld();
  const manager = await startManager(world);
  const log = manager.getOrCreateLog(TP, { isNew: true });
  for (const timestamp of [2000, 1000, 1500]) log.appendAsLeader(batch({ timestamp }), { leaderEpoch: 0 });
  log.updateHighWatermark(log.logEndOffset);
  const offsets = await Promise.all(
    [1000, 1700, 2000, 2001, -3].map(async (time) => (await log.fetchOffsetByTimestamp(time))?.offset ?? null),
  );
  expect(offsets).toEqual([0, 0, 0, null, 0]);
});

test('a segment that a cut has emptied ages from then, not from the records that it had', async () => {
  const world = newWorld(1);
  const log = (await startManager(world)).getOrCreateLog(TP, { isNew: true });
  log.appendAsLeader(batch({ values: ['a'], timestamp: 1000 }), { leaderEpoch: 0 });
  const [segment] = log.segments;
  expect(segment!.timeWaitedForRoll(world.clock.nowMs(), 5000)).toBe(4000);
  await world.clock.advance(300);
  log.truncateTo(0);
  await world.clock.advance(700);
  expect(log.segments[0] === segment).toBe(true);
  expect(segment!.timeWaitedForRoll(world.clock.nowMs(), 5000)).toBe(700);
});

test('a segment ages by the time of its first batch, though the first look at that failed', async () => {
  const world = newWorld(1);
  const before = await startManager(world);
  before.getOrCreateLog(TP, { isNew: true }).appendAsLeader(batch({ timestamp: 1000 }), { leaderEpoch: 0 });
  const manager = await restart(world, before, 'clean');
  const [segment] = manager.getLog(TP)!.segments;
  const wait = (): unknown => segment!.timeWaitedForRoll(world.clock.nowMs(), 5000);
  world.fs.fault = (operation) =>
    operation === 'read' ? Object.assign(new Error('EMFILE: open'), { code: 'EMFILE', syscall: 'open' }) : null;
  expect(wait).toThrow('EMFILE');
  world.fs.fault = null;
  expect(wait()).toBe(4000);
});
