/** What an append leaves of a batch: every field that is not the broker's to change, whether the bytes are kept or written anew. */
import {
  BatchBuilder,
  BatchView,
  RecordsError,
  buildEndTxnMarker,
  parseEndTxnMarker,
  validateForAppend,
  type AppendValidationOptions,
  type BatchOptions,
  type Compression,
  type RecordInput,
} from '../../../src/records/index.js';

const NOW = 1_700_000_000_000;
const defaults: AppendValidationOptions = {
  topicPartition: 'orders-3',
  origin: 'client',
  maxMessageBytes: 1_000_000,
  nextOffset: 1000,
  partitionLeaderEpoch: 7,
  nowMs: NOW,
  targetCompression: 'producer',
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: Number.MAX_SAFE_INTEGER,
  compactedTopic: false,
};

const RECORDS: readonly RecordInput[] = [
  {
    timestamp: NOW - 9,
    key: Buffer.from('k'),
    value: Buffer.from('v'),
    headers: [{ key: 'ä', value: Buffer.from('h') }],
  },
  { timestamp: NOW - 2, key: null, value: Buffer.alloc(300, 'x') },
  { timestamp: NOW - 5, key: Buffer.alloc(0), value: null, headers: [{ key: 'none', value: null }] },
  { timestamp: NOW - 2, key: null, value: Buffer.alloc(0) },
];

function batch(options: BatchOptions = {}, records = RECORDS): Buffer {
  const builder = new BatchBuilder(options);
  for (const record of records) builder.append(record);
  return builder.build();
}

/** Changes a batch after it was built, and makes its CRC right again. */
function changed(change: (bytes: Buffer) => void, options: BatchOptions = {}): Buffer {
  const bytes = batch(options);
  change(bytes);
  new BatchView(bytes).recomputeCrc();
  return bytes;
}

const validate = (bytes: Buffer, change: Partial<AppendValidationOptions> = {}) =>
  validateForAppend(bytes, { ...defaults, ...change });

function kindOf(bytes: Buffer, change: Partial<AppendValidationOptions> = {}): string {
  try {
    validate(bytes, change);
    return 'accepted';
  } catch (error) {
    if (error instanceof RecordsError) return error.kind;
    throw error;
  }
}

/** The header's fields that tell what the batch is, and its records. */
function contentOf(view: BatchView) {
  view.ensureValid();
  const { producerId, producerEpoch, baseSequence, lastSequence, isTransactional, isControl, hasDeleteHorizon } = view;
  const records = [...view.records()].map(({ offset, sequence, timestamp, key, value, headers }) => ({
    offset,
    sequence,
    timestamp,
    key: key?.toString('hex') ?? null,
    value: value?.toString('hex') ?? null,
    headers: headers.map((header) => [header.key, header.value?.toString('hex') ?? null]),
  }));
  return {
    producerId,
    producerEpoch,
    baseSequence,
    lastSequence,
    isTransactional,
    isControl,
    hasDeleteHorizon,
    records,
  };
}

const PRODUCERS: readonly BatchOptions[] = [
  {},
  { producerId: 5, producerEpoch: 0, baseSequence: 0 },
  { producerId: 5_000_000_000, producerEpoch: 32_000, baseSequence: 0x7ffffffe, isTransactional: true },
];
const WAYS: readonly { title: string; from: Compression; change: Partial<AppendValidationOptions> }[] = [
  { title: 'kept', from: 'none', change: {} },
  { title: 'kept in gzip', from: 'gzip', change: {} },
  { title: 'compressed', from: 'none', change: { targetCompression: 'lz4' } },
  { title: 'compressed otherwise', from: 'gzip', change: { targetCompression: 'zstd' } },
  { title: 'uncompressed', from: 'snappy', change: { targetCompression: 'uncompressed' } },
];

