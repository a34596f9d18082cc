/** Whether `inter.broker.protocol.version` is that one or a later one. */
export type ProtocolAtLeast = (version: string) => boolean;

/** Versions of one request, newest first: since which inter-broker protocol brokers send it. */
export type VersionTable = readonly (readonly [since: string, version: number])[];

/** The version that brokers send each other, as Kafka's brokers do: not negotiated; `least` before all that are listed. */
export function versionIn(table: VersionTable, atLeast: ProtocolAtLeast, least: number): number {
  return table.find(([since]) => atLeast(since))?.[1] ?? least;
}
