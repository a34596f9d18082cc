import {
  AppendAllowance,
  BatchBuilder,
  BatchView,
  COMPRESSION_TYPES,
  type RecordValidationError,
  RecordsError,
  validateForAppend,
  type AppendValidationOptions,
  type BatchOptions,
  type RecordInput,
} from '../../../src/records/index.js';
import { legacyMessage, legacyWrapper } from './legacy-messages.js';

const NOW = 1_700_000_000_000;
const UNLIMITED = Number(0x7fffffffffffffffn);

const defaults: AppendValidationOptions = {
  topicPartition: 'orders-3',
  origin: 'client',
  maxMessageBytes: 1_048_588,
  nextOffset: 1000,
  partitionLeaderEpoch: 7,
  nowMs: NOW,
  targetCompression: 'producer',
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: UNLIMITED,
  timestampAfterMaxMs: UNLIMITED,
  compactedTopic: false,
};

const record = (timestamp: number, key: string | null = 'k', value: string | null = 'value'): RecordInput => ({
  timestamp,
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  headers: [{ key: 'h', value: null }],
});

function batchOf(options: BatchOptions = {}, records = [record(NOW - 5), record(NOW), record(NOW - 1)]): Buffer {
  const builder = new BatchBuilder(options);
  for (const each of records) builder.append(each);
  return builder.build();
}

/** Changes a batch after it was built, and makes its CRC right again. */
function damaged(change: (bytes: Buffer) => void, options: BatchOptions = {}, records?: RecordInput[]): Buffer {
  const bytes = batchOf(options, records);
  change(bytes);
  new BatchView(bytes).recomputeCrc();
  return bytes;
}

function refusal(buffer: Buffer, options: Partial<AppendValidationOptions> = {}): RecordsError {
  try {
    validateForAppend(buffer, { ...defaults, ...options });
  } catch (error) {
    if (error instanceof RecordsError) return error;
    throw error;
  }
  throw new Error('the records were accepted');
}

const list = (buffer: Buffer): object[] =>
  [...new BatchView(buffer).records()].map(({ offset, timestamp, key, value, headers }) => ({
    offset,
    timestamp,
    key: key?.toString() ?? null,
    value: value?.toString() ?? null,
    headers,
  }));

