/** Builds messages of magic 0 and 1, which our own code only reads. */
import { compress, compressionIdOf, crc32, type Compression } from '../../../src/records/index.js';

/** One message with `key` and the value `v`. */
export function legacyMessage(magic: 0 | 1, offset: number, key: string, timestamp = -1): Buffer {
  return message(magic, offset, 0, Buffer.from(key), Buffer.from('v'), timestamp);
}

/** A compressed wrapper; for magic 1 the inner offsets are relative and `offset` is that of the last message. */
export function legacyWrapper(magic: 0 | 1, offset: number, compression: Compression, inner: Buffer[]): Buffer {
  const value = compress(compression, Buffer.concat(inner));
  return message(magic, offset, compressionIdOf(compression), null, value, 0);
}

function message(
  magic: 0 | 1,
  offset: number,
  attributes: number,
  key: Buffer | null,
  value: Buffer,
  timestamp: number,
): Buffer {
  const sized = (bytes: Buffer | null): Buffer => {
    const size = Buffer.alloc(4);
    size.writeInt32BE(bytes === null ? -1 : bytes.length);
    return bytes === null ? size : Buffer.concat([size, bytes]);
  };
  const time = Buffer.alloc(magic === 0 ? 0 : 8);
  if (magic === 1) time.writeBigInt64BE(BigInt(timestamp));
  const body = Buffer.concat([Buffer.from([magic, attributes]), time, sized(key), sized(value)]);
  const header = Buffer.alloc(16);
  header.writeBigInt64BE(BigInt(offset));
  header.writeInt32BE(4 + body.length, 8);
  header.writeUInt32BE(crc32(body), 12);
  return Buffer.concat([header, body]);
}
