/** Offsets by time in logs of many segments right after a start, when what their time indexes end with is not known yet. */
import type { LogManager, UnifiedLog } from '../../../src/log/index.js';
import { MAX_TIMESTAMP } from '../../../src/log/index.js';
import { LOG_CONFIG, newWorld, numbered, startManager, type LogWorld } from './log-fixture.js';

const SEGMENTS = 60;
const T0 = 1_000_000;
const CONFIG = { ...LOG_CONFIG, segmentBytes: 100 };
const tp = (partition: number) => ({ topic: 'orders', partition });

let world: LogWorld;
let opened: string[];
beforeEach(() => {
  world = newWorld();
  opened = [];
  const { fs, clock } = world;
  const open = fs.open.bind(fs);
  fs.open = (path, mode) => {
    opened.push(path);
    return open(path, mode);
  };
  // A read of the disk takes a millisecond.
  fs.pace = { clock, delayMs: (operation) => (operation === 'read' ? 1 : 0) };
});

/** Segments of one record each, of growing times, taken up after a clean stop. */
async function startedAgain(partitions: number, maxOpenFiles?: number): Promise<UnifiedLog[]> {
  const before = await startManager(world, { defaultConfig: CONFIG });
  for (let partition = 0; partition < partitions; partition++) {
    const log = before.getOrCreateLog(tp(partition), { isNew: true, config: CONFIG });
    for (let at = 0; at < SEGMENTS; at++) {
      log.appendAsLeader(numbered(at, 1, { timestamp: T0 + at }), { leaderEpoch: 0 });
    }
    expect(log.numberOfSegments).toBe(SEGMENTS);
  }
  await stop(before);
  const options = maxOpenFiles === undefined ? {} : { maxOpenFiles };
  const manager = await startManager(world, { defaultConfig: CONFIG, ...options });
  const logs = Array.from({ length: partitions }, (_, partition) => manager.getLog(tp(partition))!);
  for (const log of logs) log.updateHighWatermark(log.logEndOffset);
  return logs;
}

async function stop(manager: LogManager): Promise<void> {
  const stopped = manager.shutdown();
  await world.clock.advance(1);
  await stopped;
}

/** Lets the event loop turn until `asked` has ended; gives how many files were opened in each turn, the first being that of the call. */
async function turnsUntil(asked: Promise<unknown>, from: number): Promise<number[]> {
  let isDone = false;
  const note = (): void => void (isDone = true);
  asked.then(note, note);
  const turns: number[] = [];
  for (let before = from; ; world.clock.step()) {
    await settle();
    turns.push(opened.length - before);
    before = opened.length;
    if (isDone) break;
  }
  return turns;
}

/** Reads of the simulated disk end in microtasks. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test.each([
  { title: 'a late time', timestamp: T0 + SEGMENTS - 1 },
  { title: 'the greatest timestamp', timestamp: MAX_TIMESTAMP },
])('16 logs asked for $title open few files in a turn, and leave none of the time indexes open', async (asked) => {
  const logs = await startedAgain(16);
  const [from, openBefore] = [opened.length, world.fs.openHandles];
  world.fs.blockedMs = 0;
  const answers = Promise.all(logs.map(async (log) => log.fetchOffsetByTimestamp(asked.timestamp)));
  const turns = await turnsUntil(answers, from);
  for (const answer of await answers) {
    expect(answer).toEqual({ timestamp: T0 + SEGMENTS - 1, offset: SEGMENTS - 1, leaderEpoch: 0 });
  }
  expect(turns.reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(16 * SEGMENTS);
  // As many as the directory's gate lets in; of searches that have found their segment, its file besides.
  expect(Math.max(...turns)).toBeLessThanOrEqual(8);
  expect(world.fs.blockedMs).toBe(0);
  expect(world.fs.openHandles - openBefore).toBeLessThanOrEqual(16 * 3);
});

test('a walk over many segments drives no file of another log out of the open ones', async () => {
  const [log, other] = await startedAgain(2, 20);
  other!.appendAsLeader(numbered(0, 1, { timestamp: T0 }), { leaderEpoch: 0 });
  const asked = Promise.resolve(log!.fetchOffsetByTimestamp(MAX_TIMESTAMP));
  await turnsUntil(asked, opened.length);
  expect(await asked).toMatchObject({ offset: SEGMENTS - 1 });
  opened = [];
  // Into the same segment, as it is not rolled for time, size or index.
  other!.updateConfig({ ...CONFIG, segmentBytes: 10_000 });
  other!.appendAsLeader(numbered(0, 1, { timestamp: T0 }), { leaderEpoch: 0 });
  expect(opened).toEqual([]);
});

test('what was read once is known: the greatest timestamp is then told within the call, and a search opens one segment', async () => {
  const [log] = await startedAgain(1);
  const first = Promise.resolve(log!.fetchOffsetByTimestamp(MAX_TIMESTAMP));
  await turnsUntil(first, opened.length);
  opened = [];
  expect(log!.fetchOffsetByTimestamp(MAX_TIMESTAMP)).toEqual(await first);
  expect(opened).toEqual([]);
  const searched = Promise.resolve(log!.fetchOffsetByTimestamp(T0 + 7));
  await turnsUntil(searched, 0);
  expect(await searched).toEqual({ timestamp: T0 + 7, offset: 7, leaderEpoch: 0 });
  expect(new Set(opened.map((path) => /(\d+)\.\w+$/.exec(path)![1]))).toEqual(new Set(['7'.padStart(20, '0')]));
});

test('a log that was never filled is asked for its greatest timestamp within the call', async () => {
  const manager = await startManager(world, { defaultConfig: CONFIG });
  const log = manager.getOrCreateLog(tp(0), { isNew: true });
  expect(log.fetchOffsetByTimestamp(MAX_TIMESTAMP)).toEqual({ timestamp: -1, offset: 0, leaderEpoch: null });
});

/** A search that has walked some of the segments, and not all, when it is left. */
async function halfWay(timestamp: number): Promise<{ log: UnifiedLog; asked: Promise<unknown> }> {
  const [log] = await startedAgain(1);
  const asked = Promise.resolve(log!.fetchOffsetByTimestamp(timestamp));
  // Looked at by each test, though not at once.
  asked.catch(() => undefined);
  for (let turn = 0; turn < 10; turn++) {
    await settle();
    world.clock.step();
  }
  await settle();
  const known = log!.segments.filter((segment) => segment.isMaxTimestampKnown).length;
  expect(known).toBeGreaterThan(5);
  expect(known).toBeLessThan(SEGMENTS - 20);
  return { log: log!, asked };
}

