import { assert } from '../../common/index.js';
import { partitionKey, type TopicPartition } from '../../cluster/index.js';
import { subtractInt64, type Int64 } from '../../records/index.js';

/** What a consumer committed for one partition. The offset is kept exactly as it came. */
export interface OffsetAndMetadata {
  readonly offset: bigint;
  /** Null when the consumer gave none. */
  readonly leaderEpoch: number | null;
  readonly metadata: string;
  readonly commitTimestampMs: Int64;
  /** Given by clients that set a retention of their own (OffsetCommit 2–4); null: the broker's retention counts. */
  readonly expireTimestampMs: Int64 | null;
}

/** A committed offset, and where the batch that holds it begins: the later one in the log wins. */
interface CommitRecord {
  readonly topicPartition: TopicPartition;
  /** Base offset of the batch in `__consumer_offsets`; null while a transactional commit is not appended. */
  readonly appendedBatchOffset: number | null;
  readonly offsetAndMetadata: OffsetAndMetadata;
}

/** Commits for a partition that are being written. */
interface PendingCommits {
  readonly topicPartition: TopicPartition;
  readonly offsets: Set<OffsetAndMetadata>;
}

/** The partition whose offset was removed; null for one that was looked at and is as before. */
export type Removed = TopicPartition | null;

/**
 * The offsets of one group: committed ones, those being written, and those of open transactions (the offsets part of Kafka's
 * `GroupMetadata`).
 */
export class GroupOffsets {
  private readonly committed = new Map<string, CommitRecord>();
  /** Commits that are being written. */
  private readonly pending = new Map<string, PendingCommits>();
  private readonly pendingTransactional = new Map<Int64, Map<string, CommitRecord>>();
  private receivedConsumerCommits = false;
  private receivedTransactionalCommits = false;

  get size(): number {
    return this.committed.size;
  }

  /** True when there is anything that the group must live on for. */
  get isNotEmpty(): boolean {
    return this.committed.size > 0 || this.pending.size > 0 || this.pendingTransactional.size > 0;
  }

  /** False when consumers and transactional producers both commit to the group, which is worth a warning. */
  get isConsistent(): boolean {
    return !this.receivedConsumerCommits || !this.receivedTransactionalCommits;
  }

  get(topicPartition: TopicPartition): OffsetAndMetadata | null {
    return this.committed.get(partitionKey(topicPartition))?.offsetAndMetadata ?? null;
  }

  /** While it is gone through others may commit. */
  *committedPartitions(): Iterable<TopicPartition> {
    for (const { topicPartition } of this.committed.values()) yield topicPartition;
  }

  /** True while a commit for the partition is being written or its transaction is open: the offset may change (KIP-447). */
  isUnstable(topicPartition: TopicPartition): boolean {
    const key = partitionKey(topicPartition);
    if (this.pending.has(key)) return true;
    for (const offsets of this.pendingTransactional.values()) if (offsets.has(key)) return true;
    return false;
  }

  onNewGeneration(): void {
    this.receivedConsumerCommits = false;
    this.receivedTransactionalCommits = false;
  }

  prepareCommit(topicPartition: TopicPartition, offset: OffsetAndMetadata): void {
    this.receivedConsumerCommits = true;
    const key = partitionKey(topicPartition);
    let commits = this.pending.get(key);
    if (!commits) this.pending.set(key, (commits = { topicPartition, offsets: new Set() }));
    commits.offsets.add(offset);
  }

  /** The batch with the commit is in the log. A commit whose partition was removed meanwhile is dropped. */
  completeCommit(topicPartition: TopicPartition, offset: OffsetAndMetadata, appendedBatchOffset: number): void {
    if (this.endCommit(topicPartition, offset)) {
      this.putIfNewer({ topicPartition, appendedBatchOffset, offsetAndMetadata: offset });
    }
  }

  failCommit(topicPartition: TopicPartition, offset: OffsetAndMetadata): void {
    this.endCommit(topicPartition, offset);
  }

  /** False when the partition was removed meanwhile. In Kafka that a later commit fails removes this one as well, which is acknowledged. */
  private endCommit(topicPartition: TopicPartition, offset: OffsetAndMetadata): boolean {
    const key = partitionKey(topicPartition);
    const commits = this.pending.get(key);
    if (!commits?.offsets.delete(offset)) return false;
    if (commits.offsets.size === 0) this.pending.delete(key);
    return true;
  }

  prepareTransactionalCommit(producerId: Int64, topicPartition: TopicPartition, offset: OffsetAndMetadata): void {
    this.receivedTransactionalCommits = true;
    this.transactional(producerId).set(partitionKey(topicPartition), {
      topicPartition,
      appendedBatchOffset: null,
      offsetAndMetadata: offset,
    });
  }

