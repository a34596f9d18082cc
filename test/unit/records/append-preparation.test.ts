/** What is found about a batch piece by piece is what is found at once: facts, refusals, and the batch written again. */
import { runAtOnce } from '../../../src/common/index.js';
import {
  AppendPreparation,
  BatchBuilder,
  BatchView,
  compress,
  PreparationNeededError,
  RecordsError,
  RecordStream,
  RecordValidationError,
  StepWork,
  validateForAppend,
  type AppendValidationOptions,
  type BatchOptions,
  type Compression,
  type PieceTaker,
  type PreparedAppend,
} from '../../../src/records/index.js';
import { fc } from '../../support/fast-check.js';

const NOW = 1_700_000_000_000;
const OPTIONS: AppendValidationOptions = {
  topicPartition: 'orders-3',
  origin: 'client',
  maxMessageBytes: 10_000_000,
  nextOffset: 1000,
  partitionLeaderEpoch: 7,
  nowMs: NOW,
  targetCompression: 'producer',
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: 1_000_000,
  timestampAfterMaxMs: 1_000_000,
  compactedTopic: false,
};
const CODECS: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

function batchOf(options: BatchOptions = {}, count = 400): Buffer {
  const builder = new BatchBuilder(options);
  for (let i = 0; i < count; i++) {
    builder.append({
      timestamp: NOW + ((i * 7919) % 1000),
      key: i % 5 === 0 ? null : Buffer.from(`key ${i}`),
      value: i % 11 === 0 ? null : Buffer.alloc((i * 37) % 900, `value ${i} `),
      headers: i % 3 === 0 ? [{ key: `h${i}`, value: i % 2 === 0 ? null : Buffer.alloc(i % 200, 'h') }] : [],
    });
  }
  return builder.build();
}

/** Feeds the content in pieces of `pieceBytes`. */
async function pass<T>(preparation: AppendPreparation, taker: PieceTaker<T>, pieceBytes: number): Promise<void> {
  const reader = preparation.openContent(1_000_000_000);
  let step = taker.next();
  while (!step.done) {
    const piece = await reader.next();
    if (piece === null) step = taker.next(null);
    else
      for (let at = 0; at < piece.length && !step.done; at += pieceBytes)
        step = taker.next(piece.subarray(at, at + pieceBytes));
  }
  reader.close?.();
}

async function prepare(bytes: Buffer, options: AppendValidationOptions, pieceBytes = 1000): Promise<PreparedAppend> {
  const preparation = new AppendPreparation(bytes, options);
  try {
    await pass(preparation, preparation.check(), pieceBytes);
    if (preparation.mustRebuild) {
      await pass(preparation, preparation.collect(), pieceBytes);
      return preparation.finish(null, await runAtOnce(preparation.rebuild()));
    }
  } catch (error) {
    if (!(error instanceof RecordsError)) throw error;
    return preparation.finish(error);
  }
  return preparation.finish(null);
}

function outcome(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    if (error instanceof RecordValidationError) return { message: error.message, records: error.recordErrors };
    if (error instanceof RecordsError) return { kind: error.kind, message: error.message };
    throw error;
  }
}

async function expectSame(bytes: Buffer, options: AppendValidationOptions, pieceBytes?: number): Promise<void> {
  const prepared = await prepare(bytes, options, pieceBytes);
  const later = { ...options, nextOffset: 5000, partitionLeaderEpoch: 9 };
  const [own, other] = [Buffer.from(bytes), Buffer.from(bytes)];
  const atOnce = outcome(() => validateForAppend(own, later));
  // The same bytes: what was prepared is for them alone.
  bytes.copy(other);
  const inPieces = outcome(() => validateForAppend(bytes, { ...later, prepared }));
  expect(inPieces).toEqual(atOnce);
}

