/** What a log knows is the same after a restart, for a retry, and in the second batch of a request; and what it held is given back. */
import { MetricsRegistry } from '../../../src/common/index.js';
import type { LogConfig, LogManager, LogManagerOptions } from '../../../src/log/index.js';
import {
  LOG_CONFIG,
  batch,
  crash,
  newManager,
  newWorld,
  numbered,
  startManager,
  type LogWorld,
} from './log-fixture.js';

const TP = { topic: 'orders', partition: 0 };
const TAIL = 'ottla.log:type=LogManager,name=TailCacheBytes';
const SEGMENTS = { ...LOG_CONFIG, segmentBytes: 1000, indexIntervalBytes: 100 };

const start = (world: LogWorld, options: Partial<LogManagerOptions> = {}): Promise<LogManager> =>
  startManager(world, options);

async function stop(world: LogWorld, manager: LogManager): Promise<void> {
  const stopped = manager.shutdown();
  await world.clock.advance(1);
  await stopped;
}

test.each(['clean', 'kill'] as const)('a log start within a segment is there after a %s stop', async (how) => {
  for (const startOffset of [1, 2]) {
    const world = newWorld();
    const manager = await start(world);
    const log = manager.getOrCreateLog(TP, { isNew: true });
    log.appendAsLeader(numbered(0, 3), { leaderEpoch: 0 });
    log.updateHighWatermark(3);
    log.maybeIncrementLogStartOffset(startOffset, 'test');
    if (how === 'clean') await stop(world, manager);
    else {
      manager.checkpointLogStartOffsets();
      crash(world, 'process');
    }
    expect((await start(world)).getLog(TP)!.logStartOffset).toBe(startOffset);
  }
});

test('logs are taken up with the configuration of their topic', async () => {
  const world = newWorld();
  const first = await start(world);
  first.getOrCreateLog(TP, { isNew: true });
  first.getOrCreateLog({ topic: 'bills', partition: 0 }, { isNew: true });
  await stop(world, first);
  const own: LogConfig = { ...LOG_CONFIG, retentionMs: 1234 };
  const manager = newManager(world);
  const started = manager.startup(async () => new Map([['orders', own]]));
  await world.clock.advance(0);
  await started;
  expect(manager.getLog(TP)!.config.retentionMs).toBe(1234);
  expect(manager.getLog({ topic: 'bills', partition: 0 })!.config.retentionMs).toBe(LOG_CONFIG.retentionMs);
});

test('after a kill only what lies behind the recovery point is recovered', async () => {
  const world = newWorld();
  const manager = await start(world, { defaultConfig: SEGMENTS });
  const log = manager.getOrCreateLog(TP, { isNew: true });
  for (let at = 0; at < 40; at++) log.appendAsLeader(numbered(at, 1), { leaderEpoch: 0 });
  await log.flush(true);
  manager.checkpointLogRecoveryOffsets();
  for (let at = 40; at < 60; at++) log.appendAsLeader(numbered(at, 1), { leaderEpoch: 0 });
  const recovered = log.segments.filter(({ baseOffset }) => baseOffset < 40).slice(0, -1);
  expect(recovered.length).toBeGreaterThan(1);
  crash(world, 'process');
  const written = new Set<string>();
  world.fs.fault = (operation, path) => {
    if (operation === 'write' || operation === 'truncate' || operation === 'rename') written.add(path);
    return null;
  };
  await start(world, { defaultConfig: SEGMENTS });
  expect(written.size).toBeGreaterThan(0);
  const names = recovered.map(({ baseOffset }) => String(baseOffset).padStart(20, '0'));
  expect(
    [...written].filter((path) => names.some((name) => path.includes(name) && !path.includes('snapshot'))),
  ).toEqual([]);
});

