/** Many logs that are cut at once: what is left to do for them goes on behind, a few at a time. */
import { type Logger } from '../../../src/common/index.js';
import { settle } from '../../../src/testing/index.js';
import {
  OffsetCheckpointFile,
  type LogManager,
  type LogManagerOptions,
  type UnifiedLog,
} from '../../../src/log/index.js';
import { newWorld, numbered, startManager, type LogWorld } from './log-fixture.js';

const HANGS_MS = 1_000_000;

afterEach(() => jest.restoreAllMocks());

let world: LogWorld;
let manager: LogManager;
let logs: UnifiedLog[];

/** Logs of ten records, all durable. */
async function start(count: number, options: Partial<LogManagerOptions> = {}): Promise<void> {
  world = newWorld();
  manager = await startManager(world, options);
  logs = Array.from({ length: count }, (_, partition) =>
    manager.getOrCreateLog({ topic: 'orders', partition }, { isNew: true }),
  );
  for (const log of logs) {
    for (let at = 0; at < 10; at++) log.appendAsLeader(numbered(at, 1), { leaderEpoch: 0 });
    await log.flush(true);
  }
  manager.checkpointLogRecoveryOffsets();
  await world.clock.advance(1);
}

function cutAll(): void {
  for (const log of logs) log.truncateTo(5);
}

/** Notes what is done to files, from now on. */
function watch(operation: string, what: (path: string) => boolean = () => true): string[] {
  const seen: string[] = [];
  world.fs.fault = (each, path) => {
    if (each === operation && what(path)) seen.push(path);
    return null;
  };
  return seen;
}

/** Syncs take so long. */
function slowSyncs(ms: number, where: (path: string) => boolean = () => true): void {
  world.fs.pace = {
    clock: world.clock,
    delayMs: (operation, path) => (operation.startsWith('sync') && where(path) ? ms : 0),
  };
}

const partitionOf = (path: string): number => Number(/orders-(\d+)/.exec(path)![1]);
const isSegment = (path: string): boolean => path.endsWith('.log');

test('nothing is synced within the calls that cut, and a few logs at a time after them, in the order they were cut', async () => {
  await start(40);
  slowSyncs(100);
  const synced = watch('sync', isSegment);
  cutAll();
  await settle();
  expect(synced).toEqual([]);
  const counts: number[] = [];
  for (let turn = 0; turn < 80; turn++) {
    await world.clock.advance(100);
    counts.push(synced.length);
  }
  expect(counts.find((count) => count > 0)).toBe(2);
  counts.forEach((count, at) => expect(count - (counts[at - 1] ?? 0)).toBeLessThanOrEqual(2));
  expect(synced.map(partitionOf)).toEqual(logs.map((_, at) => at));
  expect(logs.every((log) => log.isReadyForAppends)).toBe(true);
});

test('nothing is walked within the call that cuts', async () => {
  await start(1);
  const walked = watch('read', isSegment);
  logs[0]!.truncateTo(5);
  const { length } = walked;
  await settle();
  expect(walked.length).toBeGreaterThan(length);
  expect(logs[0]!.activeProducers()).toEqual([]);
});

test('no more files are held open than those of the few that are settled', async () => {
  await start(200, { maxOpenFiles: 10 });
  const before = world.fs.openHandles;
  slowSyncs(100);
  cutAll();
  for (let turn = 0; turn < 5; turn++) {
    await world.clock.advance(50);
    expect(world.fs.openHandles - before).toBeLessThanOrEqual(10);
  }
});

/** Each time the text of the whole checkpoint is put together, written or not. */
function checkpointsMade(): jest.SpyInstance {
  return jest.spyOn(OffsetCheckpointFile.prototype, 'writeInBackground');
}

test('the recovery points that fell are put together once for all that are cut together', async () => {
  await start(40);
  const made = checkpointsMade();
  cutAll();
  await world.clock.advance(1000);
  expect(made).toHaveBeenCalledTimes(1);
  expect(logs.every((log) => log.isReadyForAppends)).toBe(true);
});

test('and once for all that are cut while they are written', async () => {
  await start(40);
  slowSyncs(100, (path) => path.includes('checkpoint'));
  const made = checkpointsMade();
  for (const log of logs) {
    log.truncateTo(5);
    await world.clock.advance(2);
  }
  await world.clock.advance(1000);
  expect(made).toHaveBeenCalledTimes(2);
  expect(logs.every((log) => log.isReadyForAppends)).toBe(true);
  expect(world.fs.readFile('/data/recovery-point-offset-checkpoint').toString()).not.toMatch(/ 10$/m);
});

