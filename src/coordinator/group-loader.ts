import { partitionKey, type TopicPartition } from '../cluster/index.js';
import { forEachInSteps, type Logger, type Steps } from '../common/index.js';
import {
  controlRecordType,
  iterateBatches,
  RecordsError,
  type BatchView,
  type Int64,
  type Record,
} from '../records/index.js';
import type { OffsetAndMetadata } from './core/group-offsets.js';
import { GroupMetadata } from './core/group-metadata.js';
import { MAX_KEY_LENGTH } from './core/member-metadata.js';
import { decodeGroupMetadataValue, decodeGroupRecordKey, decodeOffsetCommitValue } from './group-records.js';

interface LoadedOffset {
  readonly topicPartition: TopicPartition;
  readonly offset: OffsetAndMetadata;
  readonly batchOffset: number;
}

/** By group, and then by `partitionKey`: one key of both may be longer than what V8 hashes, and all of one length are compared then. */
type LoadedOffsets = Map<string, Map<string, LoadedOffset>>;

/** Records between two places where others may run. */
const RECORDS_A_STEP = 500;
/** One counts as another for each so many of its bytes. */
const BYTES_A_RECORD = 1024;
/** A batch is decompressed at once: what holds more than any group writes, and would hold up everyone, is passed over. */
export const MAX_BATCH_BYTES = 16 * 1024 * 1024;
/** So many records that are not understood are named in the log; of the others their number. */
const MAX_NAMED = 10;

/**
 * Replays a partition of `__consumer_offsets` from its start (`GroupMetadataManager.doLoadGroupsAndOffsets`): feed it every batch in
 * order, then take the groups. Offsets of transactions count from their commit marker; of open ones they stay pending.
 *
 * A record that is not understood, or a batch that does not decompress, is passed over: the others do not suffer for it, and what it replaced
 * stays, so that a group may read records twice. In Kafka all groups of the partition are lost with it.
 */
export class GroupLoader {
  private readonly offsets: LoadedOffsets = new Map();
  private readonly pendingOffsets = new Map<Int64, LoadedOffsets>();
  private readonly groups = new Map<string, GroupMetadata>();
  private passedOver = 0;

  constructor(
    private readonly nowMs: number,
    private readonly log: Logger,
  ) {}

  /**
   * Replays whole batches; returns the offset after the last of them, or `from` when there are none. Throws `CorruptRecordError` where no
   * batch can begin, with what stands before it replayed. In slices: a read of 5 MiB holds tens of thousands of offsets.
   */
  *replay(records: Buffer, from: number): Steps<number> {
    let nextOffset = from;
    for (const batch of iterateBatches(records)) {
      // The first batch of a read may begin before the offset that was asked for.
      if (batch.lastOffset >= from) yield* this.replayBatch(batch);
      nextOffset = batch.nextOffset;
      yield;
    }
    return nextOffset;
  }

  /** The groups with their offsets, those that only store offsets too, and those that open transactions touch. In slices, to be called once. */
  *finish(): Steps<readonly GroupMetadata[]> {
    yield* forEachInSteps(eachOf(this.offsets), ([groupId, { topicPartition, offset, batchOffset }]) =>
      this.groupOf(groupId).offsets.load(topicPartition, offset, batchOffset),
    );
    for (const [producerId, offsets] of this.pendingOffsets) {
      yield* forEachInSteps(eachOf(offsets), ([groupId, { topicPartition, offset, batchOffset }]) =>
        this.groupOf(groupId).offsets.loadTransactional(producerId, topicPartition, offset, batchOffset),
      );
    }
    if (this.passedOver > MAX_NAMED) {
      this.log.error('Passed over many records of __consumer_offsets', { records: this.passedOver });
    }
    return [...this.groups.values()];
  }

  private *replayBatch(batch: BatchView): Steps<void> {
    try {
      if (batch.isControl) this.completeTransaction(batch);
      else yield* this.replayRecords(batch);
    } catch (error) {
      if (!(error instanceof RecordsError)) throw error;
      this.passOver(batch.baseOffset, error);
    }
  }

