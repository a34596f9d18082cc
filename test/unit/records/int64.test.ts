/** Times, producer ids and offsets where numbers end: exact, or refused. */
import {
  addInt64,
  analyzeRecords,
  BatchBuilder,
  BatchView,
  PreparationNeededError,
  readInt64Exact,
  RecordCursor,
  StepWork,
  subtractInt64,
  toInt64,
  validateForAppend,
  writeInt64,
  type AppendValidationOptions,
  type Compression,
} from '../../../src/records/index.js';
import { RecordChecks } from '../../../src/records/record-checks.js';
import { readVarlongExact, sizeOfVarlong, writeVarlong } from '../../../src/records/varint.js';
import { fc } from '../../support/fast-check.js';

const BORDERS = [
  0n,
  -1n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  -(2n ** 53n) + 1n,
  -(2n ** 53n),
  -(2n ** 53n) - 1n,
  1_700_000_000_123_456_789n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];
const anyInt64 = fc.oneof(
  fc.constantFrom(...BORDERS),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n }),
);

test('an int64 is a number where that is exact, and else a bigint', () => {
  fc.assert(
    fc.property(anyInt64, anyInt64, (a, b) => {
      const bytes = Buffer.alloc(8);
      writeInt64(bytes, toInt64(a), 0);
      expect(bytes.readBigInt64BE(0)).toBe(a);
      const read = readInt64Exact(bytes, 0);
      expect(BigInt(read)).toBe(a);
      expect(typeof read).toBe(a <= 2n ** 53n - 1n && a >= -(2n ** 53n) + 1n ? 'number' : 'bigint');
      expect(read).toBe(toInt64(a));
      expect(addInt64(read, toInt64(b))).toBe(toInt64(a + b));
      expect(subtractInt64(read, toInt64(b))).toBe(toInt64(a - b));
      expect(read < toInt64(b)).toBe(a < b);
    }),
    { numRuns: 2000 },
  );
});

const OPTIONS: AppendValidationOptions = {
  topicPartition: 'orders-3',
  origin: 'client',
  maxMessageBytes: 1_000_000,
  nextOffset: 10,
  partitionLeaderEpoch: 7,
  nowMs: 1_700_000_000_000,
  targetCompression: 'producer',
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: Number(2n ** 63n - 1n),
  timestampAfterMaxMs: Number(2n ** 63n - 1n),
  compactedTopic: false,
};

function stamped(timestamps: readonly bigint[], compression: Compression = 'none', producerId = -1n): Buffer {
  const builder = new BatchBuilder({
    compression,
    producerId,
    producerEpoch: 0,
    baseSequence: producerId < 0n ? -1 : 0,
  });
  for (const timestamp of timestamps) builder.append({ timestamp, key: Buffer.from('k'), value: Buffer.from('v') });
  return builder.build();
}

describe.each(['none', 'zstd'] as const)('a batch of %s', (codec) => {
  test.each(BORDERS.filter((timestamp) => timestamp !== -1n))('stamped %d is kept as it came', (timestamp) => {
    const times = [timestamp - 3n, timestamp, timestamp - 1n].map((one) => BigInt.asIntN(64, one));
    const bytes = stamped(times, codec);
    const before = Buffer.from(bytes);
    const { buffer, maxTimestamp } = validateForAppend(bytes, OPTIONS);
    const greatest = times.reduce((max, one) => (one > max ? one : max), -1n);
    // A header that says less than -1 is corrected, as Kafka does.
    expect(BigInt(maxTimestamp)).toBe(greatest);
    if (greatest > -1n) expect(buffer.subarray(17).equals(before.subarray(17))).toBe(true);
    const records = [...new BatchView(buffer).records()];
    expect(records.map(({ timestampExact }) => timestampExact)).toEqual(times);
    expect(records.map(({ timestampInt64 }) => timestampInt64)).toEqual(times.map(toInt64));
  });

  test('is written again with the same times and producer', () => {
    const times = [1_700_000_000_123_456_789n, 1_700_000_000_123_456_791n];
    const bytes = stamped(times, codec, 2n ** 53n + 1n);
    const { buffer, maxTimestamp } = validateForAppend(bytes, { ...OPTIONS, targetCompression: 'lz4' });
    const batch = new BatchView(buffer);
    expect(maxTimestamp).toBe(times[1]);
    expect(batch).toMatchObject({ producerIdExact: 2n ** 53n + 1n, maxTimestampExact: times[1], compression: 'lz4' });
    expect([...batch.records()].map(({ timestampExact }) => timestampExact)).toEqual(times);
  });
});

