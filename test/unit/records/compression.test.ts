import * as zlib from 'node:zlib';
import {
  COMPRESSION_TYPES,
  compress,
  decompress,
  DecompressionLimitError,
  UndecodableRecordsError,
} from '../../../src/records/index.js';
import { fc } from '../../support/fast-check.js';

const CODECS = COMPRESSION_TYPES.filter((type) => type !== 'none');
const sizes = [0, 1, 15, 1000, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537, 300_000];
const noise = (size: number): Buffer => {
  let state = 7;
  return Buffer.from(Array.from({ length: size }, () => (state = (Math.imul(state, 48271) + 11) >>> 0) >>> 24));
};

describe.each(CODECS)('%s', (codec) => {
  test.each(sizes)('gives back %d bytes that compress and that do not', (size) => {
    for (const data of [Buffer.alloc(size, 'abc'), noise(size)]) {
      expect(decompress(codec, compress(codec, data)).equals(data)).toBe(true);
    }
  });

  test('gives back any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        expect(decompress(codec, compress(codec, Buffer.from(bytes))).equals(Buffer.from(bytes))).toBe(true);
      }),
    );
  });

  test('refuses a bomb before it goes off, and takes what just fits', () => {
    const bomb = compress(codec, Buffer.alloc(8 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(1024 * 1024);
    expect(() => decompress(codec, bomb, { maxBytes: 8 * 1024 * 1024 - 1 })).toThrow(DecompressionLimitError);
    expect(decompress(codec, bomb, { maxBytes: 8 * 1024 * 1024 }).length).toBe(8 * 1024 * 1024);
  });

  test('never does anything but decode or refuse, whatever the bytes', () => {
    const sound = compress(codec, Buffer.concat([noise(500), Buffer.alloc(500, 'xyz')]));
    fc.assert(
      fc.property(fc.nat(sound.length - 1), fc.integer({ min: 1, max: 255 }), fc.nat(sound.length), (at, flip, cut) => {
        const bytes = Buffer.from(sound.subarray(0, Math.max(cut, at + 1)));
        bytes[at]! ^= flip;
        try {
          expect(decompress(codec, bytes, { maxBytes: 100_000 }).length).toBeLessThanOrEqual(100_000);
        } catch (error) {
          if (!(error instanceof UndecodableRecordsError) && !(error instanceof DecompressionLimitError)) throw error;
        }
      }),
    );
  });

  test('refuses a stream that is cut', () => {
    const bytes = compress(codec, noise(5000));
    expect(() => decompress(codec, bytes.subarray(0, bytes.length - 9))).toThrow(UndecodableRecordsError);
  });
});

describe('snappy', () => {
  test('is framed as snappy-java frames it', () => {
    const framed = compress('snappy', noise(40_000));
    expect(framed.subarray(0, 16).toString('hex')).toBe('82534e41505059000000000100000001');
    const first = framed.readInt32BE(16);
    const second = framed.readInt32BE(20 + first);
    expect(20 + first + 4 + second).toBe(framed.length);
  });

  test('is read without framing too', () => {
    const framed = compress('snappy', Buffer.from('hello hello hello'));
    expect(decompress('snappy', framed.subarray(20)).toString()).toBe('hello hello hello');
  });

  test('is read where streams are concatenated', () => {
    const stream = compress('snappy', Buffer.from('hello'));
    expect(decompress('snappy', Buffer.concat([stream, stream])).toString()).toBe('hellohello');
  });

  test('a length that lies is refused before anything is allocated', () => {
    const lie = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0]);
    expect(() => decompress('snappy', lie)).toThrow(UndecodableRecordsError);
  });
});

describe('lz4', () => {
  const frame = compress('lz4', Buffer.from('hello hello hello hello'));

  test('has 64 KB blocks that are independent, and no checksums', () => {
    expect(frame.subarray(0, 7).toString('hex')).toBe('04224d18604082');
    expect(frame.subarray(-4).toString('hex')).toBe('00000000');
  });

  test('with the wrong descriptor checksum is read for magic 0 only', () => {
    const wrong = Buffer.from(frame);
    wrong[6]! ^= 0xff;
    expect(() => decompress('lz4', wrong)).toThrow(/descriptor corrupted/);
    expect(decompress('lz4', wrong, { magic: 0 }).toString()).toBe('hello hello hello hello');
  });

  const text = 'The quick brown fox jumps over the lazy dog. '.repeat(3);

  test('frames of the lz4 program with content size and block checksums are read and checked', () => {
    const checked = Buffer.from(
      '04224d1878408700000000000000e238000000ff1e54686520717569636b2062726f776e20666f78206a756d7073206f76657220746865' +
        '206c617a7920646f672e202d004250646f672e20054d385200000000',
      'hex',
    );
    expect(decompress('lz4', checked).toString()).toBe(text);
    checked[30]! ^= 1;
    expect(() => decompress('lz4', checked)).toThrow(/Block checksum mismatch/);
  });

  test('a content checksum is passed over, as Kafka does', () => {
    const checked = Buffer.from(
      '04224d186440a738000000ff1e54686520717569636b2062726f776e20666f78206a756d7073206f76657220746865206c617a7920646f' +
        '672e202d004250646f672e20000000000cbefb05',
      'hex',
    );
    expect(decompress('lz4', checked).toString()).toBe(text);
  });

  test.each([
    ['linked blocks', 0x40, 0x40, /BLOCK_INDEPENDENCE/],
    ['another version', 0xa0, 0x40, /Version 2/],
    ['a block size code of 3', 0x60, 0x30, /Block size value 3/],
  ])('%s are refused', (_title, flags, descriptor, message) => {
    const bytes = Buffer.from(frame);
    bytes[4] = flags;
    bytes[5] = descriptor;
    expect(() => decompress('lz4', bytes)).toThrow(message);
  });
});

test('gzip of several members is read as one stream', () => {
  const members = Buffer.concat([zlib.gzipSync('one '), zlib.gzipSync('two')]);
  expect(decompress('gzip', members).toString()).toBe('one two');
});
