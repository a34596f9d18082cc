/** What is on the disk after a flush has returned: every file of the log, their names, and nothing that is claimed beyond it. */
import type { LogManager, UnifiedLog } from '../../../src/log/index.js';
import { buildEndTxnMarker } from '../../../src/records/index.js';
import { TP } from './filled-log.js';
import { LOG_CONFIG, batch, crash, newManager, newWorld, numbered, readAll, type LogWorld } from './log-fixture.js';

const CONFIG = { ...LOG_CONFIG, segmentBytes: 4000, indexIntervalBytes: 200 };
/** A loss of power keeps as much of what is not durable as its seed says. */
const SEEDS = Array.from({ length: 8 }, (_, index) => index + 1);

async function start(world: LogWorld, config = CONFIG): Promise<LogManager> {
  const manager = newManager(world, { defaultConfig: config });
  const started = manager.startup();
  await world.clock.advance(0);
  await started;
  return manager;
}

async function stop(world: LogWorld, manager: LogManager): Promise<void> {
  const stopped = manager.shutdown();
  await world.clock.advance(1);
  await stopped;
}

/** Segments with records of growing times, aborted transactions and several leader epochs. */
function write(log: UnifiedLog, from: number, count: number): void {
  for (let at = from; at < from + count; at++) {
    const timestamp = 1_000_000 + at * 100;
    const producer = { producerId: 7, producerEpoch: 0, baseSequence: at, isTransactional: true };
    log.appendAsLeader(batch({ values: ['x'.repeat(200)], timestamp, ...producer }), { leaderEpoch: at >> 3 });
    if (at % 4 !== 3) continue;
    const marker = buildEndTxnMarker({
      producerId: 7,
      producerEpoch: 0,
      type: 'ABORT',
      coordinatorEpoch: 0,
      timestampMs: timestamp,
    });
    log.appendAsLeader(marker, { leaderEpoch: at >> 3, origin: 'coordinator' });
  }
}

function filesOf(log: UnifiedLog) {
  return log.segments.map(({ baseOffset, sizeInBytes, offsetIndex, timeIndex, txnIndex }) => ({
    baseOffset,
    sizeInBytes,
    indexed: offsetIndex.entries,
    lastIndexed: offsetIndex.lastEntry(),
    times: timeIndex.entries,
    lastTime: timeIndex.lastEntry(),
    aborted: txnIndex.all(),
  }));
}

describe.each(SEEDS)('after a loss of power (seed %d)', (seed) => {
  test('segments below the recovery point have all their files as they were', async () => {
    const world = newWorld(seed);
    const manager = await start(world);
    const log = manager.getOrCreateLog(TP, { isNew: true });
    write(log, 0, 60);
    await log.flush(true);
    // Nothing more is written below: those files are believed without a look.
    log.roll();
    write(log, 60, 3);
    const before = filesOf(log).slice(0, -1);
    manager.checkpointLogRecoveryOffsets();
    crash(world, 'power');
    const again = (await start(world)).getLog(TP)!;
    expect(filesOf(again).slice(0, before.length)).toEqual(before);
    expect(again.epochEntries.slice(0, 7)).toEqual(log.epochEntries.slice(0, 7));
  });

  test.each([
    { title: 'a flush', config: CONFIG, flush: (log: UnifiedLog) => log.flush() },
    { title: 'flush.messages', config: { ...CONFIG, flushMessages: 1 }, flush: () => undefined },
  ])(
    'the segment that is written has its indexes on the disk up to where $title has come',
    async ({ config, flush }) => {
      const world = newWorld(seed);
      const log = (await start(world, config)).getOrCreateLog(TP, { isNew: true });
      write(log, 0, 12);
      await flush(log);
      const { offsetIndex, timeIndex } = log.segments[0]!;
      const entries = [offsetIndex.entries, timeIndex.entries];
      expect(Math.min(...entries)).toBeGreaterThan(0);
      crash(world, 'power');
      const sizeOf = (end: string): number => world.fs.readFile(`/data/orders-0/${'0'.repeat(20)}.${end}`).length;
      expect([sizeOf('index') / 8, sizeOf('timeindex') / 12]).toEqual(entries);
    },
  );

  test('a segment that a roll left is durable with its indexes once the recovery point has passed it', async () => {
    const world = newWorld(seed);
    const manager = await start(world);
    const log = manager.getOrCreateLog(TP, { isNew: true });
    write(log, 0, 40);
    await world.clock.advance(1);
    const { recoveryPoint } = log;
    expect(recoveryPoint).toBe(log.segments.at(-1)!.baseOffset);
    const before = filesOf(log).slice(0, -1);
    manager.checkpointLogRecoveryOffsets();
    crash(world, 'power');
    const again = (await start(world)).getLog(TP)!;
    expect(filesOf(again).slice(0, before.length)).toEqual(before);
    expect(again.logEndOffset).toBeGreaterThanOrEqual(recoveryPoint);
  });

  test('a partition and a segment that were just made are there', async () => {
    const world = newWorld(seed);
    const manager = await start(world);
    const other = { topic: 'orders', partition: 1 };
    const [log, second] = [manager.getOrCreateLog(TP, { isNew: true }), manager.getOrCreateLog(other, { isNew: true })];
    log.appendAsLeader(numbered(0, 2), { leaderEpoch: 0 });
    await log.flush();
    log.roll();
    log.appendAsLeader(numbered(2, 2), { leaderEpoch: 1 });
    await log.flush();
    second.appendAsLeader(numbered(0, 3), { leaderEpoch: 0 });
    await second.flush();
    crash(world, 'power');
    const again = await start(world);
    expect((await readAll(again.getLog(TP)!)).map(({ value }) => value)).toEqual(['0', '1', '2', '3']);
    expect(again.getLog(TP)!.epochEntries).toEqual([
      { epoch: 0, startOffset: 0 },
      { epoch: 1, startOffset: 2 },
    ]);
    expect(again.getLog(other)!.logEndOffset).toBe(3);
  });

  test('a record that came while a flush was under way is there after a clean stop', async () => {
    const world = newWorld(seed);
    const manager = await start(world);
    const log = manager.getOrCreateLog(TP, { isNew: true });
    log.appendAsLeader(numbered(0, 2), { leaderEpoch: 0 });
    const flushed = log.flush(true);
    log.appendAsLeader(numbered(2, 2), { leaderEpoch: 0 });
    await flushed;
    expect(log.recoveryPoint).toBe(2);
    await stop(world, manager);
    crash(world, 'power');
    expect((await start(world)).getLog(TP)!.logEndOffset).toBe(4);
  });

  test('with flush.messages=1 a single record is there as soon as its append returns', async () => {
    const world = newWorld(seed);
    const manager = await start(world, { ...CONFIG, flushMessages: 1 });
    const log = manager.getOrCreateLog(TP, { isNew: true });
    await log.flush(true);
    for (let at = 0; at < 3; at++) {
      log.appendAsLeader(numbered(at, 1), { leaderEpoch: 0 });
      expect(log.recoveryPoint).toBe(at + 1);
    }
    const producer = { producerId: 7, producerEpoch: 0, baseSequence: 0, isTransactional: true };
    log.appendAsLeader(batch(producer), { leaderEpoch: 0 });
    const marker = buildEndTxnMarker({
      producerId: 7,
      producerEpoch: 0,
      type: 'ABORT',
      coordinatorEpoch: 0,
      timestampMs: 5,
    });
    log.appendAsLeader(marker, { leaderEpoch: 0, origin: 'coordinator' });
    const before = log.segments[0]!.txnIndex.all();
    manager.checkpointLogRecoveryOffsets();
    crash(world, 'power');
    const again = (await start(world)).getLog(TP)!;
    expect(again.logEndOffset).toBe(5);
    expect(again.segments[0]!.txnIndex.all()).toEqual(before);
  });

  test('what was cut and written anew in earlier segments is not believed unseen', async () => {
    const world = newWorld(seed);
    const manager = await start(world);
    const log = manager.getOrCreateLog(TP, { isNew: true });
    write(log, 0, 60);
    await log.flush(true);
    manager.checkpointLogRecoveryOffsets();
    manager.truncateTo([[TP, 4]]);
    await world.clock.advance(0);
    write(log, 4, 80);
    crash(world, 'power');
    const again = (await start(world)).getLog(TP)!;
    // Every batch is whole; and it begins with what was durable and not cut.
    const records = await readAll(again);
    expect(records.slice(0, 4)).toHaveLength(4);
    expect(again.logEndOffset).toBeGreaterThanOrEqual(4);
  });
});

