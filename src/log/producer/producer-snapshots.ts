import type { FileSystem, Logger } from '../../common/index.js';
import type { ProducerStateManager } from '../core/producer-state-manager.js';
import { DELETED_SUFFIX, segmentFile, SNAPSHOT_SUFFIX } from '../files/log-file-names.js';
import { syncFile, syncFileSync } from '../checkpoints/small-file.js';
import { CorruptSnapshotError, decodeProducerSnapshot, encodeProducerSnapshot } from './producer-snapshot.js';

/**
 * The producer snapshots of a log: one is taken when a segment is rolled and when the log is closed, so that the producers' state can be
 * had without reading the whole log (the disk part of Kafka's `ProducerStateManager`). They are synced with the log, by `LogFlusher`; one
 * that was torn before fails its CRC, and an earlier one serves.
 */
export class ProducerSnapshots {
  private lastTaken = 0;
  /** Of those on disk that were not synced. */
  private readonly unsynced = new Map<number, object>();

  /** `offsets`: of the snapshots that the folder holds, in any order. */
  constructor(
    private readonly fs: FileSystem,
    private dir: string,
    private offsets: number[],
    private readonly logger: Logger,
  ) {
    offsets.sort((a, b) => a - b);
  }

  /** Of the snapshots on disk, smallest first. */
  get all(): readonly number[] {
    return this.offsets;
  }

  get latest(): number | undefined {
    return this.offsets.at(-1);
  }

  get areDurable(): boolean {
    return this.unsynced.size === 0;
  }

  /** Makes those that were taken durable, without blocking; the folder is to be synced after it. */
  async sync(): Promise<void> {
    for (const [offset, taken] of [...this.unsynced]) {
      await syncFile(this.fs, this.pathOf(offset));
      // Behind a cut another one may have been taken there meanwhile.
      if (this.unsynced.get(offset) === taken) this.unsynced.delete(offset);
    }
  }

  /** The same, blocking. */
  syncSync(): void {
    for (const offset of this.unsynced.keys()) syncFileSync(this.fs, this.pathOf(offset));
    this.unsynced.clear();
  }

  /** Writes a snapshot at the state's end offset, unless nothing came since the last one. */
  take(state: ProducerStateManager): void {
    const offset = state.mapEndOffset;
    if (offset <= this.lastTaken) return;
    const handle = this.fs.open(this.pathOf(offset), 'w+');
    try {
      handle.writeSync([encodeProducerSnapshot(state.activeProducers.values(), state.activeProducers.size)], 0);
    } finally {
      handle.close();
    }
    if (!this.offsets.includes(offset)) {
      this.offsets.push(offset);
      this.offsets.sort((a, b) => a - b);
    }
    this.lastTaken = offset;
    // Without producers it says what its absence says.
    if (state.activeProducers.size > 0) this.unsynced.set(offset, {});
  }

  /**
   * Makes `state` that at `logEndOffset` as far as snapshots say; its end offset tells how far that is. Snapshots outside of the log are
   * removed.
   */
  truncateAndReload(state: ProducerStateManager, logStartOffset: number, logEndOffset: number, nowMs: number): void {
    for (const offset of [...this.offsets]) {
      if (offset > logEndOffset || offset <= logStartOffset) this.remove(offset);
    }
    if (state.mapEndOffset === logEndOffset) {
      this.onLogStartOffsetIncremented(state, logStartOffset);
      return;
    }
    state.clear(logStartOffset);
    this.loadLatest(state, logStartOffset, nowMs);
  }

  onLogStartOffsetIncremented(state: ProducerStateManager, logStartOffset: number): void {
    state.onLogStartOffsetIncremented(logStartOffset);
    this.lastTaken = this.latest ?? logStartOffset;
  }

  /** Removes all: the log begins anew at `offset`. */
  truncateFully(state: ProducerStateManager, offset: number): void {
    for (const snapshot of [...this.offsets]) this.remove(snapshot);
    state.clear(offset);
    this.lastTaken = 0;
  }

  /**
   * Removes snapshots that belong to no segment, but for the last, when it lies beyond the last segment's base offset: the one of a clean
   * shutdown.
   */
  removeStray(segmentBaseOffsets: readonly number[]): void {
    const bases = new Set(segmentBaseOffsets);
    const stray = this.offsets.filter((offset) => !bases.has(offset));
    const last = stray.pop();
    for (const offset of stray) this.remove(offset);
    const maxBase = segmentBaseOffsets.at(-1);
    if (last !== undefined && maxBase !== undefined && last < maxBase) this.remove(last);
  }

  /** Renames the snapshot of a segment that is being deleted; null when there is none. Its new path is to be removed later. */
  markForDeletion(offset: number): string | null {
    if (!this.offsets.includes(offset)) return null;
    this.offsets = this.offsets.filter((other) => other !== offset);
    this.unsynced.delete(offset);
    const path = this.pathOf(offset);
    try {
      this.fs.rename(path, path + DELETED_SUFFIX);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    return path + DELETED_SUFFIX;
  }

  movedTo(dir: string): void {
    this.dir = dir;
  }

  private loadLatest(state: ProducerStateManager, logStartOffset: number, nowMs: number): void {
    for (let offset = this.latest; offset !== undefined; offset = this.latest) {
      const path = this.pathOf(offset);
      try {
        for (const entry of decodeProducerSnapshot(this.fs.readFile(path), path)) {
          state.load(entry, nowMs);
        }
        this.lastTaken = offset;
        state.mapEndOffset = offset;
        return;
      } catch (error) {
        if (!(error instanceof CorruptSnapshotError)) throw error;
        this.logger.warn('Removing a corrupt producer snapshot', { path, error: error.message });
        this.remove(offset);
      }
    }
    this.lastTaken = logStartOffset;
    state.mapEndOffset = logStartOffset;
  }

  private remove(offset: number): void {
    this.unsynced.delete(offset);
    this.fs.remove(this.pathOf(offset));
    this.offsets = this.offsets.filter((other) => other !== offset);
  }

  private pathOf(offset: number): string {
    return segmentFile(this.dir, offset, SNAPSHOT_SUFFIX);
  }
}
