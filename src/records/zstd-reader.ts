/**
 * Zstandard frames (RFC 8878) read block by block, for content that is too large to be had at once, or that may be: what is allocated follows
 * from what was really there so far, never from what a header states. Native decoders that stream take its place where Node has them.
 */
import {
  BackwardBits,
  buildFseTable,
  decodeHuffman,
  readFseTable,
  readHuffmanTable,
  rleTable,
  ZstdError,
  type FseTable,
  type HuffmanTable,
} from './zstd-entropy.js';
import { readFrameHeader, SKIPPABLE_MAGIC_MASK, SKIPPABLE_MAGIC, type ZstdFrameHeader } from './zstd-frames.js';
import { Xxh64 } from './xxhash.js';

const BLOCK_MAX_BYTES = 128 * 1024;
const LITERALS_MAX_BYTES = BLOCK_MAX_BYTES;
const MIN_LITERALS_IN_FOUR_STREAMS = 6;

interface SequenceCode {
  readonly maxAccuracyLog: number;
  readonly maxSymbol: number;
  readonly predefined: FseTable;
}

const LITERALS_LENGTH: SequenceCode = {
  maxAccuracyLog: 9,
  maxSymbol: 35,
  predefined: buildFseTable(
    // prettier-ignore
    [4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1],
    6,
  ),
};
const MATCH_LENGTH: SequenceCode = {
  maxAccuracyLog: 9,
  maxSymbol: 52,
  predefined: buildFseTable(
    // prettier-ignore
    [1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
      1, -1, -1, -1, -1, -1, -1, -1],
    6,
  ),
};
const OFFSET: SequenceCode = {
  maxAccuracyLog: 8,
  maxSymbol: 31,
  predefined: buildFseTable(
    // prettier-ignore
    [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
    5,
  ),
};

// prettier-ignore
const LITERALS_LENGTH_BASES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 28, 32, 40, 48, 64, 128, 256, 512,
  1024, 2048, 4096, 8192, 16384, 32768, 65536];
// prettier-ignore
const LITERALS_LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
// prettier-ignore
const MATCH_LENGTH_BASES = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
  34, 35, 37, 39, 41, 43, 47, 51, 59, 67, 83, 99, 131, 259, 515, 1027, 2051, 4099, 8195, 16387, 32771, 65539];
// prettier-ignore
const MATCH_LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3,
  4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

/** What a frame's blocks share. */
interface Frame {
  readonly header: ZstdFrameHeader;
  readonly checksum: Xxh64 | null;
  contentBytes: number;
  isLastBlockRead: boolean;
  huffman: HuffmanTable | null;
  literalsLengths: FseTable | null;
  offsets: FseTable | null;
  matchLengths: FseTable | null;
  /** The offsets used last. */
  readonly repeated: [number, number, number];
}

/** Reads frames, one after the other, and passes over skippable ones. Throws `ZstdError` where they do not decode. */
export class ZstdReader {
  private position = 0;
  private frame: Frame | null = null;
  /** The content of the block under way. */
  private readonly block = Buffer.allocUnsafeSlow(BLOCK_MAX_BYTES);
  private blockLength = 0;
  private literals: Uint8Array = new Uint8Array(0);
  private history = new History();

  constructor(private readonly data: Buffer) {}

  /**
   * What comes next, one block of it, good until the next call; null at the end. A block, or a frame, may hold nothing: there may be hundreds
   * of thousands of them, so that each takes a call.
   */
  next(): Buffer | null {
    if (this.frame?.isLastBlockRead) this.endFrame(this.frame);
    this.blockLength = 0;
    if (!this.frame) {
      if (this.position >= this.data.length) return null;
      this.frame = this.beginFrame();
    } else this.readBlock(this.frame);
    return this.block.subarray(0, this.blockLength);
  }

  /** Null for one that is to be skipped. */
  private beginFrame(): Frame | null {
    const { data } = this;
    if (this.position + 8 > data.length) throw new ZstdError('a frame is cut');
    if ((data.readUInt32LE(this.position) & SKIPPABLE_MAGIC_MASK) >>> 0 !== SKIPPABLE_MAGIC) {
      const header = readFrameHeader(data, this.position);
      this.position = header.firstBlock;
      this.history.begin(header.windowBytes);
      return {
        header,
        checksum: header.hasChecksum ? new Xxh64() : null,
        contentBytes: 0,
        isLastBlockRead: false,
        huffman: null,
        literalsLengths: null,
        offsets: null,
        matchLengths: null,
        repeated: [1, 4, 8],
      };
    }
    this.position += 8 + data.readUInt32LE(this.position + 4);
    if (this.position > data.length) throw new ZstdError('a frame is cut');
    return null;
  }

