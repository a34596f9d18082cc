import { partitionKey, type TopicPartition } from '../../cluster/index.js';
import type { Clock } from '../../common/index.js';
import type { PartitionWriter } from '../../coordinator/index.js';
import type { UnifiedLog } from '../../log/index.js';
import { ErrorCode } from '../../protocol/index.js';
import type { ReplicaManager } from '../../replication/index.js';

type OnComplete = (errorCode: number, baseOffset: number) => void;

interface Write {
  readonly batch: Buffer;
  readonly requiredAcks: number;
  readonly timeoutMs: number;
  readonly onComplete: OnComplete;
  /** Of the leadership under which it was decided; null when there was none. */
  readonly leaderEpoch: number | null;
  /** By the monotonic clock. */
  readonly deadlineMs: number;
}

/**
 * The coordinators' partitions are written and read through the replica manager of this broker. A write to a log whose disk has to make
 * something durable first waits for that, as a Produce does, and those to the same partition behind it.
 */
export class ReplicaPartitionWriter implements PartitionWriter {
  /** What waits for its log, by partition, in order. */
  private readonly waiting = new Map<string, Write[]>();

  constructor(
    private readonly replicas: ReplicaManager,
    private readonly clock: Clock,
    private readonly onFatal: (error: unknown) => void,
  ) {}

  append(
    topicPartition: TopicPartition,
    batch: Buffer,
    { requiredAcks, timeoutMs }: { requiredAcks: number; timeoutMs: number },
    onComplete: OnComplete,
  ): void {
    const leaderEpoch = this.leaderEpochOf(topicPartition);
    const deadlineMs = this.clock.monotonicMs() + timeoutMs;
    const write: Write = { batch, requiredAcks, timeoutMs, onComplete, leaderEpoch, deadlineMs };
    const key = partitionKey(topicPartition);
    const before = this.waiting.get(key);
    if (before) {
      before.push(write);
    } else if (this.replicas.isReadyForAppends(topicPartition)) {
      this.appendNow(topicPartition, write);
    } else {
      this.waiting.set(key, [write]);
      this.appendWaiting(topicPartition, key).catch(this.onFatal);
    }
  }

  private async appendWaiting(topicPartition: TopicPartition, key: string): Promise<void> {
    const writes = this.waiting.get(key)!;
    for (let write = writes[0]; write; write = writes[0]) {
      const timeoutMs = Math.max(0, write.deadlineMs - this.clock.monotonicMs());
      const end = await this.replicas.waitForAppends([{ tp: topicPartition }], { bytes: 0, timeoutMs })?.ended;
      // Cut again meanwhile.
      if (end === 'ready' && !this.replicas.isReadyForAppends(topicPartition)) continue;
      writes.shift();
      if (writes.length === 0) this.waiting.delete(key);
      // What was decided under an earlier leadership is not what the log says now.
      if (this.leaderEpochOf(topicPartition) !== write.leaderEpoch)
        write.onComplete(ErrorCode.NOT_LEADER_OR_FOLLOWER, -1);
      else if (end === 'timedOut') write.onComplete(ErrorCode.REQUEST_TIMED_OUT, -1);
      else this.appendNow(topicPartition, write);
    }
  }

  private leaderEpochOf(topicPartition: TopicPartition): number | null {
    const partition = this.replicas.partitionOf(topicPartition);
    return partition?.leaderLog ? partition.leaderEpoch : null;
  }

  private appendNow(topicPartition: TopicPartition, { batch, requiredAcks, timeoutMs, onComplete }: Write): void {
    void this.replicas.appendRecords({
      timeoutMs,
      requiredAcks,
      internalTopicsAllowed: true,
      origin: 'coordinator',
      entries: [{ tp: topicPartition, records: batch }],
      onComplete: ([result]) => onComplete(result!.errorCode, result!.baseOffset),
    });
  }

  logBounds(
    topicPartition: TopicPartition,
  ): { logStartOffset: number; logEndOffset: number; maxMessageBytes: number } | null {
    const log = this.leaderLog(topicPartition);
    if (!log) return null;
    const { logStartOffset, logEndOffset, config } = log;
    return { logStartOffset, logEndOffset, maxMessageBytes: config.maxMessageBytes };
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
