import { GROUP_METADATA_TOPIC, partitionForGroup, partitionKey, type TopicPartition } from '../cluster/index.js';
import {
  assert,
  BROKER_SLICES,
  forEachInSteps,
  runInSlices,
  type Clock,
  type Logger,
  type Steps,
} from '../common/index.js';
import { ErrorCode } from '../protocol/index.js';
import { BatchBuilder, RecordsError, type CompressionType, type Int64 } from '../records/index.js';
import { GroupMetadata, type GroupHome } from './core/group-metadata.js';
import { MemberRoom } from './core/member-room.js';
import type { GroupOffsets, OffsetAndMetadata, Removed } from './core/group-offsets.js';
import { GroupLoader, MAX_BATCH_BYTES } from './group-loader.js';
import {
  encodeGroupMetadataKey,
  encodeGroupMetadataValue,
  encodeOffsetCommitKey,
  encodeOffsetCommitValue,
  leastBytesOfGroup,
} from './group-records.js';
import { OwnedPartitions } from './owned-partitions.js';
import type { PartitionWriter } from './ports.js';
import { commitErrorOfAppend, groupErrorOfAppend } from './core/results.js';

/** Of which most have nothing to do with what is removed. */
const GROUPS_A_STEP = 64;
/** If all of them are removed, their tombstones take some milliseconds. */
const OFFSETS_A_STEP = 250;

export interface GroupStoreConfig {
  readonly offsetMetadataMaxBytes: number;
  readonly loadBufferBytes: number;
  readonly offsetsRetentionMs: number;
  readonly commitTimeoutMs: number;
  readonly commitRequiredAcks: number;
  readonly compression: CompressionType;
  /** Of groups that no one has joined or committed to yet the oldest ends when they take more. There may be one. */
  readonly maxUnusedGroupBytes: number;
  /** What the members of all groups may take, all told. */
  readonly maxMemberBytes: number;
}

/** What is kept of a group that no one has used, or of a member that was given an id, besides that. */
export const UNUSED_BYTES = 2048;

/** A commit for one partition. */
export interface OffsetCommit {
  readonly topicPartition: TopicPartition;
  readonly offset: OffsetAndMetadata;
}

/** The commits of a request with the batch that they are written as. */
export interface EncodedCommits {
  readonly commits: readonly OffsetCommit[];
  /** Those that are in the batch. */
  readonly accepted: readonly OffsetCommit[];
  /** Those that are not: they have too much metadata. */
  readonly tooLarge: ReadonlySet<OffsetCommit>;
  /** Null when none is. */
  readonly batch: Buffer | null;
}

/** The groups of a partition of `__consumer_offsets`. */
class GroupsOfPartition implements GroupHome {
  readonly groups = new Map<string, GroupMetadata>();
  isGivenUp = false;
}

/** A group's name may be a hundred times as long as those that people give. */
function unusedBytesOf(groupId: string): number {
  return UNUSED_BYTES + 2 * groupId.length;
}

interface Tombstone {
  readonly key: Buffer;
  readonly value: null;
}

/** The producer of a transactional commit. */
export interface TransactionalProducer {
  readonly producerId: Int64;
  readonly producerEpoch: number;
}

/**
 * The groups that this broker coordinates, and their record in `__consumer_offsets` (`GroupMetadataManager` in Kafka). A group is served
 * while its partition is owned: led by this broker and loaded.
 */
export class GroupStore {
  /** By partition. */
  private readonly homes = new Map<number, GroupsOfPartition>();
  /** Partitions that were given up, of which groups are still to be told. */
  private readonly givenUp = new Set<GroupsOfPartition>();
  /** Those of all groups that no one has joined or committed to since a request made them, the oldest first. */
  private readonly unusedGroups = new Map<string, GroupMetadata>();
  private unusedGroupBytes = 0;
  private readonly openGroupsOfProducer = new Map<Int64, Set<string>>();
  private readonly partitions: OwnedPartitions;
  /** By partition that is to be loaded: what was deleted since. What is read may have offsets of it. */
  private readonly deletedWhileLoading = new Map<number, Map<string, TopicPartition>>();
  readonly memberRoom: MemberRoom;
  private partitionCount = 0;

