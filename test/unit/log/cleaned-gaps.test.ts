/** Logs with the gaps that a cleaner leaves, as a follower of a compacted topic has them, and producers that were forgotten meanwhile. */
import { buildEndTxnMarker } from '../../../src/records/index.js';
import type { LogManager, UnifiedLog } from '../../../src/log/index.js';
import {
  type BatchSpec,
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

const tp = { topic: 'table', partition: 0 };
const defaultConfig = { ...LOG_CONFIG, cleanupPolicy: { compact: true, delete: false } };

async function newLog(world: LogWorld, tailCacheBytes?: number): Promise<UnifiedLog> {
  const options = tailCacheBytes === undefined ? {} : { tailCacheBytes };
  return (await startManager(world, { defaultConfig, ...options })).getOrCreateLog(tp, { isNew: true });
}

/** A batch of `count` records of the leader. */
function copy(log: UnifiedLog, baseOffset: number, count: number, spec: BatchSpec = {}): void {
  log.appendAsFollower(numbered(baseOffset, count, { baseOffset, partitionLeaderEpoch: 0, ...spec }));
}

function copyMarker(log: UnifiedLog, baseOffset: number, type: 'COMMIT' | 'ABORT', timestampMs: number): void {
  const end = { producerId: 7, producerEpoch: 0, type, coordinatorEpoch: 0, timestampMs };
  log.appendAsFollower(buildEndTxnMarker({ ...end, baseOffset, partitionLeaderEpoch: 0 }));
}

async function cut(world: LogWorld, log: UnifiedLog, offset: number): Promise<void> {
  log.truncateTo(offset);
  const settled = log.whenTruncated();
  await world.clock.advance(10);
  await settled;
}

describe('a log that was cut behind a gap', () => {
  /** Cut to 99, of which 92 to 98 are missing. */
  async function cutLog(): Promise<{ world: LogWorld; log: UnifiedLog }> {
    const world = newWorld();
    const log = await newLog(world);
    copy(log, 0, 92);
    copy(log, 99, 5);
    await cut(world, log, 99);
    expect(log.logEndOffset).toBe(99);
    return { world, log };
  }

  test('keeps what is appended behind the next roll, though the process is killed', async () => {
    const { world, log } = await cutLog();
    log.roll();
    copy(log, 99, 10);
    copy(log, 109, 50);
    crash(world, 'process');
    const after = (await startManager(world, { defaultConfig })).getLog(tp)!;
    expect([after.logStartOffset, after.logEndOffset]).toEqual([0, 159]);
    expect(after.segments.map(({ baseOffset }) => baseOffset)).toEqual([0, 92]);
    expect((await readAll(after)).map(({ offset }) => offset).at(-1)).toBe(158);
  });

  test('rolls by itself where the last batch ends, as a leader too', async () => {
    const { log } = await cutLog();
    log.updateConfig({ ...LOG_CONFIG, segmentBytes: 100 });
    log.appendAsLeader(numbered(0, 1), { leaderEpoch: 1 });
    expect(log.segments.map(({ baseOffset }) => baseOffset)).toEqual([0, 92]);
    expect(log.logEndOffset).toBe(100);
    log.appendAsLeader(numbered(0, 1), { leaderEpoch: 1 });
    expect(log.segments.map(({ baseOffset }) => baseOffset)).toEqual([0, 92, 100]);
  });

  test('gives its end as the place of an offset in the gap, not another offset', async () => {
    const { log } = await cutLog();
    log.updateHighWatermark(95);
    await log.read(0, 1024, 'HIGH_WATERMARK', true);
    await log.read(95, 1024, 'HIGH_WATERMARK', true);
    expect(log.highWatermark).toBe(95);
  });
});

describe('a reader at a gap', () => {
  async function readFrom(offset: number, rollsAtGap: boolean, prepare: (log: UnifiedLog) => void): Promise<number[]> {
    const log = await newLog(newWorld(), 0);
    copy(log, 0, 10);
    if (rollsAtGap) log.roll();
    copy(log, 20, 10, { producerId: 7, producerEpoch: 0, baseSequence: 0, isTransactional: true });
    log.roll();
    copy(log, 40, 10);
    prepare(log);
    const isolation = log.lastStableOffset < log.highWatermark ? 'TXN_COMMITTED' : 'HIGH_WATERMARK';
    return recordsOf(bytesOf(await log.read(offset, 1024 * 1024, isolation, true))).map((record) => record.offset);
  }

  test.each([
    { title: 'the last stable offset', prepare: (log: UnifiedLog) => void log.updateHighWatermark(50) },
    { title: 'the high watermark', prepare: (log: UnifiedLog) => void log.updateHighWatermark(20) },
  ])('right before $title gets nothing of what lies behind', async ({ prepare }) => {
    for (const rollsAtGap of [false, true]) {
      expect(await readFrom(10, rollsAtGap, prepare)).toEqual([]);
      expect((await readFrom(5, rollsAtGap, prepare)).at(-1)).toBe(9);
    }
  });

  test('gets what lies behind it where it may read that', async () => {
    const endTransaction = (log: UnifiedLog): void => {
      copyMarker(log, 50, 'COMMIT', 0);
      log.updateHighWatermark(51);
    };
    expect((await readFrom(10, true, endTransaction))[0]).toBe(20);
  });
});

describe('a transaction whose producer was forgotten', () => {
  const DAY_MS = 24 * 3600 * 1000;

  /** Ten records of a transaction, committed at 10, and ten others after the day in which the producer is forgotten. */
  async function committedLog(
    rollsWithin: boolean,
  ): Promise<{ world: LogWorld; manager: LogManager; log: UnifiedLog }> {
    const world = newWorld();
    const manager = await startManager(world, { defaultConfig });
    const log = manager.getOrCreateLog(tp, { isNew: true });
    const timestamp = world.clock.nowMs();
    copy(log, 0, 10, { producerId: 7, producerEpoch: 0, baseSequence: 0, isTransactional: true, timestamp });
    if (rollsWithin) log.roll();
    copyMarker(log, 10, 'COMMIT', timestamp);
    log.updateHighWatermark(11);
    await world.clock.advance(DAY_MS + 3_600_000);
    expect(log.hasProducers).toBe(false);
    for (let offset = 11; offset < 21; offset++) copy(log, offset, 1);
    return { world, manager, log };
  }

  test.each([false, true])(
    'is not open again after a cut behind its marker (after a restart: %s)',
    async (restarts) => {
      const { world, manager, log: before } = await committedLog(true);
      let log = before;
      if (restarts) {
        const stopping = manager.shutdown();
        await world.clock.advance(10);
        await stopping;
        log = (await startManager(world, { defaultConfig })).getLog(tp)!;
      }
      log.updateHighWatermark(20);
      await cut(world, log, 20);
      expect(log.lastStableOffset).toBe(20);
      copy(log, 20, 1);
      log.updateHighWatermark(21);
      expect(log.lastStableOffset).toBe(21);
    },
  );

  test('is open when its marker is cut off', async () => {
    const { world, log } = await committedLog(false);
    await cut(world, log, 10);
    copy(log, 10, 1);
    log.updateHighWatermark(11);
    expect(log.lastStableOffset).toBe(0);
  });
});
