import type { ProtocolAtLeast } from '../../config/index.js';

/** The content of `/feature`. */
export interface FeatureVersioning {
  /** 2 from 3.3 on; 1 also carries the minimum level of each feature. */
  readonly version: number;
  readonly enabled: boolean;
  readonly features: ReadonlyMap<string, number>;
}

/**
 * Returns what `/feature` is to say under an inter-broker protocol version (KIP-584; Kafka's `maybeSetupFeatureVersioning`), or null when it
 * says so. Enabled from 2.7 on, with the features that are finalized; before, brokers are not to look at it. `existing` is null when the
 * node is missing.
 */
export function featuresToWrite(
  existing: FeatureVersioning | null,
  atLeast: ProtocolAtLeast,
): FeatureVersioning | null {
  const enabled = atLeast('2.7-IV0');
  const version = atLeast('3.3-IV0') ? 2 : 1;
  const features = enabled && existing?.enabled ? existing.features : new Map<string, number>();
  const isWritten =
    existing?.version === version && existing.enabled === enabled && existing.features.size === features.size;
  return isWritten ? null : { version, enabled, features };
}
