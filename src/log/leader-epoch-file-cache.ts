import { assert, type FileSystem, type Logger } from '../common/index.js';
import { CheckpointFormatError, formatCheckpoint, parseCheckpoint } from './checkpoint-file.js';
import {
  assignEpoch,
  endOffsetForEpoch,
  epochForOffset,
  truncateEpochsFromEnd,
  truncateEpochsFromStart,
  type EpochEntry,
} from './core/leader-epochs.js';

export const LEADER_EPOCH_CHECKPOINT = 'leader-epoch-checkpoint';

/**
 * The leader epochs of a log and where each began, kept in `leader-epoch-checkpoint` (`LeaderEpochFileCache`). The file is written with
 * each change but not synced: a broker may become leader of thousands of partitions at once. `sync` does that, and the log calls it
 * before its recovery point passes the batches of an epoch, so that a file lost with the power is made up from the log's batches.
 */
export class LeaderEpochFileCache {
  private entries: readonly EpochEntry[] = [];
  private unsynced = false;
  /** What the file holds; null when there is none. */
  private written: string | null = null;
  /** The file has more than `entries`: see `cutToLog`. */
  private isFileBehind = false;

  private constructor(
    private readonly fs: FileSystem,
    private path: string,
  ) {}

  /**
   * Reads the file when it `exists`. One that is malformed or empty, as a loss of power can leave it, is `suspect`: then the epochs have to
   * be found in the log's batches. (Kafka itself leaves an empty one with a log that has no epoch yet, and no batches.)
   */
  static open(
    fs: FileSystem,
    dir: string,
    exists: boolean,
    logger: Logger,
  ): { cache: LeaderEpochFileCache; suspect: boolean } {
    const cache = new LeaderEpochFileCache(fs, `${dir}/${LEADER_EPOCH_CHECKPOINT}`);
    if (!exists) return { cache, suspect: false };
    const text = fs.readFile(cache.path).toString('utf8');
    cache.written = text;
    // A last line that is torn may still read as an epoch that begins too early: nothing of such a file is believed.
    if (!text.endsWith('\n')) return { cache, suspect: true };
    try {
      for (const [epoch, startOffset] of parseCheckpoint(text, cache.path, 2)) {
        const entry = { epoch: Number(epoch), startOffset: Number(startOffset) };
        cache.entries = assignEpoch(cache.entries, entry) ?? cache.entries;
      }
      return { cache, suspect: false };
    } catch (error) {
      if (!(error instanceof CheckpointFormatError)) throw error;
      logger.warn('Finding the leader epochs of a log in its records', { path: cache.path, error: error.message });
      return { cache, suspect: true };
    }
  }

  get latestEntry(): EpochEntry | undefined {
    return this.entries.at(-1);
  }

  get earliestEntry(): EpochEntry | undefined {
    return this.entries[0];
  }

  get all(): readonly EpochEntry[] {
    return this.entries;
  }

  assign(epoch: number, startOffset: number): void {
    assert(epoch >= 0 && startOffset >= 0, `epoch ${epoch} at ${startOffset} is not negative`);
    this.change(assignEpoch(this.entries, { epoch, startOffset }));
  }

  /**
   * Drops what lies outside of a log that stays as it is. That happens to thousands at once, so the file follows with the next change or
   * append: until then, whoever loads the log drops the same again.
   */
  cutToLog(endOffset: number, startOffset = 0): void {
    const before = this.entries;
    this.entries = truncateEpochsFromEnd(this.entries, endOffset) ?? this.entries;
    this.entries = truncateEpochsFromStart(this.entries, startOffset) ?? this.entries;
    if (this.entries !== before) this.isFileBehind = true;
  }

  truncateFromEnd(endOffset: number): void {
    this.change(truncateEpochsFromEnd(this.entries, endOffset));
  }

  truncateFromStart(startOffset: number): void {
    this.change(truncateEpochsFromStart(this.entries, startOffset));
  }

  clear(): void {
    this.change([]);
  }

  endOffsetFor(epoch: number, logEndOffset: number): { epoch: number; endOffset: number } {
    return endOffsetForEpoch(this.entries, epoch, logEndOffset);
  }

  epochForOffset(offset: number): number | null {
    return epochForOffset(this.entries, offset);
  }

  /** Makes the file durable, without blocking; then its name, which after a loss of power might still be that of an older file. */
  async sync(): Promise<void> {
    if (!this.unsynced) return;
    this.unsynced = false;
    await this.syncOne(this.path, 'r+');
    await this.syncOne(this.path.slice(0, this.path.lastIndexOf('/')), 'r');
  }

  movedTo(dir: string): void {
    this.path = `${dir}/${LEADER_EPOCH_CHECKPOINT}`;
  }

  private async syncOne(path: string, mode: 'r' | 'r+'): Promise<void> {
    let handle;
    try {
      handle = this.fs.open(path, mode);
    } catch (error) {
      // The log was deleted meanwhile.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    try {
      await handle.sync();
    } finally {
      handle.close();
    }
  }

  private change(changed: readonly EpochEntry[] | null): void {
    const entries = changed ?? this.entries;
    const isSame = changed === null || (entries.length === 0 && this.entries.length === 0);
    if (isSame && !this.isFileBehind) return;
    const text = formatCheckpoint(entries.map((entry) => `${entry.epoch} ${entry.startOffset}`));
    if (this.written !== null && isSafeInPlace(this.written, text)) writeInPlace(this.fs, this.path, text);
    else replaceUnsynced(this.fs, this.path, text);
    this.entries = entries;
    this.written = text;
    this.isFileBehind = false;
    this.unsynced = true;
  }
}

/**
 * Whether a write of `text` over `old` that is cut short anywhere leaves one of both, or what is seen to be neither. So it is for entries
 * put at the end, which fit neither the count nor the end of the line when cut, and for a single other byte, such as an epoch's last digit.
 */
function isSafeInPlace(old: string, text: string): boolean {
  if (old === '' || text.length < old.length) return false;
  let differing = 0;
  for (let at = 0; at < old.length; at++) if (old.charCodeAt(at) !== text.charCodeAt(at)) differing++;
  return differing <= 1;
}

/** Renaming a file over another makes ext4 write it to the disk at once, which takes milliseconds; a write into the file does not. */
function writeInPlace(fs: FileSystem, path: string, text: string): void {
  const handle = fs.open(path, 'r+');
  try {
    handle.writeSync([Buffer.from(text)], 0);
  } finally {
    handle.close();
  }
}

/** Replaces a small file whole; after a loss of power it may be old, new or empty, after a crash of the process old or new. */
export function replaceUnsynced(fs: FileSystem, path: string, text: string): void {
  const temporary = `${path}.tmp`;
  const handle = fs.open(temporary, 'w+');
  try {
    handle.writeSync([Buffer.from(text)], 0);
  } finally {
    handle.close();
  }
  fs.rename(temporary, path);
}