  constructor(
    private readonly config: GroupStoreConfig,
    private readonly writer: PartitionWriter,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    this.partitions = new OwnedPartitions(clock, log);
    this.memberRoom = new MemberRoom(config.maxMemberBytes);
  }

  /** Of `__consumer_offsets`; while groups exist it does not change. */
  setPartitionCount(partitionCount: number): void {
    assert(partitionCount > 0, 'groups have a partition');
    this.partitionCount = partitionCount;
  }

  /** No timer of a group goes off after this. */
  async stop(): Promise<void> {
    await this.partitions.stop();
    for (const { groups } of [...this.homes.values(), ...this.givenUp])
      for (const group of groups.values()) group.cancelTimers();
  }

  partitionFor(groupId: string): number {
    return partitionForGroup(groupId, this.partitionCount);
  }

  isLocal(groupId: string): boolean {
    return this.partitions.isOwned(this.partitionFor(groupId));
  }

  isGroupLoading(groupId: string): boolean {
    return this.partitions.isLoading(this.partitionFor(groupId));
  }

  areOwned(partitions: Iterable<number>): boolean {
    for (const partition of partitions) if (!this.partitions.isOwned(partition)) return false;
    return true;
  }

  get isLoading(): boolean {
    return this.partitions.isAnyLoading;
  }

  get numGroups(): number {
    let count = 0;
    for (const { groups } of this.homes.values()) count += groups.size;
    return count;
  }

  get(groupId: string): GroupMetadata | null {
    return this.homes.get(this.partitionFor(groupId))?.groups.get(groupId) ?? null;
  }

  getOrCreate(groupId: string): GroupMetadata {
    const known = this.get(groupId);
    if (known) return known;
    const group = new GroupMetadata(groupId, 'Empty', this.clock.nowMs());
    this.add(group);
    this.unusedGroups.set(groupId, group);
    this.unusedGroupBytes += unusedBytesOf(groupId);
    while (this.unusedGroupBytes > this.config.maxUnusedGroupBytes && this.unusedGroups.size > 1)
      this.endOldestUnused();
    return group;
  }

  private add(group: GroupMetadata): void {
    const partition = this.partitionFor(group.groupId);
    let home = this.homes.get(partition);
    if (!home) this.homes.set(partition, (home = new GroupsOfPartition()));
    home.groups.set(group.groupId, group);
    group.home = home;
    group.countIn(this.memberRoom);
  }

  /** Someone joins the group, or commits to it. */
  onUsed({ groupId }: GroupMetadata): void {
    if (this.unusedGroups.delete(groupId)) this.unusedGroupBytes -= unusedBytesOf(groupId);
  }

  /** A JoinGroup without a member id makes a group, whatever becomes of it: one client could make millions before the next round of expiry. */
  private endOldestUnused(): void {
    const oldest: GroupMetadata = this.unusedGroups.values().next().value!;
    assert(oldest.isUnused || oldest.is('Dead'), 'only groups that no one has used end before their time');
    this.log.debug('Too many groups that no one uses; ending the oldest', { group: oldest.groupId });
    oldest.transitionTo('Dead', this.clock.nowMs());
    this.forget(oldest);
  }

  private forget(group: GroupMetadata): void {
    this.homes.get(this.partitionFor(group.groupId))?.groups.delete(group.groupId);
    this.release(group);
  }

  private release(group: GroupMetadata): void {
    group.cancelTimers();
    group.countIn(null);
    this.onUsed(group);
    for (const producerId of group.offsets.openTransactions()) this.closeGroupOf(producerId, group.groupId);
  }

