/** What a log keeps besides its batches goes with them: when it is moved, rolled, cut, recovered and closed. */
import type { LogManager, UnifiedLog } from '../../../src/log/index.js';
import { buildEndTxnMarker } from '../../../src/records/index.js';
import { LOG_CONFIG, batch, crash, newWorld, numbered, readAll, startManager, type LogWorld } from './log-fixture.js';

const TP = { topic: 'orders', partition: 0 };
const CONFIG = { ...LOG_CONFIG, segmentBytes: 1500, indexIntervalBytes: 100 };
const NOW = 1_700_000_000_000;

const start = (world: LogWorld, config = CONFIG): Promise<LogManager> => startManager(world, { defaultConfig: config });

async function stop(world: LogWorld, manager: LogManager): Promise<void> {
  const stopped = manager.shutdown();
  await world.clock.advance(1);
  await stopped;
}

/** Aborted transactions of three records each, in several segments, with growing times. */
function write(log: UnifiedLog, transactions: number): void {
  for (let at = 0; at < transactions; at++) {
    const values = ['a', 'b', 'c'].map((name) => name.repeat(40));
    const producer = { producerId: 7, producerEpoch: 0, baseSequence: at * 3, isTransactional: true };
    log.appendAsLeader(batch({ values, timestamp: NOW + at, ...producer }), { leaderEpoch: at >> 2 });
    abort(log, at);
  }
  log.updateHighWatermark(log.logEndOffset);
}

function abort(log: UnifiedLog, at: number): void {
  const marker = {
    producerId: 7,
    producerEpoch: 0,
    type: 'ABORT',
    coordinatorEpoch: 0,
    timestampMs: NOW + at,
  } as const;
  log.appendAsLeader(buildEndTxnMarker(marker), { leaderEpoch: at >> 2, origin: 'coordinator' });
}

async function seenOf(log: UnifiedLog) {
  const times = [];
  for (let at = 0; at < 12; at++) times.push(await log.fetchOffsetByTimestamp(NOW + at));
  return { times, aborted: await log.collectAbortedTransactions(0, log.logEndOffset), records: await readAll(log) };
}

test('a log that is renamed before any of its files was opened is read, searched and cut where it is now', async () => {
  const world = newWorld();
  const manager = await start(world);
  const log = manager.getOrCreateLog(TP, { isNew: true });
  write(log, 12);
  const seen = await seenOf(log);
  expect(log.numberOfSegments).toBeGreaterThan(2);
  await stop(world, manager);
  const again = (await start(world)).getLog(TP)!;
  again.renameDir('/data/orders-0.ffffffffffffffffffffffffffffffff-future');
  again.updateHighWatermark(again.logEndOffset);
  expect(await seenOf(again)).toEqual(seen);
  again.truncateTo(1);
  expect(await again.collectAbortedTransactions(0, 1)).toEqual([]);
  expect(world.fs.exists('/data/orders-0')).toBe(false);
});

test('the end of a log lies in its newest segment from the moment that begins', async () => {
  const world = newWorld();
  const log = (await start(world)).getOrCreateLog(TP, { isNew: true });
  write(log, 5);
  log.roll();
  const active = log.segments.at(-1)!;
  expect(active.sizeInBytes).toBe(0);
  expect(log.logEndOffsetMetadata).toMatchObject({
    messageOffset: log.logEndOffset,
    segmentBaseOffset: active.baseOffset,
    relativePositionInSegment: 0,
  });
  expect(log.fetchOffsetSnapshot().logEndOffset.segmentBaseOffset).toBe(active.baseOffset);
});

test('a high watermark that is told beyond the end is that of the end, with its place', async () => {
  const world = newWorld();
  const log = (await start(world)).getOrCreateLog(TP, { isNew: true });
  log.appendAsLeader(numbered(0, 3), { leaderEpoch: 0 });
  expect(log.maybeUpdateHighWatermark(100)).toBe(3);
  expect(log.fetchOffsetSnapshot().highWatermark).toEqual(log.logEndOffsetMetadata);
});

describe('a cut', () => {
  test('takes off the epochs that lie behind it, from the moment it is made', async () => {
    const world = newWorld();
    const log = (await start(world)).getOrCreateLog(TP, { isNew: true });
    for (const leaderEpoch of [0, 3, 4]) log.appendAsLeader(numbered(0, 5), { leaderEpoch });
    log.truncateTo(7);
    expect(log.epochEntries).toEqual([
      { epoch: 0, startOffset: 0 },
      { epoch: 3, startOffset: 5 },
    ]);
    log.truncateTo(5);
    expect([log.latestEpoch, log.endOffsetForEpoch(3)?.offset ?? null]).toEqual([0, null]);
  });

  test('before the marker of an aborted transaction takes the transaction off with it, and one behind it does not', async () => {
    const world = newWorld();
    const log = (await start(world)).getOrCreateLog(TP, { isNew: true });
    write(log, 2);
    const known = await log.collectAbortedTransactions(0, 8);
    expect(known.map(({ firstOffset }) => firstOffset)).toEqual([0, 4]);
    const [, second] = log.segments.flatMap(({ txnIndex }) => txnIndex.all());
    log.truncateTo(second!.lastOffset + 1);
    expect(await log.collectAbortedTransactions(0, 8)).toEqual(known);
    log.truncateTo(second!.lastOffset);
    expect(await log.collectAbortedTransactions(0, 8)).toEqual(known.slice(0, 1));
  });
});

