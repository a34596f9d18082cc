/** Printing what lies beside a `.log`: offset index, time index, transaction index, producer snapshot. */
import fs from 'node:fs';
import path from 'node:path';
import { crc32c, decrementSequence } from '../../records/index.js';
import { baseOffsetOf, javaError } from './dump-log-errors.js';
import type { Printer } from './dump-log-printer.js';
import { optionalLong, SegmentFile } from './dump-log-segment.js';
import { UncaughtException } from '../options.js';

const CORRUPT_INDEX = 'org.apache.kafka.storage.internals.log.CorruptIndexException';
const WARM_BYTES = 8192;
const NO_TIMESTAMP = -1n;

export interface DumpIndexOptions {
  readonly indexSanityOnly: boolean;
  readonly verifyOnly: boolean;
  readonly maxMessageSize: number;
}

/** `OffsetIndex` and `TimeIndex` as bytes: entries of one size, ordered, perhaps with zeros after the last. */
class IndexFile {
  readonly entries: number;
  readonly baseOffset: bigint;
  readonly length: number;
  private readonly bytes: Buffer;

  constructor(
    readonly file: string,
    private readonly entryBytes: number,
  ) {
    this.bytes = readFile(file);
    this.length = this.bytes.length;
    this.entries = Math.floor(this.length / entryBytes);
    this.baseOffset = baseOffsetOf(file);
  }

  /** The relative offset stands before the position, and after the timestamp. */
  offset(entry: number): bigint {
    const at = entry * this.entryBytes + (this.entryBytes === 12 ? 8 : 0);
    return this.baseOffset + BigInt(this.bytes.readInt32BE(at));
  }

  position(entry: number): number {
    return this.bytes.readInt32BE(entry * this.entryBytes + 4);
  }

  timestamp(entry: number): bigint {
    return this.bytes.readBigInt64BE(entry * this.entryBytes);
  }

  /**
   * The position of the last entry whose offset is not greater. The order of the search is Kafka's, because over the zeros of an index
   * that was not closed it decides what is found.
   */
  lookup(target: bigint): number {
    if (this.entries === 0) return 0;
    const firstWarm = Math.max(0, this.entries - 1 - WARM_BYTES / this.entryBytes);
    let [low, high] = [0, firstWarm];
    if (this.offset(firstWarm) < target) [low, high] = [firstWarm, this.entries - 1];
    else if (this.offset(0) > target) return 0;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const offset = this.offset(middle);
      if (offset === target) return this.position(middle);
      if (offset > target) high = middle - 1;
      else low = middle;
    }
    return this.position(low);
  }

  /** Zeros after the last entry are what a broker that crashed left of the preallocated file. */
  isPadding(entry: number): boolean {
    return entry > 0 && this.offset(entry) === this.baseOffset;
  }
}

/** Returns pairs of index offset and log offset that differ, the last found first. */
export async function dumpOffsetIndex(
  file: string,
  { indexSanityOnly, verifyOnly, maxMessageSize }: DumpIndexOptions,
  printer: Printer,
): Promise<[bigint, bigint][]> {
  baseOffsetOf(file);
  const segment = new SegmentFile(withSuffix(file, '.log'));
  const mismatches: [bigint, bigint][] = [];
  try {
    const index = new IndexFile(file, 8);
    if (index.entries === 0) {
      printer.line(`${file} is empty.`);
      return [];
    }
    if (indexSanityOnly) {
      checkOffsetIndex(index);
      printer.line(`${file} passed sanity check.`);
      return [];
    }
    for (let entry = 0; entry < index.entries && !index.isPadding(entry); entry++) {
      const [offset, position] = [index.offset(entry), index.position(entry)];
      const end = Math.min(segment.sizeInBytes, position + maxMessageSize);
      const [first] = segment.batches(position, end);
      if (first === undefined) throw new UncaughtException('java.util.NoSuchElementException', '');
      const lastOffset = BigInt(first.batch.lastOffset);
      if (lastOffset !== offset) mismatches.unshift([offset, lastOffset]);
      if (!verifyOnly) printer.line(`offset: ${offset} position: ${position}`);
      await printer.drained();
    }
  } finally {
    segment.close();
  }
  return mismatches;
}