  /** True when this broker would know the group, and there is none. */
  isKnownToBeAbsent(groupId: string): boolean {
    const group = this.get(groupId);
    return this.isLocal(groupId) && (group === null || group.is('Dead'));
  }

  /** While it is gone through groups may come and go. */
  *each(): Iterable<GroupMetadata> {
    for (const home of this.homes.values()) {
      for (const group of home.groups.values()) {
        if (home.isGivenUp) break;
        yield group;
      }
    }
  }

  all(): GroupMetadata[] {
    return [...this.each()];
  }

  /** Writes the group with the assignment of its generation. `onStored` hears the error for the member, 0 for none. */
  storeGroup(
    group: GroupMetadata,
    assignment: ReadonlyMap<string, Buffer>,
    onStored: (errorCode: number) => void,
  ): void {
    const onAppended = (errorCode: number): void => {
      if (errorCode !== ErrorCode.NONE) {
        this.log.warn('Could not store a group', { group: group.groupId, generation: group.generationId, errorCode });
      }
      onStored(groupErrorOfAppend(errorCode));
    };
    // It would be made to be refused by the log: compressed in one step, however much the members of a group bring.
    if (!this.mayFit(group, assignment)) {
      onAppended(ErrorCode.MESSAGE_TOO_LARGE);
      return;
    }
    const key = encodeGroupMetadataKey(group.groupId);
    this.append(group.groupId, this.batch([{ key, value: encodeGroupMetadataValue(group, assignment) }]), onAppended);
  }

  /** False of a group whose record with this assignment is too large for the log. */
  mayFit(group: GroupMetadata, assignment: ReadonlyMap<string, Buffer>): boolean {
    return leastBytesOfGroup(group, assignment) <= this.maxGroupBytes(group.groupId);
  }

  /** What is compressed may take more than the log's batches; no more than a load reads. */
  private maxGroupBytes(groupId: string): number {
    if (this.config.compression !== 'none') return MAX_BATCH_BYTES;
    const topicPartition = { topic: GROUP_METADATA_TOPIC, partition: this.partitionFor(groupId) };
    return this.writer.logBounds(topicPartition)?.maxMessageBytes ?? MAX_BATCH_BYTES;
  }

  /** Makes the batch of commits for `storeOffsets`, in steps: they may be for all partitions of the cluster. */
  *encodeOffsets(
    groupId: string,
    commits: readonly OffsetCommit[],
    producer: TransactionalProducer | null,
  ): Steps<EncodedCommits> {
    const timestamp = this.clock.nowMs();
    const { compression, offsetMetadataMaxBytes } = this.config;
    const isTransactional = producer !== null;
    const builder = new BatchBuilder({ compression, ...producer, baseSequence: 0, isTransactional });
    const accepted: OffsetCommit[] = [];
    const tooLarge = new Set<OffsetCommit>();
    yield* forEachInSteps(commits, (commit) => {
      const { topicPartition, offset } = commit;
      if (Buffer.byteLength(offset.metadata) > offsetMetadataMaxBytes) {
        tooLarge.add(commit);
        return;
      }
      const key = encodeOffsetCommitKey(groupId, topicPartition);
      builder.append({ timestamp, key, value: encodeOffsetCommitValue(offset) });
      accepted.push(commit);
    });
    return { commits, accepted, tooLarge, batch: accepted.length > 0 ? builder.build() : null };
  }

