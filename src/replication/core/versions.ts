/**
 * What the inter-broker protocol version decides for replication (`MetadataVersion.fetchRequestVersion` and its like).
 */

/** Whether `inter.broker.protocol.version` is that one or a later one. */
export type ProtocolAtLeast = (version: string) => boolean;

const FETCH_VERSIONS: readonly (readonly [since: string, version: number])[] = [
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

/** The highest version of Fetch that followers use. Kafka's brokers of IBP below 0.11 are not spoken to. */
export function fetchRequestVersion(atLeast: ProtocolAtLeast): number {
  return FETCH_VERSIONS.find(([since]) => atLeast(since))?.[1] ?? 4;
}

/** The leader tells in its Fetch response where to truncate (KIP-595), so that followers need not ask first. */
export function isTruncationOnFetchSupported(atLeast: ProtocolAtLeast): boolean {
  return atLeast('2.7-IV1');
}
