import type { FileSystem } from '../../common/index.js';
import { partitionKey, parsePartitionKey, type TopicPartition } from '../../cluster/index.js';
import { CheckpointFormatError, formatCheckpoint, readCheckpoint, writeCheckpoint } from './checkpoint-file.js';
import { DirectoryGates } from '../manager/directory-gates.js';
import { syncAndClose } from './small-file.js';

/**
 * A checkpoint of one offset per partition, beside the partition directories: `recovery-point-offset-checkpoint`,
 * `log-start-offset-checkpoint`, `replication-offset-checkpoint`, `cleaner-offset-checkpoint` (Kafka's OffsetCheckpointFile). It
 * remembers what it last wrote, so that writing the same again costs no disk.
 */
export class OffsetCheckpointFile {
  private lastWritten: string | null = null;
  /** Grows with each blocking write: what is on its way to the disk by then is old. */
  private generation = 0;
  private waiting: ReadonlyMap<string, number> | null = null;
  /** On its way to the disk, unless a blocking write has overtaken it. */
  private underWay: ReadonlyMap<string, number> | null = null;
  private writing: Promise<void> | null = null;
  private isWriting = false;
  /** What the file says, by `partitionKey`; null when that is not known. */
  private stored: ReadonlyMap<string, number> | null = null;
  /** What a loss of power would leave of what is known to have been there: until the folder is synced, the contents before. */
  private durable: ReadonlyMap<string, number> | null = null;

  constructor(
    private readonly fs: FileSystem,
    readonly path: string,
    private readonly gates: DirectoryGates = new DirectoryGates(),
  ) {}

  /** Offsets by `partitionKey`; empty when the file is missing. Throws `CheckpointFormatError` when it is malformed. */
  read(): ReadonlyMap<string, number> {
    const offsets = new Map<string, number>();
    for (const line of readCheckpoint(this.fs, this.path, 3)) {
      const [topic, partition, offset] = line;
      offsets.set(partitionKey({ topic: topic!, partition: Number(partition) }), Number(offset));
    }
    this.stored = offsets;
    this.durable ??= offsets;
    return offsets;
  }

  /** True when the file, or what is on its way to it, has such an entry. A malformed file has none. */
  has(isSuch: (key: string, offset: number) => boolean): boolean {
    return this.sources.some((offsets) => offsets && [...offsets].some(([key, offset]) => isSuch(key, offset)));
  }

  /** The same of one log. */
  names(key: string): boolean {
    return this.sources.some((offsets) => offsets?.has(key));
  }

  /**
   * Takes out the entry of a log that is gone, durably and blocking, before its name is used again: whatever kept the entry there (the log
   * moved to another directory, a kill or an error came between a deletion and its checkpoint), after a kill it would say where the new log
   * begins and how far that is flushed. All others that are not here any more go with it. Costs nothing when there is no such entry.
   */
  forget(key: string, isHere: (key: string) => boolean): void {
    if (this.names(key)) this.write(this.without(new Set([key]), isHere));
  }

  /** The same of many, through the thread pool. Resolves when they are forgotten. */
  async forgetInBackground(keys: ReadonlySet<string>, isHere: (key: string) => boolean): Promise<void> {
    if ([...keys].some((key) => this.names(key))) await this.writeInBackground(this.without(keys, isHere));
  }

  private without(keys: ReadonlySet<string>, isHere: (key: string) => boolean): Map<string, number> {
    const latest = this.waiting ?? this.underWay ?? this.stored ?? this.readIfWellFormed();
    return new Map([...latest].filter(([key]) => !keys.has(key) && isHere(key)));
  }

  private get sources(): readonly (ReadonlyMap<string, number> | null)[] {
    return [this.stored ?? this.readIfWellFormed(), this.durable, this.underWay, this.waiting];
  }