  /** Writes commits and then makes them visible. Those with too much metadata are refused one by one. `onStored` gets a code for each. */
  storeOffsets(
    group: GroupMetadata,
    { commits, accepted, tooLarge, batch }: EncodedCommits,
    producer: TransactionalProducer | null,
    onStored: (errorCodes: number[]) => void,
  ): void {
    const answer = (errorCode: number): void =>
      onStored(commits.map((commit) => (tooLarge.has(commit) ? ErrorCode.OFFSET_METADATA_TOO_LARGE : errorCode)));
    if (!batch) {
      answer(ErrorCode.NONE);
      return;
    }
    const { offsets } = group;
    this.onUsed(group);
    for (const { topicPartition, offset } of accepted) {
      if (producer) offsets.prepareTransactionalCommit(producer.producerId, topicPartition, offset);
      else offsets.prepareCommit(topicPartition, offset);
    }
    if (producer) this.openGroupsOf(producer.producerId).add(group.groupId);
    if (!offsets.isConsistent) {
      this.log.warn('A group gets commits from consumers and from transactions; the order of the two is not kept', {
        group: group.groupId,
      });
    }
    this.append(group.groupId, batch, (errorCode, baseOffset) => {
      if (!group.is('Dead')) {
        for (const { topicPartition, offset } of accepted) {
          if (errorCode === ErrorCode.NONE) {
            if (producer) offsets.appendedTransactionalCommit(producer.producerId, topicPartition, offset, baseOffset);
            else offsets.completeCommit(topicPartition, offset, baseOffset);
          } else if (producer) {
            offsets.failTransactionalCommit(producer.producerId, topicPartition);
          } else {
            offsets.failCommit(topicPartition, offset);
          }
        }
        if (producer && !offsets.hasOpenTransaction(producer.producerId)) {
          this.closeGroupOf(producer.producerId, group.groupId);
        }
      }
      answer(commitErrorOfAppend(errorCode));
    });
  }

  /** The marker of a transaction reached these partitions of the topic: its commits count from now on, or never did. */
  onTransactionCompleted(producerId: Int64, partitions: ReadonlySet<number>, isCommit: boolean): void {
    for (const groupId of [...(this.openGroupsOfProducer.get(producerId) ?? [])]) {
      if (!partitions.has(this.partitionFor(groupId))) continue;
      const group = this.get(groupId);
      if (group && !group.is('Dead')) group.offsets.completeTransaction(producerId, isCommit);
      this.closeGroupOf(producerId, groupId);
    }
  }

  /** Begins to load a partition that this broker now leads. `onLoaded` is called for each of its groups. */
  onElection(partition: number, coordinatorEpoch: number, onLoaded: (group: GroupMetadata) => void): void {
    // Until one of its loads has been put to use, however many there are: what was deleted before one of them begins may be read by it.
    const deleted = this.deletedWhileLoading.get(partition) ?? new Map<string, TopicPartition>();
    if (!this.partitions.isOwned(partition)) this.deletedWhileLoading.set(partition, deleted);
    this.partitions.onElection(partition, coordinatorEpoch, async (isWanted) => {
      const startMs = this.clock.monotonicMs();
      const loader = await this.readGroups({ topic: GROUP_METADATA_TOPIC, partition }, isWanted);
      if (!loader) return false;
      const taken = this.takeOver(loader, deleted, isWanted, onLoaded);
      const groups = await runInSlices(this.clock, taken, BROKER_SLICES);
      if (groups === null) return false;
      this.deletedWhileLoading.delete(partition);
      const tookMs = Math.round(this.clock.monotonicMs() - startMs);
      this.partitions.log.info('Loaded groups and offsets', { partition, coordinatorEpoch, groups, tookMs });
      return true;
    });
  }

  /**
   * Puts what was read to use, without what is committed for partitions that were deleted meanwhile. Gives how many groups it is; null when they
   * are not wanted any more: whoever gives the partition up forgets those that are here by then.
   */
  private *takeOver(
    loader: GroupLoader,
    deleted: ReadonlyMap<string, TopicPartition>,
    isWanted: () => boolean,
    onLoaded: (group: GroupMetadata) => void,
  ): Steps<number | null> {
    const groups = yield* loader.finish();
    for (let at = 0; at < groups.length; at += GROUPS_A_STEP) {
      if (!isWanted()) return null;
      for (const group of groups.slice(at, at + GROUPS_A_STEP)) {
        if (this.get(group.groupId)) continue;
        this.add(group);
        for (const producerId of group.offsets.openTransactions()) this.openGroupsOf(producerId).add(group.groupId);
        onLoaded(group);
      }
      yield;
    }
    for (let seen = 0; seen < deleted.size;) {
      const partitions = new Map(deleted);
      seen = partitions.size;
      yield* this.cleanUpAll(groups, ({ offsets }) => removeAmong(offsets, partitions));
    }
    return isWanted() ? groups.length : null;
  }

