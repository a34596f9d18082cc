import type { ConfigValidator } from './definition.js';

/** Every inter-broker protocol version that Kafka 3.6.1 knows, oldest first (`MetadataVersion`). */
export const METADATA_VERSIONS: readonly string[] = (
  '0.8.0 0.8.1 0.8.2 0.9.0 0.10.0-IV0 0.10.0-IV1 0.10.1-IV0 0.10.1-IV1 0.10.1-IV2 0.10.2-IV0 0.11.0-IV0 0.11.0-IV1 0.11.0-IV2 ' +
  '1.0-IV0 1.1-IV0 2.0-IV0 2.0-IV1 2.1-IV0 2.1-IV1 2.1-IV2 2.2-IV0 2.2-IV1 2.3-IV0 2.3-IV1 2.4-IV0 2.4-IV1 2.5-IV0 2.6-IV0 ' +
  '2.7-IV0 2.7-IV1 2.7-IV2 2.8-IV0 2.8-IV1 3.0-IV0 3.0-IV1 3.1-IV0 3.2-IV0 3.3-IV0 3.3-IV1 3.3-IV2 3.3-IV3 3.4-IV0 ' +
  '3.5-IV0 3.5-IV1 3.5-IV2 3.6-IV0 3.6-IV1 3.6-IV2'
).split(' ');

/**
 * The full name of what an operator wrote: `3.6` is the last `3.6-IV…`, `0.10.1.1` belongs to `0.10.1`, and a fourth component is
 * ignored. Null for a version nobody knows.
 */
export function resolveMetadataVersion(text: string): string | null {
  const kept = text.startsWith('0.') ? 3 : 2;
  const segments = text.split('.');
  const key = segments.length <= kept ? text : segments.slice(0, kept).join('.');
  if (METADATA_VERSIONS.includes(key)) return key;
  return METADATA_VERSIONS.findLast((version) => version.split('-')[0] === key) ?? null;
}

/** Negative, zero or positive as `a` is older than, the same as, or newer than `b`; both full names. */
export function compareMetadataVersions(a: string, b: string): number {
  return METADATA_VERSIONS.indexOf(a) - METADATA_VERSIONS.indexOf(b);
}

export const metadataVersionValidator: ConfigValidator = {
  description: `[${METADATA_VERSIONS.join(', ')}]`,
  check: (_name, value) =>
    resolveMetadataVersion(String(value)) === null ? `Version ${String(value)} is not a valid version` : null,
};
