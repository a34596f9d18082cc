import { sleep } from '../../../src/common/index.js';
import { buildEndTxnMarker } from '../../../src/records/index.js';
import { LogError, type LogManager, type UnifiedLog } from '../../../src/log/index.js';
import {
  batch,
  bytesOf,
  LOG_CONFIG,
  newWorld,
  numbered,
  readAll,
  recordsOf,
  startManager,
  TOPIC_ID,
} from './log-fixture.js';

const tp = { topic: 'orders', partition: 0 };

async function newLog(config = {}, world = newWorld()) {
  const manager = await startManager(world);
  const log = manager.getOrCreateLog(tp, { config: { ...LOG_CONFIG, ...config }, isNew: true, topicId: TOPIC_ID });
  return { world, manager, log };
}

describe('a new log', () => {
  test('has its files at once', async () => {
    const { world } = await newLog();
    expect(world.fs.readDir('/data/orders-0').sort()).toEqual([
      '00000000000000000000.index',
      '00000000000000000000.log',
      '00000000000000000000.timeindex',
      'partition.metadata',
    ]);
    expect(world.fs.readFile('/data/orders-0/partition.metadata').toString()).toBe(`version: 0\ntopic_id: ${TOPIC_ID}`);
  });

  test('refuses another topic id', async () => {
    const { log } = await newLog();
    expect(() => log.assignTopicId('AAAAAAAAAAAAAAAAAAAAAg')).toThrow(
      expect.objectContaining({ kind: 'INCONSISTENT_TOPIC_ID' }),
    );
  });
});

describe('appending as leader', () => {
  test('assigns offsets and the leader epoch in the bytes given', async () => {
    const { log } = await newLog();
    const first = log.appendAsLeader(numbered(0, 3), { leaderEpoch: 5 });
    const second = log.appendAsLeader(numbered(3, 2), { leaderEpoch: 5 });
    expect(first).toMatchObject({
      firstOffset: { messageOffset: 0 },
      lastOffset: 2,
      logStartOffset: 0,
      duplicate: false,
    });
    expect(second).toMatchObject({ firstOffset: { messageOffset: 3, segmentBaseOffset: 0 }, lastOffset: 4 });
    expect(log.logEndOffset).toBe(5);
    expect(log.latestEpoch).toBe(5);
    expect((await readAll(log)).map(({ offset, value }) => `${offset}=${value}`)).toEqual([
      '0=0',
      '1=1',
      '2=2',
      '3=3',
      '4=4',
    ]);
  });

  test('refuses a batch larger than a segment', async () => {
    const { log } = await newLog({ segmentBytes: 100 });
    expect(() => log.appendAsLeader(batch({ values: ['x'.repeat(200)] }), { leaderEpoch: 0 })).toThrow(
      expect.objectContaining({ kind: 'RECORD_LIST_TOO_LARGE' }),
    );
  });

  test('refuses a batch larger than max.message.bytes', async () => {
    const { log } = await newLog({ maxMessageBytes: 100 });
    expect(() => log.appendAsLeader(batch({ values: ['x'.repeat(200)] }), { leaderEpoch: 0 })).toThrow(
      expect.objectContaining({ kind: 'MESSAGE_TOO_LARGE' }),
    );
    expect(log.logEndOffset).toBe(0);
  });

  test('answers a retry of one of the last five batches with its first append', async () => {
    const { log } = await newLog();
    for (let sequence = 0; sequence < 6; sequence++) {
      log.appendAsLeader(batch({ producerId: 7, producerEpoch: 0, baseSequence: sequence }), { leaderEpoch: 0 });
    }
    const retry = log.appendAsLeader(batch({ producerId: 7, producerEpoch: 0, baseSequence: 1 }), { leaderEpoch: 0 });
    expect(retry).toMatchObject({ duplicate: true, firstOffset: { messageOffset: 1 }, lastOffset: 1 });
    expect(log.logEndOffset).toBe(6);
    expect(() =>
      log.appendAsLeader(batch({ producerId: 7, producerEpoch: 0, baseSequence: 0 }), { leaderEpoch: 0 }),
    ).toThrow(expect.objectContaining({ kind: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }));
    expect(() =>
      log.appendAsLeader(batch({ producerId: 7, producerEpoch: -1 + 0, baseSequence: 8 }), { leaderEpoch: 0 }),
    ).toThrow(LogError);
  });

  test('fences a producer by a newer epoch', async () => {
    const { log } = await newLog();
    log.appendAsLeader(batch({ producerId: 7, producerEpoch: 3, baseSequence: 0 }), { leaderEpoch: 0 });
    expect(() =>
      log.appendAsLeader(batch({ producerId: 7, producerEpoch: 2, baseSequence: 1 }), { leaderEpoch: 0 }),
    ).toThrow(expect.objectContaining({ kind: 'INVALID_PRODUCER_EPOCH' }));
  });
});

