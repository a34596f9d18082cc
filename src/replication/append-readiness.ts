import type { UnifiedLog } from '../log/index.js';

/**
 * Null when an append to any of the logs would not block; else resolves when none does. The first append to a new log needs the log's topic id
 * to be durable, and would hold up everyone for an fsync, or for thousands when a producer comes right after its topic was made.
 */
export function whenReadyForAppends(logs: Iterable<UnifiedLog>): Promise<void> | null {
  const waiting: UnifiedLog[] = [];
  for (const log of logs) if (!log.isReadyForAppends) waiting.push(log);
  return waiting.length > 0 ? prepare(waiting) : null;
}

/** All at once: the disk does so much at a time in each log directory (`DirectoryGates`), and one that hangs keeps no other's logs waiting. */
async function prepare(waiting: readonly UnifiedLog[]): Promise<void> {
  await Promise.all(waiting.map((log) => log.prepareForAppends()));
}