  private endFrame({ header, checksum, contentBytes }: Frame): void {
    if (header.contentBytes !== null && header.contentBytes !== contentBytes) {
      throw new ZstdError(`a frame states ${header.contentBytes} bytes and holds ${contentBytes}`);
    }
    if (checksum) {
      if (this.position + 4 > this.data.length) throw new ZstdError('a frame is cut');
      if (this.data.readUInt32LE(this.position) !== checksum.digestLow())
        throw new ZstdError('the checksum of a frame is wrong');
      this.position += 4;
    }
    this.frame = null;
  }

  private readBlock(frame: Frame): void {
    const { data, block } = this;
    const { blockMaxBytes } = frame.header;
    if (this.position + 3 > data.length) throw new ZstdError('a frame is cut');
    const header = data.readUIntLE(this.position, 3);
    this.position += 3;
    frame.isLastBlockRead = (header & 1) === 1;
    const type = (header >>> 1) & 3;
    const size = header >>> 3;
    if (type === 3) throw new ZstdError('a block has no type');
    if (size > blockMaxBytes) throw new ZstdError(`a block has ${size} bytes, more than ${blockMaxBytes}`);
    const end = this.position + (type === 1 ? 1 : size);
    if (end > data.length) throw new ZstdError('a frame is cut');
    this.blockLength = 0;
    if (type === 0) this.blockLength = data.copy(block, 0, this.position, end);
    else if (type === 1) {
      block.fill(data[this.position]!, 0, size);
      this.blockLength = size;
    } else this.decodeBlock(frame, this.position, end);
    this.position = end;
    frame.contentBytes += this.blockLength;
    const content = block.subarray(0, this.blockLength);
    frame.checksum?.update(content);
    if (!frame.isLastBlockRead) this.history.add(content);
  }

  private decodeBlock(frame: Frame, start: number, end: number): void {
    if (end - start < 2) throw new ZstdError('a compressed block is cut');
    const afterLiterals = this.readLiterals(frame, start, end);
    this.readSequences(frame, afterLiterals, end);
  }

  private readLiterals(frame: Frame, start: number, end: number): number {
    const { data } = this;
    const type = data[start]! & 3;
    const format = (data[start]! >>> 2) & 3;
    const isPlain = type < 2;
    const headerBytes = isPlain ? [1, 2, 1, 3][format]! : [3, 3, 4, 5][format]!;
    let position = start + headerBytes;
    if (position > end) throw new ZstdError('the literals of a block are cut');
    if (isPlain) {
      const header = data.readUIntLE(start, headerBytes);
      const length = headerBytes === 1 ? header >>> 3 : header >>> 4;
      this.ensureLiterals(length, frame);
      if (type === 1) {
        if (position + 1 > end) throw new ZstdError('the literals of a block are cut');
        this.literals = new Uint8Array(length).fill(data[position]!);
        return position + 1;
      }
      if (position + length > end) throw new ZstdError('the literals of a block are cut');
      this.literals = data.subarray(position, position + length);
      return position + length;
    }
    // Two sizes of 10, 14 or 18 bits after four bits.
    const sizeBits = [10, 10, 14, 18][format]!;
    const sizes = Math.floor(data.readUIntLE(start, headerBytes) / 16);
    const length = sizes % 2 ** sizeBits;
    const after = position + Math.floor(sizes / 2 ** sizeBits);
    this.ensureLiterals(length, frame);
    if (after > end) throw new ZstdError('the literals of a block are cut');
    if (type === 2) ({ table: frame.huffman, end: position } = readHuffmanTable(data, position, after));
    if (!frame.huffman) throw new ZstdError('there is no Huffman tree to go on with');
    const literals = new Uint8Array(length);
    if (format === 0) decodeHuffman(frame.huffman, new BackwardBits(data, position, after), literals, 0, length);
    else this.readFourStreams(frame.huffman, position, after, literals);
    this.literals = literals;
    return after;
  }

  private ensureLiterals(length: number, { header }: Frame): void {
    if (length > LITERALS_MAX_BYTES || length > header.blockMaxBytes) {
      throw new ZstdError(`a block has ${length} bytes of literals`);
    }
  }

