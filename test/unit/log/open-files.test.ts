/** Bounds on what logs hold open and on what is removed at once, whatever is asked for. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { nodeFileSystem, systemClock } from '../../../src/common/index.js';
import { FileRemover } from '../../../src/log/files/file-remover.js';
import type { LogManager, UnifiedLog } from '../../../src/log/index.js';
import { buildEndTxnMarker } from '../../../src/records/index.js';
import {
  bytesOf,
  crash,
  LOG_CONFIG,
  newWorld,
  numbered,
  readAll,
  recordsOf,
  startManager,
  type LogWorld,
} from './log-fixture.js';

let world: LogWorld;
beforeEach(() => {
  world = newWorld(1);
});

/** Logs of three records each, none of which is in memory any more. */
async function coldLogs(manager: LogManager, count: number): Promise<UnifiedLog[]> {
  const logs = Array.from({ length: count }, (_, partition) =>
    manager.getOrCreateLog({ topic: 'orders', partition }, { isNew: true }),
  );
  for (const log of logs) log.appendAsLeader(numbered(0, 3), { leaderEpoch: 0 });
  await world.clock.advance(60_000);
  return logs;
}

/** What the process has open at most while `work` runs. */
async function mostOpen(work: () => Promise<unknown>): Promise<number> {
  let most = 0;
  const { fs } = world;
  const open = fs.open.bind(fs);
  fs.open = (path, mode) => {
    const handle = open(path, mode);
    most = Math.max(most, fs.openHandles);
    return handle;
  };
  await work();
  return most;
}

test.each([
  { title: 'searches by time', work: (log: UnifiedLog) => log.fetchOffsetByTimestamp(1) },
  { title: 'reads', work: (log: UnifiedLog) => readAll(log) },
] satisfies { title: string; work: (log: UnifiedLog) => unknown }[])(
  '$title of 400 logs at once keep within the bound of open files',
  async ({ work }: { work: (log: UnifiedLog) => unknown }) => {
    const manager = await startManager(world, { maxOpenFiles: 50 });
    const logs = await coldLogs(manager, 400);
    const results: unknown[] = [];
    const most = await mostOpen(async () => results.push(...(await Promise.all(logs.map(work)))));
    expect(results.every((result) => result !== null && typeof result === 'object')).toBe(true);
    // One is opened before another is closed for it.
    expect(most).toBeLessThanOrEqual(51);
  },
);

/** Opening a file fails while the process has more than `limit` open. */
function limitHandles(limit: number, openFolders = () => 0): void {
  world.fs.fault = (operation, path) =>
    operation === 'open' && world.fs.openHandles + openFolders() >= limit
      ? Object.assign(new Error(`EMFILE: too many open files, open '${path}'`), { code: 'EMFILE', syscall: 'open' })
      : null;
}

/** Counts the folders that are open from now on: they take handles too. */
function countFolders(): () => number {
  const { fs } = world;
  const open = fs.open.bind(fs);
  let folders = 0;
  fs.open = (path, mode) => {
    const handle = open(path, mode);
    if (mode !== 'r') return handle;
    folders++;
    const close = handle.close.bind(handle);
    handle.close = () => {
      folders--;
      close();
    };
    return handle;
  };
  return () => folders;
}

test('when the process may open no more, files that no one uses are closed', async () => {
  const manager = await startManager(world);
  const logs = await coldLogs(manager, 30);
  limitHandles(world.fs.openHandles - 5);
  for (const log of logs) {
    log.roll();
    log.appendAsLeader(numbered(3, 1), { leaderEpoch: 1 });
    await log.flush(true);
    expect(await readAll(log)).toHaveLength(4);
  }
  manager.checkpointLogRecoveryOffsets();
  await world.clock.advance(1);
  expect(manager.offlineLogDirs).toEqual([]);
});

test('when nothing can be closed, a read is refused and the directory stays online', async () => {
  const manager = await startManager(world, { maxOpenFiles: 1 });
  const [log] = await coldLogs(manager, 2);
  limitHandles(0);
  await expect(readAll(log!)).rejects.toMatchObject({ kind: 'KAFKA_STORAGE_ERROR' });
  await world.clock.advance(1);
  world.fs.fault = null;
  expect(manager.offlineLogDirs).toEqual([]);
  expect(await readAll(log!)).toHaveLength(3);
});

