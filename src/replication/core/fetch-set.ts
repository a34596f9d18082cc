/**
 * The partitions of one fetch, or of all fetches of a session.
 *
 * Kafka walks all partitions of a session on every fetch. Here a set knows which of them could have something new, the `dirty` ones. All
 * others rest, and cost nothing until something happens to them (`touch`). Who may rest is decided in one place, `WatchedPartitions`.
 */
import { MAX_TOPIC_NAME_LENGTH } from '../../cluster/index.js';
import { assert, ZERO_UUID, type Uuid } from '../../common/index.js';
import type { LogOffsetMetadata } from '../../log/index.js';
import type { FetchTimes, Replica } from './replica.js';

/** What a request asks of a partition. -1 stands for an absent epoch or offset. */
export interface PartitionRequest {
  /** Null when the topic id is not known here (yet). */
  readonly topic: string | null;
  /** `ZERO_UUID` below v13. */
  readonly topicId: Uuid;
  readonly partition: number;
  readonly fetchOffset: number;
  readonly logStartOffset: number;
  readonly maxBytes: number;
  readonly currentLeaderEpoch: number;
  readonly lastFetchedEpoch: number;
}

/** The part of an answer that decides whether it must be sent. */
export interface PartitionAnswer {
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly logStartOffset: number;
  readonly sizeInBytes: number;
  readonly divergingEpoch: object | null;
  readonly preferredReadReplica: number;
}

/** A partition within a fetch, and what its client was last told of it. */
export class CachedPartition {
  topic: string | null;
  readonly topicId: Uuid;
  readonly partition: number;
  fetchOffset = -1;
  logStartOffset = -1;
  maxBytes = 0;
  currentLeaderEpoch = -1;
  lastFetchedEpoch = -1;
  /** What the client was last told; -1 before. */
  sentHighWatermark = -1;
  sentLogStartOffset = -1;
  /** Grows with each touch, so that whoever read the partition can tell whether the finding still holds. */
  changes = 0;
  /**
   * Where `fetchOffset` lies on disk, as of the last read. In a gap where the read has found nothing this is
   * the end up to which it has looked.
   */
  startMetadata: LogOffsetMetadata | null = null;
  /** The follower whose times are the session's while this partition rests. */
  restingReplica: Replica | null = null;
  /** Under what `WatchedPartitions` holds it for changes of the partition; null while it is not watched. */
  watchKey: string | null = null;
  /** At its last read it was refused by authorization, or for a topic that is not known here, before any log was asked. */
  isRefused = false;

  constructor(
    readonly owner: FetchSet,
    request: PartitionRequest,
  ) {
    this.topic = request.topic;
    this.topicId = request.topicId;
    this.partition = request.partition;
    this.update(request);
  }

  update(request: PartitionRequest): void {
    if (this.topic === null) this.topic = request.topic;
    this.fetchOffset = request.fetchOffset;
    this.logStartOffset = request.logStartOffset;
    this.maxBytes = request.maxBytes;
    this.currentLeaderEpoch = request.currentLeaderEpoch;
    this.lastFetchedEpoch = request.lastFetchedEpoch;
  }

  /** Whether the answer tells the client anything that it does not know. */
  mustRespond(answer: PartitionAnswer): boolean {
    return (
      answer.sizeInBytes > 0 ||
      answer.highWatermark !== this.sentHighWatermark ||
      answer.logStartOffset !== this.sentLogStartOffset ||
      answer.preferredReadReplica !== -1 ||
      answer.errorCode !== 0 ||
      answer.divergingEpoch !== null
    );
  }

  /**
   * Remembers what the client is being told. After an error the high watermark is told again; also after a diverging epoch, where a
   * follower truncates and takes nothing else from the answer (a Kafka leader does not repeat it, and its follower stays behind).
   */
  answered(answer: PartitionAnswer): void {
    const isTaken = answer.errorCode === 0 && answer.divergingEpoch === null;
    this.sentHighWatermark = isTaken ? answer.highWatermark : -1;
    this.sentLogStartOffset = answer.logStartOffset;
  }

  /** The client is not told after all: whatever it is, it will be told again. */
  untold(): void {
    this.sentHighWatermark = -1;
    this.sentLogStartOffset = -1;
  }

  /** The partition leaves its fetch, or must be looked at: the follower's times are its own again. */
  endRest(): void {
    this.restingReplica?.endRestIn(this.owner.times);
    this.restingReplica = null;
  }
}

/** The key of a partition inside a fetch: by topic id when there is one, for the name may yet be unknown. */
export function cachedKey(topicId: Uuid, topic: string | null, partition: number): string {
  return `${topicId === ZERO_UUID ? topic : topicId}:${partition}`;
}

export class FetchSet {
  readonly partitions = new Map<string, CachedPartition>();
  /** When the client last asked. Resting followers count as having fetched then. */
  readonly times: FetchTimes = { lastFetchTimeMs: -Infinity };
  /** Set while a fetch of these partitions is being served: called when something happens to one of them. */
  onTouched: ((partition: CachedPartition, change: number) => void) | null = null;
  private readonly awake = new Set<CachedPartition>();
  /** Some name that it was given is that of no topic, and may take many times as much as the rest of the partition: nothing of it is kept. */
  hasLongNames = false;

  constructor(requests: readonly PartitionRequest[] = []) {
    for (const request of requests) this.put(request);
  }

  /** Those that may have something to tell, in the order in which they will be read. */
  get dirty(): ReadonlySet<CachedPartition> {
    return this.awake;
  }

  /** Takes what a request says of a partition; true when the partition is new here. It will be read. */
  put(request: PartitionRequest): boolean {
    const key = cachedKey(request.topicId, request.topic, request.partition);
    const cached = this.partitions.get(key);
    if (cached) {
      cached.update(request);
      this.awake.add(cached);
      return false;
    }
    if (request.topic !== null && request.topic.length > MAX_TOPIC_NAME_LENGTH) this.hasLongNames = true;
    const added = new CachedPartition(this, request);
    this.partitions.set(key, added);
    this.awake.add(added);
    return true;
  }

  /** Gives the removed one, or undefined when there was none. */
  remove(key: string): CachedPartition | undefined {
    const cached = this.partitions.get(key);
    if (!cached) return undefined;
    this.partitions.delete(key);
    this.awake.delete(cached);
    cached.endRest();
    return cached;
  }

  /** Something (`Change`) happened to the partition: it will be read by the next fetch, or by the one under way. */
  touch(partition: CachedPartition, change: number): void {
    partition.changes++;
    partition.endRest();
    this.awake.add(partition);
    this.onTouched?.(partition, change);
  }

  /** The partition is to be read by the next fetch, though nothing happened to it; unless it has been forgotten. */
  wake(partition: CachedPartition): void {
    const { topicId, topic, partition: index } = partition;
    if (this.partitions.get(cachedKey(topicId, topic, index)) !== partition) return;
    partition.endRest();
    this.awake.add(partition);
  }

  /** The partition has nothing to tell until it is touched, nor has the follower that reads it, if there is one. */
  rest(partition: CachedPartition, endOffset: number, replica: Replica | null): void {
    assert(partition.watchKey !== null, 'a partition rests only while it is watched');
    assert(partition.fetchOffset >= endOffset, 'a partition rests only at its end');
    this.awake.delete(partition);
    if (!replica) return;
    replica.restIn(this.times, endOffset);
    partition.restingReplica = replica;
  }

  /** Reads it after the others next time, for fairness: it has just been served. */
  moveToEnd(partition: CachedPartition): void {
    if (this.awake.delete(partition)) this.awake.add(partition);
  }
}
