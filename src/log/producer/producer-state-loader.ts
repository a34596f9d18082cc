import { scanBatchesInSlices } from '../segment/batch-scan.js';
import type { ProducerStateManager } from '../core/producer-state-manager.js';
import type { LogSegments } from '../segment/log-segments.js';
import { replayBatch } from './producer-append.js';
import type { ProducerSnapshots } from './producer-snapshots.js';

export interface RebuildOptions {
  readonly logStartOffset: number;
  /** The state is to be that of the log up to here. */
  readonly lastOffset: number;
  readonly nowMs: number;
  /** After a clean shutdown a log without any snapshot has no producers: nothing is scanned. */
  readonly reloadFromCleanShutdown: boolean;
}

/**
 * Makes the producers' state that of the log up to `lastOffset`: from the newest snapshot, and the batches after it
 * (`UnifiedLog.rebuildProducerState`). Leaves snapshots at the last two segments and at the end, as Kafka does, so that a truncation soon
 * after finds one. In slices: without a snapshot near the end a whole segment is walked. Until the last one the state is that of the log
 * up to its `mapEndOffset` only, and nothing may be appended.
 */
export function* rebuildProducerState(
  state: ProducerStateManager,
  snapshots: ProducerSnapshots,
  segments: LogSegments,
  options: RebuildOptions,
): Generator<void, void, void> {
  const { logStartOffset, lastOffset, nowMs } = options;
  const lastBases = segments.all.slice(-2).map((segment) => segment.baseOffset);
  const takeAt = (offset: number): void => {
    state.mapEndOffset = offset;
    snapshots.take(state);
  };
  if (options.reloadFromCleanShutdown && snapshots.latest === undefined) {
    for (const offset of [...lastBases, lastOffset]) takeAt(offset);
    return;
  }
  const hadNoneUpToHere = state.isEmpty && !state.hasForgotten && state.mapEndOffset >= lastOffset;
  snapshots.truncateAndReload(state, logStartOffset, lastOffset, nowMs);
  // Where there are no producers nothing is walked. (Kafka looks before the snapshot is loaded only: a transaction that was open then, and whose
  // producer has been forgotten since, would be open again, and the last stable offset stand for good.)
  if (lastOffset > state.mapEndOffset && !(hadNoneUpToHere && state.isEmpty)) {
    for (const segment of segments.range(state.mapEndOffset, lastOffset)) {
      const startOffset = Math.max(segment.baseOffset, state.mapEndOffset, logStartOffset);
      state.mapEndOffset = startOffset;
      if (lastBases.includes(segment.baseOffset)) snapshots.take(state);
      const from = segment.translateOffset(startOffset);
      if (!from) continue;
      yield* scanBatchesInSlices(segment.file, from.position, segment.sizeInBytes, (batch) => {
        if (batch.lastOffset >= lastOffset) return false;
        replayBatch(state, batch);
        return true;
      });
    }
  }
  takeAt(lastOffset);
}
