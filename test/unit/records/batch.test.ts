import {
  BatchBuilder,
  batchSizeAt,
  BatchView,
  buildEndTxnMarker,
  COMPRESSION_TYPES,
  CorruptRecordError,
  decrementSequence,
  forEachBatch,
  incrementSequence,
  iterateBatches,
  LENGTH_POSITION,
  LOG_OVERHEAD,
  parseControlRecord,
  parseEndTxnMarker,
  RECORD_BATCH_OVERHEAD,
  wholeBatchSizeAt,
  writeInt64,
  type RecordInput,
} from '../../../src/records/index.js';
import { fc } from '../../support/fast-check.js';

const bytes = fc.option(
  fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
  { nil: null },
);
const header = fc.record({ key: fc.string({ unit: 'grapheme', maxLength: 20 }), value: bytes });
const record: fc.Arbitrary<Required<RecordInput>> = fc.record({
  timestamp: fc.oneof(fc.nat(2 ** 31 - 1), fc.maxSafeNat()),
  key: bytes,
  value: bytes,
  headers: fc.array(header, { maxLength: 4 }),
});

const hex = (value: Buffer | null | undefined): string | null => value?.toString('hex') ?? null;
const plain = ({ timestamp, key, value, headers }: RecordInput): object => ({
  timestamp: BigInt(timestamp),
  key: hex(key),
  value: hex(value),
  headers: (headers ?? []).map((each) => [each.key, hex(each.value)]),
});

describe.each(COMPRESSION_TYPES)('a batch built with %s', (compression) => {
  test('lists the records that were appended', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), fc.maxSafeNat(), (records, offset) => {
        const baseOffset = Math.min(offset, Number.MAX_SAFE_INTEGER - 100);
        const builder = new BatchBuilder({ baseOffset, compression, initialCapacity: 0 });
        for (const each of records) {
          const foreseen = builder.sizeOf(each);
          expect(builder.append(each)).toBe(foreseen);
        }
        const batch = new BatchView(builder.build());
        batch.ensureValid();
        const read = [...batch.records()];
        expect(read.map((each) => plain({ ...each, ...pick(each), timestamp: each.timestampExact }))).toEqual(
          records.map(plain),
        );
        expect(read.map((each) => each.offset)).toEqual(records.map((_, index) => baseOffset + index));
        expect([batch.count, batch.lastOffset]).toEqual([records.length, baseOffset + records.length - 1]);
        expect(batch.maxTimestamp).toBe(Math.max(...records.map((each) => Number(each.timestamp))));
      }),
      { numRuns: 60 },
    );
  });
});

/** Getters are not spread. */
function pick(each: { key: Buffer | null; value: Buffer | null; headers: RecordInput['headers'] }): RecordInput {
  return { timestamp: 0, key: each.key, value: each.value, headers: each.headers ?? [] };
}

describe('a damaged batch', () => {
  const builder = new BatchBuilder();
  for (let i = 0; i < 5; i++) builder.append({ timestamp: i, key: Buffer.from(`k${i}`), value: Buffer.alloc(40, 'v') });
  const sound = builder.build();

  test('never reads beyond its bytes, and any flipped bit after the CRC is noticed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 21, max: sound.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = Buffer.from(sound);
        damaged[at]! ^= flip;
        const batch = new BatchView(damaged);
        expect(batch.isValidCrc()).toBe(false);
        expect(() => batch.ensureValid()).toThrow(CorruptRecordError);
        try {
          for (const each of batch.records({ maxBytes: 10_000 })) void [each.key, each.value, each.headers];
        } catch (error) {
          expect(error).toHaveProperty('kind');
        }
      }),
    );
  });

  test('at the end of a buffer is left out when it is cut, and refused when its header is wrong', () => {
    for (let length = 0; length < sound.length; length++) {
      expect([...iterateBatches(Buffer.concat([sound, sound.subarray(0, length)]))]).toHaveLength(1);
    }
    const short = Buffer.from(sound);
    short.writeInt32BE(13, 8);
    expect(() => batchSizeAt(short, 0)).toThrow('Record size 13 is less than the minimum record overhead (14)');
  });

  test('of the present format is refused when its length leaves no room for its header, however little of it is there', () => {
    const short = Buffer.from(sound.subarray(0, 30));
    short.writeInt32BE(RECORD_BATCH_OVERHEAD - LOG_OVERHEAD - 1, LENGTH_POSITION);
    expect(() => batchSizeAt(short, 0)).toThrow(CorruptRecordError);
    // Kafka's reader passes it on; an append refuses it.
    expect(wholeBatchSizeAt(Buffer.concat([short, Buffer.alloc(30)]), 0)).toBe(RECORD_BATCH_OVERHEAD - 1);
    expect(wholeBatchSizeAt(short, 0)).toBe(0);
  });

  test.each([
    { title: 'nothing is known of less than a length field', bytes: 11, length: 13, size: 0 },
    { title: 'a length that no batch has is refused as soon as it can be read', bytes: 12, length: 13, size: null },
    { title: 'a batch is partial until its magic is there', bytes: 16, length: 14, size: 0 },
    { title: 'a batch is partial until its last byte is there', bytes: 25, length: 14, size: 0 },
    { title: 'a batch ends where its length says', bytes: 27, length: 14, size: 26 },
    { title: 'a length beyond every int32 is refused', bytes: 27, length: 0x7fffffff, size: null },
  ])('$title', ({ bytes, length, size }) => {
    const buffer = Buffer.alloc(bytes);
    if (bytes >= LOG_OVERHEAD) buffer.writeInt32BE(length, LENGTH_POSITION);
    const read = (): number => wholeBatchSizeAt(buffer, 0);
    if (size === null) expect(read).toThrow(CorruptRecordError);
    else expect(read()).toBe(size);
  });

  test('both ways of walking see the same batches', () => {
    const many = Buffer.concat([sound, sound, sound, sound.subarray(0, 30)]);
    const offsets: number[] = [];
    expect(forEachBatch(many, (batch) => offsets.push(batch.offset))).toBe(3 * sound.length);
    expect(offsets).toEqual([...iterateBatches(many)].map(({ offset }) => offset));
  });
});

