/** The bytes of a `.snapshot`: what a log knows of its producers at one offset (`ProducerStateManager`'s schema, version 1). */
import { crc32c, readInt64, readInt64Exact, writeInt64, type Int64 } from '../../records/index.js';
import { firstSequenceOf, ProducerStateEntry } from '../core/producer-state-entry.js';

const VERSION = 1;
const CRC_AT = 2;
/** What the CRC covers begins here: the count of entries, then the entries. */
const ENTRIES_AT = 6;
const HEADER_BYTES = 10;
const ENTRY_BYTES = 46;

/** A snapshot that is not whole or of another version. The log is scanned from an earlier one. */
export class CorruptSnapshotError extends Error {
  override readonly name = 'CorruptSnapshotError';
}

/** Of each producer's batches only the last is kept: that is all the format holds. */
export function encodeProducerSnapshot(entries: Iterable<ProducerStateEntry>, count: number): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + count * ENTRY_BYTES);
  // A roll waits for it: for hundreds of thousands of producers the checks of `Buffer`'s writes are most of the time.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setInt16(0, VERSION);
  view.setInt32(ENTRIES_AT, count);
  const setInt64 = (at: number, value: Int64): void => {
    if (typeof value === 'bigint') {
      writeInt64(bytes, value, at);
      return;
    }
    const high = Math.floor(value / 0x100000000);
    view.setInt32(at, high);
    view.setUint32(at + 4, value - high * 0x100000000);
  };
  let at = HEADER_BYTES;
  for (const entry of entries) {
    setInt64(at, entry.producerId);
    view.setInt16(at + 8, entry.producerEpoch);
    view.setInt32(at + 10, entry.lastSequence);
    setInt64(at + 14, entry.lastDataOffset);
    view.setInt32(at + 22, entry.lastOffsetDelta);
    setInt64(at + 26, entry.lastTimestamp);
    view.setInt32(at + 34, entry.coordinatorEpoch);
    setInt64(at + 38, entry.currentTxnFirstOffset ?? -1);
    at += ENTRY_BYTES;
  }
  bytes.writeUInt32BE(crc32c(bytes, ENTRIES_AT, bytes.length), CRC_AT);
  return bytes;
}

/**
 * Reads a snapshot. An entry whose batch is not the first of its epoch is marked: earlier ones may be in the log. Throws
 * `CorruptSnapshotError`; `path` is for its message.
 */
export function decodeProducerSnapshot(bytes: Buffer, path: string): ProducerStateEntry[] {
  if (bytes.length < HEADER_BYTES)
    throw new CorruptSnapshotError(`${path}: ${bytes.length} bytes, need ${HEADER_BYTES}`);
  const version = bytes.readInt16BE(0);
  if (version !== VERSION) throw new CorruptSnapshotError(`${path}: version ${version}, need ${VERSION}`);
  const [stored, computed] = [bytes.readUInt32BE(CRC_AT), crc32c(bytes, ENTRIES_AT, bytes.length)];
  if (stored !== computed) throw new CorruptSnapshotError(`${path}: CRC ${stored}, computed ${computed}`);
  const count = bytes.readInt32BE(ENTRIES_AT);
  if (count < 0 || HEADER_BYTES + count * ENTRY_BYTES > bytes.length)
    throw new CorruptSnapshotError(`${path}: ${count} entries do not fit ${bytes.length} bytes`);
  return Array.from({ length: count }, (_, index) => entryAt(bytes, HEADER_BYTES + index * ENTRY_BYTES));
}

function entryAt(bytes: Buffer, at: number): ProducerStateEntry {
  const lastOffset = readInt64(bytes, at + 14);
  const timestamp = readInt64Exact(bytes, at + 26);
  const currentTxnFirstOffset = readInt64(bytes, at + 38);
  const batch =
    lastOffset < 0
      ? null
      : { lastSequence: bytes.readInt32BE(at + 10), lastOffset, offsetDelta: bytes.readInt32BE(at + 22), timestamp };
  const entry = new ProducerStateEntry(
    readInt64Exact(bytes, at),
    bytes.readInt16BE(at + 8),
    bytes.readInt32BE(at + 34),
    timestamp,
    currentTxnFirstOffset >= 0 ? currentTxnFirstOffset : null,
    batch,
  );
  entry.historyIncomplete = batch !== null && firstSequenceOf(batch) !== 0;
  return entry;
}
