import {
  batch,
  crash,
  LOG_CONFIG,
  newWorld,
  numbered,
  readAll,
  startManager,
  TOPIC_ID,
  type LogWorld,
} from './log-fixture.js';
import type { LogManager, UnifiedLog } from '../../../src/log/index.js';

const tp = { topic: 'orders', partition: 0 };
const config = { ...LOG_CONFIG, segmentBytes: 900, indexIntervalBytes: 100 };

/** The log directory is there already, as it is at every start but the first. */
function newDisk(seed: number): LogWorld {
  const world = newWorld(seed);
  world.fs.makeDir('/data');
  world.fs.syncDir('/');
  return world;
}

async function stop(world: LogWorld, manager: LogManager): Promise<void> {
  const stopped = manager.shutdown();
  await world.clock.advance(1);
  await stopped;
}

function append(log: UnifiedLog, count: number, leaderEpoch = 0): void {
  for (let each = 0; each < count; each++) {
    const timestamp = 1_700_000_000_000 + log.logEndOffset;
    log.appendAsLeader(numbered(log.logEndOffset, 1, { timestamp }), { leaderEpoch });
  }
}

test('where records are left by a loss of power, the id of their topic is', async () => {
  let left = 0;
  for (let seed = 1; seed <= 100; seed++) {
    const world = newDisk(seed);
    const log = (await startManager(world)).getOrCreateLog(tp, { isNew: true, topicId: TOPIC_ID });
    if (seed % 2 === 0) await world.clock.advance(0);
    append(log, 3);
    crash(world, 'power');
    const after = (await startManager(world)).getLog(tp);
    if (!after || after.logEndOffset === 0) continue;
    left++;
    expect(after.topicId).toBe(TOPIC_ID);
  }
  expect(left).toBeGreaterThan(5);
});

test('the id of a log that had none is durable before the next record', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const world = newDisk(seed);
    const log = (await startManager(world)).getOrCreateLog(tp, { isNew: true });
    append(log, 1);
    await log.flush(true);
    log.assignTopicId(TOPIC_ID);
    append(log, 1);
    crash(world, 'power');
    expect((await startManager(world)).getLog(tp)!.topicId).toBe(TOPIC_ID);
  }
});

test('what a log with flush.messages=1 has taken survives any loss of power', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const world = newDisk(seed);
    const defaultConfig = { ...config, flushMessages: 1 };
    const manager = await startManager(world, { defaultConfig });
    const log = manager.getOrCreateLog(tp, { isNew: true, topicId: TOPIC_ID });
    append(log, seed % 15);
    append(log, 1, 4);
    const { logEndOffset, epochEntries } = log;
    if (seed % 2 === 0) manager.checkpointLogRecoveryOffsets();
    crash(world, 'power');
    const after = (await startManager(world, { defaultConfig })).getLog(tp)!;
    expect(after.logEndOffset).toBe(logEndOffset);
    expect(after.epochEntries).toEqual(epochEntries);
  }
});

test('the index of a segment that was rolled after its records were durable becomes durable with the next flush', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = newDisk(seed);
    const log = (await startManager(world, { defaultConfig: config })).getOrCreateLog(tp, { isNew: true });
    append(log, 8);
    await log.flush();
    log.roll();
    const index = `/data/orders-0/00000000000000000000.timeindex`;
    const whole = world.fs.readFile(index);
    await log.flush();
    crash(world, 'power');
    expect(world.fs.readFile(index)).toEqual(whole);
  }
});

test('a producer is known after a clean shutdown and a loss of power', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const world = newDisk(seed);
    const manager = await startManager(world, { defaultConfig: config });
    const log = manager.getOrCreateLog(tp, { isNew: true });
    log.appendAsLeader(batch({ producerId: 7, producerEpoch: 0, baseSequence: 0 }), { leaderEpoch: 0 });
    await stop(world, manager);
    world.fs.syncDir('/data');
    crash(world, 'power');
    const after = (await startManager(world, { defaultConfig: config })).getLog(tp)!;
    expect(after.activeProducers().map(({ producerId }) => producerId)).toEqual([7]);
  }
});

test('what was made durable before a kill and after it survives a loss of power', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const world = newDisk(seed);
    const log = (await startManager(world, { defaultConfig: config })).getOrCreateLog(tp, { isNew: true });
    append(log, 4, 0);
    append(log, 8, 3);
    crash(world, 'process');
    const manager = await startManager(world, { defaultConfig: config });
    const again = manager.getLog(tp)!;
    const { epochEntries } = again;
    await again.flush(true);
    if (seed % 2 === 0) manager.checkpointLogRecoveryOffsets();
    crash(world, 'power');
    const after = (await startManager(world, { defaultConfig: config })).getLog(tp)!;
    expect((await readAll(after)).length).toBe(12);
    expect(after.epochEntries).toEqual(epochEntries);
  }
});

test('a flush syncs segments, then the files beside them, then names, and only then moves the recovery point', async () => {
  const world = newDisk(1);
  const manager = await startManager(world, { defaultConfig: config });
  const log = manager.getOrCreateLog(tp, { isNew: true, topicId: TOPIC_ID });
  append(log, 10, 2);
  const steps: string[] = [];
  world.fs.fault = (operation, path) => {
    if (operation === 'sync') steps.push(`${log.recoveryPoint} ${path.slice('/data'.length)}`);
    return null;
  };
  await log.flush(true);
  manager.checkpointLogRecoveryOffsets();
  world.fs.fault = null;
  const kindOf = (step: string): string =>
    /\.log$/.test(step) ? 'log' : /index$/.test(step) ? 'index' : /orders-0\//.test(step) ? 'small file' : step;
  const kinds = steps.map(kindOf).filter((kind, at, all) => kind !== all[at - 1]);
  expect(kinds.filter((kind) => kind !== 'index' && kind !== 'log')).toEqual([
    'small file',
    '0 /orders-0',
    '0 ',
    '10 /recovery-point-offset-checkpoint.tmp',
    '10 ',
  ]);
  expect(kinds.slice(0, 2)).toEqual(['log', 'index']);
});

