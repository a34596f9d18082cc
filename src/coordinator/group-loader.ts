import { partitionKey, type TopicPartition } from '../cluster/index.js';
import type { Logger } from '../common/index.js';
import { controlRecordType, iterateBatches, type BatchView } from '../records/index.js';
import type { OffsetAndMetadata } from './core/group-offsets.js';
import { GroupMetadata } from './core/group-metadata.js';
import { decodeGroupMetadataValue, decodeGroupRecordKey, decodeOffsetCommitValue } from './group-records.js';

interface LoadedOffset {
  readonly groupId: string;
  readonly topicPartition: TopicPartition;
  readonly offset: OffsetAndMetadata;
  readonly batchOffset: number;
}

/**
 * Replays a partition of `__consumer_offsets` from its start (`GroupMetadataManager.doLoadGroupsAndOffsets`): feed it every batch in
 * order, then take the groups. Offsets of transactions count from their commit marker; of open ones they stay pending.
 */
export class GroupLoader {
  private readonly offsets = new Map<string, LoadedOffset>();
  private readonly pendingOffsets = new Map<number, Map<string, LoadedOffset>>();
  private readonly groups = new Map<string, GroupMetadata>();

  constructor(
    private readonly nowMs: number,
    private readonly log: Logger,
  ) {}

  /** Replays whole batches; returns the offset after the last of them, or `from` when there are none. */
  replay(records: Buffer, from: number): number {
    let nextOffset = from;
    for (const batch of iterateBatches(records)) {
      // The first batch of a read may begin before the offset that was asked for.
      if (batch.lastOffset >= from) this.replayBatch(batch);
      nextOffset = batch.nextOffset;
    }
    return nextOffset;
  }

  /** The groups with their offsets, those that only store offsets too, and for each open transaction the groups it touches. */
  finish(): GroupMetadata[] {
    for (const { groupId, topicPartition, offset, batchOffset } of this.offsets.values()) {
      this.groupOf(groupId).offsets.load(topicPartition, offset, batchOffset);
    }
    for (const [producerId, offsets] of this.pendingOffsets) {
      for (const { groupId, topicPartition, offset, batchOffset } of offsets.values()) {
        this.groupOf(groupId).offsets.loadTransactional(producerId, topicPartition, offset, batchOffset);
      }
    }
    return [...this.groups.values()];
  }

  private replayBatch(batch: BatchView): void {
    if (batch.isControl) {
      this.completeTransaction(batch);
      return;
    }
    let batchOffset: number | null = null;
    for (const record of batch.records()) {
      batchOffset ??= record.offset;
      if (record.key === null) {
        this.log.warn('Passed over a record of __consumer_offsets without a key', { offset: record.offset });
        continue;
      }
      const key = decodeGroupRecordKey(record.key);
      if (key.kind === 'group') {
        if (record.value === null) this.groups.delete(key.groupId);
        else this.groups.set(key.groupId, decodeGroupMetadataValue(key.groupId, record.value, this.nowMs));
      } else if (key.kind === 'offset') {
        const target = batch.isTransactional ? this.pendingOf(batch.producerId) : this.offsets;
        const id = `${key.groupId}\0${partitionKey(key.topicPartition)}`;
        if (record.value === null) target.delete(id);
        else target.set(id, { ...key, offset: decodeOffsetCommitValue(record.value), batchOffset });
      } else {
        this.log.warn('Passed over a record of __consumer_offsets, maybe left over from an aborted upgrade', {
          offset: record.offset,
          keyVersion: key.version,
        });
      }
    }
  }

  private completeTransaction(batch: BatchView): void {
    for (const record of batch.records()) {
      if (controlRecordType(record) === 'COMMIT') {
        for (const [id, pending] of this.pendingOffsets.get(batch.producerId) ?? []) {
          const loaded = this.offsets.get(id);
          if (!loaded || loaded.batchOffset < pending.batchOffset) this.offsets.set(id, pending);
        }
      }
      this.pendingOffsets.delete(batch.producerId);
      return; // A control batch holds one record.
    }
  }

  private pendingOf(producerId: number): Map<string, LoadedOffset> {
    let pending = this.pendingOffsets.get(producerId);
    if (!pending) this.pendingOffsets.set(producerId, (pending = new Map()));
    return pending;
  }

  private groupOf(groupId: string): GroupMetadata {
    let group = this.groups.get(groupId);
    if (!group) this.groups.set(groupId, (group = new GroupMetadata(groupId, 'Empty', this.nowMs)));
    return group;
  }
}