describe.each(WAYS)('a batch that is $title', ({ from, change }) => {
  test.each(PRODUCERS)('has offsets, epoch and times of the log, and all else as it was: %j', (producer) => {
    const before = contentOf(new BatchView(batch({ ...producer, compression: from })));
    const result = validate(batch({ ...producer, compression: from }), change);
    const view = new BatchView(result.buffer);
    expect(contentOf(view)).toEqual({
      ...before,
      records: before.records.map((record, index) => ({ ...record, offset: 1000 + index })),
    });
    expect(view).toMatchObject({ baseOffset: 1000, lastOffset: 1003, partitionLeaderEpoch: 7, maxTimestamp: NOW - 2 });
    expect(view.timestampType).toBe('CreateTime');
    expect(result).toMatchObject({ firstOffset: 1000, lastOffset: 1003, maxTimestamp: NOW - 2, logAppendTimeMs: -1 });
    const kept = change.targetCompression === undefined;
    expect(result.convertedRecords).toBe(kept ? 0 : 4);
    // Exact where it is cheap to know; else no earlier than the record.
    expect(result.offsetOfMaxTimestamp).toBe(kept && from === 'none' ? 1001 : 1003);
  });

  test.each(PRODUCERS)('under LogAppendTime has that time for all, and all else as it was: %j', (producer) => {
    const before = contentOf(new BatchView(batch({ ...producer, compression: from })));
    const result = validate(batch({ ...producer, compression: from }), { ...change, timestampType: 'LogAppendTime' });
    const view = new BatchView(result.buffer);
    expect(contentOf(view)).toEqual({
      ...before,
      records: before.records.map((record, index) => ({ ...record, offset: 1000 + index, timestamp: NOW })),
    });
    expect(view).toMatchObject({ timestampType: 'LogAppendTime', maxTimestamp: NOW, partitionLeaderEpoch: 7 });
    expect(result).toMatchObject({ maxTimestamp: NOW, logAppendTimeMs: NOW, offsetOfMaxTimestamp: 1003 });
  });
});

test('sequences wrap behind the greatest, in the header and in every record', () => {
  const view = new BatchView(batch({ producerId: 5, producerEpoch: 0, baseSequence: 0x7ffffffe }));
  expect(view.lastSequence).toBe(1);
  expect([...view.records()].map(({ sequence }) => sequence)).toEqual([0x7ffffffe, 0x7fffffff, 0, 1]);
});

test.each(['none', 'gzip'] as const)(
  'a reader of a batch in %s is told when the header hides records',
  (compression) => {
    const bytes = changed((one) => one.writeInt32BE(3, 57), { compression });
    expect(() => [...new BatchView(bytes).records()]).toThrow(/records still remaining/);
  },
);

test('the type of the timestamps goes to and fro without touching another attribute', () => {
  for (const flags of [
    {},
    { isTransactional: true },
    { isTransactional: true, isControl: true },
    { deleteHorizonMs: 5 },
  ]) {
    const bytes = batch({ ...flags, compression: 'gzip' });
    const view = new BatchView(bytes);
    const attributes = view.attributes;
    view.setMaxTimestamp('LogAppendTime', NOW);
    expect(view).toMatchObject({ attributes: attributes | 0x08, timestampType: 'LogAppendTime', maxTimestamp: NOW });
    expect(view.isValidCrc()).toBe(true);
    view.setMaxTimestamp('CreateTime', NOW);
    expect(view).toMatchObject({ attributes, timestampType: 'CreateTime' });
    expect(view.isValidCrc()).toBe(true);
    view.setMaxTimestamp('CreateTime', NOW + 1);
    expect(view).toMatchObject({ attributes, maxTimestamp: NOW + 1 });
    expect(view.isValidCrc()).toBe(true);
  }
});

test('a marker keeps its flags whatever the topic’s time and codec', () => {
  const marker = () =>
    buildEndTxnMarker({ producerId: 5, producerEpoch: 1, type: 'COMMIT', coordinatorEpoch: 70_000, timestampMs: NOW });
  for (const change of [{}, { timestampType: 'LogAppendTime' as const }, { targetCompression: 'gzip' as const }]) {
    const result = validate(marker(), { ...change, origin: 'coordinator' });
    expect(new BatchView(result.buffer)).toMatchObject({
      isControl: true,
      isTransactional: true,
      producerId: 5,
      producerEpoch: 1,
    });
  }
  expect(kindOf(marker())).toBe('INVALID_RECORD');
  const [record] = new BatchView(marker()).records();
  expect(parseEndTxnMarker(record!)).toMatchObject({ type: 'COMMIT', coordinatorEpoch: 70_000 });
});

