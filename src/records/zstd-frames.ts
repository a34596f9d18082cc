/** The headers of Zstandard frames and blocks (RFC 8878, 3.1), and what their blocks can hold at most. */
import { ZstdError } from './zstd-entropy.js';

export const FRAME_MAGIC = 0xfd2fb528;
export const SKIPPABLE_MAGIC = 0x184d2a50;
export const SKIPPABLE_MAGIC_MASK = 0xfffffff0;
const BLOCK_MAX_BYTES = 128 * 1024;
/** What a block that holds nothing counts for: it is read as well. */
const LEAST_BLOCK_BYTES = 64;
/** What zstd's decoders allow by default (`ZSTD_WINDOWLOG_LIMIT_DEFAULT`), Kafka's among them. */
const MAX_WINDOW_BYTES = 2 ** 27;

export interface ZstdFrameHeader {
  /** How far back matches may reach. */
  readonly windowBytes: number;
  /** What a block may hold. */
  readonly blockMaxBytes: number;
  /** As stated: not to be relied on. Null when it is not. */
  readonly contentBytes: number | null;
  readonly hasChecksum: boolean;
  readonly firstBlock: number;
}

/** Reads the header of the frame at `position`. Throws `ZstdError`. */
export function readFrameHeader(data: Buffer, position: number): ZstdFrameHeader {
  if (position + 6 > data.length) throw new ZstdError('a frame is cut');
  if (data.readUInt32LE(position) !== FRAME_MAGIC) throw new ZstdError('Unknown frame descriptor');
  const descriptor = data[position + 4]!;
  if ((descriptor & 0x08) !== 0) throw new ZstdError('a reserved bit is set');
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3]!;
  const contentSizeCode = descriptor >>> 6;
  const contentSizeBytes = contentSizeCode === 0 ? (isSingleSegment ? 1 : 0) : 1 << contentSizeCode;
  const dictionaryId = position + 5 + (isSingleSegment ? 0 : 1);
  const contentSize = dictionaryId + dictionaryIdBytes;
  const firstBlock = contentSize + contentSizeBytes;
  if (firstBlock > data.length) throw new ZstdError('a frame is cut');
  if (dictionaryIdBytes > 0 && data.readUIntLE(dictionaryId, dictionaryIdBytes) !== 0) {
    throw new ZstdError('a frame needs a dictionary');
  }
  const contentBytes = statedContentSize(data, contentSize, contentSizeBytes);
  const windowBytes = isSingleSegment ? contentBytes! : windowSize(data[position + 5]!);
  if (windowBytes > MAX_WINDOW_BYTES) throw new ZstdError(`a frame needs a window of ${windowBytes} bytes`);
  return {
    windowBytes,
    blockMaxBytes: Math.min(windowBytes, BLOCK_MAX_BYTES),
    contentBytes,
    hasChecksum: (descriptor & 0x04) !== 0,
    firstBlock,
  };
}

/**
 * What the content of `data` cannot exceed, by its blocks alone. Raw and repeated blocks say what they hold; a compressed one may hold as
 * much as any: a frame flushed after every few bytes is over-estimated, up to 128 KB for each of its blocks. Throws `ZstdError`.
 */
export function contentUpperBound(data: Buffer): number {
  let total = 0;
  let position = 0;
  while (position < data.length) {
    if (position + 8 > data.length) throw new ZstdError('a frame is cut');
    if ((data.readUInt32LE(position) & SKIPPABLE_MAGIC_MASK) >>> 0 === SKIPPABLE_MAGIC) {
      position += 8 + data.readUInt32LE(position + 4);
      total += LEAST_BLOCK_BYTES;
      continue;
    }
    const { firstBlock, blockMaxBytes, hasChecksum } = readFrameHeader(data, position);
    position = firstBlock;
    for (let isLast = false; !isLast;) {
      if (position + 3 > data.length) throw new ZstdError('a frame is cut');
      const header = data.readUIntLE(position, 3);
      isLast = (header & 1) === 1;
      const type = (header >>> 1) & 3;
      const size = header >>> 3;
      total += type === 2 ? blockMaxBytes : Math.max(size, LEAST_BLOCK_BYTES);
      position += 3 + (type === 1 ? 1 : size);
    }
    position += hasChecksum ? 4 : 0;
    if (position > data.length) throw new ZstdError('a frame is cut');
  }
  return total;
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >>> 3));
  return base + (base / 8) * (descriptor & 7);
}

function statedContentSize(data: Buffer, position: number, bytes: number): number | null {
  if (bytes === 0) return null;
  if (bytes === 8) return Number(data.readBigUInt64LE(position));
  return data.readUIntLE(position, bytes) + (bytes === 2 ? 256 : 0);
}