function checkOffsetIndex(index: IndexFile): void {
  const absolute = path.resolve(index.file);
  const lastOffset = index.offset(index.entries - 1);
  if (lastOffset < index.baseOffset) {
    throw new UncaughtException(
      CORRUPT_INDEX,
      `Corrupt index found, index file ${absolute} has non-zero size but the last offset is ${lastOffset} which is less than the base offset ${index.baseOffset}`,
    );
  }
  if (index.length % 8 !== 0) {
    throw new UncaughtException(
      CORRUPT_INDEX,
      `Index file ${absolute} is corrupt, found ${index.length} bytes which is neither positive nor a multiple of 8`,
    );
  }
}

/** What was found wrong with a time index: pairs in the order found. */
export interface TimeIndexErrors {
  /** Timestamp in the index, greatest timestamp in the batch. */
  readonly mismatches: [bigint, bigint][];
  /** Timestamp, and the one before it. */
  readonly outOfOrder: [bigint, bigint][];
  /** Offset in the index, last offset of the batch where it should be; -1 for none. */
  readonly notFound: [bigint, bigint][];
}

export async function dumpTimeIndex(
  file: string,
  { indexSanityOnly, verifyOnly }: DumpIndexOptions,
  printer: Printer,
): Promise<TimeIndexErrors> {
  const errors: TimeIndexErrors = { mismatches: [], outOfOrder: [], notFound: [] };
  baseOffsetOf(file);
  const segment = new SegmentFile(withSuffix(file, '.log'));
  try {
    const offsetIndexFile = withSuffix(file, '.index');
    // Without its offset index every search begins at the start of the log.
    const offsetIndex = fs.existsSync(offsetIndexFile) ? new IndexFile(offsetIndexFile, 8) : null;
    const index = new IndexFile(file, 12);
    if (indexSanityOnly) {
      checkTimeIndex(index);
      printer.line(`${file} passed sanity check.`);
      return errors;
    }
    let previous = NO_TIMESTAMP;
    for (let entry = 0; entry < index.entries && !index.isPadding(entry); entry++) {
      const [timestamp, offset] = [index.timestamp(entry), index.offset(entry)];
      const found = batchWithOffset(segment, offsetIndex?.lookup(offset) ?? 0, offset);
      if (found === null || found.lastOffset !== offset) {
        errors.notFound.push([offset, found?.lastOffset ?? -1n]);
      } else {
        if (found.maxTimestamp !== timestamp) errors.mismatches.push([timestamp, found.maxTimestamp]);
        if (previous >= timestamp) errors.outOfOrder.push([timestamp, previous]);
      }
      if (!verifyOnly) printer.line(`timestamp: ${timestamp} offset: ${offset}`);
      previous = timestamp;
      await printer.drained();
    }
  } finally {
    segment.close();
  }
  return errors;
}

function batchWithOffset(
  segment: SegmentFile,
  position: number,
  offset: bigint,
): { lastOffset: bigint; maxTimestamp: bigint } | null {
  for (const { batch } of segment.batches(position, segment.sizeInBytes)) {
    const lastOffset = BigInt(batch.lastOffset);
    if (lastOffset < offset) continue;
    let maxTimestamp = NO_TIMESTAMP;
    if (lastOffset === offset) {
      for (const { timestampExact } of batch.records()) {
        if (timestampExact > maxTimestamp) maxTimestamp = timestampExact;
      }
    }
    return { lastOffset, maxTimestamp };
  }
  return null;
}

function checkTimeIndex(index: IndexFile): void {
  const absolute = path.resolve(index.file);
  if (index.entries > 0) {
    const last = index.entries - 1;
    const place = `Corrupt time index found, time index file (${absolute}) has non-zero size but the last`;
    if (index.timestamp(last) < index.timestamp(0)) {
      throw new UncaughtException(
        CORRUPT_INDEX,
        `${place} timestamp is ${index.timestamp(last)} which is less than the first timestamp ${index.timestamp(0)}`,
      );
    }
    if (index.offset(last) < index.baseOffset) {
      throw new UncaughtException(
        CORRUPT_INDEX,
        `${place} offset is ${index.offset(last)} which is less than the first offset ${index.baseOffset}`,
      );
    }
  }
  if (index.length % 12 !== 0) {
    throw new UncaughtException(
      CORRUPT_INDEX,
      `Time index file ${absolute} is corrupt, found ${index.length} bytes which is neither positive nor a multiple of 12`,
    );
  }
}

