/**
 * Turns an int64 of the wire into the `number` that the broker computes with. Throws a RangeError for one beyond ±(2^53 - 1), which no
 * offset, size or time in use can be.
 */
export function toSafeNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} is beyond the safe integers`);
  return number;
}