  /** Replaces the file whole, blocking. `offsets` is keyed by `partitionKey`. */
  write(offsets: ReadonlyMap<string, number>): void {
    const { lastWritten } = this;
    this.lastWritten = null;
    this.stored = null;
    try {
      this.lastWritten = writeCheckpoint(this.fs, this.path, linesOf(offsets), lastWritten);
    } catch (error) {
      // What is on its way to the disk is overtaken by what has come there, and not by what has not. It may not be durable: whoever waits for
      // what was under way waits until it is.
      if (this.holds(offsets)) {
        this.overtake(offsets);
        if (this.writing) this.waiting = offsets;
      }
      throw error;
    }
    this.overtake(offsets);
    this.durable = offsets;
  }

  private overtake(offsets: ReadonlyMap<string, number>): void {
    this.stored = offsets;
    this.generation++;
    this.waiting = null;
    this.underWay = null;
  }

  /** False also when the file cannot be read. */
  private holds(offsets: ReadonlyMap<string, number>): boolean {
    try {
      return this.fs.readFile(this.path).toString('utf8') === formatCheckpoint(linesOf(offsets));
    } catch {
      return false;
    }
  }

  /**
   * The same through the thread pool, for what may as well be written later: behind heavy appends a sync waits for all of them. One write is
   * under way at a time, the newest offsets wait for it, and a blocking write overtakes both. Resolves when these offsets, or newer
   * ones, are durable.
   */
  writeInBackground(offsets: ReadonlyMap<string, number>): Promise<void> {
    this.waiting = offsets;
    if (this.writing) return this.writing;
    const writing = this.writeWaiting();
    // It may be over already, with nothing to write: what comes next begins another.
    if (this.isWriting) this.writing = writing;
    return writing;
  }

  /** Resolves when no write through the thread pool is under way; that one failed is the concern of who asked for it. */
  async settled(): Promise<void> {
    await this.writing?.catch(() => undefined);
  }

  private readIfWellFormed(): ReadonlyMap<string, number> {
    try {
      return this.read();
    } catch (error) {
      if (!(error instanceof CheckpointFormatError)) throw error;
      // Remembered as well: each new log asks, and no one may ever write the file again.
      return (this.stored = new Map());
    }
  }

  private async writeWaiting(): Promise<void> {
    this.isWriting = true;
    try {
      while (this.waiting !== null) {
        const offsets = this.waiting;
        this.waiting = null;
        const text = formatCheckpoint(linesOf(offsets));
        if (text === this.lastWritten) continue;
        this.underWay = offsets;
        // A blocking write may come while this one waits at the gate.
        const { generation } = this;
        await this.replace(text, offsets, generation);
        this.underWay = null;
      }
    } finally {
      this.underWay = null;
      // In the step in which it looked for the last time: whoever asks after it is not written for.
      this.isWriting = false;
      this.writing = null;
    }
  }

  private async replace(text: string, offsets: ReadonlyMap<string, number>, generation: number): Promise<void> {
    const { fs, gates, path } = this;
    // Not the name that a blocking write uses.
    const temporary = `${path}.new`;
    await gates.syncing(path, async () => {
      if (generation !== this.generation) return;
      await syncAndClose(fs.open(temporary, 'w+'), (handle) => handle.writeSync([Buffer.from(text)], 0));
    });
    if (generation !== this.generation) {
      if (fs.exists(temporary)) fs.remove(temporary);
      return;
    }
    // Until the folder is synced either content may be found after a loss of power.
    this.lastWritten = null;
    fs.rename(temporary, path);
    this.stored = offsets;
    await gates.syncing(path, () => syncAndClose(fs.open(path.slice(0, path.lastIndexOf('/')), 'r')));
    if (generation !== this.generation) return;
    this.lastWritten = text;
    this.durable = offsets;
  }
}

function linesOf(offsets: ReadonlyMap<string, number>): string[] {
  const lines: string[] = [];
  for (const [key, offset] of offsets) {
    const tp: TopicPartition = parsePartitionKey(key)!;
    lines.push(`${tp.topic} ${tp.partition} ${offset}`);
  }
  return lines;
}
