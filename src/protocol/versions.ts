/** A range of versions, both ends included. `max` is Infinity for an open one (`2+`). */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/**
 * Reads versions as Kafka writes them: `3`, `2-5`, `2+`, `none`. Null stands for none. Throws a RangeError for anything else, which
 * only a slip in a description can cause.
 */
export function parseVersions(text: string): VersionRange | null {
  if (text === 'none') return null;
  const match = /^(\d+)(?:(\+)|-(\d+))?$/.exec(text);
  if (!match) throw new RangeError(`not a range of versions: ${text}`);
  const min = Number(match[1]);
  if (match[2]) return { min, max: Infinity };
  return { min, max: match[3] === undefined ? min : Number(match[3]) };
}

/** True when `version` lies in the range that `text` describes; false when `text` is missing. */
export function isIn(text: string | undefined, version: number): boolean {
  if (text === undefined) return false;
  const range = parseVersions(text);
  return range !== null && version >= range.min && version <= range.max;
}
