/** Logs of magic 0 and 1, as brokers before 0.11 and with an older `log.message.format.version` write them: a message may be shorter than a header of magic 2. */
import type { FetchIsolation, UnifiedLog } from '../../../src/log/index.js';
import { iterateBatches } from '../../../src/records/index.js';
import { legacyMessage } from '../records/legacy-messages.js';
import { bytesOf, LOG_CONFIG, newWorld, startManager, type LogWorld } from './log-fixture.js';

const TP = { topic: 'old', partition: 0 };
const COUNT = 12;

/** Of 27 to 46 bytes; the shortest comes last in a segment, and in the log. */
const keyAt = (at: number): string => 'k'.repeat(at % 3 === 2 ? 0 : at % 12);

async function logOf(world: LogWorld, magic: 0 | 1, segmentBytes: number): Promise<UnifiedLog> {
  const manager = await startManager(world, { defaultConfig: { ...LOG_CONFIG, segmentBytes } });
  const log = manager.getOrCreateLog(TP, { isNew: true });
  for (let at = 0; at < COUNT; at++) log.appendAsFollower(legacyMessage(magic, at, keyAt(at), 1_700_000_000_000 + at));
  return log;
}

async function firstOffsets(
  log: UnifiedLog,
  upTo: number,
  maxBytes: number,
  isolation: FetchIsolation,
): Promise<number[]> {
  const first = [];
  for (let offset = 0; offset < upTo; offset++) {
    const read = bytesOf(await log.read(offset, maxBytes, isolation, true));
    first.push([...iterateBatches(read)][0]?.lastOffset ?? -1);
  }
  return first;
}

describe.each([0, 1] as const)('a log of small messages of magic %i', (magic) => {
  test.each([
    ['one segment', 'memory', 1 << 20],
    ['one segment', 'the files', 1 << 20],
    ['segments of three messages', 'memory', 130],
    ['segments of three messages', 'the files', 130],
  ])('of %s gives each of them from %s, whatever the reader takes', async (segments, source, segmentBytes) => {
    const world = newWorld();
    const log = await logOf(world, magic, segmentBytes);
    expect(log.numberOfSegments > 1).toBe(segments !== 'one segment');
    if (source === 'the files') await world.clock.advance(60_000);
    for (const maxBytes of [1, 40, 1000]) {
      expect(await firstOffsets(log, COUNT, maxBytes, 'LOG_END')).toEqual([...Array(COUNT).keys()]);
      for (const highWatermark of [3, 6, COUNT]) {
        log.updateHighWatermark(highWatermark);
        const read = await firstOffsets(log, highWatermark, maxBytes, 'HIGH_WATERMARK');
        expect(read).toEqual([...Array(highWatermark).keys()]);
      }
      log.updateHighWatermark(0);
    }
  });

  test('with a single one rolls its segment by the time of that, after a restart', async () => {
    const world = newWorld();
    const options = { defaultConfig: { ...LOG_CONFIG, segmentMs: 1000, maxSegmentMs: 1000 } };
    const manager = await startManager(world, options);
    manager.getOrCreateLog(TP, { isNew: true }).appendAsFollower(legacyMessage(magic, 0, '', 1_700_000_000_000));
    const stopped = manager.shutdown();
    await world.clock.advance(1);
    await stopped;
    const log = (await startManager(world, options)).getLog(TP)!;
    log.appendAsFollower(legacyMessage(magic, 1, '', 1_700_000_005_000));
    // Without timestamps it goes by the age of the segment.
    expect(log.numberOfSegments).toBe(magic === 1 ? 2 : 1);
  });
});
