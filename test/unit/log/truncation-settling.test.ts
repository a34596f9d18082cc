import type { Clock } from '../../../src/common/index.js';
import { MAX_TIMESTAMP, type LogManager, type MovedOffset, type UnifiedLog } from '../../../src/log/index.js';
import { buildEndTxnMarker } from '../../../src/records/index.js';
import { batch, LOG_CONFIG, newWorld, numbered, startManager, type BatchSpec, type LogWorld } from './log-fixture.js';

const tp = { topic: 'orders', partition: 0 };
const HALF_MIB = 'x'.repeat(512 * 1024);
const T0 = 1_700_000_000_000;

let world: LogWorld;
let manager: LogManager;
let log: UnifiedLog;
let failedDirs: string[];

beforeEach(async () => {
  world = newWorld();
  failedDirs = [];
  let nowMs = 0;
  // Each look at the clock takes time, so that work in slices is cut into them.
  const clock = Object.assign(Object.create(world.clock) as Clock, { monotonicMs: () => (nowMs += 6) });
  manager = await startManager(world, {
    clock,
    // Nothing is in the indexes: all is found by walking.
    defaultConfig: { ...LOG_CONFIG, segmentBytes: 1 << 30, indexIntervalBytes: 1 << 30 },
    onLogDirFailure: (dir) => failedDirs.push(dir),
  });
  log = manager.getOrCreateLog(tp, { isNew: true });
});

function send(values: readonly string[], spec: BatchSpec = {}): void {
  log.appendAsLeader(batch({ values, ...spec }), { leaderEpoch: 0 });
}

function inTransaction(producerId: number, value: string, baseSequence = 0): void {
  send([value], { producerId, producerEpoch: 0, baseSequence, isTransactional: true });
}

function commit(producerId: number): void {
  const marker = buildEndTxnMarker({
    producerId,
    producerEpoch: 0,
    type: 'COMMIT',
    coordinatorEpoch: 0,
    timestampMs: T0,
  });
  log.appendAsLeader(marker, { leaderEpoch: 0, origin: 'coordinator' });
}

/** Records that have to be walked: settling takes more than the slice within the call. */
function fill(count = 20): void {
  for (let each = 0; each < count; each++) send([HALF_MIB]);
}

function fail(operation: string, code: string, when: (path: string) => boolean = () => true): void {
  world.fs.fault = (each, path) =>
    each === operation && when(path) ? Object.assign(new Error(code), { code, syscall: operation }) : null;
}

/** Lets time pass until the truncation is settled. */
async function settled(): Promise<void> {
  let isSettled = false;
  const done = log.whenTruncated()?.then(() => (isSettled = true));
  for (let turn = 0; done && !isSettled && turn < 1000; turn++) await world.clock.advance(1);
  expect(log.whenTruncated()).toBeNull();
}

describe('the last stable offset', () => {
  test('is the high watermark after a truncation too, when all transactions ended below it', async () => {
    inTransaction(7, 'a');
    commit(7);
    for (let each = 0; each < 9; each++) send(['b']);
    log.updateHighWatermark(10);
    manager.truncateTo([[tp, 10]]);
    await settled();
    expect(log.lastStableOffset).toBe(10);
  });

  test('stays where it is while a cut above the high watermark settles', async () => {
    inTransaction(7, 'a');
    commit(7);
    inTransaction(8, 'b');
    fill();
    log.updateHighWatermark(20);
    expect(log.lastStableOffset).toBe(2);
    const heard: MovedOffset[] = [];
    log.setLogOffsetsListener((moved) => heard.push(moved));
    manager.truncateTo([[tp, 22]]);
    expect(log.whenTruncated()).not.toBeNull();
    expect(log.lastStableOffset).toBe(2);
    // A leader again before it has settled: followers move the high watermark.
    log.updateHighWatermark(21);
    expect(log.lastStableOffset).toBe(2);
    await settled();
    expect(log.lastStableOffset).toBe(2);
    expect(heard).toEqual(['logEnd', 'visibleEnd']);
  });

  test('is told of when a cut below the high watermark has settled', async () => {
    inTransaction(7, 'a');
    commit(7);
    fill();
    log.updateHighWatermark(22);
    manager.truncateTo([[tp, 21]]);
    expect(log.lastStableOffset).toBe(0);
    const heard: number[] = [];
    log.setLogOffsetsListener(() => heard.push(log.lastStableOffset));
    await settled();
    expect(heard).toEqual([21]);
  });

  test('counts a transaction as open whose marker was cut off below the high watermark', async () => {
    send(['before']);
    inTransaction(7, 'a');
    fill();
    commit(7);
    log.updateHighWatermark(log.logEndOffset);
    manager.truncateTo([[tp, log.logEndOffset - 1]]);
    await settled();
    expect(log.lastStableOffset).toBe(1);
  });
});