describe('appending as follower', () => {
  test('takes several batches with the epochs in them', async () => {
    const { log } = await newLog();
    const records = Buffer.concat([
      numbered(0, 2, { baseOffset: 0, partitionLeaderEpoch: 1 }),
      numbered(2, 2, { baseOffset: 2, partitionLeaderEpoch: 4 }),
    ]);
    expect(log.appendAsFollower(records)).toMatchObject({ lastOffset: 3, shallowCount: 2, validBytes: records.length });
    expect(log.epochEntries).toEqual([
      { epoch: 1, startOffset: 0 },
      { epoch: 4, startOffset: 2 },
    ]);
    expect(log.endOffsetForEpoch(1)).toEqual({ epoch: 1, offset: 2 });
    expect(log.endOffsetForEpoch(4)).toEqual({ epoch: 4, offset: 4 });
    expect(log.endOffsetForEpoch(9)).toBeNull();
  });

  test('leaves no epochs of records that could not be appended, and done again the same as at once', async () => {
    const { log, world } = await newLog();
    const of = (offset: number, epoch: number): Buffer =>
      numbered(offset, 2, { baseOffset: offset, partitionLeaderEpoch: epoch });
    for (const records of [of(0, 1), of(2, 4)]) log.appendAsFollower(records);
    const before = log.epochEntries;
    const both = Buffer.concat([of(4, 4), of(6, 7)]);
    world.fs.fault = (operation, path) =>
      operation === 'write' && path.endsWith('.log')
        ? Object.assign(new Error('ENFILE: file table overflow'), { code: 'ENFILE', syscall: 'open' })
        : null;
    expect(() => log.appendAsFollower(both)).toThrow('ENFILE');
    expect(log.epochEntries).toEqual(before);
    world.fs.fault = null;
    log.appendAsFollower(both);
    expect(log.epochEntries).toEqual([...before, { epoch: 7, startOffset: 6 }]);
  });

  test('takes records of an older epoch than its own, under which it has none, and keeps where that began', async () => {
    const { log } = await newLog();
    log.appendAsFollower(numbered(0, 2, { baseOffset: 0, partitionLeaderEpoch: 4 }));
    log.maybeAssignEpochStartOffset(5, 2);
    log.appendAsFollower(numbered(2, 2, { baseOffset: 2, partitionLeaderEpoch: 4 }));
    expect(log.epochEntries).toEqual([{ epoch: 4, startOffset: 0 }]);
  });

  test('refuses records that do not continue it', async () => {
    const { log } = await newLog();
    log.appendAsFollower(numbered(0, 4, { baseOffset: 0, partitionLeaderEpoch: 0 }));
    expect(() => log.appendAsFollower(numbered(2, 1, { baseOffset: 2, partitionLeaderEpoch: 0 }))).toThrow(
      expect.objectContaining({ kind: 'UNEXPECTED_APPEND_OFFSET', firstOffset: 2, lastOffset: 2 }),
    );
  });

  test('leaves out a partial batch at the end', async () => {
    const { log } = await newLog();
    const whole = numbered(0, 2, { baseOffset: 0, partitionLeaderEpoch: 0 });
    const partial = numbered(2, 2, { baseOffset: 2, partitionLeaderEpoch: 0 }).subarray(0, 40);
    log.appendAsFollower(Buffer.concat([whole, partial]));
    expect(log.logEndOffset).toBe(2);
    expect(log.size).toBe(whole.length);
  });
});

