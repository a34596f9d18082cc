import type { UnifiedLog } from '../log/index.js';

/** Syncs that are under way at once share what the disk does for them; more would only keep cold reads from the thread pool. */
const PREPARED_AT_ONCE = 4;

/**
 * Null when an append to any of the logs would not block; else resolves when none does. The first append to a new log needs the log's topic id
 * to be durable, and would hold up everyone for an fsync, or for thousands when a producer comes right after its topic was made.
 */
export function whenReadyForAppends(logs: Iterable<UnifiedLog>): Promise<void> | null {
  const waiting: UnifiedLog[] = [];
  for (const log of logs) if (!log.isReadyForAppends) waiting.push(log);
  return waiting.length > 0 ? prepare(waiting) : null;
}

async function prepare(waiting: UnifiedLog[]): Promise<void> {
  const worker = async (): Promise<void> => {
    for (let log = waiting.shift(); log; log = waiting.shift()) await log.prepareForAppends();
  };
  await Promise.all(Array.from({ length: PREPARED_AT_ONCE }, worker));
}