  /**
   * Forgets the groups of a partition that this broker leads no more. They are dead, and found no more, from now on; each is told in its turn.
   * What is loaded of the same partition later begins behind that.
   */
  onResignation(partition: number, onUnloaded: (group: GroupMetadata) => void): void {
    this.deletedWhileLoading.delete(partition);
    const home = this.homes.get(partition);
    if (home) {
      home.isGivenUp = true;
      this.homes.delete(partition);
      this.givenUp.add(home);
    }
    this.partitions.onResignation(partition, async (wasOwned) => {
      if (home) await runInSlices(this.clock, this.unload(home, onUnloaded), BROKER_SLICES);
      if (wasOwned) this.partitions.log.info('Unloaded groups and offsets', { partition });
    });
  }

  private *unload(home: GroupsOfPartition, onUnloaded: (group: GroupMetadata) => void): Steps<void> {
    let left = GROUPS_A_STEP;
    for (const group of home.groups.values()) {
      onUnloaded(group);
      this.release(group);
      if (--left > 0) continue;
      yield;
      left = GROUPS_A_STEP;
    }
    this.givenUp.delete(home);
  }

  /** Drops what has outlived its retention, and groups with nothing left. */
  *removeExpired(): Steps<void> {
    const nowMs = this.clock.nowMs();
    const { offsetsRetentionMs } = this.config;
    yield* this.cleanUpAll(this.each(), (group) => group.removeExpiredOffsets(nowMs, offsetsRetentionMs));
  }

  /** Drops the offsets of partitions that are no more, and groups with nothing left. */
  *removePartitions(topicPartitions: readonly TopicPartition[]): Steps<void> {
    const byKey = new Map(topicPartitions.map((topicPartition) => [partitionKey(topicPartition), topicPartition]));
    for (const deleted of this.deletedWhileLoading.values())
      for (const [key, partition] of byKey) deleted.set(key, partition);
    yield* this.cleanUpAll(this.each(), ({ offsets }) => removeAmong(offsets, byKey));
  }

  /** Of all groups that are here those that come meanwhile are visited too, and those that go are not. */
  private *cleanUpAll(
    groups: Iterable<GroupMetadata>,
    removeFrom: (group: GroupMetadata) => Iterable<Removed>,
  ): Steps<void> {
    let left = GROUPS_A_STEP;
    for (const group of groups) {
      // Whoever made it so writes its tombstones.
      if (!group.is('Dead')) yield* this.cleanUp(group, removeFrom(group));
      if (--left > 0) continue;
      yield;
      left = GROUPS_A_STEP;
    }
  }

  /**
   * Goes through `removed`, which takes offsets from the group meanwhile, and writes their tombstones, each in the step in which its offset
   * went: a commit that comes later stands behind it. Then drops the group if it is empty, or was dead already. False when the group moved away
   * before, or another ended it. No acknowledgement is waited for: what a crash brings back is removed again by the next round.
   */
  *cleanUp(group: GroupMetadata, removed: Iterable<Removed>): Steps<boolean> {
    const { groupId } = group;
    const isDead = group.is('Dead');
    const isHere = (): boolean =>
      (this.isLocal(groupId) || this.isGroupLoading(groupId)) &&
      this.get(groupId) === group &&
      group.is('Dead') === isDead;
    if (!isHere()) return false;
    let tombstones: Tombstone[] = [];
    let left = OFFSETS_A_STEP;
    for (const topicPartition of removed) {
      if (topicPartition) tombstones.push({ key: encodeOffsetCommitKey(groupId, topicPartition), value: null });
      if (--left > 0) continue;
      this.appendTombstones(groupId, tombstones);
      yield;
      if (!isHere()) return false;
      tombstones = [];
      left = OFFSETS_A_STEP;
    }
    if (group.is('Empty') && !group.offsets.isNotEmpty) group.transitionTo('Dead', this.clock.nowMs());
    if (group.is('Dead')) {
      this.forget(group);
      // Generation 0 never wrote itself to the log.
      if (group.generationId > 0) tombstones.push({ key: encodeGroupMetadataKey(groupId), value: null });
    }
    if (tombstones.length === 0) return true;
    this.appendTombstones(groupId, tombstones);
    yield;
    return true;
  }

