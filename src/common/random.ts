/** Randomness. Decisions are given a `Random`, so that a run can be repeated from its seed. */
export interface Random {
  /** An integer in [0, bound). */
  nextInt(bound: number): number;
  /** A number in [0, 1). */
  nextDouble(): number;
  nextBytes(length: number): Buffer;
}

import { randomBytes } from 'node:crypto';

/** The machine's randomness. Bytes are fit for ids that must not collide. */
export const systemRandom: Random = {
  nextInt: (bound) => Math.floor(Math.random() * bound),
  nextDouble: () => Math.random(),
  nextBytes: (length) => randomBytes(length),
};

/** A repeatable generator (sfc32), for simulations and tests. */
export function seededRandom(seed: number): Random {
  let a = seed | 0;
  let b = (seed / 2 ** 32) | 0;
  let c = 0x9e3779b9 | 0;
  let counter = 1;
  const nextUint32 = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let warmUp = 0; warmUp < 12; warmUp++) nextUint32();
  const nextDouble = (): number => nextUint32() / 2 ** 32;
  return {
    nextDouble,
    nextInt: (bound) => Math.floor(nextDouble() * bound),
    nextBytes: (length) => Buffer.from(Array.from({ length }, () => nextUint32() & 0xff)),
  };
}

/** Shuffles a copy of `items` (Fisher–Yates). */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = random.nextInt(i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