describe.each(CODECS)('a batch of %s', (codec) => {
  test.each(CODECS)('goes into a topic of %s as if it had been looked at at once', async (target) => {
    const header = { compression: codec, producerId: 7n, producerEpoch: 2, baseSequence: 40, isTransactional: true };
    for (const timestampType of ['CreateTime', 'LogAppendTime'] as const) {
      await expectSame(batchOf(header), { ...OPTIONS, targetCompression: target, timestampType });
    }
  });

  test('is refused with the same words', async () => {
    const early = { timestampBeforeMaxMs: 0, timestampAfterMaxMs: 500 };
    await expectSame(batchOf({ compression: codec }), { ...OPTIONS, ...early });
    await expectSame(batchOf({ compression: codec }), { ...OPTIONS, compactedTopic: true });
    await expectSame(batchOf({ compression: codec, timestampType: 'LogAppendTime', logAppendTimeMs: NOW }), {
      ...OPTIONS,
      timestampType: 'LogAppendTime',
    });
  });

  test('whose count is wrong is refused with the same words', async () => {
    for (const change of [-1, 1]) {
      const bytes = batchOf({ compression: codec });
      const batch = new BatchView(bytes);
      bytes.writeInt32BE(batch.count + change, 57);
      bytes.writeInt32BE(batch.lastOffsetDelta + change, 23);
      batch.recomputeCrc();
      await expectSame(bytes, OPTIONS);
    }
  });
});

test('records are found wherever a piece ends', async () => {
  for (const pieceBytes of [1, 2, 3, 7, 64, 999, 100_000]) {
    await expectSame(batchOf({ compression: 'lz4' }), { ...OPTIONS, compactedTopic: true }, pieceBytes);
  }
});

test('damaged records are refused, or taken, wherever a piece ends', async () => {
  const sound = batchOf({}, 12);
  await fc.assert(
    fc.asyncProperty(
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.integer({ min: 1, max: 40 }),
      async (place, flip, pieceBytes) => {
        const bytes = Buffer.from(sound);
        bytes[61 + (place % (bytes.length - 61))]! ^= flip;
        new BatchView(bytes).recomputeCrc();
        const kindOf = (work: () => unknown): string => {
          try {
            work();
            return 'taken';
          } catch (error) {
            if (!(error instanceof RecordsError)) throw error;
            return error.kind;
          }
        };
        const prepared = await prepare(bytes, OPTIONS, pieceBytes);
        const atOnce = kindOf(() => validateForAppend(Buffer.from(bytes), OPTIONS));
        expect(kindOf(() => validateForAppend(bytes, { ...OPTIONS, prepared }))).toBe(atOnce);
      },
    ),
    { numRuns: 400 },
  );
});

test('a record of a hundred pieces is passed without being kept, and its visitor may stop', () => {
  const builder = new BatchBuilder({});
  builder.append({ timestamp: NOW, key: null, value: Buffer.alloc(100_000) });
  builder.append({ timestamp: NOW + 1, key: Buffer.alloc(50_000), value: null });
  const bytes = builder.build().subarray(61);
  const seen: number[] = [];
  const taker = new RecordStream().pass(2, (index, { valueSize }) => {
    seen.push(valueSize);
    return index < 1;
  });
  let step = taker.next();
  let at = 0;
  while (!step.done) step = taker.next(bytes.subarray(at, (at += 1000)));
  expect(seen).toEqual([100_000, -1]);
  expect(at).toBeGreaterThanOrEqual(150_000);
});

test('records that remain are refused where a piece ends with the last that was counted', () => {
  const builder = new BatchBuilder({});
  for (let i = 0; i < 3; i++) builder.append({ timestamp: NOW, key: null, value: Buffer.alloc(50) });
  const records = builder.build().subarray(61);
  const each = records.length / 3;
  const take = (count: number): boolean => {
    const taker = new RecordStream().pass(count, () => undefined);
    let step = taker.next();
    for (let at = 0; !step.done; at += each)
      step = taker.next(at < records.length ? records.subarray(at, at + each) : null);
    return true;
  };
  expect(() => take(2)).toThrow(/records still remaining/);
  expect(() => take(4)).toThrow(/premature EOF/);
  expect(take(3)).toBe(true);
});