test('no log takes appends before its recovery point is written', async () => {
  await start(3);
  slowSyncs(1000, (path) => path.includes('recovery-point'));
  cutAll();
  await world.clock.advance(900);
  expect(logs.some((log) => log.isReadyForAppends)).toBe(false);
  await world.clock.advance(2000);
  expect(logs.every((log) => log.isReadyForAppends)).toBe(true);
});

test('a directory that hangs holds up none of another', async () => {
  await start(20, { logDirs: ['/data1', '/data2'] });
  slowSyncs(HANGS_MS, (path) => path.startsWith('/data1'));
  cutAll();
  await world.clock.advance(1000);
  expect(logs.filter((log) => log.isReadyForAppends).map(({ parentDir }) => parentDir)).toEqual(
    Array.from({ length: 10 }, () => '/data2'),
  );
});

test('the topic ids of a directory that hangs hold up none of another', async () => {
  await start(0, { logDirs: ['/data1', '/data2'] });
  slowSyncs(HANGS_MS, (path) => path.startsWith('/data1'));
  const topicId = 'sx7Ghl93TiaCGaLSE2wsQw';
  const made = Array.from({ length: 6 }, (_, partition) =>
    manager.getOrCreateLog({ topic: 'orders', partition }, { isNew: true, topicId }),
  );
  await world.clock.advance(1000);
  expect(made.map((log) => [log.parentDir, log.isReadyForAppends])).toEqual(
    made.map((log) => [log.parentDir, log.parentDir === '/data2']),
  );
});

test('a log is completed at once when it is needed, though others wait before it', async () => {
  await start(40);
  slowSyncs(HANGS_MS);
  cutAll();
  await world.clock.advance(10);
  const last = logs.at(-1)!;
  let isDone = false;
  void last.whenTruncated()!.then(() => (isDone = true));
  world.fs.pace = null;
  last.appendAsLeader(numbered(5, 1), { leaderEpoch: 1 });
  await settle();
  expect(isDone).toBe(true);
  expect(last.logEndOffset).toBe(6);
  const synced = watch('sync', isSegment);
  await world.clock.advance(HANGS_MS + 1000);
  expect(synced.map(partitionOf)).not.toContain(39);
  expect(logs.every((log) => log.isReadyForAppends)).toBe(true);
});

test.each([
  { title: 'deleted', gone: () => void manager.asyncDelete(logs.at(-1)!.topicPartition) },
  { title: 'on a directory that failed', gone: () => void manager.handleLogDirFailure('/data') },
])('no one waits for a log that is $title while others are settled', async ({ gone }) => {
  await start(40);
  slowSyncs(HANGS_MS);
  cutAll();
  await world.clock.advance(10);
  let isDone = false;
  void logs
    .at(-1)!
    .prepareForAppends()
    .then(() => (isDone = true));
  await settle();
  expect(isDone).toBe(false);
  world.fs.pace = null;
  gone();
  await settle();
  expect(isDone).toBe(true);
  const touched = watch('open', (path) => path.includes('orders-39.'));
  await world.clock.advance(30_000);
  expect(touched).toEqual([]);
});

test('a stop waits for logs that are settled, instead of completing each', async () => {
  await start(10);
  cutAll();
  slowSyncs(1, isSegment);
  const { blockedMs } = world.fs;
  const stopping = manager.shutdown();
  await world.clock.advance(1000);
  await stopping;
  expect(world.fs.blockedMs).toBe(blockedMs);
  expect(world.fs.exists('/data/.kafka_cleanshutdown')).toBe(true);
});

test('of logs that cannot be settled the broker warns once a second, and says how often', async () => {
  const warned: { sentence: string; fields: Record<string, unknown> }[] = [];
  const logger: Logger = {
    error: () => undefined,
    warn: (sentence, fields) => void warned.push({ sentence, fields: { ...fields } }),
    info: () => undefined,
    debug: () => undefined,
    trace: () => undefined,
    isEnabled: () => true,
  };
  await start(40, { logger });
  cutAll();
  world.fs.fault = (operation, path) =>
    operation === 'sync' && isSegment(path)
      ? Object.assign(new Error('EMFILE'), { code: 'EMFILE', syscall: 'open' })
      : null;
  await world.clock.advance(1500);
  world.fs.fault = null;
  await world.clock.advance(5000);
  const settlings = warned.filter(({ sentence }) => sentence.includes('yet to be settled'));
  expect(settlings.map(({ sentence }) => sentence)).toEqual([
    'A truncation is yet to be settled',
    'Truncations are yet to be settled',
    'A truncation is yet to be settled',
    'Truncations are yet to be settled',
  ]);
  expect(settlings[1]!.fields).toMatchObject({ dir: '/data', failures: expect.any(Number) as number });
  expect(settlings[1]!.fields['failures']).toBeGreaterThan(20);
  expect(logs.every((log) => log.isReadyForAppends)).toBe(true);
});