  private *replayRecords(batch: BatchView): Steps<void> {
    let batchOffset: number | null = null;
    let left = RECORDS_A_STEP;
    for (const record of batch.records({ maxBytes: MAX_BATCH_BYTES })) {
      if (left <= 0) {
        yield;
        left = RECORDS_A_STEP;
      }
      left -= 1 + ((record.key?.length ?? 0) + (record.value?.length ?? 0)) / BYTES_A_RECORD;
      batchOffset ??= record.offset;
      try {
        this.replayRecord(batch, record, batchOffset);
      } catch (error) {
        // Decoding touches nothing but the record's bytes: whatever it throws is about these, and would be thrown again.
        this.passOver(record.offset, error);
      }
    }
  }

  private replayRecord(batch: BatchView, { key: keyBytes, value, offset }: Record, batchOffset: number): void {
    if (keyBytes === null) {
      this.log.warn('Passed over a record of __consumer_offsets without a key', { offset });
      return;
    }
    const key = decodeGroupRecordKey(keyBytes);
    // Kafka's; here no one may ask for it.
    if (key.kind !== 'unknown' && key.groupId.length > MAX_KEY_LENGTH) return;
    if (key.kind === 'group') {
      if (value === null) this.groups.delete(key.groupId);
      else this.groups.set(key.groupId, decodeGroupMetadataValue(key.groupId, value, this.nowMs));
    } else if (key.kind === 'offset') {
      const target = batch.isTransactional ? this.pendingOf(batch.producerId) : this.offsets;
      const { groupId, topicPartition } = key;
      if (value !== null) put(target, groupId, { topicPartition, offset: decodeOffsetCommitValue(value), batchOffset });
      else if (batch.isTransactional) remove(target, groupId, topicPartition);
      else this.remove(groupId, topicPartition);
    } else {
      this.log.warn('Passed over a record of __consumer_offsets, maybe left over from an aborted upgrade', {
        offset,
        keyVersion: key.version,
      });
    }
  }

  /** Whoever wrote the tombstone removed what open transactions had committed before it too: their markers do not bring it back. */
  private remove(groupId: string, topicPartition: TopicPartition): void {
    remove(this.offsets, groupId, topicPartition);
    for (const pending of this.pendingOffsets.values()) remove(pending, groupId, topicPartition);
  }

  private passOver(offset: number, error: unknown): void {
    this.passedOver++;
    if (this.passedOver > MAX_NAMED) return;
    this.log.error('Passed over a record of __consumer_offsets that is not understood', { offset, error });
  }

  private completeTransaction(batch: BatchView): void {
    for (const record of batch.records({ maxBytes: MAX_BATCH_BYTES })) {
      if (controlRecordType(record) === 'COMMIT') {
        for (const [groupId, pending] of eachOf(this.pendingOffsets.get(batch.producerId) ?? new Map())) {
          const loaded = this.offsets.get(groupId)?.get(partitionKey(pending.topicPartition));
          if (!loaded || loaded.batchOffset < pending.batchOffset) put(this.offsets, groupId, pending);
        }
      }
      this.pendingOffsets.delete(batch.producerId);
      return; // A control batch holds one record.
    }
  }

  private pendingOf(producerId: Int64): LoadedOffsets {
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

function* eachOf(offsets: LoadedOffsets): Iterable<readonly [groupId: string, LoadedOffset]> {
  for (const [groupId, ofGroup] of offsets) for (const offset of ofGroup.values()) yield [groupId, offset];
}

function put(offsets: LoadedOffsets, groupId: string, offset: LoadedOffset): void {
  let ofGroup = offsets.get(groupId);
  if (!ofGroup) offsets.set(groupId, (ofGroup = new Map()));
  ofGroup.set(partitionKey(offset.topicPartition), offset);
}

function remove(offsets: LoadedOffsets, groupId: string, topicPartition: TopicPartition): void {
  const ofGroup = offsets.get(groupId);
  ofGroup?.delete(partitionKey(topicPartition));
  if (ofGroup?.size === 0) offsets.delete(groupId);
}
