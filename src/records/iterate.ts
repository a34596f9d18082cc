/** Splitting bytes into batches, as a log segment or a fetched partition holds them (`ByteBufferLogInputStream`). */
import { BatchView, HEADER_SIZE_UP_TO_MAGIC, LOG_OVERHEAD, RECORD_BATCH_OVERHEAD } from './batch-view.js';
import { CorruptRecordError } from './errors.js';
import { LEGACY_RECORD_OVERHEAD_V0 } from './legacy.js';

const CURRENT_MAGIC = 2;
const INT32_MAX = 0x7fffffff;

/**
 * The size in bytes of the batch that starts at `position`, header included. 0 when fewer than `end` bytes hold it whole: a partial batch
 * at the end, which readers leave out. Throws `CorruptRecordError` for a size or magic that no batch can have.
 */
export function batchSizeAt(buffer: Buffer, position: number, end = buffer.length): number {
  const remaining = end - position;
  if (remaining < LOG_OVERHEAD) return 0;
  const size = buffer.readInt32BE(position + 8);
  if (size < LEGACY_RECORD_OVERHEAD_V0) {
    throw new CorruptRecordError(
      `Record size ${size} is less than the minimum record overhead (${LEGACY_RECORD_OVERHEAD_V0})`,
    );
  }
  if (size > INT32_MAX - LOG_OVERHEAD)
    throw new CorruptRecordError(`Record size ${size} is more than any batch can have`);
  if (remaining < HEADER_SIZE_UP_TO_MAGIC) return 0;
  const magic = buffer.readInt8(position + 16);
  if (magic < 0 || magic > CURRENT_MAGIC) throw new CorruptRecordError(`Invalid magic found in record: ${magic}`);
  // Kafka leaves this to `ensureValid`. Refusing it here lets every reader of a whole batch trust that its header is there.
  if (magic === CURRENT_MAGIC && size < RECORD_BATCH_OVERHEAD - LOG_OVERHEAD) {
    throw new CorruptRecordError(
      `Record batch is corrupt (the size ${size + LOG_OVERHEAD} is smaller than the minimum allowed overhead ${RECORD_BATCH_OVERHEAD})`,
    );
  }
  return size + LOG_OVERHEAD <= remaining ? size + LOG_OVERHEAD : 0;
}

/** Every whole batch in order. Stops silently at a partial one; throws `CorruptRecordError` where no batch can start. */
export function* iterateBatches(buffer: Buffer, start = 0, end = buffer.length): Generator<BatchView, void, undefined> {
  let position = start;
  for (;;) {
    const size = batchSizeAt(buffer, position, end);
    if (size === 0) return;
    yield new BatchView(buffer, position);
    position += size;
  }
}

/** As `iterateBatches`, for hot paths: calls `visit` and returns the position after the last whole batch. */
export function forEachBatch(
  buffer: Buffer,
  visit: (batch: BatchView) => void,
  start = 0,
  end = buffer.length,
): number {
  let position = start;
  for (;;) {
    const size = batchSizeAt(buffer, position, end);
    if (size === 0) return position;
    visit(new BatchView(buffer, position));
    position += size;
  }
}
