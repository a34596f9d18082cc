/** Compressed content of hundreds of thousands of blocks, each of which costs something and holds next to nothing. */
import {
  compress,
  PreparationNeededError,
  readContent,
  StepWork,
  type Compression,
} from '../../../src/records/index.js';
import { compressInSteps } from '../../../src/records/compression.js';
import { ZstdReader } from '../../../src/records/zstd-reader.js';

const MEGABYTE = 1_000_000;

function repeat(head: Buffer, block: Buffer, end: Buffer, bytes = MEGABYTE): Buffer {
  return Buffer.concat([head, Buffer.alloc(Math.floor(bytes / block.length) * block.length, block), end]);
}

const lz4 = (block: Buffer, bytes?: number): Buffer =>
  repeat(Buffer.from('04224d18604082', 'hex'), block, Buffer.alloc(4), bytes);
const snappy = (chunk: Buffer): Buffer =>
  repeat(Buffer.from('82534e41505059000000000100000001', 'hex'), chunk, Buffer.alloc(0));
/** A window of a kilobyte; the last block is raw and of nothing. */
const zstd = (block: Buffer, bytes?: number): Buffer =>
  repeat(Buffer.from('28b52ffd0000', 'hex'), block, Buffer.from([1, 0, 0]), bytes);

const NO_RAW_BLOCK = Buffer.from([0, 0, 0]);
/** No literals, no sequences. */
const NO_COMPRESSED_BLOCK = Buffer.from([(2 << 3) | (2 << 1), 0, 0, 0, 0]);
const EMPTY_FRAME = Buffer.from('28b52ffd2000010000', 'hex');
const SKIPPABLE_FRAME = Buffer.from('502a4d1800000000', 'hex');

/** Blocks of deflate that state two codes and hold nothing, and a last one. */
function gzipOfTables(bytes: number): Buffer {
  const out: number[] = [];
  let bits = 0;
  const put = (value: number, count: number): void => {
    for (let bit = 0; bit < count; bit++, bits++) {
      if (bits % 8 === 0) out.push(0);
      out[out.length - 1]! |= ((value >>> bit) & 1) << (bits % 8);
    }
  };
  while (out.length < bytes) {
    put(0b100, 3); // Not the last; of dynamic codes.
    put(0, 10); // 257 lengths of literals, one of distances.
    put(14, 4); // 18 lengths of lengths: those of 18 and of 1 are 1.
    for (let at = 0; at < 18; at++) put(at === 2 || at === 17 ? 1 : 0, 3);
    put(1 | (127 << 1), 8); // 138 zeros.
    put(1 | (107 << 1), 8); // 118 zeros.
    put(0, 3); // A length of 1 for the end of a block, one for a distance; the end of the block.
  }
  put(0b011, 3);
  put(0, 7);
  return Buffer.concat([Buffer.from('1f8b0800000000000003', 'hex'), Buffer.from(out), Buffer.alloc(8)]);
}

test.each<[string, Compression, Buffer]>([
  ['lz4 blocks of a byte', 'lz4', lz4(Buffer.from([2, 0, 0, 0, 0x10, 65]))],
  ['stored lz4 blocks of a byte', 'lz4', lz4(Buffer.from([1, 0, 0, 0x80, 65]))],
  ['snappy chunks of a byte', 'snappy', snappy(Buffer.from([0, 0, 0, 3, 1, 0, 65]))],
  ['raw zstd blocks of nothing', 'zstd', zstd(NO_RAW_BLOCK)],
  ['compressed zstd blocks of nothing', 'zstd', zstd(NO_COMPRESSED_BLOCK)],
  ['skippable zstd frames', 'zstd', repeat(Buffer.alloc(0), SKIPPABLE_FRAME, EMPTY_FRAME)],
  ['gzip blocks of tables', 'gzip', gzipOfTables(MEGABYTE)],
])('a megabyte of %s is more than one step may do', (_, type, data) => {
  expect(() => new StepWork().decompress(type, data, 1, null)).toThrow(PreparationNeededError);
});

test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('a step may do some hundred kilobytes of text in %s', (type) => {
  const text = Buffer.alloc(300_000, 'It was a dark and stormy night; the rain fell in torrents. ');
  expect(new StepWork().decompress(type, compress(type, text), 1, null).equals(text)).toBe(true);
});

test('what the blocks of one batch cost is not left for the next', () => {
  const work = new StepWork();
  const some = lz4(Buffer.from([1, 0, 0, 0x80, 65]), 5 * 600);
  expect(work.decompress('lz4', some, 1, null)).toHaveLength(600);
  expect(work.decompress('lz4', some, 1, null)).toHaveLength(600);
  expect(() => work.decompress('lz4', some, 1, null)).toThrow(PreparationNeededError);
});

test('a gzip content of nothing but tables decodes, to nothing', () => {
  expect(new StepWork().decompress('gzip', gzipOfTables(1000), 1, null)).toHaveLength(0);
});

test.each([
  ['raw blocks', zstd(NO_RAW_BLOCK, 3 * 500)],
  ['compressed blocks', zstd(NO_COMPRESSED_BLOCK, 5 * 500)],
  ['frames', repeat(Buffer.alloc(0), EMPTY_FRAME, EMPTY_FRAME, 9 * 500)],
  ['skippable frames', repeat(Buffer.alloc(0), SKIPPABLE_FRAME, EMPTY_FRAME, 8 * 500)],
])('each of 500 zstd %s of nothing takes a call of its own', (_, data) => {
  const reader = new ZstdReader(data);
  let calls = 0;
  for (let piece = reader.next(); piece; piece = reader.next()) {
    expect(piece).toHaveLength(0);
    calls++;
  }
  expect(calls).toBeGreaterThanOrEqual(500);
});

test.each(['snappy', 'lz4'] as const)('a megabyte is compressed with %s in many steps, to the same', (type) => {
  const data = Buffer.alloc(1 << 20, 'It was a dark and stormy night; the rain fell in torrents. ');
  const steps = compressInSteps(type, data);
  let count = 0;
  for (let step = steps.next(); ; step = steps.next(), count++) {
    if (!step.done) continue;
    expect((step.value as Buffer).equals(compress(type, data))).toBe(true);
    break;
  }
  expect(count).toBeGreaterThanOrEqual(16);
});

test('an lz4 frame that is cut behind a block is refused when that is read', () => {
  const whole = lz4(Buffer.from([1, 0, 0, 0x80, 65]), 10);
  const reader = readContent('lz4', whole.subarray(0, whole.length - 2));
  expect([reader.next(), reader.next()]).toEqual([Buffer.from('A'), Buffer.from('A')]);
  expect(() => reader.next()).toThrow('Stream ended prematurely');
});
