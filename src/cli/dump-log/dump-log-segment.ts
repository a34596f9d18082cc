/** Printing a `.log`: its batches, and the records in them. */
import fs from 'node:fs';
import path from 'node:path';
import {
  BatchView,
  CorruptRecordError,
  HEADER_SIZE_UP_TO_MAGIC,
  LEGACY_RECORD_OVERHEAD_V0,
  LegacyRecord,
  LENGTH_POSITION,
  LOG_OVERHEAD,
  parseControlRecord,
  parseEndTxnMarker,
  RECORD_BATCH_OVERHEAD,
  type Record,
} from '../../records/index.js';
import { baseOffsetOf, javaError } from './dump-log-errors.js';
import type { RecordParser } from './dump-log-decoders.js';
import type { Printer } from './dump-log-printer.js';
import { UncaughtException } from '../options.js';

const READ_AHEAD_BYTES = 1024 * 1024;
const MAX_INT = 0x7fffffff;

/** A `.log` opened for reading, batch after batch, without ever holding more than a batch and some read-ahead. */
export class SegmentFile {
  readonly sizeInBytes: number;
  private readonly fd: number;
  private window: Buffer = Buffer.alloc(0);
  private windowStart = 0;

  /** Throws `UncaughtException` when there is no such file, as Kafka's tool dies of it. */
  constructor(readonly file: string) {
    try {
      this.fd = fs.openSync(file, 'r');
    } catch (error) {
      throw javaError(error);
    }
    this.sizeInBytes = fs.fstatSync(this.fd).size;
  }

  close(): void {
    fs.closeSync(this.fd);
  }

  /** Whole batches that lie between `start` and `end`. A batch is valid until the next one is asked for. */
  *batches(start: number, end: number): Generator<{ batch: BatchView; position: number }, void, undefined> {
    let position = start;
    // A header that ends just at the end is left out too, as FileLogInputStream does.
    while (position < end - HEADER_SIZE_UP_TO_MAGIC) {
      const size = this.read(position, HEADER_SIZE_UP_TO_MAGIC).readInt32BE(LENGTH_POSITION);
      if (size < LEGACY_RECORD_OVERHEAD_V0) {
        throw new CorruptRecordError(
          `Found record size ${size} smaller than minimum record overhead (${LEGACY_RECORD_OVERHEAD_V0}) in file ${this.file}.`,
        );
      }
      if (position > end - LOG_OVERHEAD - size) return;
      const batch = new BatchView(this.read(position, LOG_OVERHEAD + size));
      if (batch.magic >= 2 && batch.sizeInBytes < RECORD_BATCH_OVERHEAD) {
        throw new UncaughtException(
          'java.lang.IndexOutOfBoundsException',
          `the batch at ${position} has ${batch.sizeInBytes} bytes, a header needs ${RECORD_BATCH_OVERHEAD}`,
        );
      }
      yield { batch, position };
      position += LOG_OVERHEAD + size;
    }
  }

  private read(position: number, length: number): Buffer {
    const start = position - this.windowStart;
    if (start >= 0 && start + length <= this.window.length) return this.window.subarray(start, start + length);
    const buffer = Buffer.alloc(Math.min(Math.max(length, READ_AHEAD_BYTES), this.sizeInBytes - position));
    const read = fs.readSync(this.fd, buffer, 0, buffer.length, position);
    this.window = buffer.subarray(0, read);
    this.windowStart = position;
    return this.window.subarray(0, length);
  }
}

export interface DumpSegmentOptions {
  readonly printContents: boolean;
  readonly isDeepIteration: boolean;
  readonly skipRecordMetadata: boolean;
  readonly parser: RecordParser;
  /** Read no further into the file; int32 max reads it all and looks at what trails. */
  readonly maxBytes: number;
}

