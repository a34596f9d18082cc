/** A directory whose disk hangs, beside healthy ones: they share the threads of one pool, and must not notice. */
import { settle, SimulatedClock, type FileOperation } from '../../../src/testing/index.js';
import { DirectoryGates } from '../../../src/log/manager/directory-gates.js';
import type { LogManager, UnifiedLog } from '../../../src/log/index.js';
import { LOG_CONFIG, newWorld, numbered, startManager, TOPIC_ID, type LogWorld } from './log-fixture.js';

/** As many as `bin/ottla.cjs` asks for. */
const POOL_THREADS = 20;
const HANGS_MS = 3_600_000;

let world: LogWorld;
let manager: LogManager;
/** Operations in /bad that the pool has begun, and does not end. */
let hung: string[];

beforeEach(async () => {
  world = newWorld();
  manager = await startManager(world, { logDirs: ['/good', '/bad'], tailCacheBytes: 0 });
  world.fs.poolThreads = POOL_THREADS;
  hung = [];
});

/** From now on what waits for the disk in /bad waits for long. */
function hang(operations: readonly FileOperation[]): void {
  const { clock, fs } = world;
  const pending = (operation: FileOperation, path: string): number => {
    if (!path.startsWith('/bad') || !operations.includes(operation)) return 0;
    hung.push(`${operation} ${path}`);
    return HANGS_MS;
  };
  fs.pace = { clock, delayMs: pending };
}

function makeLog(dir: string, topic: string, partition = 0): UnifiedLog {
  const tp = { topic, partition };
  manager.maybeUpdatePreferredLogDir(tp, dir);
  return manager.getOrCreateLog(tp, { isNew: true, topicId: TOPIC_ID });
}

/** A log with records on the disk, and none in memory. */
async function filledLog(dir: string, topic: string): Promise<UnifiedLog> {
  const log = makeLog(dir, topic);
  await log.prepareForAppends();
  for (let at = 0; at < 20; at++) log.appendAsLeader(numbered(at * 100, 100), { leaderEpoch: 0 });
  return log;
}

/** True when it is done within no time. */
async function isDone(work: unknown): Promise<boolean> {
  let done = false;
  void Promise.resolve(work).then(() => (done = true));
  for (let turn = 0; turn < 5; turn++) await world.clock.advance(0);
  return done;
}

/** All that are not ready at once, as many Produce requests would. */
const whenReadyForAppends = (logs: readonly UnifiedLog[]) => Promise.all(logs.map((log) => log.prepareForAppends()));
const readCold = (log: UnifiedLog) => log.read(0, 1000, 'LOG_END', true);

test('a directory whose syncs hang holds up neither reads, nor flushes, nor first appends, nor checkpoints of another', async () => {
  const good = await filledLog('/good', 'healthy');
  const rolled = await Promise.all([1, 2, 3].map((at) => filledLog('/bad', `rolled-${at}`)));
  hang(['sync']);
  for (const log of rolled) log.roll();
  for (const log of rolled) void log.flush(true);
  void whenReadyForAppends(Array.from({ length: 20 }, (_, at) => makeLog('/bad', 'new', at)));
  await isDone(null);
  expect(hung.length).toBeGreaterThan(0);

  expect(readCold(good)).toBeInstanceOf(Promise);
  expect(await isDone(readCold(good))).toBe(true);
  expect(await isDone(good.flush(true))).toBe(true);
  const fresh = makeLog('/good', 'fresh');
  expect(await isDone(whenReadyForAppends([makeLog('/bad', 'new', 20), fresh]))).toBe(false);
  expect(fresh.isReadyForAppends).toBe(true);
  expect(await isDone(manager.highWatermarkCheckpoint('/good')!.writeInBackground(new Map([['healthy-0', 5]])))).toBe(
    true,
  );
});

test('new logs become ready in the background though the syncs of another directory hang', async () => {
  hang(['sync']);
  makeLog('/bad', 'new');
  const fresh = makeLog('/good', 'fresh');
  await isDone(null);
  expect(hung).toHaveLength(1);
  expect(fresh.isReadyForAppends).toBe(true);
});

test('a directory whose reads hang holds up no read of another, however many are asked of it', async () => {
  const [good, bad] = [await filledLog('/good', 'healthy'), await filledLog('/bad', 'orders')];
  hang(['read']);
  for (let tries = 0; tries < 100; tries++) void readCold(bad);
  await isDone(null);
  expect(hung.length).toBeGreaterThan(0);
  expect(await isDone(readCold(good))).toBe(true);
  expect(await isDone(good.flush(true))).toBe(true);
});

test('a directory has two syncs and two flushes in the pool at once, whoever asks for them, and what waits holds no file open', async () => {
  const logs = await Promise.all([1, 2, 3, 4, 5, 6].map((at) => filledLog('/bad', `rolled-${at}`)));
  const fresh = Array.from({ length: 50 }, (_, at) => makeLog('/bad', 'new', at));
  await whenReadyForAppends(fresh.slice(0, 10));
  hang(['sync']);
  for (const log of logs) void log.flush(true);
  await isDone(null);
  const before = world.fs.openHandles;
  void whenReadyForAppends(fresh);
  void manager.highWatermarkCheckpoint('/bad')!.writeInBackground(new Map([['new-0', 5]]));
  await isDone(null);
  expect(hung).toHaveLength(4);
  // The checkpoint that is being written.
  expect(world.fs.openHandles).toBe(before + 1);
});

