/** Record batches as JSON, for people: header fields and records of each, old message sets too. */
import type { JsonObject, JsonValue } from '../protocol/index.js';
import {
  iterateBatches,
  LOG_OVERHEAD,
  parseControlRecord,
  parseEndTxnMarker,
  type BatchView,
  type Record,
} from '../records/index.js';

/**
 * Describes every whole batch; a partial one at the end is left out silently. Throws a RecordsError for bytes that Kafka's reader
 * would refuse: a batch that cannot be split off, a wrong checksum, records that do not decode.
 */
export function describeBatches(bytes: Buffer): JsonObject[] {
  const batches: JsonObject[] = [];
  for (const batch of iterateBatches(bytes)) {
    batch.ensureValid();
    batches.push(batch.magic === 2 ? describeBatch(batch) : describeLegacyEntry(batch));
  }
  return batches;
}

function describeBatch(batch: BatchView): JsonObject {
  const records = [...batch.records()];
  return {
    magic: batch.magic,
    sizeInBytes: batch.sizeInBytes,
    baseOffset: exact(batch.baseOffsetExact),
    batchLength: batch.sizeInBytes - LOG_OVERHEAD,
    partitionLeaderEpoch: batch.partitionLeaderEpoch,
    crc: batch.crc,
    attributes: batch.attributes,
    compression: batch.compression,
    timestampType: batch.timestampTypeName,
    isTransactional: batch.isTransactional,
    isControl: batch.isControl,
    deleteHorizonMs: batch.hasDeleteHorizon ? exact(batch.baseTimestampExact) : null,
    lastOffsetDelta: batch.lastOffsetDelta,
    baseTimestamp: exact(batch.baseTimestampExact),
    maxTimestamp: exact(batch.maxTimestampExact),
    producerId: exact(batch.producerIdExact),
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    count: batch.count,
    lastOffset: exact(BigInt.asIntN(64, batch.baseOffsetExact + BigInt(batch.lastOffsetDelta))),
    lastSequence: batch.lastSequence,
    ...(batch.isControl && describeControl(records[0])),
    records: records.map(describeRecord),
  };
}

function describeControl(record: Record | undefined): JsonObject {
  if (!record) return {};
  const { type } = parseControlRecord(record.key);
  if (type !== 'COMMIT' && type !== 'ABORT') return { controlType: type };
  return { controlType: type, coordinatorEpoch: parseEndTxnMarker(record).coordinatorEpoch };
}

function describeRecord(record: Record): JsonObject {
  return {
    offset: exact(record.offsetExact),
    timestamp: exact(record.timestampExact),
    sequence: record.sequence,
    key: base64(record.key),
    value: base64(record.value),
    headers: record.headers.map(({ key, value }) => ({ key, value: base64(value) })),
  };
}

/** An entry of magic 0 or 1: one message, or a compressed one around several. */
function describeLegacyEntry(batch: BatchView): JsonObject {
  const outer = batch.outerRecord();
  const records = [...batch.records()];
  return {
    magic: batch.magic,
    sizeInBytes: batch.sizeInBytes,
    offset: exact(outer.offsetExact),
    messageSize: outer.sizeInBytes,
    crc: outer.crc,
    attributes: outer.attributes,
    compression: outer.compression,
    timestampType: outer.timestampType,
    ...(batch.magic === 1 && { timestamp: exact(outer.timestampExact) }),
    baseOffset: exact(records[0]?.offsetExact ?? outer.offsetExact),
    lastOffset: exact(outer.offsetExact),
    maxTimestamp: exact(outer.timestampExact),
    records: records.map((record) => ({
      offset: exact(record.offsetExact),
      timestamp: exact(record.timestampExact),
      key: base64(record.key),
      value: base64(record.value),
    })),
  };
}

/** A number where that is exact. */
function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function base64(bytes: Buffer | null): JsonValue {
  return bytes === null ? null : bytes.toString('base64');
}