test.each([
  { title: 'a log that is begun again', change: (log: UnifiedLog) => log.truncateFullyAndStartAt(10) },
  { title: 'a log that is cut before its start', change: (log: UnifiedLog) => log.truncateTo(0), startsAt: 5 },
  { title: 'an empty segment that is made again', change: rollEmpty },
])(
  '$title has a file for its new segment, or stays as it is, when the process may open few',
  async ({ change, startsAt = 0 }) => {
    for (let free = 0; free <= 3; free++) {
      world = newWorld(free);
      const manager = await startManager(world);
      const log = manager.getOrCreateLog({ topic: 'orders', partition: 0 }, { isNew: true });
      log.truncateFullyAndStartAt(startsAt);
      if (change !== rollEmpty) log.appendAsLeader(numbered(0, 3), { leaderEpoch: 0 });
      await world.clock.advance(60_000);
      const { logEndOffset: end, size } = log;
      // Sockets and other files have the rest, and nothing of the logs is open.
      (manager as unknown as { context: { files: { closeIdle(): void } } }).context.files.closeIdle();
      limitHandles(world.fs.openHandles + free, countFolders());
      let isRefused = false;
      try {
        change(log);
      } catch (error) {
        expect(error).toMatchObject({ kind: 'KAFKA_STORAGE_ERROR' });
        isRefused = true;
      }
      await world.clock.advance(1000);
      world.fs.fault = null;
      expect(manager.offlineLogDirs).toEqual([]);
      expect(isRefused).toBe(free === 0);
      if (isRefused) expect([log.logEndOffset, log.size]).toEqual([end, size]);
      await world.clock.advance(10_000);
      log.appendAsLeader(numbered(0, 1), { leaderEpoch: 2 });
      expect((await readAll(log)).at(-1)!.offset).toBe(log.logEndOffset - 1);
    }
  },
);

/** What retention does once all of a log is deleted. */
function rollEmpty(log: UnifiedLog): void {
  const { local } = log as unknown as { local: { roll(): void; onStorage<T>(doing: string, work: () => T): T } };
  local.onStorage('rolling', () => local.roll());
}

test('a batch that is written is not refused because no index can be opened for it', async () => {
  const manager = await startManager(world, { defaultConfig: { ...LOG_CONFIG, indexIntervalBytes: 1 } });
  const log = manager.getOrCreateLog({ topic: 'orders', partition: 0 }, { isNew: true });
  world.fs.fault = (operation, path) =>
    operation === 'open' && path.endsWith('index')
      ? Object.assign(new Error(`EMFILE: too many open files, open '${path}'`), { code: 'EMFILE', syscall: 'open' })
      : null;
  for (let at = 0; at < 200; at++) expect(log.appendAsLeader(numbered(at, 1), { leaderEpoch: 0 }).lastOffset).toBe(at);
  world.fs.fault = null;
  log.appendAsLeader(numbered(200, 1), { leaderEpoch: 0 });
  expect((await readAll(log)).map(({ value }) => value)).toEqual(Array.from({ length: 201 }, (_, at) => `${at}`));
  expect(log.segments[0]!.offsetIndex.entries).toBeGreaterThan(64);
});