test('a transaction that is aborted after the index was read is told with those before it', async () => {
  const world = newWorld();
  const log = (await start(world, LOG_CONFIG)).getOrCreateLog(TP, { isNew: true });
  for (let count = 1; count <= 3; count++) {
    const baseSequence = (count - 1) * 2;
    const producer = { producerId: 7, producerEpoch: 0, baseSequence, isTransactional: true };
    log.appendAsLeader(batch({ values: ['x', 'y'], ...producer }), { leaderEpoch: 0 });
    abort(log, 0);
    expect(await log.collectAbortedTransactions(0, log.logEndOffset)).toHaveLength(count);
    const { txnIndex } = log.segments[0]!;
    expect(txnIndex.all().map(({ firstOffset }) => firstOffset)).toEqual([0, 3, 6].slice(0, count));
  }
});

test('batches behind the end of a recovered log that begin within it are cut: they are of before a truncation', async () => {
  const world = newWorld();
  const log = (await start(world)).getOrCreateLog(TP, { isNew: true });
  log.appendAsFollower(batch({ values: ['0', '1', '2', '3'], partitionLeaderEpoch: 0 }));
  log.appendAsFollower(batch({ values: ['4', '5'], baseOffset: 4, partitionLeaderEpoch: 0 }));
  const { path } = log.segments[0]!.file;
  crash(world, 'process');
  const whole = world.fs.readFile(path);
  const leftover = batch({ values: ['old 3', 'old 4'], baseOffset: 3, partitionLeaderEpoch: 0 });
  world.fs.replaceFile(path, Buffer.concat([whole, leftover]));
  const again = (await start(world)).getLog(TP)!;
  expect((await readAll(again)).map(({ value }) => value)).toEqual(['0', '1', '2', '3', '4', '5']);
  expect(world.fs.readFile(path)).toEqual(whole);
});

test.each(Array.from({ length: 6 }, (_, index) => index + 1))(
  'what was appended before a clean stop is there after a loss of power, in all segments (seed %d)',
  async (seed) => {
    const world = newWorld(seed);
    world.fs.makeDir('/data');
    world.fs.syncDir('/');
    const manager = await start(world);
    const log = manager.getOrCreateLog(TP, { isNew: true });
    write(log, 12);
    const seen = await seenOf(log);
    await stop(world, manager);
    // Where the mark survives, nothing is looked at again.
    world.fs.syncDir('/data');
    crash(world, 'power');
    expect(world.fs.exists('/data/.kafka_cleanshutdown')).toBe(true);
    const again = (await start(world)).getLog(TP)!;
    again.updateHighWatermark(again.logEndOffset);
    expect(await seenOf(again)).toEqual(seen);
  },
);

describe('a log that is closed', () => {
  test.each([
    { title: 'its manager stops', close: stop },
    { title: 'it is deleted', close: async (_: LogWorld, manager: LogManager) => manager.asyncDelete(TP) },
    {
      title: 'its directory fails',
      close: async (_: LogWorld, manager: LogManager) => manager.handleLogDirFailure('/data'),
    },
  ])('takes no record and gives none once $title', async ({ close }) => {
    const world = newWorld();
    const manager = await start(world);
    const log = manager.getOrCreateLog(TP, { isNew: true });
    log.appendAsLeader(numbered(0, 3), { leaderEpoch: 0 });
    await close(world, manager);
    const refused = expect.objectContaining({ kind: 'KAFKA_STORAGE_ERROR' });
    expect(() => log.appendAsLeader(numbered(3, 3), { leaderEpoch: 0 })).toThrow(refused);
    expect(() => log.appendAsFollower(batch({ baseOffset: 3 }))).toThrow(refused);
    await expect(async () => log.read(0, 1000, 'LOG_END', true)).rejects.toEqual(refused);
  });
});

describe('what a leader sends', () => {
  test('is refused when its offsets do not grow, and taken with epoch 0', async () => {
    const world = newWorld();
    const log = (await start(world)).getOrCreateLog(TP, { isNew: true });
    const at = (baseOffset: number): Buffer => batch({ values: ['v'], baseOffset, partitionLeaderEpoch: 0 });
    log.appendAsFollower(at(0));
    expect(log.epochEntries).toEqual([{ epoch: 0, startOffset: 0 }]);
    expect(() => log.appendAsFollower(Buffer.concat([at(3), at(2)]))).toThrow(
      expect.objectContaining({ kind: 'OFFSETS_OUT_OF_ORDER' }),
    );
    expect(log.logEndOffset).toBe(1);
  });
});
