/** What a log learns of records before it appends them, for every kind of writer and at every limit. */
import {
  BatchBuilder,
  BatchView,
  RecordsError,
  analyzeRecords,
  type AnalyzeOptions,
  type AppendOrigin,
  type BatchOptions,
} from '../../../src/records/index.js';

const ORIGINS: readonly AppendOrigin[] = ['client', 'coordinator', 'replication', 'raft'];
const options = (change: Partial<AnalyzeOptions> = {}): AnalyzeOptions => ({
  topicPartition: 'orders-3',
  origin: 'replication',
  maxMessageBytes: 1_000_000,
  ...change,
});

function batch(timestamps: readonly number[], batchOptions: BatchOptions = {}): Buffer {
  const builder = new BatchBuilder(batchOptions);
  for (const timestamp of timestamps) builder.append({ timestamp, key: null, value: Buffer.from('value') });
  return builder.build();
}

function kindOf(step: () => unknown): string {
  try {
    step();
    return 'accepted';
  } catch (error) {
    if (error instanceof RecordsError) return error.kind;
    throw error;
  }
}

test.each(ORIGINS)('damaged bytes are refused, whoever sends them: %s', (origin) => {
  const bytes = batch([1, 2]);
  for (let at = 21; at < bytes.length; at += 3) {
    const damaged = Buffer.from(bytes);
    damaged[at] = damaged[at]! ^ 0x10;
    expect(kindOf(() => analyzeRecords(damaged, options({ origin })))).toBe('CORRUPT_MESSAGE');
  }
  // The second of two, too.
  const second = Buffer.from(batch([3], { baseOffset: 2 }));
  second[second.length - 1]! ^= 1;
  const both = Buffer.concat([bytes, second]);
  expect(kindOf(() => analyzeRecords(both, options({ origin: 'replication' })))).toBe('CORRUPT_MESSAGE');
});

test('a batch may be as large as max.message.bytes and no larger, and what a leader accepted may be any size', () => {
  const bytes = batch([1, 2]);
  const limit = bytes.length;
  expect(kindOf(() => analyzeRecords(bytes, options({ maxMessageBytes: limit })))).toBe('accepted');
  expect(kindOf(() => analyzeRecords(bytes, options({ maxMessageBytes: limit - 1 })))).toBe('MESSAGE_TOO_LARGE');
  const ignoring = options({ maxMessageBytes: 1, ignoreRecordSize: true });
  expect(kindOf(() => analyzeRecords(bytes, ignoring))).toBe('accepted');
});

test('only clients must begin their batches at offset 0', () => {
  const kinds = ORIGINS.map((origin) =>
    kindOf(() => analyzeRecords(batch([1], { baseOffset: 5 }), options({ origin }))),
  );
  expect(kinds).toEqual(['INVALID_RECORD', 'accepted', 'accepted', 'accepted']);
});

test('several batches are summed up: first and last offset, the last epoch, the first greatest time, the last codec', () => {
  const batches = [
    batch([10, 30], { baseOffset: 100, partitionLeaderEpoch: 3 }),
    batch([20], { baseOffset: 104, partitionLeaderEpoch: 4, compression: 'gzip' }),
    batch([30, 25], { baseOffset: 105, partitionLeaderEpoch: 6 }),
  ];
  const analysis = analyzeRecords(Buffer.concat([...batches, batches[0]!.subarray(0, 40)]), options());
  expect(analysis).toEqual({
    batchCount: 3,
    validBytes: Buffer.concat(batches).length,
    firstOffset: 100,
    lastOffset: 106,
    lastOffsetOfFirstBatch: 101,
    offsetsMonotonic: true,
    lastLeaderEpoch: 6,
    maxTimestamp: 30,
    offsetOfMaxTimestamp: 101,
    sourceCompression: 'gzip',
  });
});

test('the greatest time may be that of a later batch', () => {
  const bytes = Buffer.concat([batch([10], { baseOffset: 7 }), batch([50, 40], { baseOffset: 8 })]);
  expect(analyzeRecords(bytes, options())).toMatchObject({ maxTimestamp: 50, offsetOfMaxTimestamp: 9 });
});

test.each([
  { title: 'grow', bases: [5, 7, 20], expected: true },
  { title: 'fall', bases: [5, 7, 3], expected: false },
  { title: 'stand still', bases: [5, 7, 7], expected: false },
  { title: 'overlap', bases: [5, 6, 8], expected: true },
])('offsets that $title are told apart', ({ bases, expected }) => {
  const bytes = Buffer.concat(bases.map((baseOffset) => batch([1, 2], { baseOffset })));
  expect(analyzeRecords(bytes, options()).offsetsMonotonic).toBe(expected);
});

test('a batch too short for its header has no valid CRC', () => {
  const bytes = batch([1]);
  const view = new BatchView(bytes);
  bytes.writeInt32BE(61 - 12 - 1, 8);
  expect(view.isValidCrc()).toBe(false);
  expect(() => view.ensureValid()).toThrow(/smaller than the minimum allowed overhead/);
});
