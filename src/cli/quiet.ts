/** After this long a wait is worth a line. */
export const QUIET_MS = 3_000;

/** The same of a wait that has a limit: half of it, if that is less. */
export function quietMs(limitMs: number): number {
  return Math.min(QUIET_MS, limitMs / 2);
}