  private readFourStreams(huffman: HuffmanTable, start: number, end: number, literals: Uint8Array): void {
    const { data } = this;
    if (literals.length < MIN_LITERALS_IN_FOUR_STREAMS || start + 6 > end)
      throw new ZstdError('four streams of literals are cut');
    const share = (literals.length + 3) >>> 2;
    let position = start + 6;
    for (let stream = 0; stream < 4; stream++) {
      const streamEnd = stream < 3 ? position + data.readUInt16LE(start + 2 * stream) : end;
      if (streamEnd > end) throw new ZstdError('four streams of literals are cut');
      const from = Math.min(literals.length, stream * share);
      const to = stream < 3 ? Math.min(literals.length, from + share) : literals.length;
      decodeHuffman(huffman, new BackwardBits(data, position, streamEnd), literals, from, to);
      position = streamEnd;
    }
  }

  private readSequences(frame: Frame, start: number, end: number): void {
    const { data, literals } = this;
    if (start >= end) throw new ZstdError('the sequences of a block are cut');
    let position = start + 1;
    let count = data[start]!;
    if (count >= 128) {
      const isLong = count === 255;
      position += isLong ? 2 : 1;
      if (position > end) throw new ZstdError('the sequences of a block are cut');
      count = isLong ? data.readUInt16LE(start + 1) + 0x7f00 : (count - 128) * 256 + data[start + 1]!;
    }
    if (count === 0) {
      if (position !== end) throw new ZstdError('bytes are left after a block without sequences');
      this.addLiterals(literals, 0, literals.length, frame);
      return;
    }
    if (position >= end) throw new ZstdError('the sequences of a block are cut');
    const modes = data[position++]!;
    const table = (mode: number, code: SequenceCode, previous: FseTable | null): FseTable => {
      switch (mode) {
        case 0:
          return code.predefined;
        case 1: {
          if (position >= end) throw new ZstdError('the sequences of a block are cut');
          const symbol = data[position++]!;
          if (symbol > code.maxSymbol) throw new ZstdError(`a sequence has the code ${symbol}`);
          return rleTable(symbol);
        }
        case 2: {
          const read = readFseTable(data, position, end, code);
          position = read.end;
          return read.table;
        }
        default:
          if (!previous) throw new ZstdError('there is no table to go on with');
          return previous;
      }
    };
    frame.literalsLengths = table(modes >>> 6, LITERALS_LENGTH, frame.literalsLengths);
    frame.offsets = table((modes >>> 4) & 3, OFFSET, frame.offsets);
    frame.matchLengths = table((modes >>> 2) & 3, MATCH_LENGTH, frame.matchLengths);
    this.runSequences(frame, frame.literalsLengths, frame.offsets, frame.matchLengths, position, end, count);
  }

  private runSequences(
    frame: Frame,
    literalsLengths: FseTable,
    offsets: FseTable,
    matchLengths: FseTable,
    start: number,
    end: number,
    count: number,
  ): void {
    const { literals } = this;
    const bits = new BackwardBits(this.data, start, end);
    let literalsState = bits.read(literalsLengths.accuracyLog);
    let offsetState = bits.read(offsets.accuracyLog);
    let matchState = bits.read(matchLengths.accuracyLog);
    let used = 0;
    for (let left = count; left > 0; left--) {
      const offsetCode = offsets.symbols[offsetState]!;
      const matchCode = matchLengths.symbols[matchState]!;
      const literalsCode = literalsLengths.symbols[literalsState]!;
      const offsetValue = 2 ** offsetCode + bits.read(offsetCode);
      const matchLength = MATCH_LENGTH_BASES[matchCode]! + bits.read(MATCH_LENGTH_BITS[matchCode]!);
      const literalsLength = LITERALS_LENGTH_BASES[literalsCode]! + bits.read(LITERALS_LENGTH_BITS[literalsCode]!);
      if (left > 1) {
        literalsState = literalsLengths.bases[literalsState]! + bits.read(literalsLengths.bits[literalsState]!);
        matchState = matchLengths.bases[matchState]! + bits.read(matchLengths.bits[matchState]!);
        offsetState = offsets.bases[offsetState]! + bits.read(offsets.bits[offsetState]!);
      }
      if (bits.left < 0) throw new ZstdError('the sequences of a block are cut');
      if (used + literalsLength > literals.length) throw new ZstdError('a sequence takes more literals than there are');
      this.addLiterals(literals, used, used + literalsLength, frame);
      used += literalsLength;
      this.addMatch(offsetOf(frame.repeated, offsetValue, literalsLength === 0), matchLength, frame);
    }
    if (bits.left !== 0) throw new ZstdError('bits are left after the sequences of a block');
    this.addLiterals(literals, used, literals.length, frame);
  }