describe('reading', () => {
  test('never goes beyond the high watermark for consumers', async () => {
    const { log } = await newLog();
    log.appendAsLeader(numbered(0, 2), { leaderEpoch: 0 });
    log.appendAsLeader(numbered(2, 2), { leaderEpoch: 0 });
    log.updateHighWatermark(2);
    const fetch = await log.read(0, 1 << 20, 'HIGH_WATERMARK', true);
    expect(recordsOf(bytesOf(fetch)).map((record) => record.offset)).toEqual([0, 1]);
    expect(await log.read(2, 1 << 20, 'HIGH_WATERMARK', true)).toMatchObject({ sizeInBytes: 0 });
    expect(await log.read(3, 1 << 20, 'HIGH_WATERMARK', true)).toMatchObject({ sizeInBytes: 0 });
  });

  test('is at once for the end of the log and gives whole batches within the limit', async () => {
    const { log } = await newLog();
    const one = numbered(0, 2);
    for (let at = 0; at < 4; at++) log.appendAsLeader(Buffer.from(one), { leaderEpoch: 0 });
    const fetch = log.read(2, one.length * 2 + 5, 'LOG_END', false);
    expect(fetch).not.toBeInstanceOf(Promise);
    expect(await fetch).toMatchObject({
      sizeInBytes: one.length * 2,
      fetchOffsetMetadata: { messageOffset: 2, segmentBaseOffset: 0, relativePositionInSegment: one.length },
    });
    expect(await log.read(2, 10, 'LOG_END', false)).toMatchObject({ sizeInBytes: 0, firstEntryIncomplete: true });
    expect(await log.read(2, 10, 'LOG_END', true)).toMatchObject({
      sizeInBytes: one.length,
      firstEntryIncomplete: false,
    });
  });

  test('refuses offsets outside of the log', async () => {
    const { log } = await newLog();
    log.appendAsLeader(numbered(0, 2), { leaderEpoch: 0 });
    expect(() => log.read(3, 100, 'LOG_END', true)).toThrow(expect.objectContaining({ kind: 'OFFSET_OUT_OF_RANGE' }));
    log.updateHighWatermark(2);
    log.maybeIncrementLogStartOffset(1, 'test');
    expect(() => log.read(0, 100, 'LOG_END', true)).toThrow(expect.objectContaining({ kind: 'OFFSET_OUT_OF_RANGE' }));
  });

  test('from the files gives the same as from memory', async () => {
    const { world, log } = await newLog({ segmentBytes: 4000, indexIntervalBytes: 100 });
    for (let at = 0; at < 300; at++) log.appendAsLeader(numbered(at * 2, 2), { leaderEpoch: 0 });
    const fromMemory = await readAll(log);
    await world.clock.advance(60_000);
    expect(log.read(0, 100, 'LOG_END', true)).toBeInstanceOf(Promise);
    expect(await readAll(log, 0, 500)).toEqual(fromMemory);
    expect(fromMemory).toHaveLength(600);
    expect(log.numberOfSegments).toBeGreaterThan(5);
    for (const offset of [0, 1, 77, 300, 599]) {
      expect((await readAll(log, offset, 300))[0]).toMatchObject({ offset, value: `${offset}` });
    }
  });
});

describe('transactions', () => {
  test('hold the last stable offset back until their marker is replicated', async () => {
    const { log } = await newLog();
    log.appendAsLeader(numbered(0, 1), { leaderEpoch: 0 });
    const txn = { producerId: 9, producerEpoch: 0, isTransactional: true };
    log.appendAsLeader(numbered(1, 2, { ...txn, baseSequence: 0 }), { leaderEpoch: 0 });
    log.updateHighWatermark(log.logEndOffset);
    expect(log.lastStableOffset).toBe(1);
    expect(log.hasOngoingTransaction(9)).toBe(true);
    const marker = buildEndTxnMarker({
      producerId: 9,
      producerEpoch: 0,
      type: 'ABORT',
      coordinatorEpoch: 0,
      timestampMs: 1_700_000_000_000,
    });
    log.appendAsLeader(marker, { leaderEpoch: 0, origin: 'coordinator' });
    expect(log.lastStableOffset).toBe(1);
    log.updateHighWatermark(log.logEndOffset);
    expect(log.lastStableOffset).toBe(4);
    const fetch = await log.read(0, 1 << 20, 'TXN_COMMITTED', true);
    expect(fetch.abortedTransactions).toEqual([{ producerId: 9, firstOffset: 1 }]);
    expect((await log.read(0, 1 << 20, 'HIGH_WATERMARK', true)).abortedTransactions).toBeNull();
  });

  test('must have been verified when the broker verifies', async () => {
    const world = newWorld();
    const manager = await startManager(world, { transactionVerificationEnabled: true });
    const log = manager.getOrCreateLog(tp, { isNew: true });
    const records = () => numbered(0, 1, { producerId: 9, producerEpoch: 0, isTransactional: true, baseSequence: 0 });
    expect(() => log.appendAsLeader(records(), { leaderEpoch: 0 })).toThrow(
      expect.objectContaining({ kind: 'INVALID_TXN_STATE' }),
    );
    const verificationGuard = log.maybeStartTransactionVerification(9, 0, 0);
    log.appendAsLeader(records(), { leaderEpoch: 0, verificationGuard });
    expect(log.maybeStartTransactionVerification(9, 1, 0)).toBeNull();
  });
});