describe('a header that lies', () => {
  const LIES: readonly { title: string; bytes: () => Buffer }[] = [
    { title: 'of no record', bytes: () => changed((bytes) => bytes.writeInt32BE(0, 57)) },
    { title: 'of a negative count', bytes: () => changed((bytes) => bytes.writeInt32BE(-3, 57)) },
    { title: 'of fewer records than offsets', bytes: () => changed((bytes) => bytes.writeInt32BE(4, 23)) },
    { title: 'of more records than offsets', bytes: () => changed((bytes) => bytes.writeInt32BE(2, 23)) },
    { title: 'of a negative range of offsets', bytes: () => changed((bytes) => bytes.writeInt32BE(-1, 23)) },
    {
      title: 'of more records than there are',
      bytes: () => changed((bytes) => (bytes.writeInt32BE(5, 57), bytes.writeInt32BE(4, 23))),
    },
    {
      title: 'of fewer records than there are',
      bytes: () => changed((bytes) => (bytes.writeInt32BE(3, 57), bytes.writeInt32BE(2, 23))),
    },
    { title: 'of a producer without sequence', bytes: () => batch({ producerId: 5, producerEpoch: 0 }) },
    { title: 'that it is a marker', bytes: () => batch({ isControl: true }) },
    { title: 'that it is a marker of one record', bytes: () => batch({ isControl: true }, RECORDS.slice(0, 1)) },
  ];
  test.each(LIES)('$title is refused to a client', ({ bytes }) => {
    expect(kindOf(bytes())).toBe('INVALID_RECORD');
  });

  test('may not bring a second batch along, compressed or not', () => {
    expect(kindOf(Buffer.concat([batch(), batch()]))).toBe('INVALID_RECORD');
    expect(kindOf(Buffer.concat([batch({ compression: 'gzip' }), batch()]))).toBe('INVALID_RECORD');
  });
});

test('a batch that is written anew may be as large as max.message.bytes and no larger', () => {
  const noise = Array.from({ length: 40 }, (_, index) => ({
    timestamp: NOW,
    key: null,
    value: Buffer.alloc(100, index),
  }));
  const sent = () => batch({ compression: 'gzip' }, noise);
  const grown = validate(sent(), { targetCompression: 'uncompressed' }).buffer.length;
  expect(grown).toBeGreaterThan(sent().length);
  const limited = (maxMessageBytes: number) => kindOf(sent(), { targetCompression: 'uncompressed', maxMessageBytes });
  expect([limited(grown), limited(grown - 1), limited(sent().length)]).toEqual([
    'accepted',
    'MESSAGE_TOO_LARGE',
    'MESSAGE_TOO_LARGE',
  ]);
});

test('timestamps at the very limits are accepted, one beyond is not', () => {
  const at = (timestamp: number): string =>
    kindOf(batch({}, [{ timestamp, key: null, value: null }]), {
      timestampBeforeMaxMs: 1000,
      timestampAfterMaxMs: 500,
    });
  expect([at(NOW - 1000), at(NOW + 500), at(NOW - 1001), at(NOW + 501)]).toEqual([
    'accepted',
    'accepted',
    'INVALID_TIMESTAMP',
    'INVALID_TIMESTAMP',
  ]);
  const old = batch({}, [{ timestamp: 5, key: null, value: null }]);
  expect(kindOf(old, { timestampBeforeMaxMs: 1000, timestampType: 'LogAppendTime' })).toBe('accepted');
});

test('offsets that a client leaves with gaps are made consecutive', () => {
  const builder = new BatchBuilder({ lastOffset: 1, compression: 'gzip' });
  builder.append({ timestamp: NOW, key: null, value: Buffer.from('a') });
  builder.appendWithOffset(5, { timestamp: NOW, key: null, value: Buffer.from('b') });
  const result = validate(builder.build());
  const view = new BatchView(result.buffer);
  expect([...view.records()].map(({ offset }) => offset)).toEqual([1000, 1001]);
  expect(view.lastOffset).toBe(1001);
});

test('a small batch that decompresses beyond the bound is refused', () => {
  const bomb = () => batch({ compression: 'gzip' }, [{ timestamp: NOW, key: null, value: Buffer.alloc(100_000) }]);
  expect(kindOf(bomb(), { maxDecompressedBytes: 50_000 })).toBe('MESSAGE_TOO_LARGE');
  for (const compression of ['snappy', 'lz4'] as const) {
    // Of many blocks, none of which is beyond the bound.
    const many = batch({ compression }, [{ timestamp: NOW, key: null, value: Buffer.alloc(400_000) }]);
    expect(kindOf(many, { maxDecompressedBytes: 150_000 })).toBe('MESSAGE_TOO_LARGE');
  }
});
