import { partitionKey, type TopicPartition } from '../../cluster/index.js';
import type { PartitionWriter } from '../../coordinator/index.js';
import type { UnifiedLog } from '../../log/index.js';
import type { ReplicaManager } from '../../replication/index.js';

/** The coordinators' partitions are written and read through the replica manager of this broker. */
export class ReplicaPartitionWriter implements PartitionWriter {
  constructor(private readonly replicas: ReplicaManager) {}

  append(
    topicPartition: TopicPartition,
    batch: Buffer,
    { requiredAcks, timeoutMs }: { requiredAcks: number; timeoutMs: number },
    onComplete: (errorCode: number, baseOffset: number) => void,
  ): void {
    this.replicas.appendRecords({
      timeoutMs,
      requiredAcks,
      internalTopicsAllowed: true,
      origin: 'coordinator',
      entries: [{ tp: topicPartition, records: batch }],
      onComplete: ([result]) => onComplete(result!.errorCode, result!.baseOffset),
    });
  }

  logBounds(topicPartition: TopicPartition): { logStartOffset: number; logEndOffset: number } | null {
    const log = this.leaderLog(topicPartition);
    return log && { logStartOffset: log.logStartOffset, logEndOffset: log.logEndOffset };
  }

  async read(topicPartition: TopicPartition, offset: number, maxBytes: number): Promise<Buffer> {
    for (;;) {
      const log = this.leaderLog(topicPartition);
      if (!log) throw new Error(`${partitionKey(topicPartition)} is not led by this broker any more`);
      try {
        const { records } = await log.read(offset, maxBytes, 'LOG_END', true);
        return Buffer.isBuffer(records) ? records : Buffer.concat(records);
      } catch (error) {
        // A move between directories took the files away while they were read: its copy has all of it.
        if (this.leaderLog(topicPartition) === log) throw error;
      }
    }
  }

  private leaderLog(topicPartition: TopicPartition): UnifiedLog | null {
    return this.replicas.partitionOf(topicPartition)?.leaderLog ?? null;
  }
}