test('a delta beyond 2^53 is exact, and one that overflows wraps as Java’s does', () => {
  const bytes = stamped([-(2n ** 62n) - 1n, 2n ** 62n, 2n ** 63n - 1n, 0n]);
  const cursor = new RecordCursor(bytes, 61, bytes.length);
  const deltas: bigint[] = [];
  for (let i = 0; i < 4; i++) {
    cursor.next();
    deltas.push(BigInt(cursor.timestampDelta));
  }
  expect(deltas).toEqual([
    0n,
    BigInt.asIntN(64, 2n ** 63n + 1n),
    BigInt.asIntN(64, 2n ** 63n + 2n ** 62n),
    2n ** 62n + 1n,
  ]);
  expect(validateForAppend(bytes, OPTIONS).maxTimestamp).toBe(2n ** 63n - 1n);
});

test('the greatest of any times is found, and the first record that has it', () => {
  const anyTime = fc.oneof(anyInt64, fc.constantFrom(1_700_000_000_000n, 1_700_000_000_001n));
  fc.assert(
    fc.property(fc.array(anyTime, { minLength: 1, maxLength: 6 }), (times) => {
      const { maxTimestamp, offsetOfMaxTimestamp } = validateForAppend(stamped(times), OPTIONS);
      const greatest = times.reduce((max, one) => (one > max ? one : max), -1n);
      expect(BigInt(maxTimestamp)).toBe(greatest);
      expect(offsetOfMaxTimestamp).toBe(greatest === -1n ? -1 : OPTIONS.nextOffset + times.indexOf(greatest));
    }),
    { numRuns: 1000 },
  );
});

test.each([
  { timestamp: 2n ** 53n + 1n, after: 2n ** 53n + 1n - 1_700_000_000_000n, isTaken: true },
  { timestamp: 2n ** 53n + 3n, after: 2n ** 53n + 1n - 1_700_000_000_000n, isTaken: false },
  { timestamp: -(2n ** 63n), after: 2n ** 63n - 1n, isTaken: true },
  { timestamp: -(2n ** 63n), after: 3_600_000n, isTaken: false },
])('a record stamped $timestamp is in range: $isTaken', ({ timestamp, after, isTaken }) => {
  const options = { ...OPTIONS, timestampBeforeMaxMs: 2 ** 53 - 1, timestampAfterMaxMs: Number(after) };
  const append = (): unknown => validateForAppend(stamped([timestamp]), options);
  if (isTaken) expect(append).not.toThrow();
  else expect(append).toThrow(/invalid timestamp/);
});

/** Records of `deltas` over `base`, which may be any. */
function distant(base: bigint, deltas: readonly bigint[], isStamped = false): Buffer {
  const logAppendTime = isStamped ? { timestampType: 'LogAppendTime' as const, logAppendTimeMs: base } : {};
  const builder = new BatchBuilder({ baseTimestamp: base, ...logAppendTime });
  for (const delta of deltas) builder.append({ timestamp: BigInt.asIntN(64, base + delta), value: null });
  return builder.build();
}

test('any times are in range as Java finds, and the greatest of them is found, at once and in pieces', () => {
  const delta = fc.oneof(anyInt64, fc.bigInt({ min: -3n, max: 3n }));
  const limit = fc.oneof(
    fc.constantFrom(2n ** 63n - 1n, 1_700_000_000_000n, 2n ** 53n),
    fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  );
  const now = 1_700_000_000_000n;
  const outcomes = new Set<string>();
  fc.assert(
    fc.property(
      anyInt64,
      fc.array(delta, { minLength: 1, maxLength: 5 }),
      limit,
      limit,
      fc.constantFrom('CreateTime', 'LogAppendTime'),
      fc.boolean(),
      (base, deltas, before, after, timestampType, isStamped) => {
        const bytes = distant(base, deltas, isStamped);
        const conditions = {
          ...OPTIONS,
          timestampType,
          timestampBeforeMaxMs: toInt64(before),
          timestampAfterMaxMs: toInt64(after),
        };
        const times = deltas.map((one) => (isStamped ? base : BigInt.asIntN(64, base + one)));
        const isOut = (time: bigint): boolean => {
          const difference = BigInt.asIntN(64, now - time);
          return time !== -1n && (difference > before || BigInt.asIntN(64, -difference) > after);
        };
        const isUnchecked = timestampType !== 'CreateTime' || base === -1n;
        const isRefused = isStamped && isUnchecked ? true : timestampType === 'CreateTime' && times.some(isOut);
        const greatest = times.reduce((max, one) => (one > max ? one : max), -1n);
        const expected = isRefused ? 'refused' : [greatest, greatest === -1n ? -1 : times.indexOf(greatest)];
        const found = (add: (checks: RecordChecks) => void): unknown => {
          const checks = new RecordChecks(new BatchView(bytes), conditions);
          try {
            add(checks);
            checks.finish();
          } catch (error) {
            expect(error).toMatchObject({ kind: 'INVALID_TIMESTAMP' });
            return 'refused';
          }
          expect(checks.maxTimestamp).toBe(toInt64(BigInt(checks.maxTimestamp)));
          return [BigInt(checks.maxTimestamp), checks.indexOfMaxTimestamp];
        };
        const cursor = (): RecordCursor => new RecordCursor(bytes, 61, bytes.length);
        expect(found((checks) => checks.addAll(cursor(), deltas.length, undefined))).toEqual(expected);
        const one = cursor();
        const addEach = (checks: RecordChecks): void =>
          deltas.forEach((_, index) => {
            one.next();
            checks.add(index, one);
          });
        expect(found(addEach)).toEqual(expected);
        outcomes.add(typeof expected);
      },
    ),
    { numRuns: 1000 },
  );
  expect(outcomes.size).toBe(2);
});