describe('a truncation that is being settled', () => {
  beforeEach(() => {
    fill(18);
    for (const baseSequence of [0, 1]) send(['of 7'], { producerId: 7, producerEpoch: 0, baseSequence });
    manager.truncateTo([[tp, 19]]);
    expect(log.whenTruncated()).not.toBeNull();
  });

  test('makes appends wait, not block', async () => {
    expect(log.isReadyForAppends).toBe(false);
    let isReady = false;
    void log.prepareForAppends().then(() => (isReady = true));
    for (let turn = 0; turn < 1000 && !isReady; turn++) await world.clock.advance(1);
    expect(log.isReadyForAppends).toBe(true);
  });

  test('goes on when files can be opened again', async () => {
    fail('open', 'EMFILE');
    await world.clock.advance(5000);
    expect(log.whenTruncated()).not.toBeNull();
    world.fs.fault = null;
    await settled();
    expect(failedDirs).toEqual([]);
  });

  test('goes on after an append that could not complete it', async () => {
    fail('read', 'EMFILE', (path) => path.endsWith('.log'));
    expect(() => send(['refused'])).toThrow(/EMFILE/);
    world.fs.fault = null;
    await settled();
    expect(log.activeProducers()).toMatchObject([{ producerId: 7, lastSequence: 0 }]);
    send(['taken']);
    expect(log.logEndOffset).toBe(20);
  });

  test('ends with its directory, for those who wait too', async () => {
    const done = log.whenTruncated()!;
    fail('read', 'EIO', (path) => path.endsWith('.log'));
    expect(() => send(['refused'])).toThrow(/EIO/);
    world.fs.fault = null;
    for (let turn = 0; turn < 200; turn++) await world.clock.advance(1);
    await done;
    expect(() => log.whenTruncated()).toThrow(/offline/);
    expect(failedDirs).toEqual(['/data']);
  });
});

test('the greatest timestamp is found after a cut before anyone is told of it', async () => {
  fill();
  send(['greatest'], { timestamp: T0 + 5000 });
  send(['cut off']);
  manager.truncateTo([[tp, 21]]);
  const asked = log.fetchOffsetByTimestamp(MAX_TIMESTAMP);
  const byTime = log.fetchOffsetByTimestamp(T0 + 4000);
  await settled();
  expect(await asked).toMatchObject({ timestamp: T0 + 5000, offset: 20 });
  expect(await byTime).toMatchObject({ timestamp: T0 + 5000, offset: 20 });
});

test('a transaction that is open since its marker was cut off is not verified again', () => {
  fill();
  inTransaction(7, 'a');
  commit(7);
  manager.truncateTo([[tp, 21]]);
  expect(log.maybeStartTransactionVerification(7, 1, 0)).toBeNull();
});

