/** What is looked up in the indexes of a segment for a reader is read through the pool: a slow disk holds up no one else. */
import { sleep } from '../../../src/common/index.js';
import { type UnifiedLog, type LogManager } from '../../../src/log/index.js';
import { DirectoryGates } from '../../../src/log/manager/directory-gates.js';
import { ReadInterest } from '../../../src/log/segment/read-interest.js';
import { FileHandleCache, LogFile } from '../../../src/log/files/file-handles.js';
import { OffsetIndex } from '../../../src/log/segment/offset-index.js';
import { buildEndTxnMarker } from '../../../src/records/index.js';
import { LOG_CONFIG, batch, bytesOf, newWorld, recordsOf, startManager, type LogWorld } from './log-fixture.js';

const CONFIG = { ...LOG_CONFIG, indexIntervalBytes: 0 };
const BATCHES = 3000;
const T0 = 1_000_000;
const DISK_MS = 8;
const tp = (partition: number) => ({ topic: 'orders', partition });

let world: LogWorld;
let manager: LogManager;
/** The ends of the files that were read since `slowDown`. */
let reads: string[];

beforeEach(async () => {
  world = newWorld();
  manager = await startManager(world, { defaultConfig: CONFIG });
});

/** A segment of many indexed batches, a transaction that was aborted in its middle, and another one behind it. */
function fill(partition: number): UnifiedLog {
  const log = manager.getOrCreateLog(tp(partition), { isNew: true, config: CONFIG });
  for (let at = 0; at < BATCHES; at++) log.appendAsLeader(batch({ timestamp: T0 + at }), { leaderEpoch: 0 });
  log.roll();
  for (let at = 0; at < BATCHES; at++) log.appendAsLeader(batch({ timestamp: T0 + BATCHES + at }), { leaderEpoch: 0 });
  log.updateHighWatermark(log.logEndOffset);
  return log;
}

/** As the next life of the broker finds it, with a disk of which each read takes its time. */
async function startAgain(): Promise<void> {
  const stopped = manager.shutdown();
  await world.clock.advance(1);
  await stopped;
  manager = await startManager(world, { defaultConfig: CONFIG });
  slowDown();
}

function slowDown(): void {
  reads = [];
  world.fs.blockedMs = 0;
  world.fs.pace = {
    clock: world.clock,
    delayMs: (operation, path) => {
      if (operation !== 'read') return 0;
      reads.push(path.slice(path.lastIndexOf('.')));
      return DISK_MS;
    },
  };
}

async function ended<T>(work: T | Promise<T>): Promise<T> {
  let isDone = false;
  const note = (): void => void (isDone = true);
  Promise.resolve(work).then(note, note);
  while (!isDone) await world.clock.advance(1);
  return work;
}

const firstOffsetOf = (records: Buffer): number => recordsOf(records)[0]!.offset;

test.each([
  { where: 'the middle of a rolled segment', offset: BATCHES >> 1 },
  { where: 'the middle of the active segment', offset: BATCHES + (BATCHES >> 1) },
])('a cold read from $where waits for the disk, and no one else does', async ({ offset }) => {
  fill(0);
  await startAgain();
  const log = manager.getLog(tp(0))!;
  log.updateHighWatermark(log.logEndOffset);
  const read = await ended(log.read(offset, 1000, 'HIGH_WATERMARK', true));
  expect(firstOffsetOf(bytesOf(read))).toBe(offset);
  expect(reads).toEqual(['.index', '.log']);
  expect(world.fs.blockedMs).toBe(0);
});

test('who reads on asks no index again, and nor does who asks for the same once more', async () => {
  fill(0);
  await startAgain();
  const log = manager.getLog(tp(0))!;
  log.updateHighWatermark(log.logEndOffset);
  let next = 700;
  for (let round = 0; round < 5; round++) {
    const read = await ended(log.read(next, 1000, 'HIGH_WATERMARK', true));
    const records = recordsOf(bytesOf(read));
    expect(records[0]!.offset).toBe(next);
    const again = await ended(log.read(next, 1, 'HIGH_WATERMARK', false));
    expect(again).toMatchObject({ firstEntryIncomplete: true, fetchOffsetMetadata: read.fetchOffsetMetadata });
    next = records.at(-1)!.offset + 1;
  }
  expect(reads.filter((file) => file === '.index')).toHaveLength(1);
});

test('after a cut the places where reads had ended say nothing', async () => {
  fill(0);
  await startAgain();
  const log = manager.getLog(tp(0))!;
  const read = await ended(log.read(BATCHES + 1000, 1000, 'LOG_END', true));
  const next = recordsOf(bytesOf(read)).at(-1)!.offset + 1;
  log.truncateTo(BATCHES + 900);
  await ended(log.whenTruncated());
  for (let at = 0; at < 300; at++) {
    log.appendAsLeader(batch({ values: ['another, and longer'], timestamp: T0 }), { leaderEpoch: 1 });
  }
  await world.clock.advance(20_000);
  const after = await ended(log.read(next, 1000, 'LOG_END', true));
  expect(recordsOf(bytesOf(after))[0]).toMatchObject({ offset: next, value: 'another, and longer' });
});

