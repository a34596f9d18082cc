/** Headers of compressed data that state something else than what follows: what is allocated follows from what is there. */
import * as zlib from 'node:zlib';
import {
  compress,
  decompress,
  DecompressionLimitError,
  readContent,
  UndecodableRecordsError,
  type Compression,
} from '../../../src/records/index.js';
import { contentUpperBound } from '../../../src/records/zstd-frames.js';
import { ZstdError } from '../../../src/records/zstd-entropy.js';
import { ZstdReader } from '../../../src/records/zstd-reader.js';
import { Xxh64 } from '../../../src/records/xxhash.js';
import { Decoder, Encoder } from '@toondepauw/node-zstd';
import { fc } from '../../support/fast-check.js';

const MiB = 1024 * 1024;
const native = new Decoder();

async function readPieces(type: Compression, data: Buffer, maxBytes?: number): Promise<Buffer[]> {
  const reader = readContent(type, data, maxBytes === undefined ? {} : { maxBytes });
  const pieces: Buffer[] = [];
  for (let piece = await reader.next(); piece; piece = await reader.next()) pieces.push(Buffer.from(piece));
  return pieces;
}

function readBlocks(data: Buffer): Buffer {
  const reader = new ZstdReader(data);
  const pieces: Buffer[] = [];
  for (let piece = reader.next(); piece; piece = reader.next()) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

/** A frame with a window of 128 KiB and `blocks` of one byte repeated, which states `statedBytes`. */
function repeatedByte(blocks: number, blockBytes: number, statedBytes: number): Buffer {
  const header = Buffer.alloc(10);
  header.writeUInt32LE(0xfd2fb528, 0);
  header[4] = 0x80;
  header[5] = 0x38;
  header.writeUInt32LE(statedBytes, 6);
  const block = (isLast: number): Buffer => {
    const bytes = Buffer.alloc(4, 65);
    bytes.writeUIntLE((blockBytes << 3) | (1 << 1) | isLast, 0, 3);
    return bytes;
  };
  return Buffer.concat([header, ...Array.from({ length: blocks - 1 }, () => block(0)), block(1)]);
}

/** Text that repeats itself as logs do, noise, and letters of uneven frequency. */
function sample(kind: 'text' | 'noise' | 'letters', size: number): Buffer {
  let seed = size + 1;
  const random = (): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const words = ['hello', 'world', 'kafka,', '{"a":', '}', 'timestamp', '12', 'bar '];
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size;) {
    if (kind === 'text') at += bytes.write(words[Math.floor(random() * words.length)]! + Math.floor(random() * 50), at);
    else bytes[at++] = kind === 'noise' ? random() * 256 : random() * random() * random() * 256;
  }
  return bytes;
}

