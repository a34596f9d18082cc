/** Offsets by the times of files (ListOffsets 0) in logs of many segments. */
import { runAtOnce, seededRandom } from '../../../src/common/index.js';
import { type SimulatedClock } from '../../../src/testing/index.js';
import { legacyOffsetsBefore, type UnifiedLog } from '../../../src/log/index.js';
import { LOG_CONFIG, newWorld, numbered, startManager, type LogWorld } from './log-fixture.js';

const SEGMENTS = 100;
const CONFIG = { ...LOG_CONFIG, segmentBytes: 100, retentionBytes: 1000 };
const ALL = 1_000_000;

let world: LogWorld;
let clock: SimulatedClock;
let log: UnifiedLog;
let looks: number;
/** When the segments were written, the oldest first. */
let writtenMs: number[];
beforeEach(async () => {
  world = newWorld();
  ({ clock } = world);
  const manager = await startManager(world, { defaultConfig: CONFIG });
  log = manager.getOrCreateLog({ topic: 'orders', partition: 0 }, { isNew: true, config: CONFIG });
  writtenMs = [];
  for (let at = 0; at < SEGMENTS; at++) await append();
  log.updateHighWatermark(log.logEndOffset);
  looks = 0;
  const { fs } = world;
  const stat = fs.stat.bind(fs);
  fs.stat = (path) => {
    if (path.endsWith('.log')) looks++;
    return stat(path);
  };
});

/** A record to a segment of its own, ten seconds after the one before. */
async function append(): Promise<void> {
  await clock.advance(10_000);
  log.appendAsLeader(numbered(log.logEndOffset, 1, { timestamp: 1_000_000 }), { leaderEpoch: 0 });
  writtenMs.push(clock.nowMs());
  expect(log.numberOfSegments).toBe(writtenMs.length);
}

function offsetsBefore(timestamp: number, maxNumOffsets = ALL): number[] {
  return runAtOnce(legacyOffsetsBefore(log, timestamp, maxNumOffsets, clock.nowMs()));
}

/** As Kafka makes them: of all that were written by then, the newest first. */
function expectedBefore(timestamp: number): number[] {
  const newest = writtenMs.findLastIndex((ms) => ms <= timestamp);
  return Array.from({ length: newest + 1 }, (_, at) => newest - at);
}

test('offsets are those of the segments that were written by then', () => {
  const random = seededRandom(7);
  for (let round = 0; round < 200; round++) {
    const timestamp = writtenMs[0]! - 10_000 + random.nextInt(10_000 * SEGMENTS);
    expect(offsetsBefore(timestamp, 7)).toEqual(expectedBefore(timestamp).slice(0, 7));
  }
  expect(offsetsBefore(clock.nowMs(), 2)).toEqual([SEGMENTS, SEGMENTS - 1]);
  expect(offsetsBefore(0)).toEqual([]);
});

test('the file system is asked about few files in a step, and about each once until it is written again', async () => {
  const steps = legacyOffsetsBefore(log, writtenMs[3]!, ALL, clock.nowMs());
  let before = 0;
  let most = 0;
  let step = steps.next();
  for (; !step.done; step = steps.next()) {
    most = Math.max(most, looks - before);
    before = looks;
  }
  expect(step.value).toEqual([3, 2, 1, 0]);
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(32);
  expect(looks).toBe(SEGMENTS - 3);

  looks = 0;
  expect(offsetsBefore(writtenMs[3]!)).toEqual([3, 2, 1, 0]);
  expect(looks).toBe(0);
  await append();
  expect(offsetsBefore(writtenMs[3]!)).toEqual([3, 2, 1, 0]);
  expect(looks).toBe(1);
});

test('a segment that is written again, or cut, has the time of that', async () => {
  const longConfig = { ...CONFIG, segmentBytes: 10_000 };
  const [last] = writtenMs.slice(-1);
  expect(offsetsBefore(last!, 1)).toEqual([SEGMENTS, SEGMENTS - 1].slice(0, 1));
  log.updateConfig(longConfig);
  await clock.advance(5);
  expect(offsetsBefore(last!, 1)).toEqual([SEGMENTS - 1]);
  log.appendAsLeader(numbered(SEGMENTS, 1, { timestamp: 1_000_000 }), { leaderEpoch: 0 });
  await clock.advance(5);
  expect(log.numberOfSegments).toBe(SEGMENTS);
  expect(offsetsBefore(last!, 1)).toEqual([SEGMENTS - 2]);

  const writtenAgainMs = clock.nowMs() - 5;
  expect(offsetsBefore(writtenAgainMs, 1)).toEqual([SEGMENTS - 1]);
  log.truncateTo(SEGMENTS);
  await clock.advance(5);
  expect(offsetsBefore(writtenAgainMs, 1)).toEqual([SEGMENTS - 2]);
});

test('segments that are deleted, or cut off, during the walk are not told of', () => {
  const steps = legacyOffsetsBefore(log, writtenMs[50]!, ALL, clock.nowMs());
  expect(steps.next().done).toBe(false);
  expect(log.deleteOldSegments(40)).toBe(40);
  expect(runAtOnce(steps)).toEqual(Array.from({ length: 11 }, (_, at) => 50 - at));

  const cut = legacyOffsetsBefore(log, writtenMs[45]!, ALL, clock.nowMs());
  expect(cut.next().done).toBe(false);
  log.truncateTo(44);
  const [newest, next] = runAtOnce(cut);
  expect([newest, next]).toEqual([43, 42]);
});
