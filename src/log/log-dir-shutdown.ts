/** The clean end of a log directory: its logs durable and closed, its checkpoints written, and the mark of the clean shutdown last. */
import { withinTime } from '../common/index.js';
import type { LogCheckpoints } from './log-checkpoints.js';
import { ensureUsable, type LogContext } from './log-context.js';
import type { LogDir, LogDirs } from './log-dirs.js';
import { LogError } from './log-error.js';
import { LEADER_EPOCH_CHECKPOINT } from './leader-epoch-file-cache.js';
import type { UnifiedLog } from './unified-log.js';

/** Logs that are made durable at once. */
const FLUSHES_AT_ONCE = 16;
/** How long the cuts of logs in a directory are waited for. */
const CUT_WAIT_MS = 30_000;

/**
 * Flushes, closes and checkpoints the logs of a directory, and marks it as cleanly shut down. Without the mark where a start had failed before
 * all of its logs were known (`isWholeDirKnown`). Rejects when it cannot be marked: the next start recovers it.
 */
export async function shutDownLogDir(
  context: LogContext,
  dirs: LogDirs,
  checkpoints: LogCheckpoints,
  dir: LogDir,
  logs: readonly UnifiedLog[],
  isWholeDirKnown: boolean,
): Promise<void> {
  const waiting = [...logs];
  const damaged: UnifiedLog[] = [];
  const { clock } = context;
  const untilMs = clock.monotonicMs() + CUT_WAIT_MS;
  let areAllFlushed = true;
  const shutDown = async (log: UnifiedLog): Promise<void> => {
    // A cut that wants for file handles, or for a disk that hangs, may never settle.
    const truncated = log.whenTruncated();
    if (truncated) await withinTime(clock, Math.max(0, untilMs - clock.monotonicMs()), truncated);
    if (log.whenTruncated()) throw new LogError('KAFKA_STORAGE_ERROR', `A cut of ${log.dir} is not settled`);
    await log.flush(true);
    // Something was appended while we waited.
    if (log.hasUnflushedChanges) await log.flush(true);
    areAllFlushed &&= log.isClosed || !log.hasUnflushedChanges;
    log.close();
  };
  const worker = async (): Promise<void> => {
    for (let log = waiting.pop(); log; log = waiting.pop()) {
      try {
        await shutDown(log);
      } catch (error) {
        if (!(error instanceof LogError) || !dirs.isUsable(dir.path)) throw error;
        context.logger.error('A log is left to be recovered by the next start', { dir: log.dir, error });
        log.closeHandles();
        damaged.push(log);
      }
    }
  };
  // Each goes on though a log of another fails: whoever waits for us relies on it that nothing works on logs any more.
  const outcomes = await Promise.allSettled(Array.from({ length: FLUSHES_AT_ONCE }, worker));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  if (!areAllFlushed)
    throw new LogError('KAFKA_STORAGE_ERROR', `Logs in ${dir.path} were appended to until they were closed`);
  // The files name logs that a start which failed half way has not come to.
  if (!isWholeDirKnown) return;
  // A file did not take what was written when it was closed.
  ensureUsable(context, dir.path, 'shutting down');
  // What they have under way must not touch the directory once its lock is released.
  await Promise.all([dir.recoveryPoints, dir.logStartOffsets, dir.highWatermarks].map((file) => file.settled()));
  const areWritten = [checkpoints.writeRecoveryPoints(dir), checkpoints.writeLogStartOffsets(dir)];
  // They say where logs begin, and no later start would look for that behind the mark.
  if (areWritten.includes(false)) throw new LogError('KAFKA_STORAGE_ERROR', `The checkpoints in ${dir.path} are old`);
  // One log that cannot be read is no reason to recover all others of its directory: without its epochs it is recovered alone.
  for (const log of damaged) context.fs.replaceFile(`${log.dir}/${LEADER_EPOCH_CHECKPOINT}`, '');
  dirs.writeCleanShutdownMark(dir.path);
}
