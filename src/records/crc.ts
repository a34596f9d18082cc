import type * as Native from '@node-rs/crc32';

let native: typeof Native | undefined;
// Loaded at first use: the module is native, and a program that only prints its help needs none of it.
const load = (): typeof Native => (native ??= require('@node-rs/crc32') as typeof Native);

/** CRC-32C (Castagnoli) of `buffer[start, end)` as an unsigned int32: the checksum of batches of magic 2. */
export function crc32c(buffer: Buffer, start = 0, end = buffer.length): number {
  return load().crc32c(start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end));
}

/** CRC-32 (IEEE) of `buffer[start, end)` as an unsigned int32: the checksum of messages of magic 0 and 1. */
export function crc32(buffer: Buffer, start = 0, end = buffer.length): number {
  return load().crc32(start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end));
}