describe('finding offsets by time', () => {
  test('gives the first record of that time or later, and the ends', async () => {
    const { log } = await newLog({ segmentBytes: 2000, indexIntervalBytes: 50 });
    for (let at = 0; at < 50; at++)
      log.appendAsLeader(numbered(at * 2, 2, { timestamp: 1000 + at * 10 }), { leaderEpoch: 3 });
    expect(await log.fetchOffsetByTimestamp(1200)).toEqual({ timestamp: 1200, offset: 40, leaderEpoch: 3 });
    expect(await log.fetchOffsetByTimestamp(1201)).toEqual({ timestamp: 1210, offset: 42, leaderEpoch: 3 });
    expect(await log.fetchOffsetByTimestamp(5000)).toBeNull();
    expect(await log.fetchOffsetByTimestamp(-1)).toEqual({ timestamp: -1, offset: 100, leaderEpoch: 3 });
    expect(await log.fetchOffsetByTimestamp(-2)).toEqual({ timestamp: -1, offset: 0, leaderEpoch: 3 });
    expect(await log.fetchOffsetByTimestamp(-3)).toMatchObject({ timestamp: 1490, leaderEpoch: 3 });
  });
});

describe('truncating', () => {
  test('cuts inside a segment and appends go on from there', async () => {
    const { log } = await newLog({ segmentBytes: 1000 });
    for (let at = 0; at < 40; at++) log.appendAsLeader(numbered(at * 2, 2), { leaderEpoch: at < 20 ? 0 : 1 });
    log.updateHighWatermark(60);
    expect(log.truncateTo(30)).toBe(true);
    expect(log.logEndOffset).toBe(30);
    expect(log.highWatermark).toBe(30);
    expect(log.latestEpoch).toBe(0);
    log.appendAsLeader(numbered(30, 2), { leaderEpoch: 2 });
    expect((await readAll(log)).map((record) => record.value)).toEqual(Array.from({ length: 32 }, (_, at) => `${at}`));
    expect(log.truncateTo(100)).toBe(false);
  });

  test('fully begins anew at an offset', async () => {
    const { log } = await newLog();
    log.appendAsLeader(numbered(0, 5), { leaderEpoch: 0 });
    log.truncateFullyAndStartAt(100);
    expect(log).toMatchObject({
      logStartOffset: 100,
      logEndOffset: 100,
      highWatermark: 100,
      size: 0,
      latestEpoch: null,
    });
    log.appendAsLeader(numbered(100, 1), { leaderEpoch: 1 });
    expect(await readAll(log)).toEqual([expect.objectContaining({ offset: 100, value: '100' })]);
  });
});

describe('a damaged file', () => {
  test.each([0, -12, -100])('is told to who reads it: a length of %i ends no walk', async (length) => {
    const { world, manager, log } = await newLog();
    for (let at = 0; at < 3; at++) log.appendAsLeader(numbered(at, 1), { leaderEpoch: 0 });
    const second = log.size / 3;
    const { dir } = log;
    await manager.shutdown();
    // A log that was just loaded has nothing in memory.
    const again = (await startManager(world)).getLog(tp)!;
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(length);
    const file = world.fs.open(`${dir}/00000000000000000000.log`, 'r+');
    file.writeSync([bytes], second + 8);
    file.close();
    await expect(again.read(2, 1000, 'LOG_END', true)).rejects.toMatchObject({ kind: 'CORRUPT_MESSAGE' });
  });
});

