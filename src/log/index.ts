export { DeletionPendingError, LogError, UnexpectedAppendOffsetError, type LogErrorKind } from './core/log-error.js';
export { LogOffsetMetadata, type LogOffsetSnapshot } from './core/log-offset-metadata.js';
export { emptyFetch, type AbortedTransaction, type FetchDataInfo, type FetchIsolation } from './fetch-data-info.js';
export {
  type AppendAsLeaderOptions,
  type AppendMeans,
  type AppendOrigin,
  type LeaderHwChange,
  type LogAppendInfo,
  type VerificationGuard,
} from './core/log-append-info.js';
export { type MovedOffset } from './stable-offsets.js';
export { ReadInterest, type ReadRoom } from './segment/read-interest.js';
export { type Searcher } from './segment/timestamp-search.js';
export { isOutOfHandles } from './log-context.js';
export { type LogConfig } from './log-config.js';
export { OffsetCheckpointFile } from './checkpoints/offset-checkpoint-file.js';
export { CheckpointFormatError } from './checkpoints/checkpoint-file.js';
export { type EpochEntry } from './core/leader-epochs.js';
export {
  EARLIEST_LOCAL_TIMESTAMP,
  EARLIEST_TIMESTAMP,
  LATEST_TIMESTAMP,
  MAX_TIMESTAMP,
  UnifiedLog,
  type ActiveProducer,
  type OffsetAndEpoch,
  type TimestampAndOffset,
} from './unified-log.js';
export { legacyOffsetsBefore } from './legacy-offsets.js';
export { LogManager } from './manager/log-manager.js';
export {
  logManagerSettingsOf,
  type CreateLogOptions,
  type LogManagerOptions,
  type LogManagerSettings,
} from './manager/log-manager-options.js';
export { LogDirLockedError } from './manager/log-dirs.js';
export {
  InconsistentMetaPropertiesError,
  loadMetaProperties,
  META_PROPERTIES,
  writeMetaProperties,
  type LoadedMetaProperties,
  type MetaProperties,
} from './checkpoints/meta-properties.js';
export { type LogSegment } from './segment/log-segment.js';
