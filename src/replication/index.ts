export { ReplicaManager, type OffsetAnswerForTimestamp } from './replica-manager.js';
export { type ReplicaManagerOptions } from './replica-manager-options.js';
export { AlterPartitionManager, type AlterPartitionManagerOptions } from './alter-partition-manager.js';
export { type Partition } from './partition.js';
export { legacyOffsetsForTimestamp, type LegacyQuery, type OffsetQuery } from './fetch/list-offsets.js';
export { type DeleteRecordsResult } from './append/delete-records.js';
export type { ControllerIdentity, StopReplicaPartition, StopReplicasResult } from './roles/role-changes.js';
export type { AppendWait, AppendWaitEnd } from './append/append-waits.js';
export { type AppendCall, type AppendEntry, type AppendResult } from './append/append.js';
export { type FetchCallContext } from './fetch/fetch.js';
export {
  type AlterPartitionResult,
  type AlterPartitionSender,
  type ControllerChannel,
  type EpochEndOffset,
  type EpochQuestion,
  type LeaderEndpoint,
  type LeaderEndpointFactory,
  type MetadataSource,
  type OffsetAnswer,
  type ReplicaQuota,
  type TransactionVerifier,
} from './ports.js';
export {
  isAlterPartitionSupported,
  listOffsetsRequestVersion,
  offsetForLeaderEpochRequestVersion,
} from './core/versions.js';