  private appendTombstones(groupId: string, tombstones: readonly Tombstone[]): void {
    if (tombstones.length > 0) this.append(groupId, this.batch(tombstones), undefined, 0);
  }

  /** What a partition holds; null when this broker does not lead it, or it is not wanted any more. Throws when it cannot be read now. */
  private async readGroups(topicPartition: TopicPartition, isWanted: () => boolean): Promise<GroupLoader | null> {
    const loader = new GroupLoader(this.clock.nowMs(), this.log);
    let offset = this.writer.logBounds(topicPartition)?.logStartOffset ?? 0;
    let isAtEnd = false;
    for (;;) {
      // Asked for again each time: it becomes null when leadership is lost meanwhile.
      const bounds = this.writer.logBounds(topicPartition);
      if (bounds === null || !isWanted()) return null;
      if (isAtEnd || offset >= bounds.logEndOffset) return loader;
      try {
        const records = await this.writer.read(topicPartition, offset, this.config.loadBufferBytes);
        const next = await runInSlices(this.clock, loader.replay(records, offset), BROKER_SLICES);
        isAtEnd = next === offset;
        offset = next;
      } catch (error) {
        if (!(error instanceof RecordsError)) throw error;
        // Reading it again gives the same. The groups go on with what stands before.
        const { partition } = topicPartition;
        this.log.error('Damaged records in __consumer_offsets: groups lack what follows', { partition, offset, error });
        isAtEnd = true;
      }
    }
  }

  private batch(records: readonly { key: Buffer; value: Buffer | null }[]): Buffer {
    const timestamp = this.clock.nowMs();
    const builder = new BatchBuilder({ compression: this.config.compression });
    for (const { key, value } of records) builder.append({ timestamp, key, value });
    return builder.build();
  }

  private append(
    groupId: string,
    batch: Buffer,
    onComplete: (errorCode: number, baseOffset: number) => void = (errorCode) => {
      if (errorCode !== ErrorCode.NONE) this.log.warn('Could not append tombstones', { group: groupId, errorCode });
    },
    requiredAcks = this.config.commitRequiredAcks,
  ): void {
    const topicPartition = { topic: GROUP_METADATA_TOPIC, partition: this.partitionFor(groupId) };
    this.writer.append(topicPartition, batch, { requiredAcks, timeoutMs: this.config.commitTimeoutMs }, onComplete);
  }

  private openGroupsOf(producerId: Int64): Set<string> {
    let groups = this.openGroupsOfProducer.get(producerId);
    if (!groups) this.openGroupsOfProducer.set(producerId, (groups = new Set()));
    return groups;
  }

  private closeGroupOf(producerId: Int64, groupId: string): void {
    const groups = this.openGroupsOfProducer.get(producerId);
    groups?.delete(groupId);
    if (groups?.size === 0) this.openGroupsOfProducer.delete(producerId);
  }
}

/** Takes the offsets of these partitions from a group, one by one as it is gone through. */
function* removeAmong(offsets: GroupOffsets, partitions: ReadonlyMap<string, TopicPartition>): Iterable<Removed> {
  for (const key of offsets.among(partitions)) {
    yield key !== null && offsets.remove(key) ? partitions.get(key)! : null;
  }
}
