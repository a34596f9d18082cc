/** Snappy blocks that hold much: decoded piece by piece, they hold what the native decoder finds in them, or are refused as it refuses them. */
import * as native from 'snappy';
import { decompress, readContent, UndecodableRecordsError } from '../../../src/records/index.js';
import { SNAPPY_PIECE_BYTES } from '../../../src/records/snappy-block.js';
import { fc } from '../../support/fast-check.js';

const MiB = 1024 * 1024;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  return Buffer.from([...bytes, value]);
}

function blockOf(length: number, ...elements: readonly Buffer[]): Buffer {
  return Buffer.concat([varint(length), ...elements]);
}

function literals(bytes: Buffer): Buffer {
  const length = bytes.length - 1;
  if (length < 60) return Buffer.concat([Buffer.from([length << 2]), bytes]);
  const size = length < 0x100 ? 1 : length < 0x10000 ? 2 : length < 0x1000000 ? 3 : 4;
  const head = Buffer.alloc(1 + size);
  head[0] = (59 + size) << 2;
  head.writeUIntLE(length, 1, size);
  return Buffer.concat([head, bytes]);
}

function repetition(length: number, offset: number): Buffer {
  if (length >= 4 && length < 12 && offset < 2048) {
    return Buffer.from([((offset >>> 8) << 5) | ((length - 4) << 2) | 1, offset & 0xff]);
  }
  const head = Buffer.alloc(offset < 0x10000 ? 3 : 5);
  head[0] = ((length - 1) << 2) | (offset < 0x10000 ? 2 : 3);
  head.writeUIntLE(offset, 1, head.length - 1);
  return head;
}

/** The content in copies of its pieces, none of which is large. */
function inPieces(block: Buffer): Buffer[] {
  const reader = readContent('snappy', block);
  const pieces: Buffer[] = [];
  for (let piece = reader.next(); piece; piece = reader.next()) {
    if (!Buffer.isBuffer(piece)) throw new Error('a promise');
    expect(piece.length).toBeLessThanOrEqual(SNAPPY_PIECE_BYTES);
    pieces.push(Buffer.from(piece));
  }
  return pieces;
}

function outcome(work: () => Buffer): Buffer | 'refused' {
  try {
    return work();
  } catch (error) {
    if (error instanceof UndecodableRecordsError) return 'refused';
    throw error;
  }
}

/** Elements that make a content at random, and the content. */
function sample(seed: number, least: number): { elements: Buffer[]; content: Buffer } {
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const elements: Buffer[] = [];
  const content = Buffer.alloc(least + 70_000);
  let at = 0;
  while (at < least) {
    if (at === 0 || random(4) === 0) {
      const bytes = Buffer.alloc(1 + random(random(20) === 0 ? 70_000 : 80));
      for (let i = 0; i < bytes.length; i++) bytes[i] = random(256);
      elements.push(literals(bytes));
      at += bytes.copy(content, at);
    } else {
      const offset = 1 + random(Math.min(at, random(2) === 0 ? 40 : random(2) === 0 ? 2000 : at));
      const length = 1 + random(64);
      elements.push(repetition(length, offset));
      for (let i = 0; i < length; i++, at++) content[at] = content[at - offset]!;
    }
  }
  return { elements, content: content.subarray(0, at) };
}

test.each([1, 2, 3, 4, 5])('a block of any elements holds the same in pieces (seed %i)', (seed) => {
  const { elements, content } = sample(seed, 500_000);
  const block = blockOf(content.length, ...elements);
  const pieces = inPieces(block);
  expect(pieces.length).toBeGreaterThanOrEqual(content.length / SNAPPY_PIECE_BYTES);
  expect(Buffer.concat(pieces).equals(content)).toBe(true);
  expect(decompress('snappy', block).equals(content)).toBe(true);
});

