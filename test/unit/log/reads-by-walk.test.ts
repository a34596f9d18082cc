/** Reads from memory and from the files against a walk over all batches of the log. */
import { seededRandom } from '../../../src/common/index.js';
import type { FetchIsolation, UnifiedLog } from '../../../src/log/index.js';
import { ReadInterest } from '../../../src/log/segment/read-interest.js';
import { iterateBatches } from '../../../src/records/index.js';
import { SEVERAL_SEGMENTS, TP, fillLog, type FilledBatch } from './filled-log.js';
import { batch, bytesOf, LOG_CONFIG, newWorld, recordsOf, startManager, type LogWorld } from './log-fixture.js';

const COLD_AFTER_MS = 60_000;

/** The batches that a read has to give, of one segment: whole, below the limit, as many as fit, and the first even if it does not. */
function expectedOf(batches: readonly FilledBatch[], offset: number, upTo: number, maxBytes: number): FilledBatch[] {
  const first = batches.findIndex((batch) => batch.lastOffset >= offset);
  const given: FilledBatch[] = [];
  let bytes = 0;
  for (const batch of batches.slice(first)) {
    const isOtherSegment = batch.segmentBaseOffset !== batches[first]!.segmentBaseOffset;
    if (isOtherSegment || batch.lastOffset >= upTo) break;
    if (given.length > 0 && bytes + batch.sizeInBytes > maxBytes) break;
    given.push(batch);
    bytes += batch.sizeInBytes;
  }
  return given;
}

async function check(
  log: UnifiedLog,
  batches: readonly FilledBatch[],
  isolation: FetchIsolation,
  upTo: number,
  seed: number,
): Promise<void> {
  const random = seededRandom(seed);
  for (let round = 0; round < 60; round++) {
    const offset = random.nextInt(upTo);
    const maxBytes = 1 + random.nextInt(random.nextInt(2) === 0 ? 3000 : 80_000);
    const read = await log.read(offset, maxBytes, isolation, true);
    const found = [...iterateBatches(bytesOf(read))].map((batch) => `${batch.baseOffset}-${batch.lastOffset}`);
    const expected = expectedOf(batches, offset, upTo, maxBytes);
    const asked = `from ${offset}, ${maxBytes} bytes`;
    expect(`${asked}: ${found.join()}`).toBe(
      `${asked}: ${expected.map((one) => `${one.baseOffset}-${one.lastOffset}`).join()}`,
    );
    expect(bytesOf(read)).toHaveLength(expected.reduce((sum, one) => sum + one.sizeInBytes, 0));
    expect(read.fetchOffsetMetadata).toMatchObject({
      messageOffset: offset,
      segmentBaseOffset: expected[0]!.segmentBaseOffset,
      relativePositionInSegment: expected[0]!.position,
    });
  }
}

async function coolDown(world: LogWorld): Promise<void> {
  await world.clock.advance(COLD_AFTER_MS);
}

const SIZES = [
  { title: 'small batches', seed: 1, batches: 260, valueBytes: undefined },
  {
    title: 'some batches of 14 to 56 KB',
    seed: 2,
    batches: 60,
    valueBytes: (random: () => number) => (random() < 0.15 ? 14_000 : 400),
  },
];