test('16 searches by time at once wait for the disk, and no one else does', async () => {
  for (let partition = 0; partition < 16; partition++) fill(partition);
  await startAgain();
  const logs = Array.from({ length: 16 }, (_, partition) => manager.getLog(tp(partition))!);
  const time = T0 + 1234;
  const found = await ended(Promise.all(logs.map(async (log) => log.fetchOffsetByTimestamp(time))));
  expect(found).toEqual(logs.map(() => ({ timestamp: time, offset: 1234, leaderEpoch: 0 })));
  expect(new Set(reads)).toEqual(new Set(['.timeindex', '.index', '.log']));
  expect(world.fs.blockedMs).toBe(0);
});

test.each([
  { keeps: 'nothing of it', retentionMs: 1, left: 1 },
  { keeps: 'all of it', retentionMs: Number.MAX_SAFE_INTEGER, left: 2 },
])('retention that keeps $keeps looks into a log after a start, and no one waits for that', async (retention) => {
  fill(0);
  const { retentionMs, left } = retention;
  const stopped = manager.shutdown();
  await world.clock.advance(1);
  await stopped;
  manager = await startManager(world, { defaultConfig: { ...CONFIG, retentionMs }, retentionCheckIntervalMs: 60_000 });
  const log = manager.getLog(tp(0))!;
  log.updateHighWatermark(log.logEndOffset);
  await world.clock.advance(10);
  slowDown();
  await world.clock.advance(T0 + 2 * BATCHES);
  expect(log.numberOfSegments).toBe(left);
  expect(new Set(reads)).toEqual(new Set(['.timeindex']));
  expect(world.fs.blockedMs).toBe(0);
});

test('a high watermark inside of the log is found on the disk by who reads below it or at it, once', async () => {
  fill(0);
  await startAgain();
  const log = manager.getLog(tp(0))!;
  log.updateHighWatermark(1500);
  expect(log.fetchOffsetSnapshot().highWatermark.messageOffsetOnly).toBe(true);
  const below = await ended(log.read(1490, 100_000, 'HIGH_WATERMARK', true));
  expect(recordsOf(bytesOf(below)).map(({ offset }) => offset)).toEqual(
    Array.from({ length: 10 }, (_, at) => 1490 + at),
  );
  const { highWatermark } = log.fetchOffsetSnapshot();
  expect(highWatermark.positionDiff(below.fetchOffsetMetadata)).toBe(below.sizeInBytes);
  reads = [];
  const at = await ended(log.read(1500, 1000, 'HIGH_WATERMARK', true));
  expect([at.sizeInBytes, at.fetchOffsetMetadata]).toEqual([0, highWatermark]);
  expect(reads).toEqual([]);
  const behind = await ended(log.read(1700, 1000, 'HIGH_WATERMARK', true));
  expect([behind.sizeInBytes, behind.fetchOffsetMetadata.segmentBaseOffset]).toEqual([0, 0]);
  expect(world.fs.blockedMs).toBe(0);
});

test('a high watermark that is cut while it is looked for is the end', async () => {
  fill(0);
  await startAgain();
  const log = manager.getLog(tp(0))!;
  log.updateHighWatermark(1500);
  const asked = Promise.resolve(log.read(100, 1000, 'HIGH_WATERMARK', true));
  await world.clock.advance(DISK_MS - 1);
  log.truncateTo(101);
  expect(recordsOf(bytesOf(await ended(asked))).map(({ offset }) => offset)).toEqual([100]);
});

describe('a consumer of committed records', () => {
  const producer = { producerEpoch: 0, baseSequence: 0, isTransactional: true };
  const begin = (log: UnifiedLog, producerId: number): void => {
    log.appendAsLeader(batch({ producerId, ...producer }), { leaderEpoch: 0, origin: 'coordinator' });
  };
  const abort = (log: UnifiedLog, producerId: number): void => {
    const marker = { type: 'ABORT', producerId, producerEpoch: 0, coordinatorEpoch: 0, timestampMs: T0 } as const;
    log.appendAsLeader(buildEndTxnMarker(marker), { leaderEpoch: 0, origin: 'coordinator' });
  };
  const newLog = (): UnifiedLog => manager.getOrCreateLog(tp(0), { isNew: true, config: CONFIG });

  test('is told of what was aborted in old segments, and no one waits for their indexes but him', async () => {
    const log = newLog();
    begin(log, 7);
    abort(log, 7);
    begin(log, 8);
    for (let at = 0; at < 2000; at++) log.appendAsLeader(batch(), { leaderEpoch: 0 });
    log.roll();
    // Nothing is aborted in this one.
    log.appendAsLeader(batch(), { leaderEpoch: 0 });
    log.roll();
    abort(log, 8);
    await startAgain();
    const again = manager.getLog(tp(0))!;
    again.updateHighWatermark(again.logEndOffset);
    const read = await ended(again.read(0, 1000, 'TXN_COMMITTED', true));
    expect(read.abortedTransactions).toEqual([
      { producerId: 7, firstOffset: 0 },
      { producerId: 8, firstOffset: 2 },
    ]);
    const later = await ended(again.read(2003, 1000, 'TXN_COMMITTED', true));
    expect(later.abortedTransactions).toEqual([{ producerId: 8, firstOffset: 2 }]);
    expect(world.fs.blockedMs).toBe(0);
    // That of the active segment is in memory then.
    reads = [];
    await ended(again.read(2004, 1000, 'TXN_COMMITTED', true));
    await ended(again.read(2004, 1000, 'TXN_COMMITTED', true));
    expect(reads).not.toContain('.txnindex');
  });

  test('at the end of the log is told of what was aborted there within the call', () => {
    const log = newLog();
    begin(log, 7);
    abort(log, 7);
    log.updateHighWatermark(log.logEndOffset);
    const read = log.read(0, 1000, 'TXN_COMMITTED', true);
    expect(read).toMatchObject({ abortedTransactions: [{ producerId: 7, firstOffset: 0 }] });
  });
});

