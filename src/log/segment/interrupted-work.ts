/** What a kill has interrupted in a log's folder: deletions, and the replacement of segments by cleaned ones. */
import type { Steps } from '../../common/index.js';
import { scanBatches } from './batch-scan.js';
import { LogFile } from '../files/file-handles.js';
import type { LogContext } from '../log-context.js';
import { CLEANED_SUFFIX, DELETED_SUFFIX, LOG_SUFFIX, offsetOfFile, SWAP_SUFFIX } from '../files/log-file-names.js';
import type { LogFolder } from '../files/log-folder.js';

/**
 * Removes files that were to go or were not complete; a complete swap takes its place (`LogLoader.load`, the first three passes). Stops
 * after each file that was to go: they may be many and large. They go before anything is written, as they may be what fills the disk.
 */
export function* finishInterruptedWork(context: LogContext, folder: LogFolder): Steps<void> {
  const deleted = folder.endingWith(DELETED_SUFFIX);
  // After a kill their names may be in memory only: with the power, what was cut would come back behind what is appended now.
  if (deleted.length > 0) folder.sync();
  for (const name of deleted) {
    folder.remove(name);
    yield;
  }
  const cleaned = folder.endingWith(CLEANED_SUFFIX);
  // Cleaning writes `.cleaned`, renames to `.swap` from the last segment to the first: what is swapped beyond a cleaned one is not all.
  const minCleaned = Math.min(...cleaned.map((name) => offsetOfFile(name) ?? Infinity));
  const swap = folder.endingWith(SWAP_SUFFIX);
  const incomplete = swap.filter((name) => (offsetOfFile(name) ?? 0) >= minCleaned);
  // Those first, and durably (as in Kafka, KAFKA-6264): without the cleaned ones the next start would take them for all.
  for (const name of incomplete) folder.remove(name);
  if (incomplete.length > 0) folder.sync();
  for (const name of cleaned) folder.remove(name);
  const complete = swap.filter((name) => !incomplete.includes(name));
  if (complete.length > 0) finishSwap(context, folder, complete);
}

function finishSwap(context: LogContext, folder: LogFolder, swap: readonly string[]): void {
  let from = Infinity;
  let to = -Infinity;
  for (const name of swap.filter((candidate) => candidate.endsWith(LOG_SUFFIX + SWAP_SUFFIX))) {
    const baseOffset = offsetOfFile(name)!;
    from = Math.min(from, baseOffset);
    to = Math.max(to, endOfSwappedSegment(context, folder.pathOf(name), baseOffset));
  }
  for (const name of folder.sorted) {
    const offset = offsetOfFile(name);
    if (!name.endsWith(SWAP_SUFFIX) && offset !== null && offset >= from && offset < to) folder.remove(name);
  }
  // What was replaced must not come back with the power beside what has replaced it, which has no other name any more.
  folder.sync();
  for (const name of swap) {
    const target = name.slice(0, -SWAP_SUFFIX.length);
    context.logger.info('Completing an interrupted swap of a segment', { path: folder.pathOf(target) });
    folder.rename(name, target);
  }
}

/** A segment whose files have a suffix is only read here: a walk of the log file alone finds its end. */
function endOfSwappedSegment(context: LogContext, path: string, baseOffset: number): number {
  const file = new LogFile(context.files, path);
  let end = baseOffset;
  scanBatches(file, 0, file.sizeInBytes, (batch) => {
    end = batch.nextOffset;
  });
  file.close();
  return end;
}
