/** What logs leave behind once they, or parts of them, are gone: no open file, no name, no task, no line in a checkpoint. */
import { MetricsRegistry } from '../../../src/common/index.js';
import type { LogManager, UnifiedLog } from '../../../src/log/index.js';
import { buildEndTxnMarker } from '../../../src/records/index.js';
import { crash, LOG_CONFIG, newWorld, numbered, readAll, startManager, type LogWorld } from './log-fixture.js';

const orders = (partition: number) => ({ topic: 'orders', partition });
const CONFIG = { ...LOG_CONFIG, segmentBytes: 600, indexIntervalBytes: 1 };

let world: LogWorld;
beforeEach(() => {
  world = newWorld(1);
});

async function stop(manager: LogManager): Promise<void> {
  const stopped = manager.shutdown();
  await world.clock.advance(1);
  await stopped;
}

/** Segments with indexes of every kind, each of them open. */
function fill(log: UnifiedLog): void {
  for (let at = 0; log.segments.length < 4; at++) {
    const producer = { producerId: 7, producerEpoch: 0, baseSequence: at, isTransactional: true };
    log.appendAsLeader(numbered(at, 1, producer), { leaderEpoch: 0 });
    const marker = { producerId: 7, producerEpoch: 0, coordinatorEpoch: 0, timestampMs: 1_700_000_000_000 };
    log.appendAsLeader(buildEndTxnMarker({ ...marker, type: 'ABORT' }), { leaderEpoch: 0, origin: 'coordinator' });
  }
}

async function openEverything(log: UnifiedLog): Promise<void> {
  await world.clock.advance(60_000);
  await readAll(log);
  for (const segment of log.segments) {
    segment.offsetIndex.lookup(segment.baseOffset + 1);
    segment.timeIndex.lookup(1_700_000_000_000);
    segment.txnIndex.all();
  }
}

test.each([
  { title: 'that is deleted', end: (log: UnifiedLog, manager: LogManager) => manager.asyncDelete(log.topicPartition) },
  {
    title: 'in a directory that fails',
    end: (_: UnifiedLog, manager: LogManager) => manager.handleLogDirFailure('/data'),
  },
])('a log $title has no file open from then on', async ({ end }) => {
  const manager = await startManager(world, { defaultConfig: CONFIG });
  manager.getOrCreateLog(orders(1), { isNew: true });
  const before = world.fs.openHandles;
  const log = manager.getOrCreateLog(orders(0), { isNew: true });
  fill(log);
  await openEverything(log);
  expect(world.fs.openHandles).toBeGreaterThanOrEqual(before + 2 * log.segments.length);
  end(log, manager);
  expect(world.fs.openHandles).toBeLessThanOrEqual(before);
});

test('a log that is deleted after its folder was synced does not come back with a loss of power', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    world = newWorld(seed);
    world.fs.makeDir('/data');
    world.fs.syncDir('/');
    const manager = await startManager(world);
    manager.checkpointLogRecoveryOffsets();
    manager.checkpointLogStartOffsets();
    const log = manager.getOrCreateLog(orders(0), { isNew: true });
    log.appendAsLeader(numbered(0, 3), { leaderEpoch: 0 });
    await log.flush(true);
    // No checkpoint has named it: none is written again, which would sync the folder too.
    manager.deleteLater(orders(0));
    await manager.makeDeletionsDurable(['/data']);
    crash(world, 'power');
    expect(world.fs.readDir('/data').filter((name) => name === 'orders-0')).toEqual([]);
  }
});

test('the name of a log that was moved is durable when the old files go', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    world = newWorld(seed);
    for (const dir of ['/a', '/b']) world.fs.makeDir(dir);
    world.fs.syncDir('/');
    const manager = await startManager(world, { logDirs: ['/a', '/b'] });
    const log = manager.getOrCreateLog(orders(0), { isNew: true });
    log.appendAsLeader(numbered(0, 3), { leaderEpoch: 0 });
    await log.flush(true);
    const target = log.parentDir === '/a' ? '/b' : '/a';
    manager.maybeUpdatePreferredLogDir(orders(0), target);
    const copy = manager.getOrCreateLog(orders(0), { isFuture: true });
    const { records } = await log.read(0, 1000, 'LOG_END', true);
    copy.appendAsFollower(Buffer.from(records as Buffer));
    await manager.prepareReplacement(orders(0));
    manager.replaceCurrentWithFutureLog(orders(0));
    const old = (): string[] =>
      ['/a', '/b']
        .filter((dir) => dir !== target)
        .flatMap((dir) => world.fs.readDir(dir))
        .filter((name) => name.endsWith('-delete'));
    expect(old()).toHaveLength(1);
    for (let passedMs = 0; old().length > 0 && passedMs < 120_000; passedMs += 1000) await world.clock.advance(1000);
    expect(old()).toEqual([]);
    crash(world, 'power');
    expect(world.fs.readDir(target)).toContain('orders-0');
  }
});

test('a read that waits for a segment that retention deletes says so, and costs no directory', async () => {
  const config = { ...CONFIG, retentionBytes: 0, fileDeleteDelayMs: 0 };
  const manager = await startManager(world, { defaultConfig: config, maxOpenFiles: 1 });
  const log = manager.getOrCreateLog(orders(0), { isNew: true });
  for (let at = 0; log.segments.length < 4; at++) log.appendAsLeader(numbered(at, 1), { leaderEpoch: 0 });
  await world.clock.advance(60_000);
  log.updateHighWatermark(log.logEndOffset);
  world.fs.pace = { clock: world.clock, delayMs: (operation) => (operation === 'read' ? 100 : 0) };
  // More than the pool takes at once: some have not opened their file when it goes.
  const reads = Array.from({ length: 6 }, () =>
    Promise.resolve(log.read(0, 1000, 'LOG_END', true)).catch((error: unknown) => error),
  );
  expect(log.deleteOldSegments()).toBe(4);
  await world.clock.advance(5000);
  for (const outcome of await Promise.all(reads)) expect(outcome).toMatchObject({ kind: 'OFFSET_OUT_OF_RANGE' });
  expect(manager.offlineLogDirs).toEqual([]);
});

