import { GROUP_METADATA_TOPIC } from '../cluster/index.js';
import { ZERO_UUID, type Clock, type Logger, type Timer, type Uuid } from '../common/index.js';
import type { ZkStores } from '../zookeeper/index.js';
import type { MetadataCache } from './metadata-cache.js';

/** Before the assignment that could not be read is read again. */
const RETRY_MS = 10_000;

export interface OffsetsTopicOptions {
  readonly topics: Pick<ZkStores['topics'], 'assignment'>;
  readonly metadata: Pick<MetadataCache, 'hasTopic' | 'topicId' | 'onUpdate'>;
  /** What the topic is created with. */
  readonly defaultPartitions: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The number of partitions that groups are spread over from now on. */
  readonly onPartitionCount: (partitionCount: number) => void;
}

/**
 * Knows how many partitions `__consumer_offsets` has, by which each group has one: what its assignment says, or `offsets.topic.num.partitions`
 * as long as there is no topic (`KafkaServer.getGroupMetadataTopicPartitionCount`). Kafka reads it when it starts, and fails to start when it
 * cannot. Here it is read again until it can be, and for each topic that takes the name, however many partitions that one has. Partitions that
 * are added count from the next start on, as in Kafka: they change where groups are.
 */
export class OffsetsTopic {
  /** Of the topic whose partitions count; null when there was none. */
  private knownId: Uuid | null = null;
  private isCountTold = false;
  private isReading = false;
  private isClosed = false;
  private timer: Timer | null = null;
  private readonly stopListening: () => void;

  constructor(private readonly options: OffsetsTopicOptions) {
    this.stopListening = options.metadata.onUpdate(() => this.onUpdate());
  }

  /** When it resolves a number has been told, by now or before. */
  async read(): Promise<void> {
    const { topics, defaultPartitions, logger } = this.options;
    this.timer?.cancel();
    this.isReading = true;
    try {
      const topic = await topics.assignment(GROUP_METADATA_TOPIC);
      this.knownId = topic && (topic.topicId ?? ZERO_UUID);
      this.tell(topic?.partitions.size || defaultPartitions);
      // Of the two, ZooKeeper's member or the last update, one has not heard of the topic that there is now.
      if (this.isAnotherTold()) this.readLater();
    } catch (error) {
      if (this.isClosed) return;
      logger.warn('Cannot read how many partitions __consumer_offsets has; trying again', { error });
      if (!this.isCountTold) this.tell(defaultPartitions);
      this.readLater();
    } finally {
      this.isReading = false;
    }
  }

  close(): void {
    this.isClosed = true;
    this.timer?.cancel();
    this.stopListening();
  }

  private tell(partitionCount: number): void {
    this.isCountTold = true;
    this.options.onPartitionCount(partitionCount);
  }

  private readLater(): void {
    if (!this.isClosed)
      this.timer = this.options.clock.setTimer(RETRY_MS, () => void this.read(), { background: true });
  }

  private isAnotherTold(): boolean {
    const { metadata } = this.options;
    if (!metadata.hasTopic(GROUP_METADATA_TOPIC)) return false;
    const told = metadata.topicId(GROUP_METADATA_TOPIC);
    // A controller with a protocol of before 2.8 tells no ids, whatever ZooKeeper has.
    return told === ZERO_UUID ? this.knownId === null : told !== this.knownId;
  }

  private onUpdate(): void {
    // Without ids the next one of the name would look the same.
    if (!this.options.metadata.hasTopic(GROUP_METADATA_TOPIC)) this.knownId = null;
    else if (this.isAnotherTold() && !this.isReading) void this.read();
  }
}
