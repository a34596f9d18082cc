export {
  CorruptRecordError,
  DecompressionLimitError,
  InvalidRecordError,
  PreparationNeededError,
  RecordsError,
  RecordTooLargeError,
  RecordValidationError,
  UndecodableRecordsError,
  type RecordError,
  type RecordsErrorKind,
} from './errors.js';
export { AppendAllowance } from './append-allowance.js';
export { crc32, crc32c } from './crc.js';
export {
  COMPRESSION_TYPES,
  DEFAULT_MAX_DECOMPRESSED_BYTES,
  compress,
  compressionIdOf,
  compressionTypeOf,
  decompress,
  MAX_STREAMED_BYTES,
  readContent,
  type Compression,
  type Compression as CompressionType,
  type DecompressOptions,
} from './compression.js';
export type { ContentReader } from './content-reader.js';
export { RecordCursor, decrementSequence, incrementSequence, type Record, type RecordHeader } from './record.js';
export { LegacyRecord, type LegacyTimestampType } from './legacy.js';
export {
  batchSizeAt,
  HEADER_SIZE_UP_TO_MAGIC,
  HEADER_SIZE_UP_TO_MAX_TIMESTAMP,
  isWalkableAt,
  lastOffsetAt,
  LEGACY_RECORD_OVERHEAD_V0,
  LENGTH_POSITION,
  LOG_OVERHEAD,
  maxTimestampAt,
  RECORD_BATCH_OVERHEAD,
  sizeAt,
  wholeBatchSizeAt,
} from './batch-header.js';
export { BatchView, type RecordsLimits, type TimestampType } from './batch-view.js';
export { addInt64, readInt64, readInt64Exact, subtractInt64, toInt64, writeInt64, type Int64 } from './int64.js';
export { endOfWholeBatches, findBatch, firstBatch, forEachBatch, iterateBatches, nextOffsetAfter } from './iterate.js';
export { BatchBuilder, type BatchOptions, type RecordInput } from './batch-builder.js';
export {
  buildEndTxnMarker,
  controlRecordType,
  parseControlRecord,
  parseEndTxnMarker,
  type ControlRecordKey,
  type ControlRecordType,
  type EndTxnMarker,
  type EndTxnMarkerOptions,
  type TransactionResult,
} from './control.js';
export { analyzeRecords, type AnalyzeOptions, type AppendOrigin, type RecordsAnalysis } from './analyze.js';
export {
  validateForAppend,
  type AppendValidation,
  type AppendValidationOptions,
  type PreparedAppend,
} from './validate-for-append.js';
export { AppendPreparation } from './append-preparation.js';
export { StepWork } from './step-work.js';
export type { PassedRecord } from './record-checks.js';
export { RecordStream, type PieceTaker } from './record-stream.js';