test('the checkpoints of a directory name the logs in it, and no others', async () => {
  const manager = await startManager(world, { logDirs: ['/a', '/b'] });
  const logs = [0, 1, 2, 3].map((partition) => manager.getOrCreateLog(orders(partition), { isNew: true }));
  for (const log of logs) {
    log.appendAsLeader(numbered(0, 3), { leaderEpoch: 0 });
    log.updateHighWatermark(3);
    log.maybeIncrementLogStartOffset(2, 'a test');
  }
  manager.checkpointLogRecoveryOffsets();
  manager.checkpointLogStartOffsets();
  for (const dir of ['/a', '/b']) {
    const own = logs.filter(({ parentDir }) => parentDir === dir).map(({ topicPartition }) => topicPartition.partition);
    expect(own).toHaveLength(2);
    for (const file of ['recovery-point-offset-checkpoint', 'log-start-offset-checkpoint']) {
      const lines = world.fs.readFile(`${dir}/${file}`).toString().trim().split('\n').slice(2);
      expect(lines.map((line) => Number(line.split(' ')[1])).sort()).toEqual(own);
    }
  }
});

test('each cut below the recovery point is in the checkpoint before anything is appended, not only the first', async () => {
  const manager = await startManager(world);
  const log = manager.getOrCreateLog(orders(0), { isNew: true });
  const checkpointed = (): number =>
    Number(world.fs.readFile('/data/recovery-point-offset-checkpoint').toString().trim().split(' ').at(-1));
  for (const cut of [40, 30, 20]) {
    while (log.logEndOffset < 50) log.appendAsLeader(numbered(log.logEndOffset, 1), { leaderEpoch: 0 });
    await log.flush(true);
    manager.checkpointLogRecoveryOffsets();
    expect(checkpointed()).toBe(50);
    log.truncateTo(cut);
    const settled = log.prepareForAppends();
    await world.clock.advance(1);
    await settled;
    expect(log.isReadyForAppends).toBe(true);
    expect(checkpointed()).toBe(cut);
  }
});

test('a manager that was stopped does nothing more, whatever was due', async () => {
  const config = { ...CONFIG, retentionBytes: 0, flushMs: 1 };
  const manager = await startManager(world, { defaultConfig: config, flushSchedulerIntervalMs: 1000 });
  const log = manager.getOrCreateLog(orders(0), { isNew: true });
  fill(log);
  log.updateHighWatermark(log.logEndOffset);
  log.deleteOldSegments();
  manager.asyncDelete(manager.getOrCreateLog(orders(1), { isNew: true }).topicPartition);
  await stop(manager);
  expect(world.clock.nextTimerMs()).toBeNull();
  const operations: string[] = [];
  world.fs.fault = (operation, path) => {
    operations.push(`${operation} ${path}`);
    return null;
  };
  await world.clock.advance(24 * 3600 * 1000);
  expect(operations).toEqual([]);
});

test('the metrics name the directories that are offline', async () => {
  const metrics = new MetricsRegistry();
  const manager = await startManager(world, { logDirs: ['/a', '/b', '/c'], metrics });
  const gauge = (name: string): unknown => metrics.snapshot().get(`kafka.log:type=LogManager,name=${name}`);
  const offline = (): unknown[] => ['/a', '/b', '/c'].map((dir) => gauge(`LogDirectoryOffline,logDirectory="${dir}"`));
  expect([gauge('OfflineLogDirectoryCount'), offline()]).toEqual([0, [0, 0, 0]]);
  manager.handleLogDirFailure('/b');
  expect([gauge('OfflineLogDirectoryCount'), offline()]).toEqual([1, [0, 1, 0]]);
});

test('a log from which retention has deleted segments starts where the first that is left does', async () => {
  const manager = await startManager(world, { defaultConfig: { ...CONFIG, retentionBytes: 700 } });
  const log = manager.getOrCreateLog(orders(0), { isNew: true });
  fill(log);
  log.updateHighWatermark(log.logEndOffset);
  expect(log.deleteOldSegments()).toBeGreaterThan(0);
  expect(log.logStartOffset).toBe(log.segments[0]!.baseOffset);
  expect(log.logStartOffset).toBeGreaterThan(0);
  expect(() => log.read(0, 100, 'LOG_END', true)).toThrow(expect.objectContaining({ kind: 'OFFSET_OUT_OF_RANGE' }));
});

test('the snapshots of deleted segments go with them, and those of others stay', async () => {
  const manager = await startManager(world, { defaultConfig: CONFIG });
  const log = manager.getOrCreateLog(orders(0), { isNew: true });
  fill(log);
  log.updateHighWatermark(log.logEndOffset);
  const snapshots = (): number[] =>
    world.fs
      .readDir(log.dir)
      .filter((name) => name.includes('.snapshot'))
      .map((name) => Number.parseInt(name, 10));
  expect(snapshots()).toEqual(log.segments.slice(1).map(({ baseOffset }) => baseOffset));
  log.maybeIncrementLogStartOffset(log.segments[2]!.baseOffset, 'a test');
  expect(log.deleteOldSegments()).toBe(2);
  await world.clock.advance(CONFIG.fileDeleteDelayMs + 1000);
  expect(snapshots()).toEqual(log.segments.map(({ baseOffset }) => baseOffset));
});