describe('a look-up through the pool', () => {
  let files: FileHandleCache;
  beforeEach(() => {
    const { fs, clock } = world;
    fs.makeDir('/d');
    files = new FileHandleCache(fs, 100, undefined, new DirectoryGates(['/d'], 100, clock));
  });

  function written(count: number, zeros = 0): OffsetIndex {
    const index = new OffsetIndex(LogFile.create(files, '/d/a.index', false), 0, 1 << 24);
    for (let at = 1; at <= count; at++) index.append(at, at * 10);
    index.close();
    if (zeros > 0) {
      const file = new LogFile(files, '/d/a.index');
      file.append([Buffer.alloc(zeros)], zeros);
      file.close();
    }
    const again = new OffsetIndex(new LogFile(files, '/d/a.index'), 0, 1 << 24);
    slowDown();
    return again;
  }

  test.each([0, 1, 511, 512, 513, 4000])('finds in %d entries, and a tail of zeros, what is there', async (count) => {
    for (const zeros of [0, 8, 40_000]) {
      const index = written(count, zeros);
      let last: unknown = null;
      await ended(index.withLastEntries(null, () => void (last = index.lastEntry())));
      expect(last).toEqual({ offset: count, position: count * 10 });
      for (const offset of [0, 1, count >> 1, count, count + 1]) {
        const at = Math.min(offset, count);
        expect(await ended(index.withEntries(null, () => index.lookup(offset)))).toEqual({
          offset: at,
          position: at * 10,
        });
      }
      expect(world.fs.blockedMs).toBe(0);
    }
  });

  test('looks again when the index is cut while it is read', async () => {
    const index = written(1000);
    const before = Buffer.alloc(index.file.sizeInBytes);
    index.file.readSync(before, 0, before.length, 0);
    // The disk has read it, and no one knows yet.
    jest.spyOn(index.file, 'readFor').mockImplementationOnce(async () => {
      await sleep(world.clock, DISK_MS);
      return before;
    });
    const asked = index.withEntries(null, () => index.lookup(630));
    await world.clock.advance(1);
    index.truncateTo(600);
    index.append(650, 77);
    index.writePending();
    expect(await ended(asked)).toEqual({ offset: 599, position: 5990 });
  });

  test('is left when the interest in it ends', async () => {
    const index = written(1000);
    const others = Array.from({ length: 4 }, () => index.withEntries(null, () => index.lookup(1)));
    const interest = new ReadInterest('fetch');
    const asked = index.withEntries(interest, () => index.lookup(700));
    interest.end();
    expect(await asked).toBeNull();
    await ended(Promise.all(others));
    expect(reads).toHaveLength(4);
  });
});

test('a log that is deleted while its time index waits to be read costs no one else the directory', async () => {
  for (let partition = 0; partition < 6; partition++) {
    const log = manager.getOrCreateLog(tp(partition), { isNew: true, config: CONFIG });
    for (let at = 0; at < 100; at++) log.appendAsLeader(batch({ timestamp: T0 + at }), { leaderEpoch: 0 });
    log.roll();
    log.appendAsLeader(batch({ timestamp: T0 + BATCHES }), { leaderEpoch: 0 });
  }
  await startAgain();
  manager.getLog(tp(4))!.updateConfig({ ...CONFIG, fileDeleteDelayMs: 0 });
  // As many as a directory reads at once, and one that waits behind them.
  const search = async (partition: number): Promise<string> => {
    await manager.getLog(tp(partition))!.fetchOffsetByTimestamp(T0 + 50);
    return 'found';
  };
  const found = [0, 1, 2, 3, 4].map((partition) => search(partition).catch(() => 'refused'));
  await world.clock.advance(1);
  manager.asyncDelete(tp(4));
  expect(await ended(Promise.all(found))).toEqual(['found', 'found', 'found', 'found', 'refused']);
  expect(manager.liveLogDirs).toHaveLength(1);
});
