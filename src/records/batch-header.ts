/**
 * Reads the header fields of a batch that readers and storage walk by, in place and without an object per batch. All that knows where they
 * lie, and what length no batch has, stands here. Entries of magic 0 and 1 are walked too: their offset field is the last offset.
 */
import { CorruptRecordError } from './errors.js';
import { readInt64, readInt64Exact, type Int64 } from './int64.js';

/** Base offset and length, which every magic has in front; the length counts what follows. */
export const LOG_OVERHEAD = 12;
/** Enough bytes to know a batch's size and magic. */
export const HEADER_SIZE_UP_TO_MAGIC = 17;
/** Enough bytes to know a batch's last offset and its greatest timestamp, whatever its magic; entries of magic 0 and 1 may be shorter. */
export const HEADER_SIZE_UP_TO_MAX_TIMESTAMP = 43;
/** The header of a batch of magic 2; the records follow. */
export const RECORD_BATCH_OVERHEAD = 61;
/** CRC, magic, attributes, key size, value size of an entry of magic 0: the smallest length field of all. */
export const LEGACY_RECORD_OVERHEAD_V0 = 14;

export const LENGTH_POSITION = 8;
export const PARTITION_LEADER_EPOCH_POSITION = 12;
export const MAGIC_POSITION = 16;
export const LEGACY_ATTRIBUTES_POSITION = 17;
export const CRC_POSITION = 17;
export const LEGACY_TIMESTAMP_POSITION = 18;
/** What the CRC covers begins here. */
export const ATTRIBUTES_POSITION = 21;
export const LAST_OFFSET_DELTA_POSITION = 23;
export const BASE_TIMESTAMP_POSITION = 27;
export const MAX_TIMESTAMP_POSITION = 35;
export const PRODUCER_ID_POSITION = 43;
export const PRODUCER_EPOCH_POSITION = 51;
export const BASE_SEQUENCE_POSITION = 53;
export const COUNT_POSITION = 57;

const CURRENT_MAGIC = 2;
const INT32_MAX = 0x7fffffff;

/**
 * Bytes of the whole batch, as its header says: not to be trusted before it is compared with what is there, since a torn tail may hold
 * anything. Throws `CorruptRecordError` for a length that no batch has, by which no walk would get on.
 */
export function sizeAt(buffer: Buffer, position: number): number {
  const length = buffer.readInt32BE(position + LENGTH_POSITION);
  if (length < LEGACY_RECORD_OVERHEAD_V0) {
    throw new CorruptRecordError(
      `Record size ${length} is less than the minimum record overhead (${LEGACY_RECORD_OVERHEAD_V0})`,
    );
  }
  return LOG_OVERHEAD + length;
}

/** Whether enough of a batch is there before `end` to walk by: its size and its last offset. */
export function isWalkableAt(buffer: Buffer, position: number, end: number): boolean {
  if (position + HEADER_SIZE_UP_TO_MAX_TIMESTAMP <= end) return true;
  return position + HEADER_SIZE_UP_TO_MAGIC <= end && magicAt(buffer, position) < CURRENT_MAGIC;
}

export function magicAt(buffer: Buffer, position: number): number {
  return buffer.readInt8(position + MAGIC_POSITION);
}

export function lastOffsetAt(buffer: Buffer, position: number): number {
  const offset = readInt64(buffer, position);
  if (buffer[position + MAGIC_POSITION]! < CURRENT_MAGIC) return offset;
  return offset + buffer.readInt32BE(position + LAST_OFFSET_DELTA_POSITION);
}

/** -1 for magic 0, which has no timestamps. */
export function maxTimestampAt(buffer: Buffer, position: number): Int64 {
  const magic = buffer[position + MAGIC_POSITION]!;
  if (magic >= CURRENT_MAGIC) return readInt64Exact(buffer, position + MAX_TIMESTAMP_POSITION);
  return magic === 1 ? readInt64Exact(buffer, position + LEGACY_TIMESTAMP_POSITION) : -1;
}

/**
 * The size of the batch that begins at `position` when it is all there before `end`, and 0 when it is not: readers leave out a partial
 * batch at the end. Throws `CorruptRecordError` for a size or magic that no batch can have (`ByteBufferLogInputStream.nextBatch`).
 */
export function wholeBatchSizeAt(buffer: Buffer, position: number, end = buffer.length): number {
  const size = nextBatchSize(buffer, position, end);
  return size <= end - position ? size : 0;
}

/**
 * As `wholeBatchSizeAt`, and throws for a batch of magic 2 that has no room for its header too. Kafka leaves that to `ensureValid`; refused
 * here, every reader of a whole batch may trust that its header is there.
 */
export function batchSizeAt(buffer: Buffer, position: number, end = buffer.length): number {
  const size = nextBatchSize(buffer, position, end);
  if (size > 0 && size < RECORD_BATCH_OVERHEAD && magicAt(buffer, position) === CURRENT_MAGIC) {
    throw new CorruptRecordError(
      `Record batch is corrupt (the size ${size} is smaller than the minimum allowed overhead ${RECORD_BATCH_OVERHEAD})`,
    );
  }
  return size <= end - position ? size : 0;
}

/** The size that a header before `end` says; 0 when too little of it is there (`ByteBufferLogInputStream.nextBatchSize`). */
function nextBatchSize(buffer: Buffer, position: number, end: number): number {
  const remaining = end - position;
  if (remaining < LOG_OVERHEAD) return 0;
  const size = sizeAt(buffer, position);
  if (size > INT32_MAX) {
    throw new CorruptRecordError(`Record size ${size - LOG_OVERHEAD} is more than any batch can have`);
  }
  if (remaining < HEADER_SIZE_UP_TO_MAGIC) return 0;
  const magic = magicAt(buffer, position);
  if (magic < 0 || magic > CURRENT_MAGIC) throw new CorruptRecordError(`Invalid magic found in record: ${magic}`);
  return size;
}