const ABORTED_TXN_BYTES = 34;

export function dumpTransactionIndex(file: string, printer: Printer): void {
  const bytes = readFile(file);
  for (let at = 0; at + ABORTED_TXN_BYTES <= bytes.length; at += ABORTED_TXN_BYTES) {
    // Kafka takes the first byte alone for the version.
    const version = bytes.readInt8(at);
    if (version > 0) {
      throw new UncaughtException(
        'org.apache.kafka.common.KafkaException',
        `Unexpected aborted transaction version ${version} in transaction index ${path.resolve(file)}, current version is 0`,
      );
    }
    const [producerId, firstOffset, lastOffset, lastStableOffset] = [2, 10, 18, 26].map((field) =>
      bytes.readBigInt64BE(at + field),
    );
    printer.line(
      `version: ${version} producerId: ${producerId} firstOffset: ${firstOffset} lastOffset: ${lastOffset} lastStableOffset: ${lastStableOffset}`,
    );
  }
}

const SNAPSHOT_VERSION = 1;
const SNAPSHOT_CRC_AT = 2;
const SNAPSHOT_ENTRIES_AT = 6;
const SNAPSHOT_HEADER_BYTES = 10;
const SNAPSHOT_ENTRY_BYTES = 46;

/** Returns what is wrong with the snapshot, in Kafka's words; null when it was printed. */
export function dumpProducerSnapshot(file: string, printer: Printer): string | null {
  const bytes = readFile(file);
  const count = bytes.length < SNAPSHOT_HEADER_BYTES ? -1 : bytes.readInt32BE(SNAPSHOT_ENTRIES_AT);
  if (count < 0 || SNAPSHOT_HEADER_BYTES + count * SNAPSHOT_ENTRY_BYTES > bytes.length) {
    return "Snapshot failed schema validation: Error reading field 'producer_entries': java.nio.BufferUnderflowException";
  }
  const version = bytes.readInt16BE(0);
  if (version !== SNAPSHOT_VERSION) return `Snapshot contained an unknown file version ${version}`;
  const crc = bytes.readUInt32BE(SNAPSHOT_CRC_AT);
  const computed = crc32c(bytes, SNAPSHOT_ENTRIES_AT, bytes.length);
  if (crc !== computed) {
    return `Snapshot is corrupt (CRC is no longer valid). Stored crc: ${crc}. Computed crc: ${computed}`;
  }
  for (let entry = 0; entry < count; entry++) {
    printer.line(producerLine(bytes, SNAPSHOT_HEADER_BYTES + entry * SNAPSHOT_ENTRY_BYTES));
  }
  return null;
}

function producerLine(bytes: Buffer, at: number): string {
  const long = (field: number): bigint => bytes.readBigInt64BE(at + field);
  const int = (field: number): number => bytes.readInt32BE(at + field);
  const [lastSequence, lastOffset, offsetDelta, timestamp] = [int(10), long(14), int(22), long(26)];
  const currentTxnFirstOffset = long(38);
  const producer =
    `producerId: ${long(0)} producerEpoch: ${bytes.readInt16BE(at + 8)} coordinatorEpoch: ${int(34)} ` +
    `currentTxnFirstOffset: ${optionalLong(currentTxnFirstOffset >= 0n ? currentTxnFirstOffset : null)} ` +
    `lastTimestamp: ${timestamp} `;
  if (lastOffset < 0n) return producer;
  return (
    `${producer}firstSequence: ${decrementSequence(lastSequence, offsetDelta)} lastSequence: ${lastSequence} ` +
    `lastOffset: ${lastOffset} offsetDelta: ${offsetDelta} timestamp: ${timestamp}`
  );
}

function withSuffix(file: string, suffix: string): string {
  return path.join(path.dirname(path.resolve(file)), `${path.basename(file).split('.')[0]!}${suffix}`);
}

function readFile(file: string): Buffer {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    throw javaError(error);
  }
}
