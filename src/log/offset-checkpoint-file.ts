import type { FileHandle, FileSystem } from '../common/index.js';
import { partitionKey, parsePartitionKey, type TopicPartition } from '../cluster/index.js';
import { formatCheckpoint, readCheckpoint, writeCheckpoint } from './checkpoint-file.js';

/**
 * A checkpoint of one offset per partition, beside the partition directories: `recovery-point-offset-checkpoint`,
 * `log-start-offset-checkpoint`, `replication-offset-checkpoint`, `cleaner-offset-checkpoint` (Kafka's OffsetCheckpointFile). It
 * remembers what it last wrote, so that writing the same again costs no disk.
 */
export class OffsetCheckpointFile {
  private lastWritten: string | null = null;
  /** Grows with each blocking write: what is on its way to the disk by then is old. */
  private generation = 0;
  private waiting: string | null = null;
  private writing: Promise<void> | null = null;

  constructor(
    private readonly fs: FileSystem,
    readonly path: string,
  ) {}

  /** Offsets by `partitionKey`; empty when the file is missing. Throws `CheckpointFormatError` when it is malformed. */
  read(): Map<string, number> {
    const offsets = new Map<string, number>();
    for (const line of readCheckpoint(this.fs, this.path, 3)) {
      const [topic, partition, offset] = line;
      offsets.set(partitionKey({ topic: topic!, partition: Number(partition) }), Number(offset));
    }
    return offsets;
  }

  /** Replaces the file whole, blocking. `offsets` is keyed by `partitionKey`. */
  write(offsets: ReadonlyMap<string, number>): void {
    const { lastWritten } = this;
    this.lastWritten = null;
    this.lastWritten = writeCheckpoint(this.fs, this.path, linesOf(offsets), lastWritten);
    // Only once it is done: what is on its way to the disk is not overtaken by a write that fails.
    this.generation++;
    this.waiting = null;
  }

  /**
   * The same through the thread pool, for what may as well be written later: behind heavy appends a sync waits for all of them. One write is
   * under way at a time, the newest offsets wait for it, and a blocking write overtakes both. Resolves when these offsets, or newer
   * ones, are durable.
   */
  writeInBackground(offsets: ReadonlyMap<string, number>): Promise<void> {
    this.waiting = formatCheckpoint(linesOf(offsets));
    this.writing ??= this.writeWaiting().finally(() => (this.writing = null));
    return this.writing;
  }

  /** Resolves when no write through the thread pool is under way; that one failed is the concern of who asked for it. */
  async settled(): Promise<void> {
    await this.writing?.catch(() => undefined);
  }

  private async writeWaiting(): Promise<void> {
    while (this.waiting !== null) {
      const text = this.waiting;
      this.waiting = null;
      if (text !== this.lastWritten) await this.replace(text);
    }
  }

  private async replace(text: string): Promise<void> {
    const { fs, path, generation } = this;
    // Not the name that a blocking write uses.
    const temporary = `${path}.new`;
    await syncAndClose(fs.open(temporary, 'w+'), (handle) => handle.writeSync([Buffer.from(text)], 0));
    if (generation !== this.generation) {
      fs.remove(temporary);
      return;
    }
    // Until the folder is synced either content may be found after a loss of power.
    this.lastWritten = null;
    fs.rename(temporary, path);
    await syncAndClose(fs.open(path.slice(0, path.lastIndexOf('/')), 'r'));
    if (generation === this.generation) this.lastWritten = text;
  }
}

async function syncAndClose(handle: FileHandle, before?: (handle: FileHandle) => void): Promise<void> {
  try {
    before?.(handle);
    await handle.sync();
  } finally {
    handle.close();
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
