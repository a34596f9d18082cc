import { assert, type FileSystem, type Logger } from '../../common/index.js';
import { CheckpointFormatError, formatCheckpoint, parseCheckpoint } from './checkpoint-file.js';
import {
  assignEpoch,
  endOffsetForEpoch,
  epochForOffset,
  truncateEpochsFromEnd,
  truncateEpochsFromStart,
  type EpochEntry,
} from '../core/leader-epochs.js';
import { SmallFile } from './small-file.js';

export const LEADER_EPOCH_CHECKPOINT = 'leader-epoch-checkpoint';

/**
 * The leader epochs of a log and where each began, kept in `leader-epoch-checkpoint` (`LeaderEpochFileCache`). The file is written with
 * each change but not synced: a broker may become leader of thousands of partitions at once. `LogFlusher` does that before the recovery
 * point passes the batches of an epoch; recovery finds those of the batches behind it again.
 */
export class LeaderEpochFileCache {
  private entries: readonly EpochEntry[] = [];
  /** What the file holds; null when there is none. */
  private written: string | null = null;
  /** The file has more than `entries`: see `cutToLog`. */
  private isFileBehind = false;
  private isMalformed = false;

  private constructor(
    private readonly fs: FileSystem,
    readonly file: SmallFile,
  ) {}

  /**
   * Reads the file when it `exists`. One that is malformed or empty, as a loss of power can leave it, is `suspect`: then the epochs have to
   * be found in the log's batches. (Kafka itself leaves an empty one with a log that has no epoch yet, and no batches.) `isDurable`: it
   * was there before the last clean shutdown.
   */
  static open(
    fs: FileSystem,
    dir: string,
    exists: boolean,
    logger: Logger,
    isDurable = false,
  ): { cache: LeaderEpochFileCache; suspect: boolean } {
    const file = new SmallFile(fs, `${dir}/${LEADER_EPOCH_CHECKPOINT}`, isDurable || !exists);
    const cache = new LeaderEpochFileCache(fs, file);
    if (!exists) return { cache, suspect: false };
    const text = fs.readFile(file.path).toString('utf8');
    cache.written = text;
    // A last line that is torn may still read as an epoch that begins too early: nothing of such a file is believed.
    cache.isMalformed = true;
    if (!text.endsWith('\n')) return { cache, suspect: true };
    try {
      let entries: readonly EpochEntry[] = [];
      for (const [epoch, startOffset] of parseCheckpoint(text, file.path, 2)) {
        const entry = { epoch: Number(epoch), startOffset: Number(startOffset) };
        entries = assignEpoch(entries, entry) ?? entries;
      }
      cache.entries = entries;
      cache.isMalformed = false;
      return { cache, suspect: false };
    } catch (error) {
      if (!(error instanceof CheckpointFormatError)) throw error;
      logger.warn('Finding the leader epochs of a log in its records', { path: file.path, error: error.message });
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
    assert(epoch >= 0 && startOffset >= 0, () => `epoch ${epoch} at ${startOffset} is not negative`);
    this.change(assignEpoch(this.entries, { epoch, startOffset }));
  }

  /** Takes other entries for all that are known. */
  replace(entries: readonly EpochEntry[]): void {
    if (!isSame(this.entries, entries)) this.change(entries);
  }

  /**
   * Drops what lies outside of a log, also of one that was just cut. The file follows with the next change or append, for that happens to
   * thousands at once, and a cut must not fail for want of a file handle: until then, whoever loads the log drops the same again.
   */
  cutToLog(endOffset: number, startOffset = 0): void {
    const before = this.entries;
    this.entries = truncateEpochsFromEnd(this.entries, endOffset) ?? this.entries;
    this.entries = truncateEpochsFromStart(this.entries, startOffset) ?? this.entries;
    if (this.entries !== before) this.isFileBehind = true;
  }

  /** Drops what lies before the log's start. DeleteRecords does that to thousands at once: the file follows as with `cutToLog`. */
  truncateFromStart(startOffset: number): void {
    const before = this.entries;
    this.entries = truncateEpochsFromStart(before, startOffset) ?? before;
    if (this.entries !== before) this.isFileBehind = true;
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

  /**
   * Takes what recovery has found in the batches of a log that ends at `endOffset`. The file is written once, and only if it says something
   * else of this log: killed before that, the next start finds the file as it was, and recovers the same again.
   */
  adopt(recovered: readonly EpochEntry[], endOffset: number): void {
    const known = truncateEpochsFromEnd(this.entries, endOffset) ?? this.entries;
    const isKnown = !this.isMalformed && isSame(known, recovered);
    if (isKnown) {
      this.cutToLog(endOffset);
      return;
    }
    const text = textOf(recovered);
    this.fs.replaceFile(this.file.path, text);
    this.entries = recovered;
    this.written = text;
    this.isFileBehind = false;
    this.isMalformed = false;
  }

  movedTo(dir: string): void {
    this.file.movedTo(`${dir}/${LEADER_EPOCH_CHECKPOINT}`);
  }

  private change(changed: readonly EpochEntry[] | null): void {
    const entries = changed ?? this.entries;
    const isSame = changed === null || (entries.length === 0 && this.entries.length === 0);
    if (isSame && !this.isFileBehind) return;
    const text = textOf(entries);
    if (this.written !== null && isSafeInPlace(this.written, text)) this.file.writeInPlace(text);
    else this.file.replace(text);
    this.entries = entries;
    this.written = text;
    this.isFileBehind = false;
    assert(areGrowing(entries), `${this.file.path}: epochs and their offsets only grow`);
  }
}

function textOf(entries: readonly EpochEntry[]): string {
  return formatCheckpoint(entries.map((entry) => `${entry.epoch} ${entry.startOffset}`));
}

function isSame(a: readonly EpochEntry[], b: readonly EpochEntry[]): boolean {
  return (
    a.length === b.length &&
    a.every((entry, at) => entry.epoch === b[at]!.epoch && entry.startOffset === b[at]!.startOffset)
  );
}

/** Only the last can have changed the order. */
function areGrowing(entries: readonly EpochEntry[]): boolean {
  const [before, last] = [entries.at(-2), entries.at(-1)];
  return !before || !last || (before.epoch < last.epoch && before.startOffset < last.startOffset);
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