describe('accepted records', () => {
  test.each(COMPRESSION_TYPES)('%s: offsets and epoch are written into the received bytes', (compression) => {
    const bytes = batchOf({ compression });
    const result = validateForAppend(bytes, defaults);
    expect(result.buffer.buffer).toBe(bytes.buffer);
    const batch = new BatchView(result.buffer);
    batch.ensureValid();
    expect(batch.baseOffset).toBe(1000);
    expect(batch.lastOffset).toBe(1002);
    expect(batch.partitionLeaderEpoch).toBe(7);
    expect(result).toMatchObject({ firstOffset: 1000, lastOffset: 1002, maxTimestamp: NOW, convertedRecords: 0 });
    expect(result.offsetOfMaxTimestamp).toBe(compression === 'none' ? 1001 : 1002);
    expect(result.logAppendTimeMs).toBe(-1);
  });

  test('a wrong maxTimestamp in the header is corrected', () => {
    const bytes = damaged((batch) => batch.writeBigInt64BE(5n, 35));
    const batch = new BatchView(validateForAppend(bytes, defaults).buffer);
    batch.ensureValid();
    expect(batch.maxTimestamp).toBe(NOW);
  });

  test.each(COMPRESSION_TYPES)('%s: LogAppendTime is written into the header', (compression) => {
    const result = validateForAppend(batchOf({ compression }), { ...defaults, timestampType: 'LogAppendTime' });
    const batch = new BatchView(result.buffer);
    batch.ensureValid();
    expect([batch.timestampType, batch.maxTimestamp]).toEqual(['LogAppendTime', NOW]);
    expect([...batch.records()].map(({ timestamp }) => timestamp)).toEqual([NOW, NOW, NOW]);
    expect(result).toMatchObject({ maxTimestamp: NOW, offsetOfMaxTimestamp: 1002, logAppendTimeMs: NOW });
  });

  test.each(COMPRESSION_TYPES.flatMap((from) => COMPRESSION_TYPES.map((to) => [from, to] as const)))(
    'from %s to %s the records stay the same',
    (from, to) => {
      const bytes = batchOf({ compression: from, producerId: 9, producerEpoch: 2, baseSequence: 4 });
      const result = validateForAppend(bytes, { ...defaults, targetCompression: to });
      const batch = new BatchView(result.buffer);
      batch.ensureValid();
      expect(batch.compression).toBe(to);
      expect([batch.producerId, batch.producerEpoch, batch.baseSequence]).toEqual([9, 2, 4]);
      expect(result.convertedRecords).toBe(from === to ? 0 : 3);
      const expected = batchOf({ baseOffset: 1000 });
      expect(list(result.buffer)).toEqual(list(expected));
    },
  );

  test.each([
    ['none', 'none', [1000, 1003]],
    ['none', 'lz4', [1000, 1001]],
    ['lz4', 'lz4', [1000, 1001]],
    ['lz4', 'none', [1000, 1001]],
  ] as const)('%s to %s: gaps between offsets are closed where Kafka closes them', (from, to, offsets) => {
    const builder = new BatchBuilder({ compression: from, lastOffset: 1 });
    builder.appendWithOffset(0, record(NOW));
    builder.appendWithOffset(3, record(NOW));
    const result = validateForAppend(builder.build(), { ...defaults, targetCompression: to });
    expect([...new BatchView(result.buffer).records()].map(({ offset }) => offset)).toEqual(offsets);
    expect(new BatchView(result.buffer)).toMatchObject({ lastOffset: 1001 });
    expect(result.convertedRecords).toBe(to === 'none' && from === 'none' ? 0 : 2);
  });

  test('control batches of a coordinator are not compressed by the topic', () => {
    const bytes = batchOf({ isControl: true, isTransactional: true, producerId: 1, producerEpoch: 0 }, [record(NOW)]);
    const result = validateForAppend(bytes, { ...defaults, origin: 'coordinator', targetCompression: 'gzip' });
    expect(new BatchView(result.buffer).compression).toBe('none');
  });

  test('a partial batch at the end is cut off', () => {
    const bytes = batchOf();
    const result = validateForAppend(Buffer.concat([bytes, bytes.subarray(0, 40)]), defaults);
    expect(result.buffer.length).toBe(bytes.length);
    expect(result.validBytes).toBe(bytes.length);
  });

  test('bytes without a whole batch append nothing', () => {
    expect(validateForAppend(batchOf().subarray(0, 50), defaults)).toMatchObject({ batchCount: 0, validBytes: 0 });
  });

  test('records without a timestamp pass any range', () => {
    const result = validateForAppend(batchOf({}, [record(-1)]), { ...defaults, timestampBeforeMaxMs: 10 });
    expect(result.maxTimestamp).toBe(-1);
  });

  test.each([
    ['magic 0', [legacyMessage(0, 0, 'a'), legacyMessage(0, 1, 'b')], -1],
    ['magic 1', [legacyMessage(1, 0, 'a', NOW), legacyMessage(1, 1, 'b', NOW)], NOW],
    [
      'magic 1 gzip',
      [legacyWrapper(1, 1, 'gzip', [legacyMessage(1, 0, 'a', NOW), legacyMessage(1, 1, 'b', NOW)])],
      NOW,
    ],
  ])('messages of %s become a batch of magic 2', (_title, messages, timestamp) => {
    const result = validateForAppend(Buffer.concat(messages), defaults);
    const batch = new BatchView(result.buffer);
    batch.ensureValid();
    expect(batch.magic).toBe(2);
    expect([...batch.records()].map((each) => [each.offset, each.timestamp, each.key?.toString()])).toEqual([
      [1000, timestamp, 'a'],
      [1001, timestamp, 'b'],
    ]);
  });
});

