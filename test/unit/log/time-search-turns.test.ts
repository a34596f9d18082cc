/** Searches by time beside each other: none holds up others for longer than a slice, however many there are and however small the records. */
import { BatchBuilder, BatchView } from '../../../src/records/index.js';
import type { SimulatedClock } from '../../../src/testing/index.js';
import type { UnifiedLog } from '../../../src/log/index.js';
import { startManager, newWorld, LOG_CONFIG, type LogWorld } from './log-fixture.js';

afterEach(() => jest.restoreAllMocks());

/** Tiny records of one time, of which one is later: the last, or the first. */
function tinyRecords(baseOffset: number, count: number, later: 'last' | 'first'): Buffer {
  const builder = new BatchBuilder({ baseOffset, compression: 'lz4', partitionLeaderEpoch: 3 });
  const at = later === 'last' ? count - 1 : 0;
  for (let i = 0; i < count; i++) builder.append({ timestamp: i === at ? 2000 : 1000, key: null, value: null });
  return builder.build();
}

async function logsOf(
  world: LogWorld,
  partitions: number,
  batches: readonly number[],
  later: 'last' | 'first',
): Promise<UnifiedLog[]> {
  const manager = await startManager(world, { defaultConfig: { ...LOG_CONFIG, maxMessageBytes: 1e8 } });
  return Array.from({ length: partitions }, (_, partition) => {
    const log = manager.getOrCreateLog({ topic: 't', partition });
    for (const count of batches) log.appendAsFollower(tinyRecords(log.logEndOffset, count, later));
    return log;
  });
}

async function results<T>(clock: SimulatedClock, searches: readonly Promise<T>[]): Promise<T[]> {
  let found: T[] | null = null;
  void Promise.all(searches).then((all) => (found = all));
  while (!found) await clock.advance(1);
  return found;
}

test('a batch of very many records is looked into piece by piece, and all in it are found', async () => {
  const world = newWorld();
  const [log] = await logsOf(world, 1, [10_000, 10_001, 20_000], 'last');
  const atOnce = jest.spyOn(BatchView.prototype, 'records');
  const offsets: (number | undefined)[] = [];
  for (const startOffset of [0, 10_000, 20_001]) {
    log!.updateHighWatermark(log!.logEndOffset);
    log!.maybeIncrementLogStartOffset(startOffset, 'to find the next');
    const [found] = await results(world.clock, [Promise.resolve(log!.fetchOffsetByTimestamp(2000))]);
    offsets.push(found?.offset);
  }
  expect(offsets).toEqual([9999, 20_000, 40_000]);
  expect(atOnce.mock.contexts.map((batch) => (batch as BatchView).count)).toEqual([10_000]);
});

test('twenty searches whose pieces are read at the same time look into one batch a turn, if that takes so long', async () => {
  const world = newWorld();
  const logs = await logsOf(world, 20, [3000, 3000], 'first');
  for (const log of logs) {
    log.updateHighWatermark(log.logEndOffset);
    // In the first batch of each nothing is found.
    log.maybeIncrementLogStartOffset(1, 'to look into two');
  }
  const { clock } = world;
  let spentMs = 0;
  const monotonicMs = clock.monotonicMs.bind(clock);
  jest.spyOn(clock, 'monotonicMs').mockImplementation(() => monotonicMs() + spentMs);
  const { records } = BatchView.prototype;
  const looks: number[] = [0];
  jest.spyOn(BatchView.prototype, 'records').mockImplementation(function (this: BatchView, limits) {
    spentMs += 11;
    looks[looks.length - 1]!++;
    return records.call(this, limits);
  });
  const step = clock.step.bind(clock);
  jest.spyOn(clock, 'step').mockImplementation((limitMs) => {
    looks.push(0);
    return step(limitMs);
  });
  const found = await results(
    clock,
    logs.map((log, at) => Promise.resolve(log.fetchOffsetByTimestamp(1500, { address: `${at}`, interest: null }))),
  );
  expect(found.map((one) => one?.offset)).toEqual(Array<number>(20).fill(3000));
  expect(looks.reduce((sum, one) => sum + one)).toBe(40);
  expect(Math.max(...looks)).toBe(1);
});
