import { type FileSystem } from '../common/index.js';
import { partitionKey, parsePartitionKey, type TopicPartition } from '../cluster/index.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.js';

/**
 * A checkpoint of one offset per partition, beside the partition directories: `recovery-point-offset-checkpoint`,
 * `log-start-offset-checkpoint`, `replication-offset-checkpoint`, `cleaner-offset-checkpoint` (Kafka's OffsetCheckpointFile). It
 * remembers what it last wrote, so that writing the same again costs no disk.
 */
export class OffsetCheckpointFile {
  private lastWritten: string | null = null;

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

  /** Replaces the file whole. `offsets` is keyed by `partitionKey`. */
  write(offsets: ReadonlyMap<string, number>): void {
    const lines: string[] = [];
    for (const [key, offset] of offsets) {
      const tp: TopicPartition = parsePartitionKey(key)!;
      lines.push(`${tp.topic} ${tp.partition} ${offset}`);
    }
    this.lastWritten = writeCheckpoint(this.fs, this.path, lines, this.lastWritten);
  }
}
