import type { Int64 } from '../records/index.js';
import type { LogOffsetMetadata } from './core/log-offset-metadata.js';

/** How far a read may go: to the log end (followers), the high watermark, or the last stable offset (`read_committed`). */
export type FetchIsolation = 'LOG_END' | 'HIGH_WATERMARK' | 'TXN_COMMITTED';

/** An aborted transaction as a `read_committed` consumer is told of it: the producer, and the first offset of the transaction. */
export interface AbortedTransaction {
  readonly producerId: Int64;
  readonly firstOffset: number;
}

/** What a read of a log gives (`org.apache.kafka.storage.internals.log.FetchDataInfo`). */
export interface FetchDataInfo {
  /** Where the first batch in `records` begins on disk; `messageOffset` is the offset that was asked for. */
  readonly fetchOffsetMetadata: LogOffsetMetadata;
  /** Whole batches in order, or nothing; shared with the log's memory, so never to be written to. */
  readonly records: Buffer | readonly Buffer[];
  /** Bytes in `records`. */
  readonly sizeInBytes: number;
  /** The first batch did not fit into the bytes allowed, and is left out. */
  readonly firstEntryIncomplete: boolean;
  /** Set for `TXN_COMMITTED` only. */
  readonly abortedTransactions: readonly AbortedTransaction[] | null;
}

const NO_RECORDS = Buffer.alloc(0);

/** A read that found nothing up to its limit. */
export function emptyFetch(
  at: LogOffsetMetadata,
  isolation: FetchIsolation,
  firstEntryIncomplete = false,
): FetchDataInfo {
  return {
    fetchOffsetMetadata: at,
    records: NO_RECORDS,
    sizeInBytes: 0,
    firstEntryIncomplete,
    abortedTransactions: isolation === 'TXN_COMMITTED' ? [] : null,
  };
}
