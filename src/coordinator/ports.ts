import type { TopicPartition } from '../cluster/index.js';

/** How a coordinator writes its state to the partitions that it leads, and reads it back. `server` joins it to the replica manager. */
export interface PartitionWriter {
  /**
   * Appends one batch as the partition's leader, and calls back once, maybe at once: with the error code of a produce (0 for none),
   * and the base offset. `requiredAcks` is 0, 1 or -1 (all in sync).
   */
  append(
    topicPartition: TopicPartition,
    batch: Buffer,
    options: { requiredAcks: number; timeoutMs: number },
    onComplete: (errorCode: number, baseOffset: number) => void,
  ): void;
  /** Where the log begins and ends, and the largest batch that it takes; null when this broker does not lead the partition. */
  logBounds(
    topicPartition: TopicPartition,
  ): { logStartOffset: number; logEndOffset: number; maxMessageBytes: number } | null;
  /** Whole batches from `offset` on, at least one if there is any, about `maxBytes`. Rejects when the log cannot be read now. */
  read(topicPartition: TopicPartition, offset: number, maxBytes: number): Promise<Buffer>;
}
