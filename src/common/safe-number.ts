/**
 * Turns an int64 of the wire into the `number` that the broker computes with. Throws a RangeError for one beyond ±(2^53 - 1), which no
 * offset, size or time in use can be.
 */
export function toSafeNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} is beyond the safe integers`);
  return number;
}

/** The nearest safe integer: for times and offsets that are only compared, where one beyond all real ones stays beyond. */
export function clampToSafeNumber(value: bigint): number {
  if (value > MAX_SAFE) return Number.MAX_SAFE_INTEGER;
  return value < -MAX_SAFE ? Number.MIN_SAFE_INTEGER : Number(value);
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