test('the records of a segment are synced before its indexes, one after the other', async () => {
  const log = await filledLog('/bad', 'orders');
  const { clock, fs } = world;
  const synced: string[] = [];
  let underWay = 0;
  let most = 0;
  fs.pace = {
    clock,
    delayMs: (operation, path) => {
      if (operation !== 'sync' || !path.includes('0000.')) return 0;
      synced.push(path.slice(path.lastIndexOf('.')));
      most = Math.max(most, ++underWay);
      clock.setTimer(9, () => underWay--);
      return 10;
    },
  };
  const flushed = log.flush(true);
  await clock.advance(100);
  await flushed;
  expect(synced.slice(0, 3)).toEqual(['.log', '.index', '.timeindex']);
  expect(most).toBe(1);
});

test('a log that is deleted while its folder waits to be synced costs its directory nothing', async () => {
  const failed: string[] = [];
  manager = await startManager((world = newWorld()), {
    logDirs: ['/good', '/bad'],
    defaultConfig: { ...LOG_CONFIG, fileDeleteDelayMs: 0 },
    onLogDirFailure: (dir) => void failed.push(dir),
  });
  const fresh = Array.from({ length: 6 }, (_, at) => makeLog('/bad', 'new', at));
  world.fs.pace = { clock: world.clock, delayMs: (operation) => (operation === 'sync' ? 100 : 0) };
  const ready = whenReadyForAppends(fresh);
  for (let step = 0; step < 6; step++) {
    await world.clock.advance(50);
    manager.asyncDelete({ topic: 'new', partition: step });
  }
  await world.clock.advance(5_000);
  await ready;
  expect(failed).toEqual([]);
  expect(manager.offlineLogDirs).toEqual([]);
});

test('a first append and a deletion wait for no segments that are flushed in the background', async () => {
  const rolled = await Promise.all(Array.from({ length: 50 }, (_, at) => filledLog('/bad', `rolled-${at}`)));
  const gone = await filledLog('/bad', 'gone');
  const isSegment = (path: string): boolean => path.includes('/rolled-') && path.endsWith('.log');
  world.fs.pace = {
    clock: world.clock,
    delayMs: (operation, path) => (operation === 'sync' && isSegment(path) ? HANGS_MS : 0),
  };
  for (const log of rolled) log.roll();
  await isDone(null);
  expect(await isDone(whenReadyForAppends([makeLog('/bad', 'new')]))).toBe(true);
  expect(manager.deleteLater(gone.topicPartition)).toBe(true);
  expect(await isDone(manager.makeDeletionsDurable(['/bad']))).toBe(true);
});

test('a deletion passes the topic ids of the logs that were made before', async () => {
  const gone = await filledLog('/bad', 'gone');
  await world.clock.advance(1000);
  world.fs.pace = { clock: world.clock, delayMs: (operation) => (operation === 'sync' ? 100 : 0) };
  void whenReadyForAppends(Array.from({ length: 100 }, (_, at) => makeLog('/bad', 'new', at)));
  await world.clock.advance(50);
  expect(manager.deleteLater(gone.topicPartition)).toBe(true);
  let failed: ReadonlySet<string> | null = null;
  void manager.makeDeletionsDurable(['/bad']).then((dirs) => (failed = dirs));
  await world.clock.advance(200);
  expect(failed).toEqual(new Set());
});

test('a sync is overdue after 25 s, each counted from its own beginning, and of its directory alone', async () => {
  const clock = new SimulatedClock();
  const gates = new DirectoryGates(['/a', '/b'], Infinity, clock);
  const sync = (ms: number): void =>
    void gates.syncing('/a/t-0', () => new Promise<void>((done) => clock.setTimer(ms, done)));
  for (let at = 0; at < 10; at++) sync(20_000);
  for (let at = 0; at < 9; at++) {
    await clock.advance(10_000);
    expect(gates.isOverdue('/a')).toBe(false);
  }
  await clock.advance(10_000);
  await settle();
  expect(gates.overdueAtMs('/a')).toBeNull();
  sync(1_000_000);
  for (let at = 0; at < 30; at++) sync(1000);
  await clock.advance(24_999);
  expect(gates.isOverdue('/a')).toBe(false);
  await clock.advance(1);
  expect(gates.isOverdue('/a')).toBe(true);
  expect(gates.isOverdue('/b')).toBe(false);
});

test('a checkpoint that is being written on a slow disk does not count as a sync that hangs', async () => {
  const { clock, fs } = world;
  const gone = await filledLog('/bad', 'gone');
  await clock.advance(1000);
  fs.pace = { clock, delayMs: (operation) => (operation === 'sync' ? 20_000 : 0) };
  void manager.highWatermarkCheckpoint('/bad')!.writeInBackground(new Map([['gone-0', 5]]));
  await clock.advance(15_000);
  expect(manager.deleteLater(gone.topicPartition)).toBe(true);
  let failed: ReadonlySet<string> | null = null;
  void manager.makeDeletionsDurable(['/bad']).then((dirs) => (failed = dirs));
  await clock.advance(20_001);
  expect(failed).toEqual(new Set());
});

test('a new log goes where the disk does not hang, though that directory has more, unless it is asked to', async () => {
  for (const topic of ['one', 'two', 'three']) await filledLog('/good', topic);
  await world.clock.advance(1000);
  hang(['sync']);
  void whenReadyForAppends([makeLog('/bad', 'hangs')]);
  await world.clock.advance(30_000);
  const made = manager.getOrCreateLog({ topic: 'new', partition: 0 }, { isNew: true });
  expect(made.parentDir).toBe('/good');
  expect(makeLog('/bad', 'asked').parentDir).toBe('/bad');
});