test('a time beyond 2^53 is work like any other, but where its distance is as great', () => {
  const nanoseconds = 1_700_000_000_123_456_789n;
  const unusual = jest.spyOn(StepWork.prototype, 'unusualRecord');
  const distances = Array.from({ length: 100 }, (_, index) => BigInt(index) * 1_000_000_000n);
  const unusualOf = (bytes: Buffer, change: Partial<AppendValidationOptions> = {}): number => {
    unusual.mockClear();
    validateForAppend(bytes, { ...OPTIONS, ...change, work: new StepWork() });
    return unusual.mock.calls.length;
  };
  expect(unusualOf(distant(nanoseconds, distances))).toBe(0);
  expect(unusualOf(distant(nanoseconds, distances), { timestampType: 'LogAppendTime' })).toBe(0);
  expect(unusualOf(distant(-nanoseconds, distances))).toBe(0);
  expect(unusualOf(distant(nanoseconds, distances, true))).toBe(0);
  expect(unusualOf(distant(0n, distances))).toBe(0);
  const great = distances.map((distance) => nanoseconds + distance);
  expect(unusualOf(distant(0n, great))).toBe(100);
  const many = Array.from({ length: 20_000 }, () => nanoseconds);
  expect(() => unusualOf(distant(0n, many))).toThrow(PreparationNeededError);
});

test('an int64 of any length is written and read as it is', () => {
  const bytes = Buffer.alloc(10);
  const lengths = fc
    .integer({ min: 0, max: 63 })
    .chain((bits) => fc.bigInt({ min: -(2n ** BigInt(bits)), max: 2n ** BigInt(bits) - 1n }));
  fc.assert(
    fc.property(fc.oneof(anyInt64, lengths), (value) => {
      const end = writeVarlong(bytes, toInt64(value), 0);
      expect(readVarlongExact(bytes, 0)).toBe(value);
      expect([sizeOfVarlong(toInt64(value)), sizeOfVarlong(value)]).toEqual([end, end]);
      const exact = bytes.subarray(0, writeVarlong(bytes, value, 0)).toString('hex');
      expect(bytes.subarray(0, writeVarlong(bytes, toInt64(value), 0)).toString('hex')).toBe(exact);
    }),
    { numRuns: 1000 },
  );
});

test('the times of several batches are compared as they are', () => {
  const bytes = Buffer.concat([stamped([2n ** 53n]), stamped([2n ** 53n + 1n]), stamped([2n ** 53n])]);
  for (const [at, base] of [0, 1, 2].entries()) new BatchView(bytes, (bytes.length / 3) * at).baseOffset = base;
  const analysis = analyzeRecords(bytes, { topicPartition: 't-0', origin: 'replication', maxMessageBytes: 1e6 });
  expect(analysis).toMatchObject({ maxTimestamp: 2n ** 53n + 1n, offsetOfMaxTimestamp: 1, offsetsMonotonic: true });
});

test.each([
  { what: 'below 0', baseOffset: -5n, lastOffsetDelta: 9 },
  { what: 'that go back', baseOffset: 5n, lastOffsetDelta: -3 },
  { what: 'beyond 2^53', baseOffset: 2n ** 53n, lastOffsetDelta: 0 },
  { what: 'up to 2^53', baseOffset: 2n ** 53n - 2n, lastOffsetDelta: 1 },
  { what: 'up to 2^63', baseOffset: 2n ** 63n - 1n, lastOffsetDelta: 0 },
])('offsets $what cannot be held', ({ baseOffset, lastOffsetDelta }) => {
  const bytes = stamped([5n]);
  bytes.writeBigInt64BE(baseOffset, 0);
  bytes.writeInt32BE(lastOffsetDelta, 23);
  new BatchView(bytes).recomputeCrc();
  const analysis = analyzeRecords(bytes, { topicPartition: 't-0', origin: 'replication', maxMessageBytes: 1e6 });
  expect(analysis.offsetsMonotonic).toBe(false);
});
