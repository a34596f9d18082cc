/** The entropy codes of Zstandard (RFC 8878, 4): bits read backwards, FSE tables and Huffman tables. What does not decode throws `ZstdError`. */

/** Bytes that are no Zstandard frame. */
export class ZstdError extends Error {
  override readonly name = 'ZstdError';
}

/** Bits between `start` and `end`, read from the end backwards. The highest bit set in the last byte marks where they begin. */
export class BackwardBits {
  /** Bits that are left. Below 0 once more were read than there are: those were zeros. */
  left: number;

  constructor(
    private readonly data: Uint8Array,
    private readonly start: number,
    end: number,
  ) {
    const last = end > start ? data[end - 1]! : 0;
    if (last === 0) throw new ZstdError('a bit stream has no end mark');
    this.left = (end - start - 1) * 8 + (31 - Math.clz32(last));
  }

  /** Up to 32 bits, as an unsigned number. */
  read(count: number): number {
    if (count > 16) {
      const high = this.read(count - 16);
      return high * 0x10000 + this.read(16);
    }
    const value = this.peek(count);
    this.left -= count;
    return value;
  }

  /** The next bits, up to 16, without passing them. */
  peek(count: number): number {
    const from = this.left - count;
    const mask = (1 << count) - 1;
    if (from < 0) return from <= -count ? 0 : (this.bytesAt(0) << -from) & mask;
    return (this.bytesAt(from >>> 3) >>> (from & 7)) & mask;
  }

  private bytesAt(index: number): number {
    const { data } = this;
    const at = this.start + index;
    // What lies beyond the stream, or the data, is masked away.
    return data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16);
  }
}

/** A decoding table of finite state entropy: what a state stands for, and how the next one follows from it. */
export interface FseTable {
  readonly accuracyLog: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
  readonly bases: Uint16Array;
}

/** The table that always gives one symbol. */
export function rleTable(symbol: number): FseTable {
  return { accuracyLog: 0, symbols: Uint8Array.of(symbol), bits: Uint8Array.of(0), bases: Uint16Array.of(0) };
}

/** Builds the table for probabilities in units of 2^-accuracyLog; -1 stands for less than one. */
export function buildFseTable(probabilities: readonly number[], accuracyLog: number): FseTable {
  const size = 1 << accuracyLog;
  const symbols = new Uint8Array(size);
  const next = new Uint16Array(probabilities.length);
  let high = size;
  for (const [symbol, probability] of probabilities.entries()) {
    if (probability === -1) symbols[--high] = symbol;
    next[symbol] = probability === -1 ? 1 : probability;
  }
  const step = (size >>> 1) + (size >>> 3) + 3;
  let position = 0;
  for (const [symbol, probability] of probabilities.entries()) {
    for (let i = 0; i < probability; i++) {
      symbols[position] = symbol;
      do position = (position + step) & (size - 1);
      while (position >= high);
    }
  }
  if (position !== 0) throw new ZstdError('the probabilities of a table do not fill it');
  const bits = new Uint8Array(size);
  const bases = new Uint16Array(size);
  for (let state = 0; state < size; state++) {
    const value = next[symbols[state]!]!++;
    const count = accuracyLog - (31 - Math.clz32(value));
    bits[state] = count;
    bases[state] = (value << count) - size;
  }
  return { accuracyLog, symbols, bits, bases };
}

/** Reads the description of a table between `start` and `end`; gives it and the position after it. */
export function readFseTable(
  data: Uint8Array,
  start: number,
  end: number,
  { maxAccuracyLog, maxSymbol }: { readonly maxAccuracyLog: number; readonly maxSymbol: number },
): { table: FseTable; end: number } {
  let bit = start * 8;
  // Zeros beyond the end: whether it was passed is looked at when all is read.
  const peek = (count: number): number => {
    const at = bit >>> 3;
    const byte = (index: number): number => (index < end ? data[index]! : 0);
    return ((byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16)) >>> (bit & 7)) & ((1 << count) - 1);
  };
  const read = (count: number): number => {
    const value = peek(count);
    bit += count;
    return value;
  };
  const accuracyLog = read(4) + 5;
  if (accuracyLog > maxAccuracyLog) throw new ZstdError(`the accuracy of a table is ${accuracyLog}`);
  const probabilities: number[] = [];
  let left = (1 << accuracyLog) + 1;
  while (left > 1) {
    const width = 32 - Math.clz32(left);
    // Small values take a bit less where fewer than 2^width are possible.
    const lower = (1 << width) - 1 - left;
    const short = peek(width - 1);
    let value: number;
    if (short < lower) {
      value = short;
      bit += width - 1;
    } else {
      value = read(width);
      if (value >= 1 << (width - 1)) value -= lower;
    }
    const probability = value - 1;
    left -= Math.abs(probability);
    probabilities.push(probability);
    if (probability === 0) {
      let repeat: number;
      do {
        repeat = read(2);
        for (let i = 0; i < repeat; i++) probabilities.push(0);
      } while (repeat === 3 && bit <= end * 8);
    }
    if (probabilities.length > maxSymbol + 1 || bit > end * 8)
      throw new ZstdError('a table is cut or has too many symbols');
  }
  if (left !== 1) throw new ZstdError('the probabilities of a table are more than one');
  return { table: buildFseTable(probabilities, accuracyLog), end: (bit + 7) >>> 3 };
}