test('a log that could not be made durable is not marked as stopped cleanly', async () => {
  const world = newWorld();
  const manager = await start(world);
  const log = manager.getOrCreateLog(TP, { isNew: true });
  log.appendAsLeader(numbered(0, 2), { leaderEpoch: 0 });
  world.fs.fault = (operation, path) => (operation === 'sync' && path.endsWith('.log') ? failure('EIO', path) : null);
  await stop(world, manager);
  world.fs.fault = null;
  expect(world.fs.exists('/data/.kafka_cleanshutdown')).toBe(false);
});

test('a recovery point stays where it is when the leader epochs could not be made durable', async () => {
  const world = newWorld();
  const manager = await start(world);
  const log = manager.getOrCreateLog(TP, { isNew: true });
  log.appendAsLeader(numbered(0, 2), { leaderEpoch: 0 });
  world.fs.fault = (operation, path) =>
    operation === 'sync' && path.endsWith('leader-epoch-checkpoint') ? failure('EIO', path) : null;
  await expect(log.flush(true)).rejects.toMatchObject({ kind: 'KAFKA_STORAGE_ERROR' });
  expect(log.recoveryPoint).toBe(0);
});

test('a flush that was overtaken by a truncation leaves the recovery point within the log', async () => {
  const world = newWorld();
  const manager = await start(world);
  const log = manager.getOrCreateLog(TP, { isNew: true });
  write(log, 0, 40);
  // The flushes of the rolls have not run yet.
  log.truncateTo(3);
  await world.clock.advance(1);
  expect(log.recoveryPoint).toBeLessThanOrEqual(3);
});

test('what a kill left in the page cache is made durable by a clean stop, though nothing was written since', async () => {
  const world = newWorld();
  const first = (await start(world)).getOrCreateLog(TP, { isNew: true });
  write(first, 0, 20);
  crash(world, 'process');
  const manager = await start(world);
  await stop(world, manager);
  crash(world, 'power');
  expect((await start(world)).getLog(TP)!.logEndOffset).toBe(first.logEndOffset);
});

test('flush.ms counts from the last flush', async () => {
  const world = newWorld();
  const manager = newManager(world, { defaultConfig: { ...CONFIG, flushMs: 5000 }, flushSchedulerIntervalMs: 1000 });
  await manager.startup();
  const log = manager.getOrCreateLog(TP, { isNew: true });
  log.appendAsLeader(numbered(0, 1), { leaderEpoch: 0 });
  await world.clock.advance(5500);
  expect(log.recoveryPoint).toBe(1);
  log.appendAsLeader(numbered(1, 1), { leaderEpoch: 0 });
  await world.clock.advance(3000);
  expect(log.recoveryPoint).toBe(1);
  await world.clock.advance(3000);
  expect(log.recoveryPoint).toBe(2);
});

function failure(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code, syscall: 'fdatasync', path });
}