test('what is no block is refused in pieces as at once', () => {
  const { elements, content } = sample(6, 300_000);
  const whole = blockOf(content.length, ...elements);
  const damage = fc.record({ at: fc.nat(whole.length - 1), flip: fc.nat(255), cut: fc.constantFrom(0, 0, 0, 1, 5000) });
  const seen = new Set<string>();
  fc.assert(
    fc.property(damage, ({ at, flip, cut }) => {
      const block = Buffer.from(whole.subarray(0, whole.length - cut));
      // The length stays what it is, mostly.
      const place = at < 3 ? at : Math.max(3, at % block.length);
      block[place]! ^= flip;
      const atOnce = outcome(() => decompress('snappy', block));
      const pieceByPiece = outcome(() => Buffer.concat(inPieces(block)));
      seen.add(typeof atOnce);
      expect(
        pieceByPiece === 'refused' || atOnce === 'refused' ? pieceByPiece : pieceByPiece.equals(atOnce as Buffer),
      ).toBe(atOnce === 'refused' ? 'refused' : true);
    }),
    { numRuns: 300 },
  );
  expect(seen.size).toBe(2);
});

const start = literals(Buffer.from('0123456789'));
const many = Buffer.alloc(3 * 4000, repetition(64, 10));

test.each([
  ['bytes behind its end', blockOf(10 + 64 * 4000, start, many, literals(Buffer.from('more')))],
  ['an end within an element', blockOf(10 + 64 * 4000 - 1, start, many)],
  ['less than it states', blockOf(10 + 64 * 4000 + 1, start, many)],
  ['literals that are cut', blockOf(10 + 64 * 4000 + 256, start, many, Buffer.from([60 << 2, 0xff, 1, 2]))],
  ['a repetition from before its beginning', blockOf(10 + 64 * 4000, start, repetition(64, 11), many)],
  ['a repetition of nothing', blockOf(10 + 64 * 4000, start, repetition(64, 0), many)],
  ['a repetition that is cut', blockOf(10 + 64 * 4000, start, many.subarray(0, many.length - 1))],
])('a block with %s is refused', (_, block) => {
  expect(() => native.uncompressSync(block)).toThrow();
  expect(() => inPieces(block)).toThrow('(snappy): a block does not decode');
});

test('chunks of both kinds follow each other', () => {
  const contents = [
    Buffer.alloc(10, 'a'),
    Buffer.alloc(400_000, 'bcd'),
    Buffer.alloc(0),
    Buffer.alloc(300_000, 'efghi'),
  ];
  const chunks = contents.flatMap((content) => {
    const block = native.compressSync(content);
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.length);
    return [length, block];
  });
  const stream = Buffer.concat([Buffer.from('82534e41505059000000000100000001', 'hex'), ...chunks]);
  expect(Buffer.concat(inPieces(stream)).equals(Buffer.concat(contents))).toBe(true);
});

/** Of 40 MiB: a period of 65,000 bytes, and one more element behind the first 35 MiB. */
function vast(middle: Buffer, madeBytes: number): Buffer {
  const period = 65_000;
  const seedBytes = Buffer.alloc(period, 'the period of it, ');
  const half = Buffer.alloc(3 * ((35 * MiB) / 64), repetition(64, period));
  const rest = Buffer.alloc(3 * ((5 * MiB) / 64), repetition(64, period));
  return blockOf(period + 40 * MiB + madeBytes, literals(seedBytes), half, middle, rest);
}

test('of content beyond what is kept all is had, as long as it repeats nothing from long before', () => {
  const block = vast(repetition(64, 15 * MiB), 64);
  const content = native.uncompressSync(block) as Buffer;
  const reader = readContent('snappy', block);
  let at = 0;
  for (let piece = reader.next() as Buffer | null; piece; piece = reader.next() as Buffer | null) {
    expect(content.compare(piece, 0, piece.length, at, at + piece.length)).toBe(0);
    at += piece.length;
  }
  expect(at).toBe(content.length);
  const far = readContent('snappy', vast(repetition(64, 33 * MiB), 64));
  expect(() => {
    while (far.next());
  }).toThrow('repeats what lies too far before');
});