describe.each(SIZES)('a log of $title', ({ seed, batches: count, valueBytes }) => {
  const options = { seed, batches: count, ...(valueBytes && { valueBytes }) };

  test.each(['from memory', 'from the files', 'from the files after a restart'])(
    'is read %s batch by batch',
    async (way) => {
      const world = newWorld();
      const manager = await startManager(world);
      const filled = fillLog(manager, options);
      let { log } = filled;
      expect(log.numberOfSegments).toBeGreaterThan(3);
      if (way !== 'from memory') await coolDown(world);
      if (way === 'from the files after a restart') {
        const stopped = manager.shutdown();
        await world.clock.advance(1);
        await stopped;
        log = (await startManager(world, { defaultConfig: SEVERAL_SEGMENTS })).getLog(TP)!;
      }
      await check(log, filled.batches, 'LOG_END', log.logEndOffset, seed);
    },
  );

  test.each(['memory', 'the files'])(
    'gives consumers nothing at the high watermark or beyond from %s',
    async (source) => {
      const world = newWorld();
      const manager = await startManager(world);
      const { log, batches } = fillLog(manager, options);
      if (source === 'the files') await coolDown(world);
      for (const part of [0.2, 0.5, 0.51, 0.9]) {
        const upTo = batches[Math.floor(batches.length * part)]!.baseOffset;
        log.updateHighWatermark(upTo);
        await check(log, batches, 'HIGH_WATERMARK', upTo, seed);
        const [at, behind] = [
          await log.read(upTo, 1000, 'HIGH_WATERMARK', true),
          await log.read(upTo + 1, 1000, 'HIGH_WATERMARK', true),
        ];
        expect([at.sizeInBytes, behind.sizeInBytes]).toEqual([0, 0]);
      }
    },
  );

  test('gives no first batch beyond the bytes allowed where none is asked for, and says so', async () => {
    const world = newWorld();
    const { log, batches } = fillLog(await startManager(world), options);
    for (const isCold of [false, true]) {
      if (isCold) await coolDown(world);
      for (const batch of [batches[3]!, batches[40]!, batches.at(-1)!]) {
        const tooFew = await log.read(batch.baseOffset, batch.sizeInBytes - 1, 'LOG_END', false);
        expect([tooFew.sizeInBytes, tooFew.firstEntryIncomplete]).toEqual([0, true]);
        const enough = await log.read(batch.baseOffset, batch.sizeInBytes, 'LOG_END', false);
        expect([enough.sizeInBytes, enough.firstEntryIncomplete]).toEqual([batch.sizeInBytes, false]);
        const atLeastOne = await log.read(batch.baseOffset, 1, 'LOG_END', true);
        expect(atLeastOne.sizeInBytes).toBe(batch.sizeInBytes);
      }
    }
  });

  test('that was cut gives what was appended after it, from memory and from the files', async () => {
    const world = newWorld();
    const { log, batches } = fillLog(await startManager(world), options);
    for (const part of [0.95, 0.6, 0.3]) {
      const kept = batches.findIndex((batch) => batch.baseOffset >= batches.at(-1)!.lastOffset * part);
      const at = batches[kept]!.baseOffset;
      log.truncateTo(at);
      expect([log.logEndOffset, log.highWatermark]).toEqual([at, at]);
      await check(log, batches.slice(0, kept), 'LOG_END', at, seed);
      await coolDown(world);
      await check(log, batches.slice(0, kept), 'LOG_END', at, seed);
      await expect(async () => log.read(at + 1, 1000, 'LOG_END', true)).rejects.toMatchObject({
        kind: 'OFFSET_OUT_OF_RANGE',
      });
      for (const value of ['first', 'second']) {
        log.truncateTo(at);
        log.appendAsLeader(batch({ values: [value] }), { leaderEpoch: 9 });
        expect(recordsOf(bytesOf(await log.read(at, 1000, 'LOG_END', true)))).toMatchObject([{ offset: at, value }]);
      }
      if (part > 0.3) {
        log.truncateTo(at);
        continue;
      }
      log.truncateFullyAndStartAt(at);
      log.appendAsLeader(batch({ values: ['third'] }), { leaderEpoch: 9 });
      expect(recordsOf(bytesOf(await log.read(at, 1000, 'LOG_END', true)))).toMatchObject([{ value: 'third' }]);
    }
  });
});

test('a cold read takes little memory for few bytes, however far the entries of the index lie apart', async () => {
  const world = newWorld();
  const defaultConfig = { ...LOG_CONFIG, indexIntervalBytes: 1 << 30 };
  const manager = await startManager(world, { defaultConfig });
  const log = manager.getOrCreateLog(TP, { isNew: true });
  for (let at = 0; at < 100; at++) log.appendAsLeader(batch({ values: ['x'.repeat(20_000)] }), { leaderEpoch: 0 });
  await coolDown(world);
  let most = 0;
  const hold = (bytes: number): void => void (most = Math.max(most, bytes));
  const interest = new ReadInterest('fetch', { availableBytes: () => 1 << 30, hold });
  for (const offset of [0, 50, 99]) {
    const read = await log.read(offset, 1, 'LOG_END', true, interest);
    expect(recordsOf(bytesOf(read)).map((record) => record.offset)).toEqual([offset]);
  }
  expect(most).toBeGreaterThan(20_000);
  expect(most).toBeLessThan(400_000);
});