async function answerOf(asked: Promise<unknown>): Promise<unknown> {
  await turnsUntil(asked, opened.length);
  return asked;
}

const LAST = SEGMENTS - 1;

describe('while the segments are walked', () => {
  test('what is cut is not found', async () => {
    const { log, asked } = await halfWay(MAX_TIMESTAMP);
    log.truncateTo(45);
    expect(await answerOf(asked)).toMatchObject({ timestamp: T0 + 44, offset: 44 });
  });

  test('a time that is cut is found no more, and one that is written in its place is', async () => {
    const { log, asked } = await halfWay(T0 + LAST);
    log.truncateTo(3);
    log.appendAsLeader(numbered(0, 1, { timestamp: T0 + 500 }), { leaderEpoch: 1 });
    expect(await answerOf(asked)).toEqual({ timestamp: T0 + 500, offset: 3, leaderEpoch: 1 });
  });

  test('the log may be dropped and begun again further on', async () => {
    const { log, asked } = await halfWay(T0 + LAST);
    log.truncateFullyAndStartAt(1000);
    expect(await answerOf(asked)).toBeNull();
  });

  test('segments that go leave the rest to be found, where the walk was and behind it', async () => {
    const { log, asked } = await halfWay(T0 + LAST);
    // Their files are gone before the walk would come to them.
    log.maybeIncrementLogStartOffset(50, 'test');
    expect(log.deleteOldSegments()).toBe(50);
    for (const name of world.fs.readDir(log.dir)) {
      if (name.endsWith('.deleted')) world.fs.remove(`${log.dir}/${name}`);
    }
    expect(await answerOf(asked)).toEqual({ timestamp: T0 + LAST, offset: LAST, leaderEpoch: 0 });
  });

  test('what is appended counts for the greatest timestamp', async () => {
    const { log, asked } = await halfWay(MAX_TIMESTAMP);
    log.appendAsLeader(numbered(0, 1, { timestamp: T0 + 500 }), { leaderEpoch: 0 });
    expect(await answerOf(asked)).toMatchObject({ timestamp: T0 + 500, offset: SEGMENTS });
  });

  test('a log that is closed is given up, and none of its files is opened again', async () => {
    const { log, asked } = await halfWay(T0 + LAST);
    log.closeHandles();
    opened = [];
    await expect(answerOf(asked)).rejects.toMatchObject({ kind: 'KAFKA_STORAGE_ERROR' });
    expect(opened).toEqual([]);
  });

  test('the folder may get another name', async () => {
    const { log, asked } = await halfWay(T0 + LAST);
    log.renameDir('/data/orders-0.another');
    expect(await answerOf(asked)).toMatchObject({ offset: LAST });
  });

  test('a file that cannot be read fails the search and the directory', async () => {
    const { log, asked } = await halfWay(T0 + LAST);
    world.fs.fault = (operation, path) =>
      operation === 'open' && path.endsWith('.timeindex')
        ? Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'open' })
        : null;
    await expect(answerOf(asked)).rejects.toMatchObject({ kind: 'KAFKA_STORAGE_ERROR' });
    await expect(async () => log.fetchOffsetByTimestamp(MAX_TIMESTAMP)).rejects.toMatchObject({
      kind: 'KAFKA_STORAGE_ERROR',
    });
  });
});

test('of segments without an index the folder is read as often as of one', async () => {
  const readings: number[] = [];
  for (const without of [1, 40]) {
    world = newWorld();
    const before = await startManager(world, { defaultConfig: CONFIG });
    const log = before.getOrCreateLog(tp(0), { isNew: true, config: CONFIG });
    for (let at = 0; at < SEGMENTS; at++) {
      log.appendAsLeader(numbered(at, 1, { timestamp: T0 + at }), { leaderEpoch: 0 });
    }
    const { dir } = log;
    await stop(before);
    for (const name of world.fs
      .readDir(dir)
      .filter((one) => one.endsWith('.timeindex'))
      .sort()
      .slice(0, without)) {
      world.fs.remove(`${dir}/${name}`);
    }
    let read = 0;
    world.fs.fault = (operation, path) => {
      if (operation === 'readDir' && path === dir) read++;
      return null;
    };
    const manager = await startManager(world, { defaultConfig: CONFIG });
    world.fs.fault = null;
    readings.push(read);
    const names = world.fs.readDir(dir);
    expect(names.filter((name) => name.endsWith('.timeindex'))).toHaveLength(SEGMENTS);
    expect(names.filter((name) => name.endsWith('.cleaned'))).toEqual([]);
    const again = manager.getLog(tp(0))!;
    expect(again.segments.map((segment) => segment.largestTimestamp())).toEqual(
      Array.from({ length: SEGMENTS }, (_, at) => T0 + at),
    );
  }
  expect(readings[1]).toBe(readings[0]);
});
