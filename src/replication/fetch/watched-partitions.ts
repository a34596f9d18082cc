import { partitionKey } from '../../cluster/index.js';
import { runAtOnce, runInSlices, type Clock, type Steps } from '../../common/index.js';
import type { CachedPartition, FetchSet } from '../core/fetch-set.js';
import type { FetchReader, FetchRead, ReadResult } from './fetch-reader.js';
import { sliceLimitsOf, type FetchSlices } from './fetch-slices.js';
import type { MetadataSource } from '../ports.js';

/**
 * Watches partitions for fetches, reads them, and lets those of sessions rest: one class for the three, because each relies on the one
 * before. Owned by the replica manager, which tells it of every change (`notify`).
 *
 * The invariant: *a partition rests only while it is watched, nothing has changed since the read that let it rest, and it is at its end;
 * a follower rests only with such a partition, and only when the leader knows it to be at the log end.* A partition that rests without
 * being watched gets nothing until its client asks for it by name; a follower that rests behind the end counts as in sync for good.
 *
 * A partition is watched from before it is read until its fetch has ended or, in a session, until it changes between two fetches: the
 * next fetch reads it in any case, and watches it again. So a session whose client is gone costs each of its partitions one notice.
 */
export class WatchedPartitions {
  private readonly byKey = new Map<string, Set<CachedPartition>>();

  constructor(
    private readonly reader: FetchReader,
    private readonly metadata: MetadataSource,
    private readonly clock: Clock,
    private readonly slices: FetchSlices,
  ) {}

  /** Watches the partitions, and reads them in order. Those that change meanwhile are told to their set, as after it. */
  read(partitions: readonly CachedPartition[], fetch: FetchRead): ReadResult[] | Promise<ReadResult[]> {
    // All of them before the first is read: a read that needs the disk takes a turn, in which any of them may change.
    for (const partition of partitions) this.watch(partition);
    return this.reader.readAll(partitions, fetch);
  }

  /** The same in turns, for so many that others must run in between. All are watched before the first is read here too. */
  async readInTurns(partitions: readonly CachedPartition[], fetch: FetchRead): Promise<ReadResult[]> {
    const limits = sliceLimitsOf(this.slices, fetch.params.privileged);
    await runInSlices(this.clock, this.watchAll(partitions, fetch), limits);
    return this.reader.readAllInTurns(partitions, fetch);
  }

  private *watchAll(partitions: readonly CachedPartition[], fetch: FetchRead): Steps<void> {
    const { partitionsAStep } = this.slices;
    for (let at = 0; at < partitions.length; at++) {
      if (at % partitionsAStep === partitionsAStep - 1) {
        yield;
        // What is over watches nothing any more.
        if (fetch.interest.isOver) return;
      }
      this.watch(partitions[at]!);
    }
  }

  /** How many bytes a waiting fetch could get of the partition; see `FetchReader.availableBytes`. */
  availableBytes(partition: CachedPartition, { params }: FetchRead): number {
    return this.reader.availableBytes(params, partition);
  }

  /**
   * Lets the partition rest if its read allows it and nothing has changed since. The client must have been told, or be told now, what
   * was read.
   */
  maybeRest(result: ReadResult, { params }: FetchRead): void {
    const { cached: partition } = result;
    if (result.endToRestAt === null || partition.changes !== result.changes) return;
    const { replica, endToRestAt } = result;
    // Another session of the same follower may have said since that it is not that far (it came back with a shorter log).
    if (replica && replica.logEndOffset < endToRestAt) return;
    // Whatever moves an end tells those who watch the partition. Were that not so, it would be looked at again with every fetch.
    const end = this.reader.endOffset(params, partition);
    if (end !== null && end > endToRestAt) return;
    partition.owner.rest(partition, endToRestAt, replica);
  }

  /** Something (`Change`) happened to the partition of that key. */
  notify(key: string, change: number): void {
    const watching = this.byKey.get(key);
    if (!watching) return;
    for (const partition of watching) {
      partition.owner.touch(partition, change);
      if (partition.owner.onTouched === null) this.unwatch(partition);
    }
  }

  /** The fetch or session has ended. */
  release(set: FetchSet): void {
    const steps = this.unwatchAll(set);
    if (set.partitions.size <= this.slices.partitionsAtOnce) runAtOnce(steps);
    else void runInSlices(this.clock, steps, this.slices.limits);
  }

  /** Until it has its turn a partition that changes is told to a set that nobody serves, and watched no more. */
  private *unwatchAll(set: FetchSet): Steps<void> {
    let left = this.slices.partitionsAStep;
    for (const partition of set.partitions.values()) {
      if (--left < 0) {
        yield;
        left = this.slices.partitionsAStep;
      }
      this.unwatch(partition);
    }
  }

  /** The partition has left its session. */
  unwatch(partition: CachedPartition): void {
    const { watchKey } = partition;
    if (watchKey === null) return;
    partition.watchKey = null;
    const watching = this.byKey.get(watchKey);
    watching?.delete(partition);
    if (watching?.size === 0) this.byKey.delete(watchKey);
  }

  /** Partitions watched, counted once for each fetch. */
  get size(): number {
    let size = 0;
    for (const watching of this.byKey.values()) size += watching.size;
    return size;
  }

  /** Registers the partition under its name, which may have become known just now; one without a name is refused, and never rests. */
  private watch(partition: CachedPartition): void {
    if (partition.watchKey !== null) return;
    partition.topic ??= this.metadata.topicName(partition.topicId) ?? null;
    if (partition.topic === null) return;
    const key = partitionKey({ topic: partition.topic, partition: partition.partition });
    partition.watchKey = key;
    const watching = this.byKey.get(key);
    if (watching) watching.add(partition);
    else this.byKey.set(key, new Set([partition]));
  }
}
