import { partitionKey, type TopicPartition } from '../cluster/index.js';
import { ErrorCode } from '../protocol/index.js';
import { Partition } from './partition.js';
import type { PartitionContext } from './partition-context.js';
import type { MetadataSource } from './ports.js';

/** The partitions of this broker, online or in a directory that failed (Kafka's `ReplicaManager.allPartitions`). */
export class HostedPartitions {
  private readonly online = new Map<string, Partition>();
  private readonly offline = new Map<string, TopicPartition>();

  constructor(
    private readonly context: PartitionContext,
    private readonly metadata: MetadataSource,
  ) {}

  get onlineCount(): number {
    return this.online.size;
  }

  get offlineCount(): number {
    return this.offline.size;
  }

  get(tp: TopicPartition): Partition | undefined {
    return this.online.get(partitionKey(tp));
  }

  isOffline(tp: TopicPartition): boolean {
    return this.offline.has(partitionKey(tp));
  }

  /** The partition, or the error code of a request for it. */
  getOrError(tp: TopicPartition): Partition | number {
    const key = partitionKey(tp);
    const partition = this.online.get(key);
    if (partition) return partition;
    if (this.offline.has(key)) return ErrorCode.KAFKA_STORAGE_ERROR;
    return this.metadata.contains(tp) ? ErrorCode.NOT_LEADER_OR_FOLLOWER : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
  }

  getOrCreate(tp: TopicPartition): Partition {
    const key = partitionKey(tp);
    let partition = this.online.get(key);
    if (!partition) this.online.set(key, (partition = new Partition(tp, this.context)));
    return partition;
  }

  /** The replica was deleted. Gives what was here. */
  remove(tp: TopicPartition): Partition | undefined {
    const key = partitionKey(tp);
    const partition = this.online.get(key);
    this.online.delete(key);
    partition?.clear();
    return partition;
  }

  /** The directory of the replica failed. */
  markOffline(tp: TopicPartition): void {
    this.remove(tp);
    this.offline.set(partitionKey(tp), tp);
  }

  all(): Iterable<Partition> {
    return this.online.values();
  }

  /** Those that this broker leads. */
  *leaders(): Generator<Partition> {
    for (const partition of this.online.values()) if (partition.leaderLog) yield partition;
  }
}