describe('assignment in place', () => {
  test('offset and leader epoch leave the CRC valid, a timestamp renews it', () => {
    const builder = new BatchBuilder({ isTransactional: true, producerId: 5n, producerEpoch: 1, baseSequence: 0 });
    builder.append({ timestamp: 10 });
    const batch = new BatchView(Buffer.concat([Buffer.alloc(7), builder.build()]), 7);
    batch.baseOffset = Number.MAX_SAFE_INTEGER - 1;
    batch.partitionLeaderEpoch = 12;
    batch.ensureValid();
    const { crc } = batch;
    batch.setLogAppendTime(99);
    expect(batch.crc).not.toBe(crc);
    batch.ensureValid();
    expect(batch).toMatchObject({
      baseOffset: Number.MAX_SAFE_INTEGER - 1,
      partitionLeaderEpoch: 12,
      timestampType: 'LogAppendTime',
      maxTimestamp: 99,
      isTransactional: true,
      isControl: false,
    });
  });

  test.each([
    { value: 0 },
    { value: -1 },
    { value: 2 ** 53 - 1 },
    { value: -(2 ** 53) + 1 },
    { value: 2 ** 63, written: 2n ** 63n - 1n },
    { value: -(2 ** 63), written: -(2n ** 63n) },
    { value: -(2 ** 70), written: -(2n ** 63n) },
  ])('the number $value is written as the nearest int64', ({ value, written = BigInt(value) }) => {
    const buffer = Buffer.alloc(8);
    writeInt64(buffer, value, 0);
    expect(buffer.readBigInt64BE(0)).toBe(written);
  });

  test('int64s beyond the safe integers are exact where they are asked for exactly', () => {
    const builder = new BatchBuilder({ baseOffset: 2n ** 62n + 1n, producerId: 2n ** 63n - 1n, producerEpoch: 0 });
    builder.append({ timestamp: 2n ** 61n + 3n });
    builder.append({ timestamp: 2n ** 61n - 4n });
    const batch = new BatchView(builder.build());
    expect(batch.producerIdExact).toBe(2n ** 63n - 1n);
    expect(batch.maxTimestampExact).toBe(2n ** 61n + 3n);
    expect([...batch.records()].map((each) => [each.offsetExact, each.timestampExact])).toEqual([
      [2n ** 62n + 1n, 2n ** 61n + 3n],
      [2n ** 62n + 2n, 2n ** 61n - 4n],
    ]);
  });
});

test.each([
  [0, 1, 1],
  [0x7fffffff, 1, 0],
  [0x7ffffffd, 5, 2],
])('sequence %d and %d more is %d', (sequence, increment, result) => {
  expect(incrementSequence(sequence, increment)).toBe(result);
  expect(decrementSequence(result, increment)).toBe(sequence);
});

describe('control batches', () => {
  test.each(['COMMIT', 'ABORT'] as const)('a marker of %s is read back', (type) => {
    const marker = { type, producerId: 4000, producerEpoch: 3, coordinatorEpoch: 17, timestampMs: 1234 };
    const batch = new BatchView(buildEndTxnMarker(marker));
    batch.ensureValid();
    expect(batch).toMatchObject({
      isControl: true,
      isTransactional: true,
      producerId: 4000,
      baseSequence: -1,
      count: 1,
    });
    const [record] = batch.records();
    expect(parseEndTxnMarker(record!)).toEqual({ version: 0, type, coordinatorEpoch: 17 });
  });

  test('a type to come is unknown, and a key that is too short is refused', () => {
    expect(parseControlRecord(Buffer.from([0, 1, 0, 9]))).toEqual({ version: 1, type: 'UNKNOWN' });
    expect(() => parseControlRecord(Buffer.from([0, 0, 0]))).toThrow(/found only 3/);
  });
});
