/** The xxHash checksums that LZ4 and Zstandard frames carry. */

const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;

/** xxHash32 of `data[start, end)` with seed 0. */
export function xxh32(data: Buffer, start: number, end: number): number {
  let hash = PRIME_5;
  let position = start;
  if (end - start >= 16) {
    const lanes = [(PRIME_1 + PRIME_2) | 0, PRIME_2 | 0, 0, -PRIME_1 | 0];
    for (; position + 16 <= end; position += 16) {
      for (let i = 0; i < 4; i++) {
        const input = Math.imul(data.readInt32LE(position + 4 * i), PRIME_2);
        lanes[i] = Math.imul(rotate((lanes[i]! + input) | 0, 13), PRIME_1);
      }
    }
    hash = rotate(lanes[0]!, 1) + rotate(lanes[1]!, 7) + rotate(lanes[2]!, 12) + rotate(lanes[3]!, 18);
  }
  hash = (hash + (end - start)) | 0;
  for (; position + 4 <= end; position += 4) {
    hash = Math.imul(rotate((hash + Math.imul(data.readInt32LE(position), PRIME_3)) | 0, 17), PRIME_4);
  }
  for (; position < end; position++) {
    hash = Math.imul(rotate((hash + Math.imul(data[position]!, PRIME_5)) | 0, 11), PRIME_1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2);
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** A 64 bit number in two halves: BigInt would take ten times as long. */
interface Halves {
  high: number;
  low: number;
}

const PRIMES_64: readonly Halves[] = [
  { high: 0x9e3779b1, low: 0x85ebca87 },
  { high: 0xc2b2ae3d, low: 0x27d4eb4f },
  { high: 0x165667b1, low: 0x9e3779f9 },
  { high: 0x85ebca77, low: 0xc2b2ae63 },
  { high: 0x27d4eb2f, low: 0x165667c5 },
];
const [PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME64_5] = PRIMES_64 as [Halves, Halves, Halves, Halves, Halves];
const STRIPE_BYTES = 32;

/** xxHash64 with seed 0, of bytes that come piece by piece. */
export class Xxh64 {
  private readonly lanes: Halves[];
  private readonly rest = Buffer.alloc(STRIPE_BYTES);
  private restLength = 0;
  private totalBytes = 0;

  constructor() {
    const minusPrime1 = { high: ~PRIME64_1.high, low: -PRIME64_1.low | 0 };
    this.lanes = [sum(PRIME64_1, PRIME64_2), { ...PRIME64_2 }, { high: 0, low: 0 }, minusPrime1];
  }

  update(bytes: Buffer): void {
    this.totalBytes += bytes.length;
    let position = 0;
    if (this.restLength > 0) {
      position = bytes.copy(this.rest, this.restLength);
      this.restLength += position;
      if (this.restLength < STRIPE_BYTES) return;
      this.addStripe(this.rest, 0);
      this.restLength = 0;
    }
    for (; position + STRIPE_BYTES <= bytes.length; position += STRIPE_BYTES) this.addStripe(bytes, position);
    this.restLength = bytes.copy(this.rest, 0, position);
  }

  /** The low half of the hash, unsigned: what a Zstandard frame carries. */
  digestLow(): number {
    let hash: Halves;
    if (this.totalBytes >= STRIPE_BYTES) {
      const [first, second, third, fourth] = this.lanes as [Halves, Halves, Halves, Halves];
      hash = sum(sum(rotated(first, 1), rotated(second, 7)), sum(rotated(third, 12), rotated(fourth, 18)));
      for (const lane of this.lanes) {
        hash = sum(product(xor(hash, round({ high: 0, low: 0 }, lane)), PRIME64_1), PRIME64_4);
      }
    } else hash = { ...PRIME64_5 };
    hash = sum(hash, { high: Math.floor(this.totalBytes / 2 ** 32), low: this.totalBytes | 0 });
    const { rest } = this;
    let at = 0;
    for (; at + 8 <= this.restLength; at += 8) {
      const input = round({ high: 0, low: 0 }, { high: rest.readInt32LE(at + 4), low: rest.readInt32LE(at) });
      hash = sum(product(rotated(xor(hash, input), 27), PRIME64_1), PRIME64_4);
    }
    if (at + 4 <= this.restLength) {
      const input = product({ high: 0, low: rest.readInt32LE(at) }, PRIME64_1);
      hash = sum(product(rotated(xor(hash, input), 23), PRIME64_2), PRIME64_3);
      at += 4;
    }
    for (; at < this.restLength; at++) {
      const input = product({ high: 0, low: rest[at]! }, PRIME64_5);
      hash = product(rotated(xor(hash, input), 11), PRIME64_1);
    }
    hash = product(xor(hash, shifted(hash, 33)), PRIME64_2);
    hash = product(xor(hash, shifted(hash, 29)), PRIME64_3);
    return xor(hash, shifted(hash, 32)).low >>> 0;
  }

  private addStripe(bytes: Buffer, at: number): void {
    for (const [lane, value] of this.lanes.entries()) {
      const input = { high: bytes.readInt32LE(at + 8 * lane + 4), low: bytes.readInt32LE(at + 8 * lane) };
      this.lanes[lane] = round(value, input);
    }
  }
}

function round(lane: Halves, input: Halves): Halves {
  return product(rotated(sum(lane, product(input, PRIME64_2)), 31), PRIME64_1);
}

function sum(a: Halves, b: Halves): Halves {
  const low = (a.low >>> 0) + (b.low >>> 0);
  return { high: (a.high + b.high + (low > 0xffffffff ? 1 : 0)) | 0, low: low | 0 };
}

function product(a: Halves, b: Halves): Halves {
  const [a0, a1, b0, b1] = [a.low & 0xffff, a.low >>> 16, b.low & 0xffff, b.low >>> 16];
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const second = a0 * b1 + (middle & 0xffff);
  const carry = a1 * b1 + (middle >>> 16) + (second >>> 16);
  return { high: (carry + Math.imul(a.high, b.low) + Math.imul(a.low, b.high)) | 0, low: Math.imul(a.low, b.low) };
}

function xor(a: Halves, b: Halves): Halves {
  return { high: a.high ^ b.high, low: a.low ^ b.low };
}

/** By fewer than 32 bits. */
function rotated({ high, low }: Halves, bits: number): Halves {
  return { high: (high << bits) | (low >>> (32 - bits)), low: (low << bits) | (high >>> (32 - bits)) };
}

/** To the right, by 29 or more bits. */
function shifted({ high, low }: Halves, bits: number): Halves {
  if (bits >= 32) return { high: 0, low: high >>> (bits - 32) };
  return { high: high >>> bits, low: (low >>> bits) | (high << (32 - bits)) };
}
