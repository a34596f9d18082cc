/** What the failure of one log directory costs: that directory, from the first error on, and nothing else (KIP-112). */
import type { FileHandle } from '../../../src/common/index.js';
import { LogError, type LogManager, type UnifiedLog } from '../../../src/log/index.js';
import { crash, LOG_CONFIG, newManager, newWorld, numbered, startManager, type LogWorld } from './log-fixture.js';

const orders = (partition: number) => ({ topic: 'orders', partition });
const ioError = (code: string, syscall: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: ${syscall}`), { code, syscall });

let world: LogWorld;
beforeEach(() => {
  world = newWorld(1);
});

/** A manager of /a and /b, with the directories it reported as failed. */
async function twoDirs(options: Parameters<typeof startManager>[1] = {}): Promise<[LogManager, string[]]> {
  const failed: string[] = [];
  const manager = await startManager(world, {
    logDirs: ['/a', '/b'],
    onLogDirFailure: (dir) => void failed.push(dir),
    ...options,
  });
  return [manager, failed];
}

function makeLogs(manager: LogManager, count: number): { inA: UnifiedLog[]; inB: UnifiedLog[] } {
  const logs = Array.from({ length: count }, (_, at) => manager.getOrCreateLog(orders(at), { isNew: true }));
  return { inA: logs.filter((log) => log.parentDir === '/a'), inB: logs.filter((log) => log.parentDir === '/b') };
}

const append = (log: UnifiedLog): number => log.appendAsLeader(numbered(0, 1), { leaderEpoch: 0 }).lastOffset;

/** Makes closing the `.log` files of a directory fail from when `failing.now` is set. */
function failCloses(dir: string): { now: boolean } {
  const failing = { now: false };
  const { fs } = world;
  const open = fs.open.bind(fs);
  fs.open = (path, mode): FileHandle => {
    const handle = open(path, mode);
    if (!path.startsWith(`${dir}/`) || !path.endsWith('.log')) return handle;
    const close = handle.close.bind(handle);
    handle.close = () => {
      close();
      if (failing.now) throw ioError('EIO', 'close');
    };
    return handle;
  };
  return failing;
}

test('after a failed write nothing more is taken in that directory, within the same turn too', async () => {
  const [manager, failed] = await twoDirs();
  const { inA, inB } = makeLogs(manager, 4);
  const [first, second] = [inA[0]!, inA[1]!];
  append(first);
  world.fs.fault = (operation, path) =>
    operation === 'write' && path.startsWith('/a/') ? ioError('ENOSPC', 'write') : null;
  expect(() => append(first)).toThrow(LogError);
  // The disk has room again, but the log holds half of a refused batch.
  world.fs.fault = null;
  const refused = expect.objectContaining({ kind: 'KAFKA_STORAGE_ERROR' });
  expect(() => append(first)).toThrow(refused);
  expect(() => append(second)).toThrow(refused);
  expect(() => first.read(0, 1000, 'LOG_END', true)).toThrow(refused);
  expect(() => first.truncateTo(0)).toThrow(refused);
  await expect(second.flush(true)).rejects.toEqual(refused);
  expect(manager.highWatermarkCheckpoint('/a')).toBeUndefined();
  expect(append(inB[0]!)).toBe(0);
  await world.clock.advance(1);
  expect(failed).toEqual(['/a']);
  expect(manager.liveLogDirs).toEqual(['/b']);
});

test('a file that does not close keeps no log of a failed directory from going offline', async () => {
  const closes = failCloses('/a');
  const [manager, failed] = await twoDirs();
  const { inA, inB } = makeLogs(manager, 6);
  closes.now = true;
  manager.handleLogDirFailure('/a');
  expect(failed).toEqual(['/a']);
  expect(inA.map((log) => manager.getLog(log.topicPartition))).toEqual([undefined, undefined, undefined]);
  expect(inA.every((log) => log.isClosed)).toBe(true);
  expect(append(inB[0]!)).toBe(0);
});

test('a file that does not close when another log needs its place costs its own directory, not the other', async () => {
  const closes = failCloses('/a');
  const [manager, failed] = await twoDirs({ maxOpenFiles: 2 });
  const { inB } = makeLogs(manager, 4);
  closes.now = true;
  for (const log of inB) expect(append(log)).toBe(0);
  await world.clock.advance(1);
  expect(failed).toEqual(['/a']);
});

test('a directory whose files do not close at the shutdown is not marked as cleanly shut down', async () => {
  const closes = failCloses('/a');
  const [manager] = await twoDirs();
  const { inA, inB } = makeLogs(manager, 2);
  append(inA[0]!);
  append(inB[0]!);
  closes.now = true;
  await manager.shutdown();
  expect(world.fs.exists('/a/.kafka_cleanshutdown')).toBe(false);
  expect(world.fs.exists('/b/.kafka_cleanshutdown')).toBe(true);
});

test('a disk that is full while a partition is made leaves nothing that stops the next start', async () => {
  const [manager] = await twoDirs();
  world.fs.fault = (operation, path) =>
    operation === 'open' && path.startsWith('/a/orders-0/') ? ioError('ENOSPC', 'open') : null;
  expect(() => manager.getOrCreateLog(orders(0), { isNew: true })).toThrow(LogError);
  // As in Kafka: only a folder that cannot be made goes to another disk.
  expect(world.fs.readDir('/b').filter((name) => name.startsWith('orders'))).toEqual([]);
  world.fs.fault = null;
  await world.clock.advance(1);
  expect(manager.getOrCreateLog(orders(0), { isNew: true }).parentDir).toBe('/b');
  crash(world, 'process');
  const [again] = await twoDirs();
  expect(again.getLog(orders(0))!.parentDir).toBe('/b');
  expect(again.liveLogDirs).toEqual(['/a', '/b']);
});

test('a partition whose folder cannot be made on one disk is made on another', async () => {
  const [manager, failed] = await twoDirs();
  world.fs.fault = (operation, path) =>
    operation === 'makeDir' && path.startsWith('/a/') ? ioError('ENOSPC', 'mkdir') : null;
  expect(manager.getOrCreateLog(orders(0), { isNew: true }).parentDir).toBe('/b');
  await world.clock.advance(1);
  expect(failed).toEqual(['/a']);
});

test('what is in a folder already is kept when its log cannot be opened', async () => {
  const [manager] = await twoDirs();
  world.fs.makeDir('/a/orders-0');
  world.fs.open('/a/orders-0/00000000000000000000.log', 'w+').close();
  world.fs.fault = (operation, path) =>
    operation === 'open' && path.startsWith('/a/orders-0/') ? ioError('EIO', 'open') : null;
  expect(() => manager.getOrCreateLog(orders(0), { isNew: true })).toThrow(LogError);
  expect(world.fs.exists('/a/orders-0/00000000000000000000.log')).toBe(true);
});

test.each([
  { title: 'a segment beyond 2^53', file: 'orders-0/00009999999999999999.log', text: '' },
  { title: 'a malformed partition.metadata', file: 'orders-0/partition.metadata', text: 'malformed\n' },
])('$title costs its directory, and no log begins empty in its place', async ({ file, text }) => {
  world.fs.makeDir('/a/orders-0');
  world.fs.replaceFile(`/a/${file}`, text);
  const [manager] = await twoDirs();
  expect(manager.liveLogDirs).toEqual(['/b']);
  expect(() => manager.getOrCreateLog(orders(0))).toThrow('log directories /a are offline');
});

test('a folder that cannot be looked at costs its directory, as its log would begin empty', async () => {
  world.fs.makeDir('/a/orders-0');
  world.fs.fault = (operation, path) =>
    operation === 'stat' && path === '/a/orders-0' ? ioError('EIO', 'stat') : null;
  const [manager] = await twoDirs();
  expect(manager.liveLogDirs).toEqual(['/b']);
});

test('files and folders that are not of Kafka are left as they are', async () => {
  world.fs.makeDir('/a/lost+found');
  world.fs.makeDir('/a/backup');
  world.fs.makeDir('/a/orders-00');
  world.fs.makeDir('/a/orders-0');
  world.fs.open('/a/orders-0/7.log', 'w+').close();
  world.fs.open('/a/orders-1', 'w+').close();
  const [manager] = await twoDirs();
  expect(manager.liveLogDirs).toEqual(['/a', '/b']);
  const log = manager.getLog(orders(0))!;
  expect([log.logStartOffset, log.logEndOffset]).toEqual([0, 0]);
  expect(world.fs.exists('/a/orders-0/7.log')).toBe(true);
  // A copy that someone has made is no second folder of orders-0, which a move has left over.
  expect(world.fs.exists('/a/orders-00')).toBe(true);
});

test('a partition that two directories have stops the start, and the directory loaded half is not marked as clean', async () => {
  const manager = await startManager(world, { logDirs: ['/a'] });
  append(manager.getOrCreateLog(orders(0), { isNew: true }));
  await manager.shutdown();
  const other = await startManager(world, { logDirs: ['/b'], defaultConfig: LOG_CONFIG });
  append(other.getOrCreateLog(orders(0), { isNew: true }));
  await other.shutdown();
  const both = newManager(world, { logDirs: ['/a', '/b'] });
  const outcome = both.startup();
  const rejected = expect(outcome).rejects.toThrow('Duplicate log directories for orders-0');
  await world.clock.advance(1);
  await rejected;
  await both.shutdown();
  expect(world.fs.exists('/a/.kafka_cleanshutdown')).toBe(true);
  expect(world.fs.exists('/b/.kafka_cleanshutdown')).toBe(false);
});

test('a disk that hangs keeps neither removals in another directory nor the stop of the broker waiting', async () => {
  const [manager] = await twoDirs({ defaultConfig: { ...LOG_CONFIG, fileDeleteDelayMs: 1000 } });
  const { inA, inB } = makeLogs(manager, 6);
  for (const log of [...inA, ...inB]) append(log);
  const delayMs = (operation: string, path: string): number =>
    operation === 'remove' && path.startsWith('/a/') && path.includes('-delete') ? 3_600_000 : 0;
  world.fs.pace = { clock: world.clock, delayMs };
  for (const { topicPartition } of [...inA.slice(1), ...inB.slice(1)]) manager.asyncDelete(topicPartition);
  await world.clock.advance(10_000);
  const left = (dir: string): number => world.fs.readDir(dir).filter((name) => name.endsWith('-delete')).length;
  expect([left('/a'), left('/b')]).toEqual([2, 0]);
  let isStopped = false;
  void manager.shutdown().then(() => (isStopped = true));
  await world.clock.advance(10_000);
  expect(isStopped).toBe(true);
  expect(['/a', '/b'].map((dir) => world.fs.exists(`${dir}/.kafka_cleanshutdown`))).toEqual([true, true]);
});

test('a directory whose syncs hang does not end the rounds of flushes and checkpoints of another', async () => {
  const [manager] = await twoDirs({
    defaultConfig: { ...LOG_CONFIG, flushMs: 1000 },
    flushSchedulerIntervalMs: 1000,
    flushOffsetCheckpointIntervalMs: 2000,
  });
  const { inA, inB } = makeLogs(manager, 2);
  await world.clock.advance(60_000);
  const delayMs = (operation: string, path: string): number =>
    operation === 'sync' && path.startsWith('/a') ? 3_600_000 : 0;
  world.fs.pace = { clock: world.clock, delayMs };
  for (let round = 1; round <= 3; round++) {
    for (const log of [inA[0]!, inB[0]!]) append(log);
    await world.clock.advance(10_000);
    expect(inB[0]!.recoveryPoint).toBe(round);
    const text = world.fs.readFile('/b/recovery-point-offset-checkpoint').toString();
    expect(text).toContain(` ${inB[0]!.topicPartition.partition} ${round}\n`);
  }
  expect(inA[0]!.recoveryPoint).toBe(0);
});

test('a stop of the broker waits for a checkpoint that is on its way to the disk', async () => {
  const [manager] = await twoDirs({ flushOffsetCheckpointIntervalMs: 2000 });
  const { inA } = makeLogs(manager, 2);
  append(inA[0]!);
  const delayMs = (operation: string, path: string): number =>
    operation === 'sync' && path.endsWith('/a/recovery-point-offset-checkpoint.new') ? 30_000 : 0;
  world.fs.pace = { clock: world.clock, delayMs };
  await world.clock.advance(2500);
  expect(world.fs.exists('/a/recovery-point-offset-checkpoint.new')).toBe(true);
  let isStopped = false;
  void manager.shutdown().then(() => (isStopped = true));
  await world.clock.advance(20_000);
  expect(isStopped).toBe(false);
  await world.clock.advance(20_000);
  expect(isStopped).toBe(true);
  expect(world.fs.exists('/a/recovery-point-offset-checkpoint.new')).toBe(false);
});

test('a lock that cannot be given back keeps no other directory locked', async () => {
  const lock = world.fs.lock.bind(world.fs);
  world.fs.lock = (path) => {
    const held = lock(path);
    if (!held.isHeld || !path.startsWith('/one')) return held;
    const release = (): never => {
      throw ioError('ENOSPC', 'ftruncate');
    };
    return { isHeld: true, release };
  };
  const manager = await startManager(world, { logDirs: ['/one', '/two'] });
  await manager.shutdown();
  expect(lock('/two/.lock').isHeld).toBe(true);
});

test('what is made durable of a directory when the broker stops ends before its lock is given back', async () => {
  const manager = await startManager(world, { logDirs: ['/one'] });
  for (let partition = 0; partition < 4; partition++) {
    manager
      .getOrCreateLog({ topic: 'orders', partition }, { isNew: true })
      .appendAsLeader(numbered(0, 1), { leaderEpoch: 0 });
  }
  await world.clock.advance(1);
  const events: string[] = [];
  world.fs.pace = { clock: world.clock, delayMs: (operation) => (operation === 'sync' ? 1000 : 0) };
  world.fs.fault = (operation, path) => {
    if (operation === 'sync') events.push(path);
    return operation === 'open' && path.includes('orders-3') ? ioError('EMFILE', 'open') : null;
  };
  const { fs } = world;
  const open = fs.open.bind(fs);
  fs.open = (path, mode) => {
    events.push(path);
    return open(path, mode);
  };
  const stopped = manager.shutdown().then(() => events.push('stopped'));
  await world.clock.advance(60_000);
  await stopped;
  await world.clock.advance(60_000);
  expect(events.length).toBeGreaterThan(4);
  expect(events.at(-1)).toBe('stopped');
});

test('what was cut off a copy is removed once the copy has taken the place of the log', async () => {
  const defaultConfig = { ...LOG_CONFIG, segmentBytes: 200 };
  const manager = await startManager(world, { logDirs: ['/one', '/two'], defaultConfig });
  const log = manager.getOrCreateLog(orders(0), { isNew: true });
  const target = log.parentDir === '/one' ? '/two' : '/one';
  manager.maybeUpdatePreferredLogDir(orders(0), target);
  const copy = manager.getOrCreateLog(orders(0), { isFuture: true });
  for (let at = 0; at < 10; at++) copy.appendAsFollower(numbered(at, 1, { baseOffset: at, partitionLeaderEpoch: 0 }));
  copy.truncateTo(1);
  await world.clock.advance(1);
  manager.replaceCurrentWithFutureLog(orders(0));
  const names = (): string[] => world.fs.readDir(`${target}/orders-0`).filter((name) => name.endsWith('.deleted'));
  expect(names()).not.toEqual([]);
  await world.clock.advance(LOG_CONFIG.fileDeleteDelayMs + 1000);
  expect(names()).toEqual([]);
});

test('deletions are made durable as soon as there is a file handle for it', async () => {
  const [manager, failed] = await twoDirs();
  const { inA, inB } = makeLogs(manager, 4);
  await world.clock.advance(1000);
  world.fs.fault = (operation, path) => (operation === 'open' && path === '/a' ? ioError('EMFILE', 'open') : null);
  for (const { topicPartition } of [inA[0]!, inB[0]!]) expect(manager.deleteLater(topicPartition)).toBe(true);
  let done: readonly string[] | null = null;
  void manager.makeDeletionsDurable(['/a', '/b']).then((notDurable) => (done = [...notDurable]));
  await world.clock.advance(24_500);
  expect(done).toBeNull();
  // No directory has failed: a controller that is told so would not delete the topic until something starts again.
  await world.clock.advance(1000);
  expect(done).toEqual([]);
  // The controller asks again, of a log that is not here any more: what was deleted is not durable yet.
  expect(manager.dirsOf(inA[0]!.topicPartition)).toEqual(['/a']);
  expect(manager.dirsOf(inB[0]!.topicPartition)).toEqual([]);
  const synced: string[] = [];
  world.fs.fault = (operation, path) => {
    if (operation === 'sync') synced.push(path);
    return null;
  };
  await world.clock.advance(1000);
  expect(synced).toContain('/a');
  expect(manager.dirsOf(inA[0]!.topicPartition)).toEqual([]);
  expect(failed).toEqual([]);
});

test('a deletion that has its handle at last, but whose disk hangs then, is not said to be durable', async () => {
  const [manager] = await twoDirs();
  const { inA } = makeLogs(manager, 4);
  await world.clock.advance(1000);
  world.fs.fault = (operation, path) => (operation === 'open' && path === '/a' ? ioError('EMFILE', 'open') : null);
  expect(manager.deleteLater(inA[0]!.topicPartition)).toBe(true);
  let done: readonly string[] | null = null;
  void manager.makeDeletionsDurable(['/a']).then((notDurable) => (done = [...notDurable]));
  await world.clock.advance(500);
  world.fs.fault = null;
  world.fs.pace = { clock: world.clock, delayMs: (operation) => (operation === 'sync' ? 3_600_000 : 0) };
  await world.clock.advance(30_000);
  expect(done).toEqual(['/a']);
});