test('a deleted topic does not come back where its successor is, though no checkpoint names either', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const world = newDisk(seed);
    const manager = await startManager(world, { defaultConfig: config });
    append(manager.getOrCreateLog(tp, { isNew: true, topicId: TOPIC_ID }), 5);
    const flushed = manager.getLog(tp)!.flush(true);
    await world.clock.advance(1);
    await flushed;
    manager.checkpointLogStartOffsets();
    manager.deleteLater(tp);
    const deleted = manager.makeDeletionsDurable(['/data']);
    await world.clock.advance(1);
    expect([...(await deleted)]).toEqual([]);
    crash(world, 'power');
    expect((await startManager(world, { defaultConfig: config })).getLog(tp)).toBeUndefined();
  }
});

test.each(['/data', '/data/orders-0'])('a flush that could not open %s has made nothing durable', async (folder) => {
  for (let seed = 1; seed <= 40; seed++) {
    const world = newDisk(seed);
    const manager = await startManager(world);
    const log = manager.getOrCreateLog(tp, { isNew: true });
    append(log, 5);
    world.fs.fault = (operation, path) =>
      operation === 'open' && path === folder
        ? Object.assign(new Error(`EMFILE: open '${path}'`), { code: 'EMFILE', syscall: 'open' })
        : null;
    await expect(log.flush(true)).rejects.toMatchObject({ kind: 'KAFKA_STORAGE_ERROR' });
    world.fs.fault = null;
    await log.flush(true);
    crash(world, 'power');
    expect((await startManager(world)).getLog(tp)?.logEndOffset).toBe(5);
  }
});

test('a record that was written, but refused as its flush failed, is flushed before it is acknowledged again', async () => {
  const world = newDisk(1);
  const manager = await startManager(world, { defaultConfig: { ...LOG_CONFIG, flushMessages: 1 } });
  const log = manager.getOrCreateLog(tp, { isNew: true });
  const send = (baseSequence: number) =>
    log.appendAsLeader(numbered(baseSequence, 1, { producerId: 7, producerEpoch: 0, baseSequence }), {
      leaderEpoch: 0,
    });
  send(0);
  log.roll();
  world.fs.fault = (operation, path) =>
    operation.startsWith('sync') && path === log.dir
      ? Object.assign(new Error(`EMFILE: open '${path}'`), { code: 'EMFILE', syscall: 'open' })
      : null;
  expect(() => send(1)).toThrow('EMFILE');
  expect(log.logEndOffset).toBe(2);
  expect(() => send(1)).toThrow('EMFILE');
  world.fs.fault = null;
  expect(send(1).duplicate).toBe(true);
  expect(log.recoveryPoint).toBe(2);
});

test('a segment that retention has deleted is no matter of flush.messages', async () => {
  const world = newDisk(1);
  const isOfFirst = (path: string): boolean => path.includes('/00000000000000000000.log');
  world.fs.pace = {
    clock: world.clock,
    delayMs: (operation, path) => (operation === 'sync' && isOfFirst(path) ? 30_000 : 0),
  };
  const defaultConfig = {
    ...LOG_CONFIG,
    flushMessages: 100,
    retentionBytes: 0,
    fileDeleteDelayMs: 1000,
    segmentBytes: 500,
  };
  const manager = await startManager(world, { logDirs: ['/data', '/other'], defaultConfig });
  const log = manager.getOrCreateLog(tp, { isNew: true });
  append(log, 10);
  // The flush of the segment that was rolled is under way.
  await world.clock.advance(500);
  log.updateHighWatermark(8);
  expect(log.deleteOldSegments()).toBeGreaterThan(0);
  await world.clock.advance(20_000);
  expect(world.fs.readDir(log.dir).filter((name) => name.endsWith('.deleted'))).toEqual([]);
  append(log, 110);
  await world.clock.advance(1);
  expect(log.logEndOffset).toBe(120);
  expect(manager.offlineLogDirs).toEqual([]);
});

test('a producer snapshot stays unsynced until the name of its file is', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const world = newDisk(seed);
    const log = (await startManager(world)).getOrCreateLog(tp, { isNew: true });
    for (const baseSequence of [0, 1]) {
      log.appendAsLeader(numbered(baseSequence, 1, { producerId: 7, producerEpoch: 0, baseSequence }), {
        leaderEpoch: 0,
      });
      if (baseSequence === 0) await log.flush(true);
    }
    world.fs.fault = (operation, path) =>
      operation === 'open' && path === log.dir
        ? Object.assign(new Error('EMFILE'), { code: 'EMFILE', syscall: 'open' })
        : null;
    await expect(log.flush(true)).rejects.toMatchObject({ kind: 'KAFKA_STORAGE_ERROR' });
    world.fs.fault = null;
    await log.flush(true);
    crash(world, 'power');
    expect(world.fs.exists(`${log.dir}/00000000000000000002.snapshot`)).toBe(true);
  }
});