describe('refused records', () => {
  const cases: [string, string, RegExp, Buffer, Partial<AppendValidationOptions>?][] = [
    [
      'a flipped bit',
      'CORRUPT_MESSAGE',
      /Record is corrupt \(stored crc = \d+\) in topic partition orders-3/,
      (() => {
        const bytes = batchOf();
        bytes[70]! ^= 1;
        return bytes;
      })(),
    ],
    ['magic 3', 'CORRUPT_MESSAGE', /Invalid magic found in record: 3/, damaged((b) => b.writeInt8(3, 16))],
    [
      'a length below the header',
      'CORRUPT_MESSAGE',
      /smaller than the minimum/,
      Buffer.concat([damaged((b) => b.writeInt32BE(40, 8))]),
    ],
    [
      'a batch beyond max.message.bytes',
      'MESSAGE_TOO_LARGE',
      /exceeds the maximum configured value of 100/,
      batchOf(),
      { maxMessageBytes: 100 },
    ],
    [
      'records that grow beyond max.message.bytes',
      'MESSAGE_TOO_LARGE',
      /exceeds the maximum configured size of 400/,
      batchOf({ compression: 'gzip' }, [record(NOW, 'k', 'x'.repeat(5000))]),
      { maxMessageBytes: 400, targetCompression: 'none' },
    ],
    ['a base offset that is not 0', 'INVALID_RECORD', /should be 0, but it is 5/, batchOf({ baseOffset: 5 })],
    ['two batches', 'INVALID_RECORD', /more than one batch/, Buffer.concat([batchOf(), batchOf()])],
    [
      'a negative last offset delta',
      'INVALID_RECORD',
      /invalid offset range: \[0, -2\]/,
      damaged((b) => b.writeInt32BE(-2, 23)),
    ],
    [
      'no records',
      'INVALID_RECORD',
      /Invalid reported count for record batch: 0/,
      damaged((b) => b.writeInt32BE(0, 57)),
    ],
    [
      'a negative count',
      'INVALID_RECORD',
      /Invalid reported count for record batch: -1/,
      damaged((b) => b.writeInt32BE(-1, 57)),
    ],
    [
      'a count unlike the offsets',
      'INVALID_RECORD',
      /Inconsistent batch offset range \[0, 2\] and count of records 2/,
      damaged((b) => b.writeInt32BE(2, 57)),
    ],
    [
      'a count and range beyond the records',
      'INVALID_RECORD',
      /premature EOF/,
      damaged((b) => {
        b.writeInt32BE(3, 23);
        b.writeInt32BE(4, 57);
      }),
    ],
    [
      'a count and range below the records',
      'INVALID_RECORD',
      /records still remaining/,
      damaged((b) => {
        b.writeInt32BE(1, 23);
        b.writeInt32BE(2, 57);
      }),
    ],
    ['a control batch', 'INVALID_RECORD', /not allowed to write control records/, batchOf({ isControl: true })],
    [
      'a producer id without a sequence',
      'INVALID_RECORD',
      /Invalid sequence number -1 .* producerId 4/,
      batchOf({ producerId: 4, producerEpoch: 0 }),
    ],
    ['a record that is longer than the batch', 'INVALID_RECORD', /Invalid record size/, damaged((b) => (b[61] = 0x7e))],
    [
      'a record whose parts do not add up',
      'INVALID_RECORD',
      /Invalid record size|invalid record structure/i,
      damaged((b) => (b[65] = 0x04)),
    ],
    [
      'an unknown codec',
      'UNKNOWN_SERVER_ERROR',
      /Unknown compression type id: 6/,
      damaged((b) => b.writeUInt16BE(6, 21)),
    ],
    [
      'another codec than named',
      'UNKNOWN_SERVER_ERROR',
      /Failed to decompress/,
      damaged((b) => b.writeUInt16BE(4, 21), { compression: 'gzip' }),
    ],
    [
      'a decompression bomb',
      'MESSAGE_TOO_LARGE',
      /more than the allowed 10000 bytes/,
      batchOf({ compression: 'lz4' }, [record(NOW, 'k', 'x'.repeat(50_000))]),
      { maxDecompressedBytes: 10_000 },
    ],
  ];
  test.each(cases.map(([title, kind, message, buffer, options = {}]) => ({ title, kind, message, buffer, options })))(
    '$title: $kind',
    ({ kind, message, buffer, options }) => {
      const error = refusal(buffer, options);
      expect(error.kind).toBe(kind);
      expect(error.message).toMatch(message);
    },
  );

  test.each(COMPRESSION_TYPES)('%s: every record without a key is named for a compacted topic', (compression) => {
    const records = ['a', null, 'b', null, null, null].map((key) => record(NOW, key));
    const error = refusal(batchOf({ compression }, records), { compactedTopic: true }) as RecordValidationError;
    expect(error.kind).toBe('INVALID_RECORD');
    expect(error.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([1, 3, 4, 5]);
    expect(error.recordErrors[0]!.message).toBe(
      'Compacted topic cannot accept message without key in topic partition orders-3',
    );
    expect(error.message).toMatch(/^One or more records have been rejected due to 4 record errors in total, and only/);
    expect(error.message.match(/RecordError\(/g)).toHaveLength(3);
  });

  test('a thousand refused records are named at most: a few kilobytes may hold millions', () => {
    const records = Array.from({ length: 3000 }, () => record(NOW, null));
    const error = refusal(batchOf({}, records), { compactedTopic: true }) as RecordValidationError;
    expect(error.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual(Array.from({ length: 1000 }, (_, at) => at));
  });

  test('the batches of a request share what is named, and each names one', () => {
    const records = Array.from({ length: 400 }, () => record(NOW, null));
    const allowance = new AppendAllowance();
    const named = Array.from({ length: 5 }, () => {
      const error = refusal(batchOf({}, records), { compactedTopic: true, allowance }) as RecordValidationError;
      return error.recordErrors.length;
    });
    expect(named).toEqual([400, 400, 200, 1, 1]);
  });

  test.each([
    ['too old', NOW - 11, 0],
    ['too far in the future', NOW + 21, 0],
  ])('a timestamp that is %s', (_title, timestamp) => {
    const options = { timestampBeforeMaxMs: 10, timestampAfterMaxMs: 20 };
    const error = refusal(batchOf({}, [record(NOW), record(timestamp)]), options) as RecordValidationError;
    expect(error.kind).toBe('INVALID_TIMESTAMP');
    expect(error.message).toBe('One or more records have been rejected due to invalid timestamp');
    expect(error.recordErrors).toEqual([
      {
        batchIndex: 1,
        message: `Timestamp ${timestamp} of message with offset 1 is out of range. The timestamp should be within [${NOW - 10}, ${NOW + 20}]`,
      },
    ]);
  });

  test('the unlimited default wraps in the message as Java prints it', () => {
    const error = refusal(batchOf({}, [record(NOW + 1)]), { timestampAfterMaxMs: 0 }) as RecordValidationError;
    expect(error.recordErrors[0]!.message).toContain(`[-9223370336854775807, ${NOW}]`);
  });

  test('a producer must not set LogAppendTime itself', () => {
    const bytes = batchOf({ timestampType: 'LogAppendTime', logAppendTimeMs: 5 }, [record(5)]);
    const error = refusal(bytes, { timestampType: 'LogAppendTime' }) as RecordValidationError;
    expect(error.kind).toBe('INVALID_TIMESTAMP');
    expect(error.recordErrors[0]!.message).toBe(
      'Invalid timestamp type in message DefaultRecord(offset=0, timestamp=5, key=1 bytes, value=5 bytes). ' +
        'Producer should not set timestamp type to LogAppendTime.',
    );
  });

  test('a refused batch is left as it was', () => {
    const bytes = batchOf({}, [record(NOW, null)]);
    const before = Buffer.from(bytes);
    refusal(bytes, { compactedTopic: true });
    expect(bytes.equals(before)).toBe(true);
  });

  test('a damaged message inside a wrapper of magic 1', () => {
    const inner = legacyMessage(1, 0, 'a', NOW);
    inner[inner.length - 1]! ^= 1;
    const error = refusal(legacyWrapper(1, 0, 'gzip', [inner]));
    expect(error.kind).toBe('CORRUPT_MESSAGE');
  });
});