test('a retry is told the append time of the first', async () => {
  const world = newWorld();
  const config: LogConfig = { ...LOG_CONFIG, messageTimestampType: 'LogAppendTime' };
  const log = (await start(world, { defaultConfig: config })).getOrCreateLog(TP, { isNew: true });
  const records = (): Buffer => batch({ values: ['a', 'b'], producerId: 3, producerEpoch: 0, baseSequence: 0 });
  const first = log.appendAsLeader(records(), { leaderEpoch: 0 });
  await world.clock.advance(5000);
  const again = log.appendAsLeader(records(), { leaderEpoch: 0 });
  expect(again).toMatchObject({ duplicate: true, lastOffset: 1, logAppendTime: first.logAppendTime });
  expect(again.firstOffset!.messageOffset).toBe(0);
});

test('segments roll up to segment.jitter.ms before segment.ms, and none before', async () => {
  const world = newWorld();
  const config = { ...LOG_CONFIG, segmentMs: 10_000, maxSegmentMs: 10_000, segmentJitterMs: 4000 };
  const manager = await start(world, { defaultConfig: config });
  const rolledAfter = Array.from({ length: 20 }, (_, partition) => {
    const log = manager.getOrCreateLog({ topic: 'orders', partition }, { isNew: true });
    for (let passedMs = 0; ; passedMs += 500) {
      log.appendAsLeader(batch({ timestamp: 1_700_000_000_000 + passedMs }), { leaderEpoch: 0 });
      if (log.numberOfSegments > 1) return passedMs;
    }
  });
  expect(Math.min(...rolledAfter)).toBeGreaterThan(6000);
  expect(Math.max(...rolledAfter)).toBeLessThanOrEqual(10_500);
  expect(new Set(rolledAfter).size).toBeGreaterThan(3);
});

test('a follower knows the producer and the place of a transaction whose batch is not the first of what it fetched', async () => {
  const world = newWorld();
  const log = (await start(world)).getOrCreateLog(TP, { isNew: true });
  const plain = batch({ values: ['a'], partitionLeaderEpoch: 0 });
  const producer = { producerId: 3, producerEpoch: 0, baseSequence: 0, isTransactional: true };
  log.appendAsFollower(
    Buffer.concat([plain, batch({ values: ['b'], baseOffset: 1, partitionLeaderEpoch: 0, ...producer })]),
  );
  log.updateHighWatermark(2);
  expect(log.activeProducers()).toMatchObject([{ producerId: 3, lastSequence: 0, currentTxnStartOffset: 1 }]);
  expect(log.fetchOffsetSnapshot().lastStableOffset).toMatchObject({
    messageOffset: 1,
    relativePositionInSegment: plain.length,
  });
});

test('each new segment has a snapshot of the producers before it', async () => {
  const world = newWorld();
  const log = (await start(world, { defaultConfig: SEGMENTS })).getOrCreateLog(TP, { isNew: true });
  for (let baseSequence = 0; log.numberOfSegments < 3; baseSequence++) {
    log.appendAsLeader(batch({ producerId: 3, producerEpoch: 0, baseSequence }), { leaderEpoch: 0 });
  }
  for (const { baseOffset } of log.segments.slice(1)) {
    expect(world.fs.exists(`/data/orders-0/${String(baseOffset).padStart(20, '0')}.snapshot`)).toBe(true);
  }
});

test.each([
  { title: 'is deleted', end: (manager: LogManager) => void manager.asyncDelete(TP) },
  { title: 'is on a disk that failed', end: (manager: LogManager) => void manager.handleLogDirFailure('/data') },
])('a log that $title holds no memory any more', async ({ end }) => {
  const world = newWorld();
  const metrics = new MetricsRegistry();
  const manager = await start(world, { metrics });
  const held = (): number => metrics.snapshot().get(TAIL)!;
  manager.getOrCreateLog(TP, { isNew: true }).appendAsLeader(numbered(0, 3), { leaderEpoch: 0 });
  expect(held()).toBeGreaterThan(0);
  end(manager);
  await world.clock.advance(1);
  expect(held()).toBe(0);
});
