import type { Clock } from '../../../src/common/index.js';
import {
  batch,
  type BatchSpec,
  crash,
  LOG_CONFIG,
  newWorld,
  numbered,
  readAll,
  startManager,
  type LogWorld,
} from './log-fixture.js';
import { buildEndTxnMarker } from '../../../src/records/index.js';
import type { LogManager, LogManagerOptions, UnifiedLog } from '../../../src/log/index.js';

const tp = { topic: 'orders', partition: 0 };
const config = { ...LOG_CONFIG, segmentBytes: 2000 };

function killAt(world: LogWorld, operation: string, count: number): void {
  let done = 0;
  world.fs.fault = (each) =>
    each === operation && ++done >= count
      ? Object.assign(new Error('killed'), { code: 'EKILLED', syscall: operation })
      : null;
}

describe.each([
  { title: 'within the log', cut: (manager: LogManager): unknown => manager.truncateTo([[tp, 50]]) },
  { title: 'to another start', cut: (manager: LogManager): unknown => manager.truncateFullyAndStartAt(tp, 5000) },
])('a process killed while it truncates $title', ({ cut }) => {
  test('leaves a log without a hole, wherever it is killed', async () => {
    let killed = 0;
    for (let rename = 1; rename <= 40; rename++) {
      const world = newWorld();
      const before = await startManager(world, { defaultConfig: config });
      const log = before.getOrCreateLog(tp, { isNew: true });
      for (let at = 0; at < 600; at += 10) log.appendAsLeader(numbered(at, 10), { leaderEpoch: 1 });
      await log.flush(true);
      before.checkpointLogRecoveryOffsets();
      killAt(world, 'rename', rename);
      try {
        cut(before);
      } catch {
        killed++;
      }
      world.fs.fault = null;
      crash(world, 'process');
      const after = (await startManager(world, { defaultConfig: config })).getLog(tp)!;
      const records = await readAll(after);
      expect(records.map(({ offset }) => offset)).toEqual(records.map((_, at) => records[0]!.offset + at));
      expect(after.logEndOffset).toBe(records.length > 0 ? records.at(-1)!.offset + 1 : after.logStartOffset);
    }
    expect(killed).toBeGreaterThan(10);
  });
});

describe('a truncation that has to walk a long segment', () => {
  const HALF_MIB = 'x'.repeat(512 * 1024);

  /** Of the event loop. */
  let turns = 0;
  let onTurn: (() => void) | null = null;

  afterEach(() => (onTurn = null));

  /** Each look at the clock takes time, so that work in slices is cut into them. */
  function slowClock(world: LogWorld): Partial<LogManagerOptions> {
    let nowMs = 0;
    const monotonicMs = (): number => (nowMs += 6);
    const defer = (task: () => void): void =>
      world.clock.defer(() => {
        turns++;
        onTurn?.();
        task();
      });
    return { clock: Object.assign(Object.create(world.clock) as Clock, { monotonicMs, defer }) };
  }

  function send(log: UnifiedLog, baseSequence: number, spec: BatchSpec = {}): boolean {
    const records = batch({ values: [HALF_MIB], producerId: 7, producerEpoch: 0, baseSequence, ...spec });
    return log.appendAsLeader(records, { leaderEpoch: 0 }).duplicate;
  }

  async function longLog(
    spec: BatchSpec = {},
    options: Partial<LogManagerOptions> = {},
  ): Promise<{ world: LogWorld; manager: LogManager; log: UnifiedLog }> {
    const world = newWorld();
    const manager = await startManager(world, { ...slowClock(world), ...options });
    const log = manager.getOrCreateLog(tp, { isNew: true });
    for (let sequence = 0; sequence < 60; sequence++) send(log, sequence, spec);
    return { world, manager, log };
  }

  async function readsDuring(world: LogWorld, work: () => unknown): Promise<number> {
    let reads = 0;
    world.fs.fault = (operation, path) => {
      if (operation === 'read' && path.endsWith('.log')) reads++;
      return null;
    };
    await work();
    world.fs.fault = null;
    return reads;
  }

  test('walks it a part at a time, and knows the producers in the end', async () => {
    const { world, manager, log } = await longLog();
    expect(await readsDuring(world, () => manager.truncateTo([[tp, 59]]))).toBeLessThan(25);
    expect(log.logEndOffset).toBe(59);
    const settled = log.whenTruncated();
    const turnsBefore = turns;
    const walked = await readsDuring(world, async () => {
      for (let turn = 0; turn < 20; turn++) await world.clock.advance(0);
      await settled;
    });
    expect(walked / (turns - turnsBefore)).toBeLessThan(15);
    expect(walked).toBeGreaterThan(50);
    expect(await readsDuring(world, () => expect(log.activeProducers()[0]!.lastSequence).toBe(58))).toBe(0);
  });

  test('is complete before the next append', async () => {
    const { manager, log } = await longLog();
    manager.truncateTo([[tp, 59]]);
    expect(send(log, 58)).toBe(true);
    expect(send(log, 59)).toBe(false);
    expect(log.activeProducers()[0]!.lastSequence).toBe(59);
  });

  test('lets no one read what may belong to an open transaction', async () => {
    const { world, manager, log } = await longLog({ isTransactional: true });
    const end = { producerId: 7, producerEpoch: 0, type: 'COMMIT', coordinatorEpoch: 0 } as const;
    const marker = buildEndTxnMarker({ ...end, timestampMs: 1_700_000_000_000 });
    log.appendAsLeader(marker, { leaderEpoch: 0, origin: 'coordinator' });
    log.updateHighWatermark(61);
    expect(log.lastStableOffset).toBe(61);
    manager.truncateTo([[tp, 60]]);
    expect(log.lastStableOffset).toBe(0);
    for (let turn = 0; turn < 20; turn++) await world.clock.advance(0);
    await log.whenTruncated();
    expect(log.lastStableOffset).toBe(0);
    expect(log.hasOngoingTransaction(7)).toBe(true);
  });

  test('touches no file of a log that was deleted meanwhile', async () => {
    const failed: string[] = [];
    const { world, manager, log } = await longLog({}, { onLogDirFailure: (dir) => failed.push(dir) });
    manager.truncateTo([[tp, 59]]);
    const settled = log.whenTruncated();
    const deletedInTurn = turns + 4;
    onTurn = () => {
      if (turns !== deletedInTurn) return;
      manager.asyncDelete(tp);
      world.fs.remove(log.dir);
    };
    for (let turn = 0; turn < 20; turn++) await world.clock.advance(0);
    await settled;
    expect(turns).toBeGreaterThan(deletedInTurn);
    expect(failed).toEqual([]);
  });
});