describe('retention', () => {
  test.each([
    { title: 'segments', remove: (log: UnifiedLog) => log.truncateTo(0) },
    { title: 'all files of the log', remove: (_: UnifiedLog, manager: LogManager) => manager.asyncDelete(tp) },
  ])('$title may go while they are made durable: the directory stays online', async ({ remove }) => {
    const { world, manager, log } = await newLog({ segmentBytes: 300, indexIntervalBytes: 1, fileDeleteDelayMs: 0 });
    for (let at = 0; at < 12; at++) log.appendAsLeader(numbered(at, 2), { leaderEpoch: 0 });
    const open = world.fs.open.bind(world.fs);
    jest.spyOn(world.fs, 'open').mockImplementation((path, mode) => {
      const handle = open(path, mode);
      const sync = handle.sync.bind(handle);
      handle.sync = () => sleep(world.clock, 5).then(sync);
      return handle;
    });
    const flushed = log.flush();
    remove(log, manager);
    await world.clock.advance(1000);
    await flushed;
    await world.clock.advance(1);
    expect(manager.liveLogDirs).toEqual(['/data']);
  });

  test('deletes segments by size, time and log start offset, never beyond the high watermark', async () => {
    const { world, log } = await newLog({ segmentBytes: 1000, retentionBytes: 3000 });
    const append = () => {
      for (let at = 0; at < 60; at++) {
        log.appendAsLeader(numbered(0, 2, { timestamp: world.clock.nowMs() }), { leaderEpoch: 0 });
      }
    };
    append();
    expect(log.deleteOldSegments()).toBe(0);
    log.updateHighWatermark(log.logEndOffset);
    const before = log.numberOfSegments;
    expect(log.deleteOldSegments()).toBeGreaterThan(0);
    expect(log.size).toBeGreaterThanOrEqual(3000);
    expect(log.numberOfSegments).toBeLessThan(before);
    expect(log.logStartOffset).toBe(log.segments[0]!.baseOffset);
    log.updateConfig({ ...LOG_CONFIG, retentionMs: 1000, segmentBytes: 1000 });
    await world.clock.advance(2000);
    log.deleteOldSegments();
    expect(log).toMatchObject({ size: 0, logStartOffset: 120, logEndOffset: 120, numberOfSegments: 1 });
    append();
    log.updateHighWatermark(log.logEndOffset);
    const next = log.segments[2]!.baseOffset;
    log.updateConfig({ ...LOG_CONFIG, cleanupPolicy: { compact: true, delete: false } });
    log.maybeIncrementLogStartOffset(next, 'delete records');
    expect(log.deleteOldSegments()).toBe(2);
    await world.clock.advance(60_000);
    expect(world.fs.readDir('/data/orders-0').filter((name) => name.endsWith('.deleted'))).toEqual([]);
  });

  test('deletes nothing by a configuration of which not all is known, but what was deleted by hand', async () => {
    const { world, log } = await newLog({
      segmentBytes: 1000,
      retentionMs: 1000,
      retentionBytes: 0,
      isIncomplete: true,
    });
    for (let at = 0; at < 6; at++) log.appendAsLeader(batch({ values: ['x'.repeat(900)] }), { leaderEpoch: 0 });
    log.updateHighWatermark(6);
    await world.clock.advance(2000);
    expect(log.deleteOldSegments()).toBe(0);
    log.maybeIncrementLogStartOffset(2, 'a test');
    expect(log.deleteOldSegments()).toBe(2);
    log.updateConfig({ ...log.config, isIncomplete: false });
    expect(log.deleteOldSegments()).toBe(4);
  });

  test('deletes no more segments than it is told to, the oldest first, and the rest the next time', async () => {
    const { world, log } = await newLog({ segmentBytes: 1000, retentionMs: 1000 });
    for (let at = 0; at < 60; at++)
      log.appendAsLeader(numbered(0, 2, { timestamp: world.clock.nowMs() }), { leaderEpoch: 0 });
    log.updateHighWatermark(log.logEndOffset);
    await world.clock.advance(2000);
    const bases = log.segments.map(({ baseOffset }) => baseOffset);
    expect(log.deleteOldSegments(2)).toBe(2);
    expect(log.segments.map(({ baseOffset }) => baseOffset)).toEqual(bases.slice(2));
    expect(log.logStartOffset).toBe(bases[2]);
    expect(log.deleteOldSegments(bases.length)).toBe(bases.length - 2);
    expect(log).toMatchObject({ logStartOffset: 120, numberOfSegments: 1 });
  });
});

describe('rolling', () => {
  test('by time, counted by the timestamps of the records', async () => {
    const { log } = await newLog({ maxSegmentMs: 1000 });
    log.appendAsLeader(numbered(0, 1, { timestamp: 5000 }), { leaderEpoch: 0 });
    log.appendAsLeader(numbered(1, 1, { timestamp: 6000 }), { leaderEpoch: 0 });
    expect(log.numberOfSegments).toBe(1);
    log.appendAsLeader(numbered(2, 1, { timestamp: 6001 }), { leaderEpoch: 0 });
    expect(log.segments.map((segment) => segment.baseOffset)).toEqual([0, 2]);
  });

  test('makes the old segment durable and moves the recovery point', async () => {
    const { world, log } = await newLog({ segmentBytes: 200 });
    for (let at = 0; at < 10; at++) log.appendAsLeader(numbered(at, 1), { leaderEpoch: 0 });
    expect(log.recoveryPoint).toBe(0);
    await world.clock.advance(1);
    expect(log.recoveryPoint).toBe(log.segments.at(-1)!.baseOffset);
  });
});
