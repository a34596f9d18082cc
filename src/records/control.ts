/** Control records: the markers that end transactions, and what else a reader of logs may meet. */
import { BatchBuilder } from './batch-builder.js';
import { InvalidRecordError } from './errors.js';
import type { Record } from './record.js';

/** `ControlRecordType` by id. The last three are written by KRaft only. */
const CONTROL_TYPES = ['ABORT', 'COMMIT', 'LEADER_CHANGE', 'SNAPSHOT_HEADER', 'SNAPSHOT_FOOTER'] as const;
export type ControlRecordType = (typeof CONTROL_TYPES)[number] | 'UNKNOWN';
export type TransactionResult = 'COMMIT' | 'ABORT';

export interface EndTxnMarker {
  readonly version: number;
  readonly type: TransactionResult;
  /** The epoch of the transaction coordinator that sent it: older coordinators are refused by it. */
  readonly coordinatorEpoch: number;
}

export interface EndTxnMarkerOptions {
  readonly producerId: number | bigint;
  readonly producerEpoch: number;
  readonly type: TransactionResult;
  readonly coordinatorEpoch: number;
  readonly timestampMs: number;
  readonly baseOffset?: number;
  readonly partitionLeaderEpoch?: number;
}

/** A control batch with one marker, as `MemoryRecords.withEndTransactionMarker` writes it. */
export function buildEndTxnMarker(options: EndTxnMarkerOptions): Buffer {
  const key = Buffer.alloc(4);
  key.writeInt16BE(CONTROL_TYPES.indexOf(options.type), 2);
  const value = Buffer.alloc(6);
  value.writeInt32BE(options.coordinatorEpoch, 2);
  const builder = new BatchBuilder({
    baseOffset: options.baseOffset ?? 0,
    producerId: options.producerId,
    producerEpoch: options.producerEpoch,
    partitionLeaderEpoch: options.partitionLeaderEpoch ?? -1,
    isTransactional: true,
    isControl: true,
    initialCapacity: 96,
  });
  builder.append({ timestamp: options.timestampMs, key, value });
  return builder.build();
}

export interface ControlRecordKey {
  readonly version: number;
  /** Types to come are UNKNOWN and must be skipped. */
  readonly type: ControlRecordType;
}

/** The key of a control record, which says what it is (`ControlRecordType.parse`). Throws `InvalidRecordError`. */
export function parseControlRecord(key: Buffer | null): ControlRecordKey {
  if (key === null || key.length < 4) {
    throw new InvalidRecordError(
      `Invalid value size found for end control record key. Must have at least 4 bytes, but found only ${key?.length ?? 0}`,
    );
  }
  const version = key.readInt16BE(0);
  if (version < 0) {
    throw new InvalidRecordError(`Invalid version found for control record: ${version}. May indicate data corruption`);
  }
  return { version, type: CONTROL_TYPES[key.readInt16BE(2)] ?? 'UNKNOWN' };
}

/** What a control record is, for readers that need no more. */
export function controlRecordType(record: Pick<Record, 'key'>): ControlRecordType {
  return parseControlRecord(record.key).type;
}

/** The marker in a control record of type ABORT or COMMIT (`EndTransactionMarker.deserialize`). */
export function parseEndTxnMarker(record: Pick<Record, 'key' | 'value'>): EndTxnMarker {
  const { type } = parseControlRecord(record.key);
  if (type !== 'ABORT' && type !== 'COMMIT') {
    throw new InvalidRecordError(`Invalid end transaction marker control record type: ${type}`);
  }
  const { value } = record;
  if (value === null || value.length < 6) {
    throw new InvalidRecordError(
      `Invalid value size found for end transaction marker. Must have at least 6 bytes, but found only ${value?.length ?? 0}`,
    );
  }
  const version = value.readInt16BE(0);
  if (version < 0) {
    throw new InvalidRecordError(
      `Invalid version found for end transaction marker: ${version}. May indicate data corruption`,
    );
  }
  return { version, type, coordinatorEpoch: value.readInt32BE(2) };
}