/** What the next bits of a Huffman code stand for: a symbol in the low byte, the length of its code above. */
export interface HuffmanTable {
  readonly maxBits: number;
  readonly entries: Uint16Array;
}

const MAX_HUFFMAN_BITS = 12;
const MAX_WEIGHTS = 255;

/** Reads a Huffman tree's description between `start` and `end`; gives the table and the position after it. */
export function readHuffmanTable(data: Uint8Array, start: number, end: number): { table: HuffmanTable; end: number } {
  if (start >= end) throw new ZstdError('a Huffman tree is cut');
  const header = data[start]!;
  const first = start + 1;
  if (header >= 128) {
    const count = header - 127;
    const after = first + ((count + 1) >>> 1);
    if (after > end) throw new ZstdError('a Huffman tree is cut');
    const weights = Array.from({ length: count }, (_, i) => {
      const byte = data[first + (i >>> 1)]!;
      return i % 2 === 0 ? byte >>> 4 : byte & 15;
    });
    return { table: buildHuffmanTable(weights), end: after };
  }
  const after = first + header;
  if (after > end) throw new ZstdError('a Huffman tree is cut');
  return { table: buildHuffmanTable(readWeights(data, first, after)), end: after };
}

/** Weights by two FSE states that take turns, until the bits are used up. */
function readWeights(data: Uint8Array, start: number, end: number): number[] {
  const { table, end: from } = readFseTable(data, start, end, { maxAccuracyLog: 6, maxSymbol: MAX_WEIGHTS });
  const bits = new BackwardBits(data, from, end);
  const weights: number[] = [];
  const states = [bits.read(table.accuracyLog), bits.read(table.accuracyLog)];
  if (bits.left < 0) throw new ZstdError('the weights of a Huffman tree are cut');
  for (let turn = 0; ; turn ^= 1) {
    const state = states[turn]!;
    weights.push(table.symbols[state]!);
    states[turn] = table.bases[state]! + bits.read(table.bits[state]!);
    if (bits.left < 0) {
      weights.push(table.symbols[states[turn ^ 1]!]!);
      break;
    }
    if (weights.length >= MAX_WEIGHTS) throw new ZstdError('a Huffman tree has too many weights');
  }
  if (weights.length > MAX_WEIGHTS) throw new ZstdError('a Huffman tree has too many weights');
  return weights;
}

/** The weight of the last symbol is not written: it is what is left of the whole. */
function buildHuffmanTable(weights: number[]): HuffmanTable {
  let sum = 0;
  for (const weight of weights) {
    if (weight > MAX_HUFFMAN_BITS) throw new ZstdError(`the weight of a symbol is ${weight}`);
    sum += (1 << weight) >>> 1;
  }
  if (sum === 0) throw new ZstdError('a Huffman tree has no symbols');
  const maxBits = 32 - Math.clz32(sum);
  if (maxBits > MAX_HUFFMAN_BITS) throw new ZstdError('a Huffman tree is too deep');
  const left = (1 << maxBits) - sum;
  if ((left & (left - 1)) !== 0) throw new ZstdError('the weights of a Huffman tree do not add up');
  weights.push(32 - Math.clz32(left));
  const counts = new Uint32Array(MAX_HUFFMAN_BITS + 2);
  for (const weight of weights) counts[weight]!++;
  if (counts[1]! < 2 || counts[1]! % 2 !== 0) throw new ZstdError('the weights of a Huffman tree do not add up');
  const starts = new Uint32Array(MAX_HUFFMAN_BITS + 2);
  for (let weight = 1, at = 0; weight <= maxBits; weight++) {
    starts[weight] = at;
    at += counts[weight]! << (weight - 1);
  }
  const entries = new Uint16Array(1 << maxBits);
  for (const [symbol, weight] of weights.entries()) {
    if (weight === 0) continue;
    const from = starts[weight]!;
    const to = from + (1 << (weight - 1));
    entries.fill(((maxBits + 1 - weight) << 8) | symbol, from, to);
    starts[weight] = to;
  }
  return { maxBits, entries };
}

/** Decodes one Huffman stream, which must end where its last symbol does, into `target[from, to)`. */
export function decodeHuffman(
  { maxBits, entries }: HuffmanTable,
  bits: BackwardBits,
  target: Uint8Array,
  from: number,
  to: number,
): void {
  for (let at = from; at < to; at++) {
    const entry = entries[bits.peek(maxBits)]!;
    target[at] = entry & 0xff;
    bits.left -= entry >>> 8;
  }
  if (bits.left !== 0) throw new ZstdError('a Huffman stream does not end with its last symbol');
}
