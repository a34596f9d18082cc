/** Walking the batches of a segment's file, a piece of it in memory at a time. */
import type { Steps } from '../../common/index.js';
import { BatchView, batchSizeAt, LOG_OVERHEAD, sizeAt } from '../../records/index.js';
import type { LogFile } from '../files/file-handles.js';

/** A walk in slices lets others run after this much: a few milliseconds, with the CRCs. */
const SLICE_BYTES = 4 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;
/** The first piece of a walk that mostly ends soon: an index entry every 4 KiB leads near to what is sought. */
const FIRST_PIECE_BYTES = 16 * 1024;

/**
 * Shows every whole batch between `from`, where one begins, and `to`; until `visit` returns false. Gives the position behind the last
 * batch shown. A partial batch at the end is left out; throws `CorruptRecordError` where no batch can begin. The view is good during the
 * visit only.
 */
export function scanBatches(
  file: LogFile,
  from: number,
  to: number,
  visit: (batch: BatchView, position: number) => boolean | void,
): number {
  let position = from;
  let pieceBytes = FIRST_PIECE_BYTES;
  let buffer = Buffer.alloc(0);
  while (position < to) {
    const length = Math.min(pieceBytes, to - position);
    if (buffer.length < length) buffer = Buffer.allocUnsafe(length);
    const filled = file.readSync(buffer, 0, length, position);
    let at = 0;
    for (let size = batchSizeAt(buffer, at, filled); size > 0; size = batchSizeAt(buffer, at, filled)) {
      if (visit(new BatchView(buffer, at), position + at) === false) return position + at + size;
      at += size;
    }
    if (filled < length || position + filled >= to) return position + at;
    pieceBytes = PIECE_BYTES;
    // A batch longer than a piece is read whole; a length that no file has room for is a torn tail.
    if (filled - at >= LOG_OVERHEAD) {
      const needed = sizeAt(buffer, at);
      if (position + at + needed > to) return position + at;
      pieceBytes = Math.max(pieceBytes, needed);
    }
    position += at;
  }
  return position;
}

/** The same walk in slices: it stops after each, between two batches, so that the caller can let others run. */
export function* scanBatchesInSlices(
  file: LogFile,
  from: number,
  to: number,
  visit: (batch: BatchView, position: number) => boolean | void,
): Steps<number> {
  let position = from;
  let sliceBytes = SLICE_BYTES;
  let stopped = false;
  while (position < to) {
    const upTo = Math.min(to, position + sliceBytes);
    const next = scanBatches(file, position, upTo, (batch, at) => {
      const goesOn = visit(batch, at);
      stopped = goesOn === false;
      return goesOn;
    });
    if (stopped || upTo === to) return next;
    if (next === position) {
      // A batch that is longer than a slice.
      sliceBytes *= 2;
      continue;
    }
    position = next;
    sliceBytes = SLICE_BYTES;
    yield;
  }
  return position;
}