test.each(
  [0, 1, 2, 3, 4, 5, 6].flatMap((opens) => [
    { opens, indexed: false },
    { opens, indexed: true },
  ]),
)(
  'an abort of which $opens files can be opened happened with its index entry, or not at all (the log has such an index: $indexed)',
  async ({ opens, indexed }) => {
    const options = {
      maxOpenFiles: 1,
      defaultConfig: { ...LOG_CONFIG, segmentBytes: 1 << 20, indexIntervalBytes: 1 },
    };
    const stopped = await startManager(world, options);
    const tp = { topic: 'orders', partition: 0 };
    const before = stopped.getOrCreateLog(tp, { isNew: true });
    const begin = (log: UnifiedLog, producerId: number) =>
      log.appendAsLeader(numbered(0, 1, { producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true }), {
        leaderEpoch: 0,
      });
    const abort = (log: UnifiedLog, producerId: number) => {
      const marker = { producerId, producerEpoch: 0, coordinatorEpoch: 0, timestampMs: 1_700_000_000_001 };
      return log.appendAsLeader(buildEndTxnMarker({ ...marker, type: 'ABORT' }), {
        leaderEpoch: 0,
        origin: 'coordinator',
      });
    };
    if (indexed) {
      begin(before, 8);
      abort(before, 8);
    }
    begin(before, 9);
    const stopping = stopped.shutdown();
    await world.clock.advance(1);
    await stopping;
    const manager = await startManager(world, options);
    const log = manager.getLog(tp)!;
    const { logEndOffset: end, size } = log;

    let opened = 0;
    world.fs.fault = (operation, path) =>
      operation === 'open' && ++opened > opens
        ? Object.assign(new Error(`EMFILE: too many open files, open '${path}'`), { code: 'EMFILE', syscall: 'open' })
        : null;
    let refused = false;
    try {
      abort(log, 9);
    } catch (error) {
      expect(error).toMatchObject({ kind: 'KAFKA_STORAGE_ERROR' });
      refused = true;
    }
    world.fs.fault = null;
    expect(log.logEndOffset).toBe(refused ? end : end + 1);
    expect(log.size === size).toBe(refused);
    expect(log.hasOngoingTransaction(9)).toBe(refused);
    const entries = log.segments[0]!.txnIndex.all().map(({ producerId }) => producerId);
    expect(entries).toEqual([...(indexed ? [8] : []), ...(refused ? [] : [9])]);
    // With enough files it is taken, with none it is not.
    expect(opens > 0 || refused).toBe(true);
    expect(opens < Infinity || !refused).toBe(true);

    if (refused) expect(abort(log, 9).lastOffset).toBe(end);
    log.updateHighWatermark(log.logEndOffset);
    expect(log.lastStableOffset).toBe(end + 1);
    const fetch = await log.read(end - 1, 1 << 20, 'TXN_COMMITTED', true);
    expect(fetch.abortedTransactions).toEqual([{ producerId: 9, firstOffset: end - 1 }]);
    expect(recordsOf(bytesOf(fetch)).map(({ offset }) => offset)).toEqual([end - 1]);
    expect(manager.offlineLogDirs).toEqual([]);
  },
);

test('segments and deleted logs are removed one file after the other, and not by blocking', async () => {
  const { fs } = world;
  const blocking: string[] = [];
  const remove = fs.remove.bind(fs);
  let running = 0;
  let most = 0;
  fs.remove = (path) => {
    if (running === 0) blocking.push(path);
    remove(path);
  };
  fs.removeAsync = async (path) => {
    most = Math.max(most, ++running);
    await new Promise<void>((resolve) => world.clock.setTimer(5, () => resolve()));
    remove(path);
    running--;
  };
  const manager = await startManager(world, { defaultConfig: { ...LOG_CONFIG, retentionBytes: 0 } });
  const logs = await coldLogs(manager, 20);
  for (const log of logs) {
    log.updateHighWatermark(log.logEndOffset);
    expect(log.deleteOldSegments()).toBe(1);
  }
  for (const { topicPartition } of logs.slice(10)) manager.asyncDelete(topicPartition);
  await world.clock.advance(LOG_CONFIG.fileDeleteDelayMs + 10_000);
  expect(blocking.filter((path) => path.endsWith('.deleted') || path.endsWith('-delete'))).toEqual([]);
  expect(most).toBe(1);
  const left = fs.readDir('/data').filter((name) => name.startsWith('orders'));
  expect(left).toHaveLength(10);
  expect(left.flatMap((name) => fs.readDir(`/data/${name}`)).filter((name) => name.endsWith('.deleted'))).toEqual([]);
});