/** Prints a segment. Returns the pairs of offsets that do not follow each other, the last found first. */
export async function dumpSegment(
  file: string,
  options: DumpSegmentOptions,
  printer: Printer,
): Promise<[bigint, bigint][]> {
  const name = path.basename(file);
  if (name.endsWith('.log')) printer.line(`Log starting offset: ${baseOffsetOf(file)}`);
  const segment = new SegmentFile(file);
  const gaps: [bigint, bigint][] = [];
  try {
    const end = Math.min(segment.sizeInBytes, options.maxBytes);
    let lastOffset = -1n;
    let validBytes = 0;
    for (const { batch, position } of segment.batches(0, end)) {
      printer.line(batchLine(batch, position));
      if (options.isDeepIteration) {
        for (const record of batch.records()) {
          if (lastOffset !== -1n && record.offsetExact !== lastOffset + 1n)
            gaps.unshift([lastOffset, record.offsetExact]);
          lastOffset = record.offsetExact;
          printer.line(recordLine(batch, record, options));
        }
      }
      validBytes = position + batch.sizeInBytes;
      await printer.drained();
    }
    const trailing = end - validBytes;
    if (trailing > 0 && options.maxBytes === MAX_INT) {
      printer.line(`Found ${trailing} invalid bytes at the end of ${name}`);
    }
  } finally {
    segment.close();
  }
  return gaps;
}

function batchLine(batch: BatchView, position: number): string {
  const lastOffset = BigInt.asIntN(64, batch.baseOffsetExact + BigInt(batch.lastOffsetDelta));
  const head =
    batch.magic >= 2
      ? `baseOffset: ${batch.baseOffsetExact} lastOffset: ${lastOffset} count: ${batch.count} ` +
        `baseSequence: ${batch.baseSequence} lastSequence: ${batch.lastSequence} ` +
        `producerId: ${batch.producerIdExact} producerEpoch: ${batch.producerEpoch} ` +
        `partitionLeaderEpoch: ${batch.partitionLeaderEpoch} isTransactional: ${batch.isTransactional} ` +
        `isControl: ${batch.isControl} deleteHorizonMs: ${optionalLong(batch.hasDeleteHorizon ? batch.baseTimestampExact : null)}`
      : `offset: ${lastOffset}`;
  return (
    `${head} position: ${position} ${batch.timestampTypeName}: ${batch.maxTimestampExact} size: ${batch.sizeInBytes} ` +
    `magic: ${batch.magic} compresscodec: ${batch.compression} crc: ${batch.crc} isvalid: ${batch.isValidCrc()}`
  );
}

function recordLine(batch: BatchView, record: Record, options: DumpSegmentOptions): string {
  const { skipRecordMetadata } = options;
  let line = skipRecordMetadata ? '' : metadataText(batch, record);
  if (options.printContents && !batch.isControl) {
    const { key, payload } = options.parser(record);
    // Without metadata it is the key that comes after the mark, and a payload alone has none.
    if (key !== null) line += `${skipRecordMetadata ? '| ' : ' '}key: ${key}`;
    if (payload !== null) line += ` payload: ${payload}`;
  }
  return line;
}

function metadataText(batch: BatchView, record: Record): string {
  let text =
    `| offset: ${record.offsetExact} ${batch.timestampTypeName}: ${record.timestampExact} ` +
    `keySize: ${record.keySize} valueSize: ${record.valueSize}`;
  if (batch.magic >= 2) {
    text += ` sequence: ${record.sequence} headerKeys: [${record.headers.map(({ key }) => key).join(',')}]`;
  }
  // The stray brace is Kafka's.
  if (record instanceof LegacyRecord) text += ` isValid: ${record.isValidCrc()} crc: ${record.crc}}`;
  return batch.isControl ? text + controlText(record) : text;
}

function controlText(record: Record): string {
  const { type } = parseControlRecord(record.key);
  if (type !== 'ABORT' && type !== 'COMMIT') return ` controlType: ${type}(${record.key!.readInt16BE(2)})`;
  const marker = parseEndTxnMarker(record);
  return ` endTxnMarker: ${marker.type} coordinatorEpoch: ${marker.coordinatorEpoch}`;
}

/** As Java prints an `OptionalLong`. */
export function optionalLong(value: number | bigint | null): string {
  return value === null ? 'OptionalLong.empty' : `OptionalLong[${value}]`;
}