describe('zstd', () => {
  test('a frame that states a megabyte and holds 640 is refused without the memory', () => {
    const lie = repeatedByte(40_000, 16 * 1024, 1_000_000);
    const before = process.resourceUsage().maxRSS;
    expect(() => decompress('zstd', lie, { maxBytes: 16 * MiB })).toThrow(DecompressionLimitError);
    expect(() => decompress('zstd', lie)).toThrow(DecompressionLimitError);
    expect((process.resourceUsage().maxRSS - before) / 1024).toBeLessThan(400);
  });

  test('a frame that states more or less than it holds does not decode', async () => {
    for (const stated of [1, 99_999, 100_001, 0xffffffff]) {
      const lie = repeatedByte(10, 10_000, stated);
      expect(() => decompress('zstd', lie)).toThrow(UndecodableRecordsError);
      expect(() => readBlocks(lie)).toThrow(ZstdError);
      await expect(readPieces('zstd', lie)).rejects.toThrow(UndecodableRecordsError);
    }
    expect(decompress('zstd', repeatedByte(10, 10_000, 100_000)).equals(Buffer.alloc(100_000, 65))).toBe(true);
  });

  test('what is more than may be made at once is read block by block', async () => {
    const data = repeatedByte(1000, 128 * 1024, 0);
    data[4] = 0; // No content size.
    const frame = Buffer.concat([data.subarray(0, 6), data.subarray(10)]);
    const reader = readContent('zstd', frame);
    let total = 0;
    let largest = 0;
    for (let piece = await reader.next(); piece; piece = await reader.next()) {
      total += piece.length;
      largest = Math.max(largest, piece.length);
    }
    expect(total).toBe(125 * MiB);
    expect(largest).toBeLessThanOrEqual(MiB);
    await expect(readPieces('zstd', frame, 125 * MiB - 1)).rejects.toThrow(DecompressionLimitError);
  });

  test('a window that no decoder allows is refused', () => {
    const frame = repeatedByte(2, 1000, 2000);
    frame[5] = 0xff;
    expect(() => readBlocks(frame)).toThrow(/window/);
  });

  test.each([1, 3, 9])('blocks of level %d are read as the native module reads them', (level) => {
    const encoder = new Encoder(level);
    for (const kind of ['text', 'noise', 'letters'] as const) {
      for (const size of [0, 1, 100, 5000, 140_000, 700_000]) {
        const data = sample(kind, size);
        const frame = encoder.encodeSync(data);
        expect(readBlocks(frame).equals(data)).toBe(true);
        expect(contentUpperBound(frame)).toBeGreaterThanOrEqual(size);
      }
    }
  });

  test('several frames are one content, and skippable ones are passed over', () => {
    const frames = ['one ', 'two'].map((text) => compress('zstd', Buffer.from(text)));
    const skippable = Buffer.from('502a4d1803000000616263', 'hex');
    expect(readBlocks(Buffer.concat([frames[0]!, skippable, frames[1]!])).toString()).toBe('one two');
    expect(() => readBlocks(skippable.subarray(0, 10))).toThrow(ZstdError);
  });

  test.each([3, 40, 200_000])('the checksum of %d bytes is looked at', (size) => {
    const data = sample('text', size);
    const hash = new Xxh64();
    for (let at = 0; at < size; at += 1021) hash.update(data.subarray(at, at + 1021));
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32LE(hash.digestLow());
    const frame = Buffer.concat([compress('zstd', data), checksum]);
    frame[4]! |= 0x04;
    expect(native.decodeSync(frame).equals(data)).toBe(true);
    expect(readBlocks(frame).equals(data)).toBe(true);
    frame[frame.length - 1]! ^= 1;
    expect(() => readBlocks(frame)).toThrow(/checksum/);
  });

  test('damaged frames are refused, or read as the native module reads them', () => {
    const frames = (['text', 'letters'] as const).map((kind) => compress('zstd', sample(kind, 3000)));
    fc.assert(
      fc.property(fc.nat(1), fc.nat(), fc.integer({ min: 1, max: 255 }), (which, place, flip) => {
        const frame = Buffer.from(frames[which]!);
        frame[place % frame.length]! ^= flip;
        let ours: Buffer;
        try {
          ours = readBlocks(frame);
        } catch (error) {
          expect(error).toBeInstanceOf(ZstdError);
          return;
        }
        expect(ours.equals(native.decodeSync(frame))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('gzip', () => {
  test('a size at the end that lies is refused, and its content bounded', async () => {
    const small = zlib.gzipSync(Buffer.alloc(100, 'x'));
    small.writeUInt32LE(0xfffffff0, small.length - 4);
    expect(() => decompress('gzip', small)).toThrow(UndecodableRecordsError);
    await expect(readPieces('gzip', small)).rejects.toThrow(UndecodableRecordsError);
    const bomb = zlib.gzipSync(Buffer.alloc(20 * MiB));
    bomb.writeUInt32LE(1, bomb.length - 4);
    expect(() => decompress('gzip', bomb, { maxBytes: MiB })).toThrow(DecompressionLimitError);
    await expect(readPieces('gzip', bomb, MiB)).rejects.toThrow(DecompressionLimitError);
  });

  test('nothing is no stream', async () => {
    await expect(readPieces('gzip', Buffer.alloc(0))).rejects.toThrow(UndecodableRecordsError);
  });
});

describe('snappy', () => {
  const lie = (statedBytes: number, block: Buffer): Buffer => {
    const length: number[] = [];
    for (let left = statedBytes; ; left = Math.floor(left / 128)) {
      if (left < 128) {
        length.push(left);
        break;
      }
      length.push((left % 128) | 128);
    }
    return Buffer.concat([Buffer.from(length), block]);
  };

  test('a length that its bytes cannot hold is refused before anything is allocated, framed or not', () => {
    const raw = lie(100 * MiB, Buffer.alloc(1000, 'x'));
    const header = compress('snappy', Buffer.alloc(0));
    const length = Buffer.alloc(4);
    length.writeInt32BE(raw.length);
    for (const data of [raw, Buffer.concat([header, length, raw])]) {
      expect(() => decompress('snappy', data)).toThrow(/cannot hold/);
    }
  });

  test('what an element makes the most of is taken', () => {
    // One literal, then copies of 64 bytes that lie one byte back, each three bytes long.
    const copies = 10_000;
    const elements = Buffer.concat([Buffer.from([0, 97]), Buffer.alloc(copies * 3, Buffer.from([0xfe, 1, 0]))]);
    const content = decompress('snappy', lie(1 + copies * 64, elements));
    expect(content.equals(Buffer.alloc(1 + copies * 64, 'a'))).toBe(true);
  });
});

test('the content size of an lz4 frame is not relied on', () => {
  const frame = compress('lz4', Buffer.alloc(100_000, 'abc'));
  const header = Buffer.from('04224d18684000000000000000000000', 'hex').subarray(0, 15);
  header.writeBigUInt64LE(2n ** 62n, 6);
  header[14] = headerChecksum(header);
  const lying = Buffer.concat([header, frame.subarray(7)]);
  expect(decompress('lz4', lying).equals(Buffer.alloc(100_000, 'abc'))).toBe(true);
});

/** Found by trying: the message names nothing but that it is wrong. */
function headerChecksum(header: Buffer): number {
  for (let checksum = 0; checksum < 256; checksum++) {
    header[14] = checksum;
    try {
      decompress('lz4', Buffer.concat([header, Buffer.alloc(4)]));
      return checksum;
    } catch {
      continue;
    }
  }
  throw new Error('no checksum is right');
}

test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
  '%s gives piece by piece what it gives at once',
  async (codec) => {
    for (const size of [1, 70_000, 3_000_000]) {
      const data = sample('text', size);
      const pieces = await readPieces(codec, compress(codec, data), size);
      expect(Buffer.concat(pieces).equals(data)).toBe(true);
      await expect(readPieces(codec, compress(codec, data), size - 1)).rejects.toThrow(DecompressionLimitError);
    }
  },
);