test('what waits to be removed when the broker stops stays, and stopping waits for what is being removed', async () => {
  const dir = mkdtempSync(`${tmpdir()}/file-remover-`);
  try {
    for (const name of ['a', 'b']) {
      mkdirSync(`${dir}/${name}/inner`, { recursive: true });
      writeFileSync(`${dir}/${name}/inner/file`, 'x');
    }
    const remover = new FileRemover(nodeFileSystem, systemClock);
    const first = remover.remove(dir, [`${dir}/missing`, `${dir}/a`]);
    await first;
    expect(existsSync(`${dir}/a`)).toBe(false);
    void remover.remove(dir, [`${dir}/b`]);
    await remover.close();
    expect(existsSync(`${dir}/b`)).toBe(true);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('a removal that wanted for a file is done as soon as it can be', async () => {
  const manager = await startManager(world);
  const [log] = await coldLogs(manager, 1);
  manager.asyncDelete(log!.topicPartition);
  world.fs.fault = (operation, path) =>
    operation === 'remove' ? Object.assign(new Error(`EMFILE: ${path}`), { code: 'EMFILE', syscall: 'scandir' }) : null;
  await world.clock.advance(LOG_CONFIG.fileDeleteDelayMs + 5000);
  const left = (): string[] => world.fs.readDir('/data').filter((name) => name.endsWith('-delete'));
  expect(left()).toHaveLength(1);
  world.fs.fault = null;
  await world.clock.advance(2000);
  expect(left()).toEqual([]);
});

test.each([
  { title: 'a truncation', change: (log: UnifiedLog): unknown => log.truncateTo(20), end: 20, isWhole: true },
  { title: 'a truncation of all', change: (log: UnifiedLog): unknown => log.truncateFullyAndStartAt(100), end: 100 },
  {
    title: 'a truncation of all when it is empty',
    prepare: (log: UnifiedLog) => log.truncateFullyAndStartAt(90),
    change: (log: UnifiedLog): unknown => log.truncateFullyAndStartAt(100),
    end: 100,
  },
])('$title that runs out of files has happened, or not at all, or takes the directory offline', async (given) => {
  let offline = 0;
  for (let from = 1, opens = from; opens >= from; from++) {
    world = newWorld(from);
    const defaultConfig = { ...LOG_CONFIG, segmentBytes: 500 };
    const manager = await startManager(world, { logDirs: ['/one', '/two'], defaultConfig, maxOpenFiles: 1 });
    const log = manager.getOrCreateLog({ topic: 'orders', partition: 0 }, { isNew: true });
    for (let at = 0; at < 60; at++) log.appendAsLeader(numbered(at, 1), { leaderEpoch: 0 });
    manager.getOrCreateLog({ topic: 'other', partition: 0 }, { isNew: true });
    given.prepare?.(log);
    const before = log.logEndOffset;
    opens = 0;
    world.fs.fault = (operation, path) =>
      operation === 'open' && ++opens >= from
        ? Object.assign(new Error(`ENFILE: file table overflow, open '${path}'`), { code: 'ENFILE', syscall: 'open' })
        : null;
    let refused = false;
    try {
      given.change(log);
    } catch {
      refused = true;
    }
    world.fs.fault = null;
    await world.clock.advance(1);
    if (manager.offlineLogDirs.length > 0) {
      expect(manager.offlineLogDirs).toEqual([log.parentDir]);
      offline++;
      continue;
    }
    expect(log.logEndOffset).toBe(refused ? before : given.end);
    expect(log.segments.at(-1)?.readNextOffset()).toBe(log.logEndOffset);
    expect(log.endOffsetForEpoch(0)?.offset ?? log.logEndOffset).toBe(log.logEndOffset);
  }
  expect(offline > 0).toBe(!given.isWhole);
});

test.each(['.log', '.index', '.timeindex'])('a cut for which no %s can be opened is not begun', async (suffix) => {
  world = newWorld();
  const manager = await startManager(world, { logDirs: ['/one', '/two'], maxOpenFiles: 1 });
  const log = manager.getOrCreateLog({ topic: 'orders', partition: 0 }, { isNew: true });
  for (let at = 0; at < 60; at++) log.appendAsLeader(numbered(at, 1), { leaderEpoch: 0 });
  manager.getOrCreateLog({ topic: 'other', partition: 0 }, { isNew: true });
  world.fs.fault = (operation, path) =>
    operation === 'open' && path.endsWith(suffix)
      ? Object.assign(new Error('ENFILE'), { code: 'ENFILE', syscall: 'open' })
      : null;
  expect(() => log.truncateTo(20)).toThrow('ENFILE');
  world.fs.fault = null;
  await world.clock.advance(1);
  expect([manager.offlineLogDirs, log.logEndOffset]).toEqual([[], 60]);
  expect([log.truncateTo(20), log.logEndOffset]).toEqual([true, 20]);
});

describe.each(['a clean stop', 'a kill'])('after %s', (how) => {
  const tp = { topic: 'orders', partition: 0 };
  const options = { defaultConfig: { ...LOG_CONFIG, segmentBytes: 1000 } };

  async function restarted(manager: LogManager): Promise<UnifiedLog> {
    if (how === 'a kill') {
      crash(world, 'process');
    } else {
      const stopping = manager.shutdown();
      await world.clock.advance(1);
      await stopping;
    }
    return (await startManager(world, options)).getLog(tp)!;
  }

  test.each(['.log', '.index', '.timeindex'])(
    'nothing is lost of what a log took after a roll for whose %s it could open no file',
    async (suffix) => {
      const manager = await startManager(world, options);
      const log = manager.getOrCreateLog(tp, { isNew: true });
      let next = 0;
      const append = (count: number) => {
        next = log.appendAsLeader(numbered(next, count), { leaderEpoch: 0 }).lastOffset + 1;
      };
      while (log.size < 600) append(1);
      const end = next;
      world.fs.fault = (operation, path) =>
        operation === 'open' && path.endsWith(`${end}${suffix}`)
          ? Object.assign(new Error(`ENFILE: file table overflow, open '${path}'`), { code: 'ENFILE', syscall: 'open' })
          : null;
      expect(() => append(60)).toThrow(/ENFILE/);
      world.fs.fault = null;
      expect(world.fs.readDir(log.dir).filter((name) => name.endsWith('.log'))).toHaveLength(1);
      append(1);
      append(1);
      expect(log.segments).toHaveLength(1);
      const loaded = await restarted(manager);
      expect(loaded.logEndOffset).toBe(end + 2);
      expect(await readAll(loaded)).toHaveLength(end + 2);
    },
  );

  test.each([
    { title: 'the last segment', offset: 101 },
    { title: 'a segment that others follow', offset: 1 },
  ])('an empty segment that begins within $title takes nothing of it away', async ({ offset }) => {
    const manager = await startManager(world, options);
    const log = manager.getOrCreateLog(tp, { isNew: true });
    for (let at = 0; at < 105; at++) log.appendAsLeader(numbered(at, 1), { leaderEpoch: 0 });
    expect(log.segments.at(-1)!.baseOffset).toBeLessThan(101);
    world.fs.open(`${log.dir}/${String(offset).padStart(20, '0')}.log`, 'w+').close();
    const segments = log.segments.map(({ baseOffset }) => baseOffset);
    const loaded = await restarted(manager);
    expect(loaded.segments.map(({ baseOffset }) => baseOffset)).toEqual(segments);
    expect(loaded.logEndOffset).toBe(105);
    expect(await readAll(loaded)).toHaveLength(105);
  });

  test('damage in a flushed segment that an empty one follows costs neither the log nor its directory', async () => {
    const manager = await startManager(world, options);
    const log = manager.getOrCreateLog(tp, { isNew: true });
    for (let at = 0; at < 105; at++) log.appendAsLeader(numbered(at, 1), { leaderEpoch: 0 });
    log.roll();
    const flushing = log.flush(true);
    await world.clock.advance(1);
    await flushing;
    manager.checkpointLogRecoveryOffsets();
    const segments = log.segments.map(({ baseOffset }) => baseOffset);
    const damaged = world.fs.open(`${log.dir}/${String(segments.at(-2)).padStart(20, '0')}.log`, 'r+');
    damaged.writeSync([Buffer.alloc(17)], 0);
    damaged.close();
    const loaded = await restarted(manager);
    expect(loaded.segments.map(({ baseOffset }) => baseOffset)).toEqual(segments);
    expect(loaded.logEndOffset).toBe(105);
  });
});

test('damage in a flushed segment does not keep a log with a lost tail from being cut', async () => {
  const tp = { topic: 'orders', partition: 0 };
  const options = { defaultConfig: { ...LOG_CONFIG, segmentBytes: 1000 } };
  const manager = await startManager(world, options);
  const log = manager.getOrCreateLog(tp, { isNew: true });
  const append = (from: number, to: number) => {
    for (let at = from; at < to; at++) log.appendAsLeader(numbered(at, 1), { leaderEpoch: 0 });
  };
  append(0, 60);
  log.roll();
  const flushing = log.flush(true);
  await world.clock.advance(1);
  await flushing;
  manager.checkpointLogRecoveryOffsets();
  append(60, 65);
  log.roll();
  append(65, 70);
  log.roll();
  append(70, 75);
  const first = world.fs.open(log.segments[0]!.file.path, 'r+');
  first.writeSync([Buffer.alloc(17)], 0);
  first.close();
  world.fs.remove(log.segments.find(({ baseOffset }) => baseOffset === 65)!.file.path);
  crash(world, 'process');
  const loaded = (await startManager(world, options)).getLog(tp)!;
  expect(loaded.logEndOffset).toBe(65);
});
