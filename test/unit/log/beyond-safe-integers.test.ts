/** Logs whose records are stamped, or whose producers are numbered, beyond 2^53; and a leader's offsets that no log can hold. */
import type { LogManager, UnifiedLog } from '../../../src/log/index.js';
import { LogError } from '../../../src/log/index.js';
import { BatchBuilder, BatchView, iterateBatches } from '../../../src/records/index.js';
import { LOG_CONFIG, batch, bytesOf, crash, newWorld, startManager, type LogWorld } from './log-fixture.js';

const TP = { topic: 't', partition: 0 };
/** A nanosecond clock's, which a number rounds to multiples of 256. */
const NANOS = 1_700_000_000_123_456_789n;
const INT64_MAX = 2n ** 63n - 1n;
const CONFIG = {
  ...LOG_CONFIG,
  segmentBytes: 2000,
  indexIntervalBytes: 100,
  messageTimestampBeforeMaxMs: INT64_MAX,
  messageTimestampAfterMaxMs: INT64_MAX,
};

let world: LogWorld;
let manager: LogManager;
let log: UnifiedLog;
beforeEach(async () => {
  world = newWorld();
  manager = await startManager(world, { defaultConfig: CONFIG });
  log = manager.getOrCreateLog(TP);
});

async function restart(how: 'clean' | 'kill'): Promise<void> {
  if (how === 'clean') {
    const stopped = manager.shutdown();
    await world.clock.advance(1);
    await stopped;
  } else crash(world, 'process');
  manager = await startManager(world, { defaultConfig: CONFIG });
  log = manager.getOrCreateLog(TP);
}

function stamped(timestamps: readonly bigint[], producerId = -1n, sequence = -1): Buffer {
  const builder = new BatchBuilder({ producerId, producerEpoch: producerId < 0n ? -1 : 0, baseSequence: sequence });
  for (const timestamp of timestamps) builder.append({ timestamp, key: null, value: Buffer.alloc(40) });
  return builder.build();
}

const append = (bytes: Buffer) => log.appendAsLeader(bytes, { leaderEpoch: 0 });

describe('records stamped in nanoseconds', () => {
  let times: bigint[];
  const found = async (timestamp: bigint): Promise<string> => {
    const one = await log.fetchOffsetByTimestamp(timestamp);
    return one ? `${one.offset} at ${one.timestamp}` : 'none';
  };
  const checkAll = async (): Promise<void> => {
    for (const [offset, time] of times.entries()) {
      expect(await found(time)).toBe(`${offset} at ${time}`);
      if (offset > 0) expect(await found(time - 1n)).toBe(`${offset} at ${time}`);
    }
    expect(await found(times.at(-1)! + 1n)).toBe('none');
    const greatest = await log.fetchOffsetByTimestamp(-3);
    expect(greatest).toMatchObject({ timestamp: times.at(-1), offset: times.length - 1 });
  };

  beforeEach(() => {
    times = Array.from({ length: 60 }, (_, i) => NANOS + BigInt(i) * 3n);
    for (let at = 0; at < times.length; at += 2) append(stamped(times.slice(at, at + 2)));
    expect(log.numberOfSegments).toBeGreaterThan(2);
  });

  test('are found by time, one from the next', async () => {
    await checkAll();
  });

  test.each(['clean', 'kill'] as const)('are found so after a %s stop', async (how) => {
    await restart(how);
    await checkAll();
  });

  test('are found so after a cut', async () => {
    log.truncateTo(40);
    const settled = log.whenTruncated();
    await world.clock.advance(100);
    await settled;
    times.length = 40;
    await checkAll();
  });

  test('are given back as they came', async () => {
    const seen: bigint[] = [];
    for (let offset = 0; offset < log.logEndOffset;) {
      for (const one of iterateBatches(bytesOf(await log.read(offset, 1e6, 'LOG_END', true)))) {
        expect(one.isValidCrc()).toBe(true);
        seen.push(...[...one.records()].map(({ timestampExact }) => timestampExact));
        offset = one.nextOffset;
      }
    }
    expect(seen).toEqual(times);
  });

  test('stand in the time index to the nanosecond', async () => {
    await restart('clean');
    const bytes = world.fs.readFile('/data/t-0/00000000000000000000.timeindex');
    const entries: bigint[] = [];
    for (let at = 0; at < bytes.length; at += 12) entries.push(bytes.readBigInt64BE(at));
    const written = entries.filter((entry) => entry !== 0n);
    expect(written.length).toBeGreaterThan(2);
    for (const entry of written) expect(times).toContain(entry);
  });

  test('are not old by their times', () => {
    log.updateConfig({ ...CONFIG, retentionMs: 1 });
    log.updateHighWatermark(log.logEndOffset);
    expect(log.deleteOldSegments()).toBe(0);
  });
});