test('what was cut does not come back with a loss of power beside what was appended in its place', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const world = newWorld(seed);
    world.fs.makeDir('/data');
    world.fs.syncDir('/');
    const manager = await startManager(world, { defaultConfig: config });
    const log = manager.getOrCreateLog(tp, { isNew: true });
    for (let at = 0; at < 400; at += 10) log.appendAsLeader(numbered(at, 10), { leaderEpoch: at < 50 ? 2 : 4 });
    await log.flush(true);
    manager.checkpointLogRecoveryOffsets();
    const [first, second] = log.segments;
    await world.clock.advance(0);
    manager.truncateTo([[tp, 50]]);
    await world.clock.advance(0);
    // The new leader's records there are of an earlier epoch than those that were cut, and end where the next segment began.
    for (let at = 50; at < second!.baseOffset; at += 10) {
      log.appendAsFollower(numbered(0, 10, { baseOffset: at, partitionLeaderEpoch: 3 }));
    }
    // The kernel writes what it likes when it likes.
    world.fs.open(first!.file.path, 'r+').syncSync();
    crash(world, 'power');
    const after = (await startManager(world, { defaultConfig: config })).getLog(tp)!;
    const wrong = (await readAll(after)).filter(({ offset, value }) => offset >= 50 && value === `${offset}`);
    expect(wrong).toEqual([]);
  }
});

describe('what is appended in the place of flushed records', () => {
  const options = { defaultConfig: { ...LOG_CONFIG, segmentBytes: 1000 } };

  async function flushedLog(seed = 1): Promise<{ world: LogWorld; manager: LogManager; log: UnifiedLog }> {
    const world = newWorld(seed);
    world.fs.makeDir('/data');
    world.fs.syncDir('/');
    const manager = await startManager(world, options);
    const log = manager.getOrCreateLog(tp, { isNew: true });
    for (let at = 0; at < 300; at += 10) log.appendAsLeader(numbered(at, 10), { leaderEpoch: 1 });
    await log.flush(true);
    manager.checkpointLogRecoveryOffsets();
    return { world, manager, log };
  }

  async function startAfterKill(world: LogWorld): Promise<UnifiedLog> {
    crash(world, 'process');
    return (await startManager(world, options)).getLog(tp)!;
  }

  test('does not count as flushed after a kill in the same turn', async () => {
    const { world, log } = await flushedLog();
    log.truncateTo(20);
    for (let at = 20; at < 320; at += 10) log.appendAsLeader(numbered(at, 10), { leaderEpoch: 2 });
    const after = await startAfterKill(world);
    expect(after.logEndOffset).toBe(320);
    expect(after.recoveryPoint).toBe(20);
  });

  test('does not count as flushed after a kill later', async () => {
    const { world, log } = await flushedLog();
    log.truncateTo(20);
    let isSettled = false;
    void log.whenTruncated()!.then(() => (isSettled = true));
    while (!isSettled) await world.clock.advance(0);
    for (let at = 20; at < 320; at += 10) log.appendAsLeader(numbered(at, 10), { leaderEpoch: 2 });
    expect((await startAfterKill(world)).recoveryPoint).toBe(20);
  });

  test('does not count as flushed when it comes after a kill, and after another', async () => {
    const { world, log } = await flushedLog();
    log.truncateTo(20);
    const after = await startAfterKill(world);
    expect(after.logEndOffset).toBe(20);
    for (let at = 20; at < 320; at += 10) after.appendAsLeader(numbered(at, 10), { leaderEpoch: 2 });
    expect((await startAfterKill(world)).recoveryPoint).toBeLessThanOrEqual(20);
  });

  test('is not followed by what was cut when the power goes after a kill', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const { world, log } = await flushedLog(seed);
      log.truncateTo(20);
      const nextBaseOffset = Number(world.fs.readDir(log.dir).filter(isDeletedLog).sort()[0]!.slice(0, 20));
      const after = await startAfterKill(world);
      for (let at = 20; at < nextBaseOffset; at += 10) {
        after.appendAsLeader(batch({ values: Array.from({ length: 10 }, () => 'n') }), { leaderEpoch: 1 });
      }
      // The kernel writes what it likes when it likes.
      world.fs.open(after.segments[0]!.file.path, 'r+').syncSync();
      crash(world, 'power');
      const last = (await startManager(world, options)).getLog(tp)!;
      const wrong = (await readAll(last, 20)).filter(({ value }) => value !== 'n');
      expect({ seed, wrong }).toEqual({ seed, wrong: [] });
    }
  });
});

function isDeletedLog(name: string): boolean {
  return name.endsWith('.log.deleted');
}
