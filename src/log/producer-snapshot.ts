/** The bytes of a `.snapshot`: what a log knows of its producers at one offset (`ProducerStateManager`'s schema, version 1). */
import { crc32c, readInt64, writeInt64 } from '../records/index.js';
import { firstSequenceOf, ProducerStateEntry } from './core/producer-state-entry.js';

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
  bytes.writeInt16BE(VERSION, 0);
  bytes.writeInt32BE(count, ENTRIES_AT);
  let at = HEADER_BYTES;
  for (const entry of entries) {
    writeInt64(bytes, entry.producerId, at);
    bytes.writeInt16BE(entry.producerEpoch, at + 8);
    bytes.writeInt32BE(entry.lastSequence, at + 10);
    writeInt64(bytes, entry.lastDataOffset, at + 14);
    bytes.writeInt32BE(entry.lastOffsetDelta, at + 22);
    writeInt64(bytes, entry.lastTimestamp, at + 26);
    bytes.writeInt32BE(entry.coordinatorEpoch, at + 34);
    writeInt64(bytes, entry.currentTxnFirstOffset ?? -1, at + 38);
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
  const timestamp = readInt64(bytes, at + 26);
  const currentTxnFirstOffset = readInt64(bytes, at + 38);
  const batch =
    lastOffset < 0
      ? null
      : { lastSequence: bytes.readInt32BE(at + 10), lastOffset, offsetDelta: bytes.readInt32BE(at + 22), timestamp };
  const entry = new ProducerStateEntry(
    readInt64(bytes, at),
    bytes.readInt16BE(at + 8),
    bytes.readInt32BE(at + 34),
    timestamp,
    currentTxnFirstOffset >= 0 ? currentTxnFirstOffset : null,
    batch,
  );
  entry.historyIncomplete = batch !== null && firstSequenceOf(batch) !== 0;
  return entry;
}
