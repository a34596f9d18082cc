/** The clean end of a log directory: its logs durable and closed, its checkpoints written, and the mark of the clean shutdown last. */
import { withinTime } from '../../common/index.js';
import type { LogCheckpoints } from '../checkpoints/log-checkpoints.js';
import { ensureUsable, type LogContext } from '../log-context.js';
import type { LogDir, LogDirs } from './log-dirs.js';
import { LogError } from '../core/log-error.js';
import { LEADER_EPOCH_CHECKPOINT } from '../checkpoints/leader-epoch-file-cache.js';
import { syncAndClose } from '../checkpoints/small-file.js';
import type { UnifiedLog } from '../unified-log.js';

/** Logs that are made durable at once. */
const FLUSHES_AT_ONCE = 16;
/** How long cuts of logs in a directory are waited for of which none settles, and none is being synced. */
const CUT_WAIT_MS = 30_000;

/**
 * Flushes, closes and checkpoints the logs of a directory, and marks it as cleanly shut down. Without the mark where a start had failed before
 * all of its logs were known (`isWholeDirKnown`). Rejects when it cannot be marked: the next start recovers its logs from their recovery
 * points, as after a kill.
 */
export async function shutDownLogDir(
  context: LogContext,
  dirs: LogDirs,
  checkpoints: LogCheckpoints,
  dir: LogDir,
  logs: readonly UnifiedLog[],
  isWholeDirKnown: boolean,
): Promise<void> {
  const [cut, others] = [logs.filter(isUnsettled), logs.filter((log) => !isUnsettled(log))];
  const cutsEnded = whenCutsEnd(context, dir, cut);
  // From the end: those that were cut settle meanwhile.
  const waiting = [...cut, ...others];
  const unreadable: UnifiedLog[] = [];
  let left = 0;
  let areAllFlushed = true;
  const shutDown = async (log: UnifiedLog): Promise<void> => {
    if (isUnsettled(log)) await cutsEnded;
    if (log.isUnreadable) {
      context.logger.warn('A log that cannot be read is left to be recovered by the next start', { dir: log.dir });
      log.closeHandles();
      unreadable.push(log);
      return;
    }
    // A cut that wants for file handles, or for a disk that hangs, may never settle.
    if (isUnsettled(log)) throw new LogError('KAFKA_STORAGE_ERROR', `A cut of ${log.dir} is not settled`);
    if (!log.isClosed && !log.isReadyForAppends) await prepare(log);
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
        context.logger.warn('A log is left to be recovered by the next start', { dir: log.dir, error });
        log.closeHandles();
        left++;
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
  // One log that cannot be read is no reason to recover all others of its directory: without its epochs it is recovered alone.
  if (left === 0) for (const log of unreadable) await emptyEpochs(context, log);
  // What they have under way must not touch the directory once its lock is released.
  const files = [dir.recoveryPoints, dir.logStartOffsets, dir.highWatermarks, dir.cleanerOffsets];
  await Promise.all(files.map((file) => file.settled()));
  const areWritten = [checkpoints.writeRecoveryPoints(dir), checkpoints.writeLogStartOffsets(dir)];
  // They say where logs begin, and no later start would look for that behind the mark.
  if (areWritten.includes(false)) throw new LogError('KAFKA_STORAGE_ERROR', `The checkpoints in ${dir.path} are old`);
  // Nothing is wrong with them that their recovery points do not say.
  if (left > 0) throw new LogError('KAFKA_STORAGE_ERROR', `${left} logs in ${dir.path} are left to be recovered`);
  dirs.writeCleanShutdownMark(dir.path);
}

function isUnsettled(log: UnifiedLog): boolean {
  return !log.isClosed && !log.isUnreadable && log.whenTruncated() !== null;
}

/** Resolves when all cuts have settled, or it is in vain to wait for more: the disk hangs, or refuses file handles. */
async function whenCutsEnd({ clock, files }: LogContext, dir: LogDir, cut: readonly UnifiedLog[]): Promise<void> {
  let lastMs = clock.monotonicMs();
  const waitFor = async (log: UnifiedLog): Promise<void> => {
    await log.whenTruncated();
    lastMs = clock.monotonicMs();
  };
  const settled = Promise.all(cut.map(waitFor));
  for (;;) {
    const overdueAtMs = files.gates.overdueAtMs(dir.path) ?? 0;
    const leftMs = Math.max(lastMs + CUT_WAIT_MS, overdueAtMs) - clock.monotonicMs();
    if (leftMs <= 0 || (await withinTime(clock, leftMs, settled)) !== undefined) return;
  }
}

/** What must be done before the first append is to be done before the mark: no later start knows of it. */
async function prepare(log: UnifiedLog): Promise<void> {
  await log.prepareForAppends();
  if (!log.isClosed && !log.isReadyForAppends)
    throw new LogError('KAFKA_STORAGE_ERROR', `${log.dir} does not take appends yet`);
}

async function emptyEpochs({ fs, files }: LogContext, { dir }: UnifiedLog): Promise<void> {
  await files.gates.syncing(dir, () => syncAndClose(fs.open(`${dir}/${LEADER_EPOCH_CHECKPOINT}`, 'w+')));
  await files.gates.syncing(dir, () => syncAndClose(fs.open(dir, 'r')));
}
