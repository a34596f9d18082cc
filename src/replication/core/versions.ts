import { versionIn, type ProtocolAtLeast, type VersionTable } from '../../config/index.js';

/**
 * What the inter-broker protocol version decides for replication (`MetadataVersion.fetchRequestVersion` and its like).
 */

const FETCH_VERSIONS: VersionTable = [
  ['3.5-IV1', 15],
  ['3.5-IV0', 14],
  ['3.1-IV0', 13],
  ['2.7-IV1', 12],
  ['2.3-IV1', 11],
  ['2.1-IV2', 10],
  ['2.0-IV1', 8],
  ['1.1-IV0', 7],
  ['0.11.0-IV1', 5],
];

const LIST_OFFSETS_VERSIONS: VersionTable = [
  ['3.5-IV0', 8],
  ['3.0-IV1', 7],
  ['2.8-IV0', 6],
  ['2.2-IV1', 5],
  ['2.1-IV1', 4],
  ['2.0-IV1', 3],
  ['0.11.0-IV0', 2],
];

const OFFSET_FOR_LEADER_EPOCH_VERSIONS: VersionTable = [
  ['2.8-IV0', 4],
  ['2.3-IV1', 3],
  ['2.1-IV1', 2],
  ['2.0-IV0', 1],
];

/** The highest version of Fetch that followers use. Kafka's brokers of IBP below 0.11 are not spoken to. */
export function fetchRequestVersion(atLeast: ProtocolAtLeast): number {
  return versionIn(FETCH_VERSIONS, atLeast, 4);
}

/** The version of ListOffsets that followers use. */
export function listOffsetsRequestVersion(atLeast: ProtocolAtLeast): number {
  return versionIn(LIST_OFFSETS_VERSIONS, atLeast, 1);
}

/** The version of OffsetForLeaderEpoch that followers use. */
export function offsetForLeaderEpochRequestVersion(atLeast: ProtocolAtLeast): number {
  return versionIn(OFFSET_FOR_LEADER_EPOCH_VERSIONS, atLeast, 0);
}

/** Leaders ask the controller for ISR changes (KIP-497); before, they write them themselves (`isAlterPartitionSupported`). */
export function isAlterPartitionSupported(atLeast: ProtocolAtLeast): boolean {
  return atLeast('2.7-IV2');
}

/** AlterPartition may name topics by their ids, as far as the controller can read that (`isTopicIdsSupported`). */
export function areTopicIdsSupported(atLeast: ProtocolAtLeast): boolean {
  return atLeast('2.8-IV0');
}

/** AlterPartition says whether a leader is recovering (`isLeaderRecoverySupported`). */
export function isLeaderRecoverySupported(atLeast: ProtocolAtLeast): boolean {
  return atLeast('3.2-IV0');
}

/** The leader tells in its Fetch response where to truncate (KIP-595), so that followers need not ask first. */
export function isTruncationOnFetchSupported(atLeast: ProtocolAtLeast): boolean {
  return atLeast('2.7-IV1');
}