  private addLiterals(literals: Uint8Array, from: number, to: number, { header }: Frame): void {
    const length = to - from;
    if (this.blockLength + length > header.blockMaxBytes)
      throw new ZstdError('a block holds more than its frame allows');
    const { block } = this;
    let at = this.blockLength;
    if (length > 32) block.set(literals.subarray(from, to), at);
    else for (let i = from; i < to; i++) block[at++] = literals[i]!;
    this.blockLength += length;
  }

  private addMatch(offset: number, length: number, { header }: Frame): void {
    const { block, history } = this;
    let at = this.blockLength;
    if (at + length > header.blockMaxBytes) throw new ZstdError('a block holds more than its frame allows');
    this.blockLength = at + length;
    let left = length;
    if (offset > at) {
      // It begins before this block.
      const back = offset - at;
      if (back > history.length) throw new ZstdError('a match begins before the window');
      const taken = Math.min(left, back);
      history.copyTo(block, at, back, taken);
      at += taken;
      left -= taken;
      if (left === 0) return;
    }
    const from = at - offset;
    if (offset >= left && left > 16) block.copyWithin(at, from, from + left);
    else if (offset === 1 && left > 16) block.fill(block[from]!, at, at + left);
    else if (left > 64 && offset > 16) {
      // It repeats itself: what is there doubles with each copy.
      for (let ready = offset; left > 0; ready *= 2) {
        const taken = Math.min(left, ready);
        block.copyWithin(at, from, from + taken);
        at += taken;
        left -= taken;
      }
    } else for (let i = 0; i < left; i++) block[at + i] = block[from + i]!;
  }
}

/** The offset that a sequence's value stands for: the first three name those used last. */
function offsetOf(repeated: [number, number, number], value: number, hasNoLiterals: boolean): number {
  const [first, second, third] = repeated;
  if (value > 3) {
    repeated[2] = second;
    repeated[1] = first;
    return (repeated[0] = value - 3);
  }
  const index = hasNoLiterals ? value : value - 1;
  if (index === 0) return first;
  const offset = index === 1 ? second : index === 2 ? third : first - 1;
  if (offset === 0) throw new ZstdError('a match has the offset 0');
  if (index > 1) repeated[2] = second;
  repeated[1] = first;
  return (repeated[0] = offset);
}

/** The content before the block under way, as far back as matches may reach. It grows with what was really there. */
class History {
  private ring = Buffer.alloc(0);
  private windowBytes = 0;
  /** Where the next byte goes. */
  private head = 0;
  private filled = 0;

  get length(): number {
    return this.filled;
  }

  begin(windowBytes: number): void {
    this.windowBytes = windowBytes;
    this.head = 0;
    this.filled = 0;
    if (this.ring.length > windowBytes) this.ring = Buffer.alloc(0);
  }

  add(content: Buffer): void {
    this.reserve(content.length);
    const { ring } = this;
    const kept = content.length > ring.length ? content.subarray(content.length - ring.length) : content;
    const first = Math.min(kept.length, ring.length - this.head);
    kept.copy(ring, this.head, 0, first);
    kept.copy(ring, 0, first);
    this.head = (this.head + kept.length) % Math.max(1, ring.length);
    this.filled = Math.min(ring.length, this.filled + kept.length);
  }

  /** Copies `length` bytes, at most `back`, from `back` bytes before the end. */
  copyTo(target: Buffer, at: number, back: number, length: number): void {
    const { ring } = this;
    const from = (this.head - back + ring.length) % ring.length;
    const first = Math.min(length, ring.length - from);
    ring.copy(target, at, from, from + first);
    if (first < length) ring.copy(target, at + first, 0, length - first);
  }

  private reserve(bytes: number): void {
    const needed = Math.min(this.windowBytes, this.filled + bytes);
    if (needed <= this.ring.length) return;
    // Not full yet, so that it has not wrapped.
    const grown = Buffer.allocUnsafeSlow(Math.min(this.windowBytes, Math.max(needed, 2 * this.ring.length)));
    this.ring.copy(grown, 0, 0, this.filled);
    this.ring = grown;
    this.head = this.filled;
  }
}
