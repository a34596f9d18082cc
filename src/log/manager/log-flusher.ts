import { partitionKey } from '../../cluster/index.js';
import type { LeaderEpochFileCache } from '../checkpoints/leader-epoch-file-cache.js';
import type { LocalLog } from '../local-log.js';
import { onStorageAsync } from '../log-context.js';
import { LogError } from '../core/log-error.js';
import type { PartitionMetadataFile } from '../checkpoints/partition-metadata-file.js';
import type { ProducerSnapshots } from '../producer/producer-snapshots.js';

/** The files of a log besides its segments. */
export interface LogFlusherParts {
  readonly local: LocalLog;
  readonly epochs: LeaderEpochFileCache;
  readonly snapshots: ProducerSnapshots;
  readonly metadata: PartitionMetadataFile;
}

/**
 * Makes a log durable: all that is synced of it is synced here, and in this order (docs/durability.md says what a crash in between leaves).
 *
 * A flush: 1. segments, each with its indexes, the oldest first; 2. the small files: topic id, epochs, producer snapshots; 3. the names in
 * its folder, made, renamed and removed; 4. the folder's own name; 5. only then the recovery point moves, and the next checkpoint says so.
 * Before the first record: the topic id, by which the records are told from those of an earlier topic of the name.
 * After a truncation, before the next append: the names, the segment that was cut, and the checkpoint of a recovery point that fell.
 */
export class LogFlusher {
  private readonly local: LocalLog;
  private readonly epochs: LeaderEpochFileCache;
  private readonly snapshots: ProducerSnapshots;
  private readonly metadata: PartitionMetadataFile;
  /** Records may be appended: those that are there were allowed to by an earlier life. */
  private isTopicIdDurable: boolean;
  private topicIdSync: Promise<void> | null = null;

  constructor(parts: LogFlusherParts) {
    ({ local: this.local, epochs: this.epochs, snapshots: this.snapshots, metadata: this.metadata } = parts);
    this.isTopicIdDurable = this.local.segments.sizeInBytes > 0 || this.metadata.file.isDurable;
    if (!this.isTopicIdDurable) this.syncTopicIdSoon();
  }

  /** All below `upTo`, without blocking; with `includesOffset` all files of the log, if anything changed in any. */
  async flush(upTo: number, includesOffset: boolean): Promise<void> {
    const { local } = this;
    if (local.isClosed) return;
    // A truncation may have come between a roll and its flush.
    const offset = Math.min(upTo, local.logEndOffset);
    if (!includesOffset && offset <= local.recoveryPoint && !local.hasRolledUnflushed) return;
    if (includesOffset && !local.hasUnflushedChanges && !this.hasUnsyncedSmallFiles && !local.hasUnsyncedNames) return;
    const cuts = local.cutCount;
    await onStorageAsync(local.context, local.parentDir, `flushing ${partitionKey(local.topicPartition)}`, async () => {
      await (includesOffset ? local.flushAll() : local.flush(offset));
      if (local.isClosed) return;
      if (this.hasUnsyncedSmallFiles)
        await local.context.files.gates.flushing(local.parentDir, () => this.syncSmallFiles());
      if (local.hasUnsyncedNames && !local.isClosed) await local.syncNames();
    });
    // After a truncation, other bytes may stand below the offset than were flushed.
    if (!local.isClosed && local.cutCount === cuts) local.markFlushed(offset);
  }

  /** All of the log, blocking: for `flush.messages`, whose appends are answered only when they are durable. */
  flushSync(): void {
    const { local } = this;
    this.noteSmallFiles();
    local.flushSync(local.logEndOffset);
    this.metadata.file.syncSync();
    this.epochs.file.syncSync();
    this.snapshots.syncSync();
    if (local.hasUnsyncedNames) local.syncNamesSync();
    local.markFlushed(local.logEndOffset);
  }

  /** The topic's id was written. It becomes durable in the background; an append that comes earlier waits for it. */
  onTopicIdWritten(): void {
    this.isTopicIdDurable = false;
    this.syncTopicIdSoon();
  }

  /** An append now would have to wait for the disk, and everyone else with it. */
  get isReadyForAppends(): boolean {
    return this.isTopicIdDurable;
  }

  /** Makes the log ready for appends without blocking. A disk that fails at it is told of by the append. */
  async prepareForAppends(): Promise<void> {
    if (this.isTopicIdDurable || this.local.isClosed) return;
    this.topicIdSync ??= this.syncTopicId().finally(() => (this.topicIdSync = null));
    await this.topicIdSync;
  }

  /**
   * To be called before every append (`PartitionMetadataFile.maybeFlush`): without its id, records that a loss of power left would be taken
   * for those of the topic's successor.
   */
  beforeAppend(): void {
    if (this.isTopicIdDurable) return;
    this.metadata.file.syncSync();
    this.local.context.fs.syncDir(this.local.dir);
    this.isTopicIdDurable = true;
  }

  /** What was cut does not come back with a loss of power, beside records that were appended in its place. */
  async syncCut(): Promise<void> {
    const { local } = this;
    await onStorageAsync(
      local.context,
      local.parentDir,
      `truncating ${partitionKey(local.topicPartition)}`,
      async () => {
        if (local.hasUnsyncedNames && !local.isClosed) await local.syncNames();
        if (!local.isClosed) await local.segments.active.file.sync();
      },
    );
  }

  /** The same, blocking. */
  syncCutSync(): void {
    if (this.local.hasUnsyncedNames) this.local.syncNamesSync();
    this.local.segments.active.file.syncSync();
    this.local.checkpointFallSync();
  }

  private get hasUnsyncedSmallFiles(): boolean {
    return !(this.metadata.file.isDurable && this.epochs.file.isDurable && this.snapshots.areDurable);
  }

  private async syncSmallFiles(): Promise<void> {
    this.noteSmallFiles();
    await this.metadata.file.sync();
    await this.epochs.file.sync();
    await this.snapshots.sync();
  }

  /** Names of files that are about to be synced stay unsynced until the folder is: it may fail to be. */
  private noteSmallFiles(): void {
    if (this.hasUnsyncedSmallFiles) this.local.noteNameChange();
  }

  /** One log of a directory after the other: thousands may have been made at once. */
  private syncTopicIdSoon(): void {
    this.local.context.folders.inTurn(this.local.parentDir, () => this.prepareForAppends());
  }

  private async syncTopicId(): Promise<void> {
    const { context, parentDir } = this.local;
    try {
      await onStorageAsync(context, parentDir, `writing the topic id of ${this.local.dir}`, async () => {
        await context.files.gates.syncing(parentDir, () => this.metadata.file.sync());
        await context.folders.syncFolder(this.local);
      });
      this.isTopicIdDurable ||= this.metadata.file.isDurable;
    } catch (error) {
      // The directory is going offline.
      if (!(error instanceof LogError)) throw error;
    }
  }
}
