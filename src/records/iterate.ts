/** Splitting bytes into batches, as a log segment or a fetched partition holds them (`ByteBufferLogInputStream`). */
import { batchSizeAt, isWalkableAt, lastOffsetAt, LOG_OVERHEAD, sizeAt, wholeBatchSizeAt } from './batch-header.js';
import { BatchView } from './batch-view.js';

/**
 * The first batch, null when it is not all there: what requests are looked through by before their records are. Throws `CorruptRecordError` where
 * no batch can begin. It may be too short for a header of magic 2, which the append refuses; then its first 26 bytes are there.
 */
export function firstBatch(records: Buffer): BatchView | null {
  return wholeBatchSizeAt(records, 0) > 0 ? new BatchView(records) : null;
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

/**
 * Where the batch begins that holds `offset` or, when that offset is gone, the next one: the first batch between `from` and `to` whose
 * last offset is not less. -1 when there is none, or the last one is not all there.
 */
export function findBatch(buffer: Buffer, from: number, to: number, offset: number): number {
  let at = from;
  while (isWalkableAt(buffer, at, to)) {
    if (lastOffsetAt(buffer, at) >= offset) return at;
    at += sizeAt(buffer, at);
  }
  return -1;
}

/** The offset behind the last of the whole batches that `buffer` consists of. */
export function nextOffsetAfter(buffer: Buffer): number {
  let at = 0;
  for (let next = 0; next < buffer.length; next += sizeAt(buffer, next)) at = next;
  return lastOffsetAt(buffer, at) + 1;
}

/** The end of the last whole batch between `from` (where one begins) and `to`. */
export function endOfWholeBatches(buffer: Buffer, from: number, to: number): number {
  let at = from;
  while (at + LOG_OVERHEAD <= to) {
    const size = sizeAt(buffer, at);
    if (at + size > to) break;
    at += size;
  }
  return at;
}