  appendedTransactionalCommit(
    producerId: Int64,
    topicPartition: TopicPartition,
    offset: OffsetAndMetadata,
    appendedBatchOffset: number,
  ): void {
    const offsets = this.pendingTransactional.get(producerId);
    const key = partitionKey(topicPartition);
    if (offsets?.get(key)?.offsetAndMetadata === offset) {
      offsets.set(key, { topicPartition, appendedBatchOffset, offsetAndMetadata: offset });
    }
  }

  failTransactionalCommit(producerId: Int64, topicPartition: TopicPartition): void {
    const offsets = this.pendingTransactional.get(producerId);
    offsets?.delete(partitionKey(topicPartition));
    if (offsets?.size === 0) this.pendingTransactional.delete(producerId);
  }

  hasOpenTransaction(producerId: Int64): boolean {
    return this.pendingTransactional.has(producerId);
  }

  openTransactions(): Int64[] {
    return [...this.pendingTransactional.keys()];
  }

  /** The marker of the transaction is in the log. */
  completeTransaction(producerId: Int64, isCommit: boolean): void {
    const offsets = this.pendingTransactional.get(producerId);
    this.pendingTransactional.delete(producerId);
    if (!isCommit || !offsets) return;
    for (const record of offsets.values()) {
      assert(record.appendedBatchOffset !== null, 'the commits of a transaction are in the log before its marker');
      this.putIfNewer(record);
    }
  }

  /** What was read from the log when the group was loaded. */
  load(topicPartition: TopicPartition, offset: OffsetAndMetadata, appendedBatchOffset: number): void {
    this.committed.set(partitionKey(topicPartition), {
      topicPartition,
      appendedBatchOffset,
      offsetAndMetadata: offset,
    });
  }

  loadTransactional(
    producerId: Int64,
    topicPartition: TopicPartition,
    offset: OffsetAndMetadata,
    appendedBatchOffset: number,
  ): void {
    this.transactional(producerId).set(partitionKey(topicPartition), {
      topicPartition,
      appendedBatchOffset,
      offsetAndMetadata: offset,
    });
  }

  /**
   * Forgets the offset of a partition, also one that is being written or belongs to an open transaction. True when there was one: the log has
   * it, or will have it, so that it is back with the next load unless a tombstone is written behind it.
   */
  remove(key: string): boolean {
    let wasThere = this.committed.delete(key);
    if (this.pending.delete(key)) wasThere = true;
    for (const offsets of this.pendingTransactional.values()) if (offsets.delete(key)) wasThere = true;
    return wasThere;
  }

  private allKept(): ReadonlyMap<string, { readonly topicPartition: TopicPartition }>[] {
    return [this.committed, this.pending, ...this.pendingTransactional.values()];
  }

  /**
   * Those of these partitions, by their keys, of which there is an offset, maybe. Each may be removed when it is given. Null for an offset of
   * another partition, which was looked at.
   */
  *among(partitions: ReadonlyMap<string, TopicPartition>): Iterable<string | null> {
    const kept = this.allKept();
    if (kept.reduce((sum, { size }) => sum + size, 0) >= partitions.size) yield* partitions.keys();
    else for (const offsets of kept) for (const key of offsets.keys()) yield partitions.has(key) ? key : null;
  }

  /** Forgets all of it, one by one as it is gone through, also what is being written or belongs to open transactions. */
  *removeAll(): Iterable<Removed> {
    for (const offsets of this.allKept()) {
      for (const [key, { topicPartition }] of offsets) {
        this.remove(key);
        yield topicPartition;
      }
    }
  }

  /**
   * Forgets what has outlived its retention, one by one as it is gone through. `baseMs` says from when the retention of an offset counts, null
   * when it does not; partitions with a commit under way, or in an open transaction, stay.
   */
  *removeExpired(
    nowMs: number,
    retentionMs: number,
    baseMs: (topic: string, offset: OffsetAndMetadata) => Int64 | null,
  ): Iterable<Removed> {
    for (const [key, { topicPartition, offsetAndMetadata: offset }] of this.committed) {
      const sinceMs = this.isUnstable(topicPartition) ? null : baseMs(topicPartition.topic, offset);
      const isExpired =
        sinceMs !== null &&
        (offset.expireTimestampMs === null
          ? subtractInt64(nowMs, sinceMs) >= retentionMs
          : nowMs >= offset.expireTimestampMs);
      if (isExpired) this.committed.delete(key);
      yield isExpired ? topicPartition : null;
    }
  }

  private transactional(producerId: Int64): Map<string, CommitRecord> {
    let offsets = this.pendingTransactional.get(producerId);
    if (!offsets) this.pendingTransactional.set(producerId, (offsets = new Map()));
    return offsets;
  }

  private putIfNewer(record: CommitRecord): void {
    const key = partitionKey(record.topicPartition);
    const current = this.committed.get(key);
    if (!current || current.appendedBatchOffset! < record.appendedBatchOffset!) this.committed.set(key, record);
  }
}