describe('what a step may do', () => {
  const large = (compression: Compression): Buffer => {
    const builder = new BatchBuilder({ compression });
    builder.append({ timestamp: NOW, key: null, value: Buffer.alloc(16 * 1024 * 1024) });
    return builder.build();
  };

  test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'does not include a large batch of %s, which stays as it was',
    (codec) => {
      const bytes = large(codec);
      const before = Buffer.from(bytes);
      const options = { ...OPTIONS, work: new StepWork() };
      expect(() => validateForAppend(bytes, options)).toThrow(PreparationNeededError);
      expect(bytes.equals(before)).toBe(true);
      // One without a bound does it.
      expect(validateForAppend(bytes, OPTIONS).batchCount).toBe(1);
    },
  );

  test('includes many small batches, and an end', () => {
    const work = new StepWork();
    const bytes = batchOf({ compression: 'gzip' });
    let count = 0;
    expect(() => {
      for (; count < 10_000; count++) validateForAppend(Buffer.from(bytes), { ...OPTIONS, work });
    }).toThrow(PreparationNeededError);
    expect(count).toBeGreaterThanOrEqual(4);
    expect(count).toBeLessThan(100);
  });

  test('ends with what a lie cost it', () => {
    const lying = large('gzip');
    lying.writeUInt32LE(1, lying.length - 4);
    new BatchView(lying).recomputeCrc();
    const work = new StepWork();
    expect(() => validateForAppend(lying, { ...OPTIONS, work })).toThrow(PreparationNeededError);
    expect(() => validateForAppend(batchOf({ compression: 'gzip' }, 1), { ...OPTIONS, work })).toThrow(
      PreparationNeededError,
    );
  });

  test('does not include compressing again what is large, nor walking millions of records', () => {
    const builder = new BatchBuilder({});
    builder.append({ timestamp: NOW, key: null, value: Buffer.alloc(1_000_000) });
    const megabyte = builder.build();
    expect(validateForAppend(megabyte, { ...OPTIONS, work: new StepWork() }).batchCount).toBe(1);
    new BatchView(megabyte).baseOffset = 0;
    const compressing = { ...OPTIONS, targetCompression: 'gzip' as const };
    expect(() => validateForAppend(megabyte, { ...compressing, work: new StepWork() })).toThrow(PreparationNeededError);
    const many = batchOf({}, 400_000);
    expect(() => validateForAppend(many, { ...OPTIONS, maxMessageBytes: 1e9, work: new StepWork() })).toThrow(
      PreparationNeededError,
    );
  });
});

/** A batch of records of seven bytes, whose offset deltas are all 0 with `wrong`. */
function tinyRecords(compression: Compression, count: number, wrong = false): Buffer {
  const builder = new BatchBuilder({ compression });
  for (let i = 0; i < count; i++) builder.append({ timestamp: NOW, key: null, value: null });
  if (!wrong) return builder.build();
  const content = Buffer.alloc(7 * count, Buffer.from([12, 0, 0, 0, 1, 1, 0]));
  const batch = Buffer.concat([builder.build().subarray(0, 61), compress(compression, content)]);
  batch.writeInt32BE(batch.length - 12, 8);
  new BatchView(batch).recomputeCrc();
  return batch;
}

/** How many times a batch can be validated within one step; at most `most`. */
function timesInStep(batch: Buffer, most: number, change: Partial<AppendValidationOptions> = {}): number {
  const work = new StepWork();
  for (let times = 0; times < most; times++) {
    const before = Buffer.from(batch);
    try {
      validateForAppend(before, { ...OPTIONS, ...change, work });
    } catch (error) {
      if (!(error instanceof PreparationNeededError)) throw error;
      expect(before.equals(batch)).toBe(true);
      return times;
    }
  }
  return most;
}