describe('whoever listens is told', () => {
  test('that retention below an open transaction moved the last stable offset', async () => {
    manager = await startManager(newWorld(2), {
      defaultConfig: { ...LOG_CONFIG, segmentBytes: 2000, retentionBytes: 3000 },
    });
    log = manager.getOrCreateLog(tp, { isNew: true });
    inTransaction(7, 'open');
    for (let at = 0; at < 30; at++) send(['x'.repeat(500)]);
    log.updateHighWatermark(31);
    expect(log.lastStableOffset).toBe(0);
    const heard = new Set<MovedOffset>();
    log.setLogOffsetsListener((moved) => heard.add(moved));
    expect(log.deleteOldSegments()).toBeGreaterThan(0);
    expect(log.lastStableOffset).toBe(log.logStartOffset);
    expect(heard).toEqual(new Set(['visibleEnd', 'logStart']));
  });

  test('of records that were appended when the flush after them fails', async () => {
    world = newWorld(2);
    manager = await startManager(world, { defaultConfig: { ...LOG_CONFIG, flushMessages: 1 } });
    log = manager.getOrCreateLog(tp, { isNew: true });
    log.appendAsLeader(numbered(0, 1), { leaderEpoch: 0 });
    const heard: MovedOffset[] = [];
    log.setLogOffsetsListener((moved) => heard.push(moved));
    fail('sync', 'EMFILE');
    expect(() => log.appendAsLeader(numbered(1, 1), { leaderEpoch: 0 })).toThrow(/EMFILE/);
    expect(log.logEndOffset).toBe(2);
    expect(heard).toEqual(['logEnd']);
  });

  test('of a high watermark that moved, and of no other', () => {
    send(['a', 'b']);
    const heard: MovedOffset[] = [];
    log.setLogOffsetsListener((moved) => heard.push(moved));
    log.updateHighWatermark(1);
    log.updateHighWatermark(1);
    expect(heard).toEqual(['visibleEnd']);
  });
});

describe('a log that cannot be read after a cut', () => {
  test('takes no appends, costs no other log, and ends no process', async () => {
    const other = manager.getOrCreateLog({ topic: 'orders', partition: 1 }, { isNew: true });
    fill(60);
    const segment = log.segments[0]!;
    const { position } = segment.translateOffset(50)!;
    manager.truncateTo([[tp, 59]]);
    // The length of a batch that no slice has come to.
    const file = world.fs.open(segment.file.path, 'r+');
    file.writeSync([Buffer.from([0, 0, 0, 1])], position + 8);
    file.close();
    for (let turn = 0; turn < 200; turn++) await world.clock.advance(1);
    expect(() => log.whenTruncated()).toThrow(expect.objectContaining({ kind: 'KAFKA_STORAGE_ERROR' }));
    expect(() => send(['late'])).toThrow(expect.objectContaining({ kind: 'KAFKA_STORAGE_ERROR' }));
    await log.prepareForAppends();
    other.appendAsLeader(batch({ values: ['fine'] }), { leaderEpoch: 0 });
    expect(other.logEndOffset).toBe(1);
    expect(failedDirs).toEqual([]);
    // The stop of its directory is in order for the others, and the next start recovers this one alone.
    world.fs.pace = { clock: world.clock, delayMs: (operation) => (operation === 'sync' ? 10 : 0) };
    const { blockedMs } = world.fs;
    const stopped = manager.shutdown();
    await world.clock.advance(1000);
    await stopped;
    // The two checkpoints of the directory, each with its folder, and nothing of the log.
    expect(world.fs.blockedMs - blockedMs).toBeLessThanOrEqual(40);
    const [dir] = manager.liveLogDirs.length > 0 ? manager.liveLogDirs : [log.parentDir];
    expect(world.fs.exists(`${dir}/.kafka_cleanshutdown`)).toBe(true);
    expect(world.fs.readFile(`${dir}/recovery-point-offset-checkpoint`).toString()).toContain('orders 1 1\n');
    world.fs.crash('process', world.random);
    const again = await startManager(world);
    expect(again.getLog(tp)!.logEndOffset).toBe(50);
    expect(again.getLog(other.topicPartition)!.logEndOffset).toBe(1);
  });
});

test('a log start that moves while a truncation settles is that of the producers and of the stable offset afterwards', async () => {
  inTransaction(1, 'cut off', 0);
  commit(1);
  fill();
  const middle = log.logEndOffset;
  send(['x', 'y', 'z']);
  log.updateHighWatermark(middle);
  // Below the high watermark: until it has settled, nothing counts as decided.
  log.truncateTo(middle - 1);
  log.updateHighWatermark(middle - 1);
  expect(log.maybeIncrementLogStartOffset(middle - 2, 'test')).toBe(true);
  expect(log.isReadyForAppends).toBe(false);
  expect([log.logStartOffset, log.lastStableOffset >= log.logStartOffset]).toEqual([middle - 2, true]);
  await settled();
  expect(log.isReadyForAppends).toBe(true);
  expect([log.logStartOffset, log.lastStableOffset]).toEqual([middle - 2, middle - 1]);
  send(['next']);
  expect(log.logEndOffset).toBe(middle);
});