test('the greatest and the least of all times are kept and found', async () => {
  for (const time of [-(2n ** 63n), -2n, 0n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, INT64_MAX])
    append(stamped([time]));
  for (const [time, offset] of [
    [0n, 2],
    [2n ** 53n - 1n, 3],
    [2n ** 53n, 4],
    [2n ** 53n + 1n, 5],
    [INT64_MAX, 6],
  ] as const) {
    expect(await log.fetchOffsetByTimestamp(time)).toMatchObject({ offset });
  }
});

describe('producers whose ids differ beyond 2^53', () => {
  const ids = [2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, INT64_MAX];

  test.each(['no', 'clean', 'kill'] as const)('share no sequences, after %s stop', async (how) => {
    for (const id of ids) expect(append(stamped([NANOS], id, 0)).duplicate).toBe(false);
    if (how !== 'no') await restart(how);
    for (const { lastTimestamp } of log.activeProducers()) expect(lastTimestamp).toBe(NANOS);
    for (const id of ids) expect(append(stamped([NANOS], id, 0)).duplicate).toBe(true);
    for (const id of ids) expect(append(stamped([NANOS], id, 1)).duplicate).toBe(false);
    expect(() => append(stamped([NANOS], ids[2], 5))).toThrow(LogError);
    const known = log.activeProducers().map(({ producerId, lastTimestamp, lastSequence }) => ({
      id: BigInt(producerId),
      time: BigInt(lastTimestamp),
      lastSequence,
    }));
    expect(known).toEqual(ids.map((id) => ({ id, time: NANOS, lastSequence: 1 })));
  });

  test('expire by their last time, which may be in nanoseconds', () => {
    append(stamped([NANOS], ids[3], 0));
    jest.spyOn(world.clock, 'nowMs').mockReturnValue(world.clock.nowMs() + 1e12);
    log.removeExpiredProducers();
    expect(log.activeProducers()).toHaveLength(1);
  });
});

test('what was refused before it was looked at may be anything', () => {
  for (const length of [0, 26, 30, 60]) log.noteRefused(Buffer.alloc(length, 1));
  expect(append(stamped([NANOS], 7n, 5)).duplicate).toBe(false);
});

describe('a leader’s batches that no log can hold', () => {
  const sent = (baseOffset: bigint, lastOffsetDelta = 0): Buffer => {
    const bytes = batch({ partitionLeaderEpoch: 0 });
    bytes.writeBigInt64BE(baseOffset, 0);
    bytes.writeInt32BE(lastOffsetDelta, 23);
    new BatchView(bytes).recomputeCrc();
    return bytes;
  };

  test.each([
    { what: 'go back', bytes: () => sent(7n, -2) },
    { what: 'begin below 0', bytes: () => Buffer.concat([sent(7n), sent(-5n, 20)]) },
    { what: 'lie beyond 2^53', bytes: () => sent(2n ** 53n + 1n) },
    { what: 'lie at 2^63 - 1', bytes: () => sent(INT64_MAX) },
    { what: 'lie further apart than a segment reaches', bytes: () => Buffer.concat([sent(7n), sent(2n ** 40n)]) },
  ])('$what are refused, and the log goes on', ({ bytes }) => {
    log.appendAsFollower(sent(5n));
    expect(() => log.appendAsFollower(bytes())).toThrow(expect.objectContaining({ kind: 'OFFSETS_OUT_OF_ORDER' }));
    expect(log.logEndOffset).toBe(6);
    log.appendAsFollower(sent(6n));
    expect(log.logEndOffset).toBe(7);
  });
});