describe('what a step may do with many records', () => {
  test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'includes to walk 20,000 of %s, but not to write them again for their wrong offsets',
    async (codec) => {
      expect(timesInStep(tinyRecords(codec, 20_000), 1)).toBe(1);
      const wrong = tinyRecords(codec, 20_000, true);
      expect(timesInStep(wrong, 1)).toBe(0);
      expect(timesInStep(tinyRecords(codec, 1000, true), 1)).toBe(1);
      await expectSame(wrong, OPTIONS, 10_000);
    },
  );

  test.each(['none', 'gzip', 'lz4'] as const)(
    'does not include to write 50,000 again in another codec than %s',
    (codec) => {
      const batch = tinyRecords(codec, 50_000);
      expect(timesInStep(batch, 1, { targetCompression: codec === 'none' ? 'lz4' : 'none' })).toBe(0);
    },
  );

  test('includes some hundred thousand of uncompressed batches, and all of four mebibytes of larger ones', () => {
    const times = timesInStep(tinyRecords('none', 50_000), 100);
    expect(times).toBeGreaterThanOrEqual(3);
    expect(times).toBeLessThanOrEqual(5);
    expect(timesInStep(tinyRecords('none', 10_000), 100)).toBeLessThanOrEqual(25);
    const usual = new BatchBuilder({});
    while (usual.uncompressedSizeInBytes < 16_384)
      usual.append({ timestamp: NOW, key: null, value: Buffer.alloc(100) });
    expect(timesInStep(usual.build(), 256)).toBe(256);
    // Also behind what has taken all.
    const work = new StepWork();
    const tiny = { ...OPTIONS, work };
    expect(() => validateForAppend(tinyRecords('none', 1_000_000), tiny)).toThrow(PreparationNeededError);
    expect(() => {
      for (;;) validateForAppend(tinyRecords('none', 10_000), tiny);
    }).toThrow(PreparationNeededError);
    expect(validateForAppend(tinyRecords('none', 100), tiny).batchCount).toBe(1);
  });
});

test('the append time of a batch that was built again is that of its append', async () => {
  const options = { ...OPTIONS, targetCompression: 'zstd', timestampType: 'LogAppendTime' } as const;
  const bytes = batchOf({ compression: 'gzip' });
  const prepared = await prepare(bytes, options);
  const { buffer, logAppendTimeMs } = validateForAppend(bytes, { ...options, nowMs: NOW + 50, prepared });
  expect(logAppendTimeMs).toBe(NOW + 50);
  expect(new BatchView(buffer)).toMatchObject({ maxTimestamp: NOW + 50, timestampType: 'LogAppendTime' });
  expect(new BatchView(buffer).isValidCrc()).toBe(true);
});

test('what was prepared is for those bytes and that topic alone', async () => {
  const bytes = batchOf({ compression: 'gzip' });
  const prepared = await prepare(bytes, OPTIONS);
  expect(prepared.isFor(bytes, { ...OPTIONS, nextOffset: 1, nowMs: NOW + 5 })).toBe(true);
  expect(prepared.isFor(Buffer.from(bytes), OPTIONS)).toBe(false);
  const changes: Partial<AppendValidationOptions>[] = [
    { targetCompression: 'zstd' },
    { timestampType: 'LogAppendTime' },
    { timestampBeforeMaxMs: 1 },
    { timestampAfterMaxMs: 1 },
    { compactedTopic: true },
    { maxMessageBytes: 1 },
  ];
  for (const change of changes) expect(prepared.isFor(bytes, { ...OPTIONS, ...change })).toBe(false);
});

test.each([
  ['from that of its first record', NOW, false],
  ['from another one, which makes each take more', 0, true],
])('what times that are counted %s take when they are written again counts', async (_, first, isTooMuch) => {
  const builder = new BatchBuilder({ compression: 'gzip', baseTimestamp: NOW });
  for (let i = 0; i < 100_000; i++) builder.append({ timestamp: i === 0 ? first : NOW, key: null, value: null });
  const bytes = builder.build();
  const options: AppendValidationOptions = {
    ...OPTIONS,
    timestampBeforeMaxMs: 2 * NOW,
    targetCompression: 'none',
    maxMessageBytes: 400_000,
  };
  const prepared = await prepare(bytes, options);
  const result = outcome(() =>
    validateForAppend(bytes, { ...options, nextOffset: 0, partitionLeaderEpoch: 0, prepared }),
  );
  expect(JSON.stringify(result).includes('has to be built again')).toBe(isTooMuch);
});
